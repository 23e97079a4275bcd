package store

import (
	"context"
	"time"

	"github.com/sensocto/sensocto"
)

// Put takes a batch into the hot tier. It returns sensocto.ErrUnavailable, and
// takes nothing, when too much waits for the cold tier, and after Run ended.
func (s *Store) Put(_ context.Context, b *sensocto.Batch) error {
	if len(b.Measurements) == 0 {
		return nil
	}
	size := int64(len(b.Measurements)) * sampleBytes
	for i := range b.Measurements {
		size += int64(len(b.Measurements[i].Document))
	}
	total := s.unflushed.Add(size)
	if total > s.options.MaxUnflushedBytes || !s.take(b) {
		s.unflushed.Add(-size)
		s.metrics.refused.Add(uint64(len(b.Measurements)))
		return sensocto.ErrUnavailable
	}
	s.metrics.taken.Add(uint64(len(b.Measurements)))
	if full := s.options.FlushBytes; total >= full && total-size < full {
		s.signal()
	}
	return nil
}

// take appends the batch to its sensor's series, and reports false if the
// store is closed.
func (s *Store) take(b *sensocto.Batch) bool {
	for {
		n := s.sensorOrNew(b.SensorID)
		n.mu.Lock()
		switch {
		case s.closed.Load():
			n.mu.Unlock()
			return false
		case n.gone: // cleaned up since we looked: there will be another
			n.mu.Unlock()
		default:
			s.push(n, b.Measurements)
			n.mu.Unlock()
			return true
		}
	}
}

// push appends to series of a sensor whose lock is held.
func (s *Store) push(n *sensor, measurements []sensocto.Measurement) {
	var current *series
	for i := range measurements {
		m := &measurements[i]
		if current == nil || m.AttributeID != current.attributeID {
			current = n.seriesOrNew(m.AttributeID)
			if !current.dirty {
				s.markDirty(current)
			}
		}
		current.push(&m.Sample)
	}
}

// markDirty lists a series, whose sensor's lock is held, for the next flush.
func (s *Store) markDirty(r *series) {
	r.dirty = true
	s.dirtyMu.Lock()
	first := len(s.dirty) == 0
	if first {
		s.dirtySince = time.Now()
	}
	s.dirty = append(s.dirty, r)
	s.dirtyMu.Unlock()
	if first {
		s.signal()
	}
}
