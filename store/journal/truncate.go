package journal

import (
	"context"
	"errors"
	"io/fs"
	"slices"
)

// stored is a segment on disk.
type stored struct {
	number uint64
	first  Position
	bytes  int64
	dead   bool // its writing was given up: it does not count
}

// Truncate lets go of all records before a position, when their segments hold
// no others. Run deletes them; the last segment stays.
func (j *Journal) Truncate(before Position) {
	j.mu.Lock()
	j.before = max(j.before, before)
	_, ok := j.removable()
	j.mu.Unlock()
	if !ok {
		return
	}
	select {
	case j.truncate <- struct{}{}:
	default:
	}
}

// removable returns the oldest segment if it is not needed. j.mu is held.
func (j *Journal) removable() (stored, bool) {
	if len(j.segments) < 2 || (j.unread != 0 && j.segments[0].number >= j.unread) {
		return stored{}, false
	}
	oldest := j.segments[0]
	for _, s := range j.segments[1:] {
		if !s.dead {
			return oldest, oldest.dead || s.first <= j.before
		}
	}
	return stored{}, false
}

// keep deletes segments until ctx ends.
func (j *Journal) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.stop:
			return
		case <-j.truncate:
			if err := j.remove(ctx); err != nil {
				j.options.Log.Warn("a segment of the journal that is not needed cannot be deleted: it is tried again with the next", "err", err)
			}
		}
	}
}

// remove deletes what is not needed. Each deletion is durable before the next,
// so that no crash leaves a gap, which would look like damage.
func (j *Journal) remove(ctx context.Context) error {
	for ctx.Err() == nil {
		j.mu.Lock()
		oldest, ok := j.removable()
		j.mu.Unlock()
		if !ok {
			return nil
		}
		err := j.fs.Remove(segmentName(oldest.number))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := j.fs.Sync(); err != nil {
			return err
		}
		j.mu.Lock()
		j.segments = slices.Delete(j.segments, 0, 1)
		j.disk.Add(-oldest.bytes)
		j.mu.Unlock()
	}
	return nil
}

// began takes in a new segment.
func (j *Journal) began(s *segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.segments = append(j.segments, stored{number: s.header.number, first: s.header.first, bytes: s.size})
	j.disk.Add(s.size)
}

// left takes in how long the newest segment has become, up to which
// writes were counted one by one.
func (j *Journal) left(size int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.segments[len(j.segments)-1].bytes = size
	var total int64
	for _, s := range j.segments {
		total += s.bytes
	}
	j.disk.Store(total)
}
