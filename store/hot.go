package store

import (
	"cmp"
	"slices"
	"time"
	"unsafe"

	"github.com/sensocto/sensocto"
)

// The hot tier keeps the rings and documents of all series within one budget
// of bytes. Beyond it, sealed samples leave the rings first, which lie in warm
// chunks anyway; then what is flushed is sealed into a warm chunk. What the cold
// tier lacks stays; MaxUnflushedBytes bounds that.

// SeriesLeft returns how many new series are taken before ErrTooManySeries.
func (s *Store) SeriesLeft() int64 { return max(0, s.options.MaxSeries-s.known.Load()) }

// HasSeries reports whether an attribute has a series already.
func (s *Store) HasSeries(sensorID, attributeID string) bool {
	n := s.sensor(sensorID)
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.series[attributeID] != nil
}

// admitSeries returns an error if a batch would make too many series. The
// sensor's lock is held.
func (s *Store) admitSeries(n *sensor, measurements []sensocto.Measurement) error {
	left := s.SeriesLeft()
	if left >= int64(len(measurements)) { // as nearly always
		return nil
	}
	var fresh []string
	for rest := measurements; len(rest) > 0; rest = rest[runLength(rest):] {
		id := rest[0].AttributeID
		if n.series[id] == nil && !slices.Contains(fresh, id) {
			if int64(len(fresh)) == left {
				s.metrics.refusedSeries.Add(1)
				return sensocto.ErrTooManySeries
			}
			fresh = append(fresh, id)
		}
	}
	return nil
}

// hotBytes is what a series takes of the budget. The sensor's lock is held.
func (r *series) hotBytes() int64 {
	return int64(len(r.ring))*sampleBytes + int64(r.documentBytes) + int64(cap(r.documents))*int64(unsafe.Sizeof(document{}))
}

// countHot brings the total up to date after a series has changed, whose
// sensor's lock is held. One that is gone was taken out of the total.
func (s *Store) countHot(r *series) {
	if r.sensor.gone {
		return
	}
	if size := r.hotBytes(); size != r.counted {
		s.hot.Add(size - r.counted)
		r.counted = size
	}
}

// hotEntry is a series with what decides when it leaves memory.
type hotEntry struct {
	series  *series
	level   sensocto.AttentionLevel
	written time.Time
}

// trimHot keeps the hot tier within its budget, as far as the cold tier has
// what leaves. So much goes that it is not due again at once.
func (s *Store) trimHot() {
	budget := s.options.HotBytes
	if s.hot.Load() <= budget {
		return
	}
	entries := s.hotEntries()
	for _, release := range []func(*series){s.releaseSealed, s.releaseFlushed} {
		for i := range entries {
			if s.hot.Load() <= budget-budget/8 {
				return
			}
			r := entries[i].series
			r.sensor.mu.Lock()
			if !r.sensor.gone {
				release(r)
			}
			r.sensor.mu.Unlock()
		}
	}
}

// hotEntries lists the series that have something hot: what nobody watches
// first, and what was written longest ago before the others.
func (s *Store) hotEntries() (list []hotEntry) {
	for _, n := range s.allSensors() {
		level := s.options.Attention(n.id)
		n.mu.Lock()
		for _, r := range n.series {
			if len(r.ring) > 0 {
				list = append(list, hotEntry{r, level, r.flushAt})
			}
		}
		n.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b hotEntry) int {
		return cmp.Or(cmp.Compare(a.level, b.level), a.written.Compare(b.written))
	})
	return list
}

// releaseSealed lets what is sealed leave the ring.
func (s *Store) releaseSealed(r *series) {
	if r.head == r.sealed && len(r.ring) == powerOfTwo(int(r.next-r.head)) {
		return
	}
	s.metrics.hotReleased.Add(1)
	r.evict(0)
	r.tighten()
	s.countHot(r)
}

// releaseFlushed seals what the cold tier has of a series into a warm chunk.
func (s *Store) releaseFlushed(r *series) {
	if r.dirty || r.flushed != r.next || r.recovering {
		return
	}
	s.metrics.hotReleased.Add(1)
	s.settle(r)
}

// tighten gives back memory that the ring and its documents do not need.
func (s *series) tighten() {
	if n := int(s.next - s.head); n > 0 && powerOfTwo(n) < len(s.ring) {
		s.resize(powerOfTwo(n))
	}
	s.documents = append([]document(nil), s.documents...)
}
