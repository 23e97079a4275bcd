package journaltest

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/sensocto/sensocto/store/journal"
)

// mount is a Disk as one boot sees it.
type mount struct {
	disk *Disk
	boot int
}

var errGone = errors.New("the process that had this open is dead")

// begin asks the test, then locks the disk.
func (m *mount) begin(op Op, name string) error {
	m.disk.mu.Lock()
	before := m.disk.before
	m.disk.mu.Unlock()
	err := before(op, name) // may take its time, so without the lock
	m.disk.mu.Lock()
	if m.boot != m.disk.boot {
		return errGone
	}
	if err != nil {
		return &fs.PathError{Op: string(op), Path: name, Err: err}
	}
	return nil
}

func (m *mount) List() ([]string, error) {
	err := m.begin(List, "")
	defer m.disk.mu.Unlock()
	return m.disk.names(), err
}

func (m *mount) Create(name string) (journal.File, error) {
	err := m.begin(Create, name)
	defer m.disk.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if m.disk.files[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	f := new(file)
	m.disk.files[name] = f
	return &handle{m, name, f}, nil
}

func (m *mount) Open(name string) (journal.File, error) {
	err := m.begin(Open, name)
	defer m.disk.mu.Unlock()
	if err != nil {
		return nil, err
	}
	f := m.disk.files[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &handle{m, name, f}, nil
}

func (m *mount) Rename(from, to string) error {
	err := m.begin(Rename, from)
	defer m.disk.mu.Unlock()
	f := m.disk.files[from]
	switch {
	case err != nil:
		return err
	case f == nil:
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	case m.disk.files[to] != nil:
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	delete(m.disk.files, from)
	m.disk.files[to] = f
	m.disk.renames = append(m.disk.renames, [2]string{from, to})
	return nil
}

func (m *mount) Remove(name string) error {
	err := m.begin(Remove, name)
	defer m.disk.mu.Unlock()
	if err != nil {
		return err
	}
	if m.disk.files[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(m.disk.files, name)
	return nil
}

func (m *mount) Holds(name string, f journal.File) error {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	if h, ok := f.(*handle); !ok || m.boot != m.disk.boot || m.disk.files[name] != h.file {
		return &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return nil
}

func (m *mount) Sync() error {
	err := m.begin(SyncDir, "")
	defer m.disk.mu.Unlock()
	if err == nil {
		m.disk.durable, m.disk.renames = maps.Clone(m.disk.files), nil
	}
	return err
}

// handle is an open file.
type handle struct {
	mount *mount
	name  string
	file  *file
}

func (h *handle) ReadAt(p []byte, offset int64) (int, error) {
	err := h.mount.begin(Read, h.name)
	defer h.mount.disk.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if offset >= int64(len(h.file.seen)) {
		return 0, io.EOF
	}
	n := copy(p, h.file.seen[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(p []byte, offset int64) (int, error) {
	d := h.mount.disk
	err := h.mount.begin(Write, h.name)
	defer d.mu.Unlock()
	n := int64(len(p))
	switch {
	case errors.Is(err, errGone):
		return 0, err
	case err != nil:
		n = d.rand.Int64N(n + 1)
	default:
		n, err = d.room(n)
	}
	if n > 0 {
		h.file.seen = patch(h.file.seen, offset, p[:n])
		h.file.dirty = append(h.file.dirty, write{offset, slices.Clone(p[:n])})
	}
	return int(n), err
}

func (h *handle) Sync() error {
	d := h.mount.disk
	err := h.mount.begin(Sync, h.name)
	defer d.mu.Unlock()
	switch {
	case errors.Is(err, errGone):
		return err
	case err != nil:
		d.tear(h.file)
	default:
		for _, w := range h.file.dirty {
			h.file.durable = patch(h.file.durable, w.offset, w.data)
		}
	}
	h.file.dirty = nil // also of a failure: the next sync knows nothing of it
	return err
}

func (h *handle) Size() (int64, error) {
	h.mount.disk.mu.Lock()
	defer h.mount.disk.mu.Unlock()
	return int64(len(h.file.seen)), nil
}

func (h *handle) Close() error { return nil }
