package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sensocto/sensocto/recording"
)

// exportTarget takes an export and gives it its name once it is complete.
type exportTarget struct {
	io.Writer
	file   *os.File // nil for standard output
	path   string   // what it becomes
	unpack bool     // a ZIP archive whose files go to the directory path
	force  bool
}

// target opens what a sensor is written to.
func (c exportCmd) target(a *app, sensorID string) (*exportTarget, error) {
	if c.Output == "-" {
		return &exportTarget{Writer: a.stdout}, nil
	}
	t := &exportTarget{path: c.Output, force: c.Force}
	directory := c.Output == "" || isDirectory(c.Output)
	t.unpack = directory && c.Format == string(recording.FormatWFDB)
	if directory && !t.unpack {
		t.path = filepath.Join(c.Output, sensorID+recording.Format(c.Format).Extension())
	}
	dir, partial := filepath.Dir(t.path), t.path+".partial"
	if t.unpack {
		t.path = filepath.Clean(c.Output)
		dir, partial = t.path, filepath.Join(t.path, sensorID+".zip.partial")
	}
	if directory {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	if err := t.free(t.path); !t.unpack && err != nil {
		return nil, err
	}
	f, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	t.Writer, t.file = f, f
	return t, nil
}

// free refuses a name that is taken.
func (t *exportTarget) free(path string) error {
	if _, err := os.Stat(path); err == nil && !t.force {
		return fmt.Errorf("%s exists: choose another name with --output, or replace it with --force", path)
	}
	return nil
}

// finish gives the file its name, or, after an error, removes it. It returns
// the name.
func (t *exportTarget) finish(err error) (string, error) {
	if t.file == nil {
		return "", err
	}
	partial, path := t.file.Name(), t.path
	switch {
	case err != nil:
	case t.unpack:
		path, err = t.extract()
	default:
		err = t.file.Sync()
	}
	err = errors.Join(err, t.file.Close())
	if err == nil && !t.unpack {
		return path, errors.Join(os.Rename(partial, path), syncDir(filepath.Dir(path)))
	}
	return path, errors.Join(err, os.Remove(partial))
}

// extract writes the files of the archive into the directory and returns the
// header's name. That comes last: a record whose header is there is complete.
func (t *exportTarget) extract() (header string, err error) {
	size, err := t.file.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	archive, err := zip.NewReader(t.file, size)
	if err != nil {
		return "", err
	}
	files := slices.Clone(archive.File)
	slices.SortStableFunc(files, func(a, b *zip.File) int { return rankOf(a.Name) - rankOf(b.Name) })
	for _, f := range files {
		if !filepath.IsLocal(f.Name) || filepath.Base(f.Name) != f.Name {
			return "", fmt.Errorf("the archive has a file %q", f.Name)
		}
		if err := t.free(filepath.Join(t.path, f.Name)); err != nil {
			return "", err
		}
	}
	for _, f := range files {
		header = filepath.Join(t.path, f.Name)
		if err := extractFile(f, header); err != nil {
			return "", err
		}
	}
	return header, syncDir(t.path)
}

func rankOf(name string) int {
	if strings.HasSuffix(name, ".hea") {
		return 1
	}
	return 0
}

func extractFile(f *zip.File, path string) (err error) {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path+".partial", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(out.Name()))
	}
	return os.Rename(out.Name(), path)
}
