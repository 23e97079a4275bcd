package sensocto

import "math"

// Bucket stands for numeric samples of one attribute that were merged. Buckets
// of buckets stay exact: count, minimum and maximum lose nothing.
type Bucket struct {
	Count            int64
	Min, Max         float64
	Sum, First, Last float64
	From, To         int64 // timestamps (µs) of the first and the last sample, inclusive
}

// Add merges one numeric sample, which must not be older than the last one.
func (b *Bucket) Add(timestamp int64, v float64) {
	b.Merge(Bucket{Count: 1, Min: v, Max: v, Sum: v, First: v, Last: v, From: timestamp, To: timestamp})
}

// Merge adds a bucket that follows b.
func (b *Bucket) Merge(next Bucket) {
	switch {
	case next.Count == 0:
	case b.Count == 0:
		*b = next
	default:
		b.Count += next.Count
		b.Min = min(b.Min, next.Min)
		b.Max = max(b.Max, next.Max)
		b.Sum += next.Sum
		b.Last = next.Last
		b.From = min(b.From, next.From)
		b.To = max(b.To, next.To)
	}
}

// Mean returns the arithmetic mean, 0 for an empty bucket. It lies between
// Min and Max, whatever the sum has lost or become.
func (b Bucket) Mean() float64 {
	if b.Count == 0 {
		return 0
	}
	mean := b.Sum / float64(b.Count)
	if math.IsInf(b.Sum, 0) || math.IsNaN(b.Sum) {
		mean = b.Min/2 + b.Max/2
	}
	return min(max(mean, b.Min), b.Max)
}

// AppendFields appends "min":…,"max":…,… without the braces, so that a caller
// can put further keys beside them.
func (b Bucket) AppendFields(dst []byte) []byte {
	field := func(name string, v float64) {
		dst = append(dst, name...)
		dst = AppendNumber(dst, v)
	}
	field(`"min":`, b.Min)
	field(`,"max":`, b.Max)
	field(`,"mean":`, b.Mean())
	field(`,"first":`, b.First)
	field(`,"last":`, b.Last)
	field(`,"count":`, float64(b.Count))
	dst = AppendTimestamp(append(dst, `,"from":`...), b.From)
	return AppendTimestamp(append(dst, `,"to":`...), b.To)
}

// MarshalJSON renders {min, max, mean, first, last, count, from, to}.
func (b Bucket) MarshalJSON() ([]byte, error) {
	return append(b.AppendFields([]byte{'{'}), '}'), nil
}
