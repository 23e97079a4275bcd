package outbound

import (
	"time"

	"github.com/sensocto/sensocto"
)

// What viewers get who do not look closely (docs/attention.md). Numbers that
// fall into one cell of time come as one bucket, and a number that is alone in
// its cell as itself: so what is slower than the cells comes sample by sample.
const (
	mediumWindow = 200 * time.Millisecond
	mediumCell   = 20 * time.Millisecond // a tile of 300 pixels that shows 6 s has a cell for each
	lowWindow    = time.Second
	lowCell      = 250 * time.Millisecond // enough for a trace that is scrolled back into view

	// maxEntries bounds an attribute in a window, whatever its timestamps are.
	maxEntries = 64
	// maxParts bounds how often viewers may come and go within a window before
	// all get what it has.
	maxParts = 32
)

// window gathers what a sensor sends for all who look at it at one level, and
// hands it to them together. Its fanout's mu guards it.
type window struct {
	feeds     []*Feed
	content   *digest // nil while there is nothing
	scheduled bool    // the window timer will flush it
}

// add puts a batch into the window.
func (w *window) add(b *sensocto.Batch, level sensocto.AttentionLevel) {
	if w.content == nil {
		cell := mediumCell
		if level == sensocto.AttentionLow {
			cell = lowCell
		}
		w.content = &digest{sensorID: b.SensorID, level: level, cell: cell.Microseconds()}
	}
	w.content.add(b, maxEntries)
}

// enter adds a feed, which gets what comes from now on.
func (w *window) enter(f *Feed) {
	if w.content != nil && w.content.part == maxParts {
		flushStaged(w.flush(nil))
	}
	f.part = 0
	if w.content != nil {
		f.part = w.content.nextPart()
	}
	f.index = len(w.feeds)
	w.feeds = append(w.feeds, f)
}

// leave removes a feed, after handing it what came so far.
func (w *window) leave(f *Feed) {
	w.feeds = without(w.feeds, f)
	if w.content == nil {
		return
	}
	if part := w.content.since(f.part); part != nil {
		flushStaged(f.stageDigest(part.message(), part, nil))
	}
	if len(w.feeds) == 0 {
		w.content = nil
	}
}

// flush hands over all that came, and begins anew.
func (w *window) flush(staged []*Outbox) []*Outbox {
	w.scheduled = false
	d := w.content
	if d == nil {
		return staged
	}
	w.content = nil
	m := d.seal().message()
	for _, f := range w.feeds {
		if f.part == 0 {
			staged = f.stageDigest(m, d, staged)
			continue
		}
		if part := d.since(f.part); part != nil {
			staged = f.stageDigest(part.message(), part, staged)
		}
		f.part = 0
	}
	return staged
}

// flushStaged starts the writers of outboxes in which something was staged.
func flushStaged(staged []*Outbox) {
	for _, o := range staged {
		o.flushStaged()
	}
}
