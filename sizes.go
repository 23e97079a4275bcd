package sensocto

import (
	"math"
	"math/bits"
	"sync/atomic"
)

// sizeBounds is how many bounds there are: 1, 4, 16 … 4^12, about 17 million.
const sizeBounds = 13

// Sizes counts sizes, such as bytes or samples, in buckets. The zero value is
// ready; it is safe for concurrent use.
type Sizes struct {
	counts [sizeBounds + 1]atomic.Uint64
	sum    atomic.Int64
}

// Observe counts one size.
func (s *Sizes) Observe(n int64) {
	i := 0
	if n > 1 {
		i = min((bits.Len64(uint64(n-1))+1)/2, sizeBounds)
	}
	s.counts[i].Add(1)
	s.sum.Add(n)
}

// Snapshot returns the present counts.
func (s *Sizes) Snapshot() *HistogramSnapshot {
	h := &HistogramSnapshot{Buckets: make(map[float64]uint64, sizeBounds), Sum: float64(s.sum.Load())}
	for i := range s.counts {
		h.Count += s.counts[i].Load()
		if i < sizeBounds {
			h.Buckets[math.Ldexp(1, 2*i)] = h.Count
		}
	}
	return h
}
