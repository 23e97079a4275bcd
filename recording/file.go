package recording

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// windowSize is how much of a file is read at once.
const windowSize = 256 << 10

// file reads stretches of a file through a window that moves forward.
type file struct {
	path   string
	size   int64
	window int // bytes to read at once

	f     *os.File
	buf   []byte
	start int64 // of buf in the file
}

func openFile(path string) (*file, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	return &file{path: path, size: info.Size(), window: windowSize, f: f}, nil
}

// openRegular opens a file to read. Whatever else has a name in a directory is
// refused: a named pipe would wait for somebody who writes, and a device may
// have no end. It is looked at before it is opened, because to open a device
// can do something, and again afterwards, because it may be another one then;
// O_NONBLOCK is for a pipe that came in between.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil {
		err = regular(path, info)
	}
	if err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = regular(path, info)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func regular(path string, info os.FileInfo) error {
	kind := "a device"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		kind = "a directory"
	case mode&os.ModeNamedPipe != 0:
		kind = "a named pipe"
	case mode&os.ModeSocket != 0:
		kind = "a socket"
	}
	return fmt.Errorf("%s is %s: only regular files can be read", path, kind)
}

// readRegular reads a whole file of at most limit bytes.
func readRegular(path string, limit int64) ([]byte, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, which is more than the %d that such a file may have", path, info.Size(), limit)
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// bytes returns the n bytes at an offset. They are valid until the next call.
// The caller has compared with size what it asks for, so that a length that a
// corrupt file made up is never allocated.
func (f *file) bytes(at int64, n int) ([]byte, error) {
	if at+int64(n) > f.size {
		return nil, f.truncated(at+int64(n), f.size)
	}
	if at < f.start || at+int64(n) > f.start+int64(len(f.buf)) {
		if err := f.fill(at, n); err != nil {
			return nil, err
		}
	}
	return f.buf[at-f.start:][:n], nil
}

func (f *file) fill(at int64, n int) error {
	want := int(min(f.size-at, int64(max(n, f.window))))
	if cap(f.buf) < want {
		f.buf = make([]byte, want)
	}
	f.buf, f.start = f.buf[:want], at
	got, err := f.f.ReadAt(f.buf, at)
	if got < want {
		f.buf = f.buf[:0]
		if err == io.EOF {
			return f.truncated(at+int64(want), at+int64(got))
		}
		return fmt.Errorf("read %s: %w", f.path, err)
	}
	return nil
}

func (f *file) truncated(expected, actual int64) error {
	return &TruncatedError{Path: f.path, Expected: expected, Actual: actual}
}

func (f *file) close() error {
	if f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f = nil
	return err
}

// TruncatedError says that a file is shorter than its header promises.
type TruncatedError struct {
	Path             string
	Expected, Actual int64 // bytes
}

// Error names the file and both lengths.
func (e *TruncatedError) Error() string {
	return fmt.Sprintf("%s is truncated: %d bytes expected, %d found", e.Path, e.Expected, e.Actual)
}
