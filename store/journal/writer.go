package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

// writer writes the segments. Run's goroutine alone uses it.
type writer struct {
	j     *Journal
	fs    FS
	state State

	segment  *segment // nil: the next write begins one
	previous link     // what a new segment follows
	next     uint64   // number of a new segment
	applied  Position // the state has all records before it
	synced   Position // all records before it are durable

	batch    []*buffer // taken, not written
	kept     []*buffer // written to the segment, not durable: kept, should that fail
	bytes    int64     // of kept
	unsynced time.Time // when the first of kept was written
	waiters  []waiter
	spare    File      // of the next segment; nil: none
	spareAt  time.Time // no earlier attempt to create it
	rotating bool      // the segment is to end once all of it is durable

	retryAt time.Time // while failing
	backoff time.Duration
	scratch []byte
}

// link says how much of a segment counts.
type link struct {
	number uint64
	length int64
}

// Between attempts to write while that fails.
const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 2 * time.Second
)

func (w *writer) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-w.j.wake:
		case <-timer.C:
		case <-ctx.Done():
			return w.finish()
		case <-w.j.stop:
			return w.finish()
		}
		wait, err := w.turn(time.Now(), false)
		if err != nil {
			w.end(err)
			return err
		}
		timer.Reset(wait)
	}
}

// idle is how long the writer sleeps when nothing waits for it.
const idle = time.Hour

// turn does what is due, and returns in how long something else will be.
func (w *writer) turn(now time.Time, all bool) (wait time.Duration, err error) {
	asked := w.take(now, all)
	if failing := w.j.failing.Load(); failing != nil && now.Before(w.retryAt) && !all {
		w.answer(failing.err)
		return w.retryAt.Sub(now), nil
	}
	if err := w.apply(); err != nil {
		return 0, err
	}
	if err := w.work(now, asked); err != nil {
		w.fail(now, err)
		return w.backoff, nil
	}
	w.answer(nil)
	if !all {
		w.prepare(now)
	}
	return w.wait(time.Now()), nil
}

// take moves what is due from the journal to the writer. asked: somebody waits
// for the disk.
func (w *writer) take(now time.Time, all bool) (asked bool) {
	j := w.j
	j.mu.Lock()
	defer j.mu.Unlock()
	asked = all || j.pressed || len(j.waiters) > 0 || len(w.waiters) > 0
	if asked || now.Sub(j.since) >= j.options.WriteEvery {
		w.batch = append(w.batch, j.pending...)
		clear(j.pending)
		j.pending = j.pending[:0]
	}
	w.rotating, j.rotating = w.rotating || j.rotating, false
	w.waiters = append(w.waiters, j.waiters...)
	clear(j.waiters)
	j.waiters = j.waiters[:0]
	return asked
}

// apply brings the state up to the end of the batch, once per record: the first
// ones of a buffer may be records that Open carried over.
func (w *writer) apply() error {
	for _, b := range w.batch {
		if b.end() <= w.applied {
			continue
		}
		at := b.first
		err := eachRecord(b.data[groupSize:], b.records, func(record []byte) error {
			at++
			if at <= w.applied {
				return nil
			}
			return w.state.Apply(record)
		})
		if err != nil {
			return fmt.Errorf("journal: apply the record of position %d: %w", at-1, err)
		}
		w.applied = b.end()
	}
	return nil
}

// work writes the batch, and syncs if it is time.
func (w *writer) work(now time.Time, asked bool) error {
	if err := w.write(now); err != nil {
		return err
	}
	o := &w.j.options
	due := now.Sub(w.unsynced) >= o.SyncEvery || w.bytes >= o.SyncBytes
	if len(w.kept) > 0 && (asked || due) {
		if err := w.sync(now); err != nil {
			return err
		}
		return w.endSegment()
	}
	if w.rotating && asked {
		return w.endSegment()
	}
	if s := w.segment; s != nil && len(w.kept) == 0 && s.told < s.synced && now.Sub(s.syncedAt) >= o.SyncEvery {
		return s.tell(w.synced)
	}
	return nil
}

func (w *writer) write(now time.Time) error {
	switch {
	case w.segment == nil && (len(w.batch) > 0 || len(w.kept) > 0 || w.backoff > 0):
		return w.begin(now)
	case len(w.batch) > 0 && w.segment.size >= w.j.options.SegmentBytes:
		return w.rotate(now)
	}
	for i, b := range w.batch {
		if err := w.segment.write(b); err != nil {
			w.batch = w.batch[:copy(w.batch, w.batch[i:])]
			return err
		}
		if len(w.kept) == 0 {
			w.unsynced = now
		}
		w.j.disk.Add(int64(len(b.data)))
		w.j.metrics.written.Add(uint64(len(b.data)))
		w.kept = append(w.kept, b)
		w.bytes += int64(len(b.data))
	}
	w.j.metrics.groups.Add(uint64(len(w.batch)))
	clear(w.batch)
	w.batch = w.batch[:0]
	return nil
}

// rotate ends the segment, all of which is made durable, and begins the next.
func (w *writer) rotate(now time.Time) error {
	if err := w.sync(now); err != nil {
		return err
	}
	if err := w.leave(); err != nil {
		return err
	}
	return w.begin(now)
}

// leave closes the segment: what is not durable of it does not count.
func (w *writer) leave() error {
	s := w.segment
	if s == nil {
		return nil
	}
	w.segment = nil
	w.previous = link{s.header.number, s.synced}
	w.j.left(s.size)
	return s.file.Close()
}

func (w *writer) sync(now time.Time) error {
	if len(w.kept) == 0 && w.segment.synced == w.segment.size {
		return nil
	}
	before := w.segment.synced
	if err := w.segment.sync(&w.j.metrics.syncTime, now); err != nil {
		return err
	}
	if err := w.present(); err != nil {
		w.segment.synced = before // no start will find more
		return err
	}
	w.durable()
	return nil
}

// present returns an error if what was synced cannot be found by the next
// start: an fsync of a deleted file succeeds.
func (w *writer) present() error {
	name := segmentName(w.segment.header.number)
	err := w.fs.Holds(name, w.segment.file)
	if errors.Is(err, fs.ErrNotExist) {
		w.j.metrics.vanished.Add(1)
		return fmt.Errorf("%w: %s", ErrVanished, name)
	}
	return err
}

// durable lets go of what need not be kept any more.
func (w *writer) durable() {
	j := w.j
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, b := range w.kept {
		w.synced = b.end()
		j.unsynced.Add(-int64(len(b.data)))
		j.pool.put(b)
	}
	clear(w.kept)
	w.kept, w.bytes = w.kept[:0], 0
	j.changed()
}

// fail gives the segment up. A kernel may forget pages that it could not
// write and call the next fsync a success, so the segment counts only up to
// what was synced before, and all after it goes into a new one.
func (w *writer) fail(now time.Time, err error) {
	j := w.j
	w.backoff = min(max(firstBackoff, 2*w.backoff), lastBackoff)
	w.retryAt = now.Add(w.backoff)
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("the disk is full: %w", err)
	}
	j.metrics.failures.Add(1)
	f := &failure{err: fmt.Errorf("%w: %w", ErrFailing, err), since: now}
	if before := j.failing.Load(); before != nil {
		f.since = before.since
	} else {
		advice := "free space on its disk, or see to the disk"
		if errors.Is(err, ErrVanished) {
			advice = "leave the data directory alone while the server runs; a new segment is begun, and until the next flush to the database what the old one held is in memory alone"
		}
		j.options.Log.Error("the journal cannot be written: new measurements are refused until it can; "+advice, "err", err)
	}
	j.failing.Store(f)
	_ = w.leave() // it is given up in any case
	w.batch = append(w.kept, w.batch...)
	w.kept, w.bytes = nil, 0
	w.answer(f.err)
	j.mu.Lock()
	j.changed()
	j.mu.Unlock()
}

// works says that writing works, after it may have failed.
func (w *writer) works() {
	w.backoff, w.retryAt = 0, time.Time{}
	if f := w.j.failing.Swap(nil); f != nil {
		w.j.options.Log.Info("the journal can be written again, nothing was lost", "failed_for", time.Since(f.since).Round(time.Millisecond))
	}
}

// answer tells those who wait: with err all, without it those whose records are durable.
func (w *writer) answer(err error) {
	rest := w.waiters[:0]
	for _, a := range w.waiters {
		if err == nil && a.end > w.synced {
			rest = append(rest, a)
			continue
		}
		a.done(err)
	}
	clear(w.waiters[len(rest):])
	w.waiters = rest
}

// wait returns in how long there is something to do, but for what waits to be
// written, which has a timer of its own.
func (w *writer) wait(now time.Time) time.Duration {
	o, wait := &w.j.options, idle
	if len(w.kept) > 0 {
		wait = min(wait, w.unsynced.Add(o.SyncEvery).Sub(now))
	} else if s := w.segment; s != nil && s.told < s.synced {
		wait = min(wait, s.syncedAt.Add(o.SyncEvery).Sub(now))
	}
	if w.spare == nil && w.segment != nil {
		wait = min(wait, w.spareAt.Sub(now))
	}
	return max(wait, 0)
}

// finish writes the rest, for a bounded time.
func (w *writer) finish() (err error) {
	deadline := time.Now().Add(w.j.options.ShutdownTimeout)
	for {
		wait, err := w.turn(time.Now(), true)
		if err != nil || w.j.failing.Load() == nil || time.Now().Add(wait).After(deadline) {
			return w.end(err)
		}
		time.Sleep(wait)
	}
}

// end closes the segment and answers everybody.
func (w *writer) end(cause error) error {
	j := w.j
	if s := w.segment; s != nil && cause == nil && s.told < s.synced && len(w.kept) == 0 {
		_ = s.tell(w.synced) // spares the next Open some work, no more
	}
	_ = w.leave()
	w.dropSpare()
	j.mu.Lock()
	j.ended = true
	j.due.Stop()
	j.changed()
	j.mu.Unlock()
	f := j.failing.Swap(&failure{err: ErrClosed, since: time.Now()})
	w.answer(ErrClosed)
	j.endWaiters()
	if cause == nil && f != nil {
		cause = fmt.Errorf("%d bytes of records could not be written and are lost; nobody was told that they were stored: %w", j.unsynced.Load(), f.err)
	}
	return cause
}
