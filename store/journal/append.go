package journal

import (
	"context"
	"fmt"
	"time"
)

// Admit waits until there is room for n bytes of records. It does not reserve
// it, so several callers at once may go beyond the bound by what they append.
// It returns ErrFull, ErrFailing, ErrClosed or the error of ctx.
func (j *Journal) Admit(ctx context.Context, n int) error {
	if ok, err := j.admits(int64(n)); ok || err != nil {
		return err
	}
	j.metrics.waits.Add(1)
	timeout := time.NewTimer(j.options.AdmitTimeout)
	defer timeout.Stop()
	for {
		room := j.waitForRoom()
		if ok, err := j.admits(int64(n)); ok || err != nil {
			return err
		}
		j.notify()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			j.metrics.refused.Add(1)
			return fmt.Errorf("%w: the disk did not take anything for %v", ErrFailing, j.options.AdmitTimeout)
		}
	}
}

// admits tells whether there is room for n bytes now; with an error that there
// will not be soon.
func (j *Journal) admits(n int64) (bool, error) {
	unsynced := j.unsynced.Load()
	f := j.failing.Load()
	switch {
	case f != nil:
		j.metrics.refused.Add(1)
		return false, f.err
	case j.disk.Load()+unsynced+n > j.options.MaxBytes:
		j.metrics.refused.Add(1)
		return false, ErrFull
	}
	return unsynced == 0 || unsynced+n <= j.options.MaxPending, nil
}

// Ready reports whether Admit would not wait: there is a lot of room, or an error.
func (j *Journal) Ready() bool {
	return j.unsynced.Load() < j.options.MaxPending/2 || j.failing.Load() != nil
}

// waitForRoom returns a Go channel that is closed when something changes, and
// makes the writer sync.
func (j *Journal) waitForRoom() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pressed = true
	return j.room
}

// changed lets those look again who wait for room. j.mu is held.
func (j *Journal) changed() {
	if j.pressed {
		j.pressed = false
		close(j.room)
		j.room = make(chan struct{})
	}
}

// Append copies a record to those that are written next. It never waits for
// the disk and never fails; ask Admit before. Where nobody waits for records the writer
// wakes up once for a group of them, when it is due.
func (j *Journal) Append(record []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.pending) == 0 {
		j.since = time.Now()
		j.due.Reset(j.options.WriteEvery)
	}
	b := j.last(record)
	before := len(b.data)
	b.data = appendRecord(b.data, record)
	b.records++
	j.end++
	j.unsynced.Add(int64(len(b.data) - before))
}

// last returns the buffer that a record goes into. j.mu is held.
func (j *Journal) last(record []byte) *buffer {
	if n := len(j.pending); n > 0 && j.pending[n-1].fits(record) {
		return j.pending[n-1]
	}
	b := j.pool.take(j.end)
	j.unsynced.Add(groupSize)
	j.pending = append(j.pending, b)
	return b
}

// Synced calls done once everything that was appended before is durable, or
// with the reason why it is not: then it stays pending and is tried again. done
// is called by Run's goroutine and must not block.
func (j *Journal) Synced(done func(error)) {
	j.mu.Lock()
	if j.ended {
		j.mu.Unlock()
		done(ErrClosed)
		return
	}
	j.waiters = append(j.waiters, waiter{end: j.end, done: done})
	first := len(j.waiters) == 1
	j.mu.Unlock()
	if first {
		j.notify()
	}
}

// Sync waits until everything that was appended before is durable.
func (j *Journal) Sync(ctx context.Context) error {
	done := make(chan error, 1)
	j.Synced(func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// endWaiters answers those that nobody else will.
func (j *Journal) endWaiters() {
	j.mu.Lock()
	waiters := j.waiters
	j.waiters = nil
	j.mu.Unlock()
	for _, w := range waiters {
		w.done(ErrClosed)
	}
}
