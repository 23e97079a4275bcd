package journaltest

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"

	"github.com/sensocto/sensocto/store/journal"
)

// Op is an operation of a directory or file.
type Op string

// The operations.
const (
	List    Op = "list"
	Create  Op = "create"
	Open    Op = "open"
	Rename  Op = "rename"
	Remove  Op = "remove"
	SyncDir Op = "sync directory"
	Read    Op = "read"
	Write   Op = "write"
	Sync    Op = "sync"
)

// Disk is one directory. It is safe for concurrent use.
type Disk struct {
	mu       sync.Mutex // guards the following
	rand     *rand.Rand
	before   func(op Op, name string) error
	capacity int64            // bytes of all files; 0: no bound
	files    map[string]*file // as programs see them
	durable  map[string]*file // the names that a power cut leaves
	renames  [][2]string      // not durable, in order
	boot     int              // counts Kill and PowerCut: handles of before do nothing any more
}

// file is the content behind a name.
type file struct {
	seen    []byte // what programs read
	durable []byte // what a power cut leaves for sure
	dirty   []write
}

type write struct {
	offset int64
	data   []byte
}

// New returns an empty disk. The seed decides what is torn and how.
func New(seed uint64) *Disk {
	return &Disk{
		rand: rand.New(rand.NewPCG(seed, 0)), before: func(Op, string) error { return nil },
		files: make(map[string]*file), durable: make(map[string]*file),
	}
}

// Before sets what is called before every operation: it may take its time, and
// an error makes the operation fail. A write that fails may write a part.
func (d *Disk) Before(f func(op Op, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = f
}

// SetCapacity bounds the bytes of all files; 0: no bound.
func (d *Disk) SetCapacity(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = bytes
}

// Mount returns the directory, until the next Kill or PowerCut: what a dead
// process still does after that has no effect.
func (d *Disk) Mount() journal.FS {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &mount{disk: d, boot: d.boot}
}

// Kill ends all mounts. What was written stays.
func (d *Disk) Kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boot++
}

// PowerCut ends all mounts and loses or tears what was not synced.
func (d *Disk) PowerCut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boot++
	d.files = d.survivors()
	d.renames = nil
	d.durable = maps.Clone(d.files)
	for _, name := range d.names() {
		f := d.files[name]
		d.tear(f)
		f.seen, f.dirty = slices.Clone(f.durable), nil
	}
}

// survivors returns the names after a power cut: every creation, deletion and
// renaming that was not synced may have happened or not.
func (d *Disk) survivors() map[string]*file {
	names := maps.Clone(d.durable)
	for _, r := range d.renames {
		if f, ok := names[r[0]]; ok && d.rand.IntN(2) == 0 {
			delete(names, r[0])
			names[r[1]] = f
		}
	}
	renamed := func(name string) bool {
		return slices.ContainsFunc(d.renames, func(r [2]string) bool { return r[0] == name || r[1] == name })
	}
	for _, name := range slices.Sorted(maps.Keys(d.durable)) {
		if d.files[name] == nil && !renamed(name) && d.rand.IntN(2) == 0 {
			delete(names, name)
		}
	}
	for _, name := range d.names() {
		if d.durable[name] == nil && !renamed(name) && d.rand.IntN(2) == 0 {
			names[name] = d.files[name]
		}
	}
	return names
}

const sector = 512

// tear makes some of the sectors durable that were written and not synced.
func (d *Disk) tear(f *file) {
	chance := d.rand.IntN(4) // of 3: none, some, many, all
	for _, w := range f.dirty {
		for from := w.offset; from < w.offset+int64(len(w.data)); {
			to := min((from/sector+1)*sector, w.offset+int64(len(w.data)))
			if d.rand.IntN(3) < chance {
				f.durable = patch(f.durable, from, w.data[from-w.offset:to-w.offset])
			}
			from = to
		}
	}
}

// patch writes into content, with zeros where there was nothing.
func patch(content []byte, offset int64, data []byte) []byte {
	if missing := offset + int64(len(data)) - int64(len(content)); missing > 0 {
		content = append(content, make([]byte, missing)...)
	}
	copy(content[offset:], data)
	return content
}

// names returns the names of all files, sorted. d.mu is held.
func (d *Disk) names() []string { return slices.Sorted(maps.Keys(d.files)) }

// Content returns what is in a file; nil if there is none.
func (d *Disk) Content(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.files[name]; f != nil {
		return slices.Clone(f.seen)
	}
	return nil
}

// Names returns the names of all files, sorted.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names()
}

// Put makes a file with a content, durably, or replaces it.
func (d *Disk) Put(name string, content []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &file{seen: slices.Clone(content), durable: slices.Clone(content)}
	d.files[name], d.durable[name] = f, f
}

// Delete makes a file vanish, durably.
func (d *Disk) Delete(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, name)
	delete(d.durable, name)
}

// Flip changes a bit of a file.
func (d *Disk) Flip(name string, bit int64) {
	content := d.Content(name)
	content[bit/8] ^= 1 << (bit % 8)
	d.Put(name, content)
}

// Clone returns a disk with the same files, all durable.
func (d *Disk) Clone(seed uint64) *Disk {
	c := New(seed)
	for _, name := range d.Names() {
		c.Put(name, d.Content(name))
	}
	return c
}

// used returns the bytes of all files. d.mu is held.
func (d *Disk) used() (bytes int64) {
	for _, f := range d.files {
		bytes += int64(len(f.seen))
	}
	return bytes
}

// room returns how much of n bytes more fits. d.mu is held.
func (d *Disk) room(n int64) (fits int64, err error) {
	if d.capacity == 0 || d.used()+n <= d.capacity {
		return n, nil
	}
	return max(0, d.capacity-d.used()), &fs.PathError{Op: "write", Err: syscall.ENOSPC}
}
