package store

import (
	"cmp"
	"container/heap"
	"slices"
	"unsafe"

	"github.com/sensocto/sensocto"
)

// The warm tier keeps the sealed chunks of each series for a window of time,
// counted back from its newest sealed sample, all series together within one
// budget of bytes. A chunk is encoded once: the warm tier and the cold one
// share its bytes. Where the cold tier does not keep up, chunks that it lacks
// stay whatever their age; MaxUnflushedBytes bounds them.

// evicted says why a chunk left the warm tier.
type evicted int

const (
	evictedWindow evicted = iota
	evictedBudget
	evictedImport
	evictedRetention
	evictedCleanup
	evictedReasons
)

var evictedNames = [evictedReasons]string{"window", "budget", "import", "retention", "cleanup"}

// warmSize is what a chunk takes in memory.
func warmSize(c *sensocto.Chunk) int64 {
	const pointers = 2 * 8 // in series.warm, with room to grow
	return int64(len(c.Data)) + int64(unsafe.Sizeof(*c)) + pointers
}

// end returns the number after the last sample of a chunk.
func end(c *sensocto.Chunk) int64 { return c.FirstSeq + int64(c.Count) }

// low returns the number from which on samples are in memory.
func (r *series) low() int64 {
	if len(r.warm) > 0 {
		return min(r.head, r.warm[0].FirstSeq)
	}
	return r.head
}

// unsettled returns the warm chunks that the cold tier lacks.
func (r *series) unsettled() []*sensocto.Chunk {
	i := len(r.warm)
	for i > 0 && r.warm[i-1].FirstSeq >= r.settled {
		i--
	}
	return slices.Clone(r.warm[i:])
}

// warmBefore returns the warm chunks that begin before a number, which is that
// of the first hot sample that is known; the number from which on samples are
// in those or known; and the times of what has lower numbers.
func (r *series) warmBefore(head int64) (chunks []*sensocto.Chunk, low int64, deep timeSpan) {
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	n, _ := slices.BinarySearchFunc(r.warm, head, func(c *sensocto.Chunk, head int64) int { return cmp.Compare(c.FirstSeq, head) })
	return slices.Clone(r.warm[:n]), min(head, r.low()), r.deep
}

// settle turns what is left of a silent series, all of which is flushed, into
// a warm chunk, so that it takes less memory.
func (s *Store) settle(r *series) {
	if r.sealed < r.next {
		cols := s.columns.Get().(*Columns)
		defer s.columns.Put(cols)
		defer cols.Reset()
		r.copyTo(cols, r.sealed, r.next)
		s.addWarm(r, s.encode(r, cols, r.sealed))
	}
	s.noteSealed(r, smallPart*len(r.parts))
	r.sealed, r.settled, r.parts = r.next, r.next, nil
	r.evict(0)
	s.countHot(r)
}

// addWarm appends a chunk. The sensor's lock is held, as it is by all who
// change the warm tier of a series.
func (s *Store) addWarm(r *series, c *sensocto.Chunk) {
	r.warm = append(r.warm, c)
	s.countWarm(c, 1)
	s.ageOut(r)
}

func (s *Store) countWarm(c *sensocto.Chunk, sign int64) {
	s.metrics.warmChunks.Add(sign)
	s.metrics.warmSamples.Add(sign * int64(c.Count))
	s.metrics.warmBytes.Add(sign * warmSize(c))
}

// dropWarm lets the first n chunks go. The cold tier has them.
func (s *Store) dropWarm(r *series, n int, why evicted) {
	if n == 0 {
		return
	}
	for _, c := range r.warm[:n] {
		r.deep.add(timeSpan{c.MinTime, c.MaxTime})
		s.countWarm(c, -1)
	}
	s.metrics.warmEvicted[why].Add(uint64(n))
	clear(r.warm[:n])
	if r.warm = r.warm[n:]; len(r.warm) == 0 {
		r.warm = nil
	}
}

// ageOut lets chunks go that are older than the window. A chunk that came late
// goes with those around it.
func (s *Store) ageOut(r *series) {
	if len(r.warm) == 0 {
		return
	}
	oldest := r.warm[len(r.warm)-1].MaxTime - s.options.WarmWindow.Microseconds()
	n := 0
	for n < len(r.warm) && end(r.warm[n]) <= r.settled && r.warm[n].MaxTime < oldest {
		n++
	}
	s.dropWarm(r, n, evictedWindow)
}

// dropOld lets chunks go that retention no longer keeps: those all of whose
// samples lie before a time, and which begin before a number.
func (s *Store) dropOld(r *series, before, beforeSeq int64) {
	n := 0
	for n < len(r.warm) && end(r.warm[n]) <= r.settled && r.warm[n].MaxTime < before && r.warm[n].FirstSeq < beforeSeq {
		n++
	}
	s.dropWarm(r, n, evictedRetention)
}

// trimWarm keeps the warm tier within its budget. The chunks of sensors that
// nobody looks at go first, the oldest of these before the others; so much goes
// that the next look is not due at once.
func (s *Store) trimWarm() {
	budget := s.options.WarmBytes
	if s.metrics.warmBytes.Load() <= budget {
		return
	}
	q := s.warmQueue()
	for len(q) > 0 && s.metrics.warmBytes.Load() > budget-budget/8 {
		if s.evictFirst(&q[0]) {
			heap.Fix(&q, 0)
		} else {
			heap.Pop(&q)
		}
	}
}

// warmQueue lists the series by what is to leave the warm tier first.
func (s *Store) warmQueue() warmQueue {
	var q warmQueue
	for _, n := range s.allSensors() {
		level := s.options.Attention(n.id)
		n.mu.Lock()
		for _, r := range n.series {
			if len(r.warm) > 0 {
				q = append(q, warmEntry{r, level, r.warm[0].MaxTime})
			}
		}
		n.mu.Unlock()
	}
	heap.Init(&q)
	return q
}

// evictFirst lets the first chunk of a series go, and reports whether another
// one could go after it.
func (s *Store) evictFirst(e *warmEntry) bool {
	r := e.series
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	if len(r.warm) == 0 || end(r.warm[0]) > r.settled {
		return false
	}
	s.dropWarm(r, 1, evictedBudget)
	if len(r.warm) == 0 {
		return false
	}
	e.oldest = r.warm[0].MaxTime
	return true
}

// warmEntry is a series with the time of its first warm chunk.
type warmEntry struct {
	series *series
	level  sensocto.AttentionLevel
	oldest int64
}

// warmQueue is a heap: what is looked at least, and is oldest, comes first.
type warmQueue []warmEntry

func (q warmQueue) Len() int      { return len(q) }
func (q warmQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q warmQueue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].level, q[j].level), cmp.Compare(q[i].oldest, q[j].oldest)) < 0
}
func (q *warmQueue) Push(x any) { *q = append(*q, x.(warmEntry)) }
func (q *warmQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}

// nobodyLooks is what is watched where nobody says.
func nobodyLooks(string) sensocto.AttentionLevel { return sensocto.AttentionNone }
