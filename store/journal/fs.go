package journal

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// FS is the directory of a journal.
type FS interface {
	// List returns the names of all files; of a directory that does not exist, none.
	List() ([]string, error)
	// Create makes a new file. It fails with fs.ErrExist when there is one,
	// and makes the directory when there is none.
	Create(name string) (File, error)
	// Open opens a file for reading and writing.
	Open(name string) (File, error)
	// Rename gives a file another name, which must be free.
	Rename(from, to string) error
	// Remove deletes a file.
	Remove(name string) error
	// Holds returns an error if the name does not lead to an open file any more,
	// because somebody deleted, moved or replaced it.
	Holds(name string, f File) error
	// Sync makes what was created, renamed and removed before durable.
	Sync() error
}

// File is an open file. A short write returns an error.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the content durable.
	Sync() error
	Size() (int64, error)
}

// OS returns a directory of the file system.
func OS(dir string) FS { return &osDir{path: dir} }

type osDir struct {
	path string

	mu     sync.Mutex // guards the following
	handle *os.File   // stays open, so that Sync needs no free descriptor
}

func (d *osDir) List() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

func (d *osDir) Create(name string) (File, error) {
	f, err := d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := d.make(); err != nil {
		return nil, err
	}
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// make makes the directory, durably.
func (d *osDir) make() error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(d.path))
}

func (d *osDir) Open(name string) (File, error) { return d.open(name, os.O_RDWR) }

func (d *osDir) open(name string, flag int) (File, error) {
	f, err := os.OpenFile(filepath.Join(d.path, name), flag, 0o600)
	if err != nil {
		return nil, err // not a nil *os.File in an interface
	}
	return osFile{f}, nil
}

func (d *osDir) Rename(from, to string) error {
	to = filepath.Join(d.path, to)
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return cmp.Or(err, fs.ErrExist)
	}
	return os.Rename(filepath.Join(d.path, from), to)
}

func (d *osDir) Remove(name string) error { return os.Remove(filepath.Join(d.path, name)) }

func (d *osDir) Holds(name string, f File) error {
	open, ok := f.(osFile)
	if !ok {
		return fs.ErrInvalid
	}
	have, err := open.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(filepath.Join(d.path, name))
	if err != nil {
		return err
	}
	if !os.SameFile(have, there) {
		return fs.ErrNotExist
	}
	return nil
}

func (d *osDir) Sync() error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	there, err := os.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if d.handle != nil {
		if have, err := d.handle.Stat(); err == nil && os.SameFile(have, there) {
			return d.handle.Sync()
		}
		_ = d.handle.Close() // the directory was replaced
	}
	if d.handle, err = os.Open(d.path); err != nil {
		d.handle = nil
		return err
	}
	return d.handle.Sync()
}

// Close closes the handle of the directory; a later Sync opens it again.
func (d *osDir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.handle == nil {
		return nil
	}
	err := d.handle.Close()
	d.handle = nil
	return err
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
