package bench

import (
	"math/bits"
	"time"
)

// A histogram counts latencies in buckets whose width grows with their value:
// exact below 128 µs, within 1.6 % above, so that percentiles of any sample
// count cost a fixed few kilobytes.
const (
	subBits    = 6
	subBuckets = 1 << subBits            // per power of two
	maxMicros  = int64(1)<<36 - 1        // 19 hours; anything longer counts as that
	bucketSize = (36 - subBits + 1) << 6 // buckets in all
)

// Histogram counts durations. The zero value is ready. It is not safe for
// concurrent use.
type Histogram struct {
	counts [bucketSize]uint64
	total  uint64
	sum    int64 // µs
	max    int64 // µs
}

// Record counts n durations of d; a negative d counts as 0.
func (h *Histogram) Record(d time.Duration, n int) {
	us := min(max(d.Microseconds(), 0), maxMicros)
	h.counts[bucketOf(us)] += uint64(n)
	h.total += uint64(n)
	h.sum += us * int64(n)
	h.max = max(h.max, us)
}

// Merge adds all that other counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.sum += other.sum
	h.max = max(h.max, other.max)
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() uint64 { return h.total }

// Max returns the longest duration, exactly.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max) * time.Microsecond }

// Mean returns the arithmetic mean, 0 where nothing was recorded.
func (h *Histogram) Mean() time.Duration {
	if h.total == 0 {
		return 0
	}
	return time.Duration(h.sum/int64(h.total)) * time.Microsecond
}

// Quantile returns a duration that the fraction q of all is not longer than:
// the upper edge of the bucket it falls in. It is 0 where nothing was recorded.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(q * float64(h.total))
	if rank >= h.total {
		return h.Max()
	}
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen > rank {
			return time.Duration(min(upperEdge(i), h.max)) * time.Microsecond
		}
	}
	return h.Max()
}

// bucketOf: values below 2·subBuckets are their own bucket; above, the top
// subBits+1 bits of the value choose.
func bucketOf(us int64) int {
	shift := max(bits.Len64(uint64(us))-subBits-1, 0)
	return shift<<subBits + int(us>>shift)
}

// upperEdge is the largest value that bucketOf puts into bucket i.
func upperEdge(i int) int64 {
	if i < 2*subBuckets {
		return int64(i)
	}
	shift := i>>subBits - 1
	top := int64(i&(subBuckets-1)) + subBuckets
	return (top+1)<<shift - 1
}
