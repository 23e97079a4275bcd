package journal

import (
	"errors"
	"io/fs"
	"time"
)

// prepare creates the file of the next segment ahead, so that the segment
// begins also while the process has no free descriptor.
func (w *writer) prepare(now time.Time) {
	if w.spare != nil || w.segment == nil || now.Before(w.spareAt) {
		return
	}
	f, err := w.fs.Create(spareName)
	if errors.Is(err, fs.ErrExist) { // a crash left it
		if err = w.fs.Remove(spareName); err == nil {
			f, err = w.fs.Create(spareName)
		}
	}
	if err != nil {
		w.j.metrics.spareless.Add(1)
		w.spareAt = now.Add(lastBackoff)
		return
	}
	w.spare = f
}

// create returns the empty file of a new segment: the spare one, if there is one.
func (w *writer) create(name string) (File, error) {
	f := w.spare
	w.spare = nil
	if f == nil {
		return w.fs.Create(name)
	}
	err := w.fs.Holds(spareName, f)
	if err == nil {
		err = w.fs.Rename(spareName, name)
	}
	if err == nil {
		return f, nil
	}
	_ = f.Close() // somebody took it away
	return w.fs.Create(name)
}

// dropSpare removes the spare file when the journal ends.
func (w *writer) dropSpare() {
	if w.spare != nil {
		_, _ = w.spare.Close(), w.fs.Remove(spareName)
		w.spare = nil
	}
}
