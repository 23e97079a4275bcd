package journal

import "context"

// Rotate waits until everything that was appended before is durable and ends
// the segment: what is appended later lies in another one, so that all of this
// one can be truncated.
func (j *Journal) Rotate(ctx context.Context) error {
	j.mu.Lock()
	j.rotating = true
	j.mu.Unlock()
	return j.Sync(ctx)
}

// endSegment leaves the segment where Rotate asked for it and all of it is durable.
func (w *writer) endSegment() error {
	if !w.rotating || w.segment == nil || len(w.kept) > 0 {
		return nil
	}
	w.rotating = false
	return w.leave()
}
