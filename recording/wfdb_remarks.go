package recording

import (
	"fmt"
	"path/filepath"
	"slices"
)

// sayAssumed tells what the header leaves open.
func (w *wfdb) sayAssumed() {
	if w.header.assumedFrequency {
		w.ignore("the header gives no sampling frequency: %v Hz is assumed", w.header.frequency)
	}
	for i := range w.signals {
		if s := &w.signals[i]; s.Uncalibrated && s.Count > 0 {
			w.ignore("signal %q is not calibrated: %v steps per %s are assumed", s.Name, s.Gain, s.Unit)
		}
	}
}

func (w *wfdb) ignore(format string, args ...any) {
	w.ignored = appendOnce(w.ignored, fmt.Sprintf(format, args...))
}

// appendOnce bounds the list, too: a header may have as many as it likes.
func appendOnce(list []string, text string) []string {
	if len(list) > maxIgnored || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// sayLeft tells of frames in the files behind the last one.
func (w *wfdb) sayLeft() {
	for _, g := range w.groups {
		if g.file == nil || w.header.layout {
			continue
		}
		left := g.format.samples(g.file.size-g.offset)/int64(g.length) - w.frames
		if left*int64(g.length) >= int64(g.format.groupSamples) { // otherwise it fills the last group
			w.ignore("%d frames of %s behind the %d that are read", left, filepath.Base(g.file.path), w.frames)
		}
	}
}
