package store

import (
	"math"

	"github.com/sensocto/sensocto"
)

// lttb chooses n samples such that the line through them looks like the line
// through all: Largest Triangle Three Buckets (Sveinn Steinarsson, 2013). The
// first and the last are kept; of each of n-2 stretches between them the one
// that makes the largest triangle with the one chosen before and the mean of
// the next stretch.
func lttb(samples []sensocto.Sample, n int) []sensocto.Sample {
	if len(samples) <= n || n < 3 {
		return samples
	}
	stretch := float64(len(samples)-2) / float64(n-2)
	bound := func(i int) int { return 1 + int(float64(i)*stretch) }
	chosen := make([]sensocto.Sample, 1, n)
	chosen[0] = samples[0]
	for i := range n - 2 {
		next := samples[bound(i+1):min(bound(i+2), len(samples))]
		if i == n-3 {
			next = samples[len(samples)-1:]
		}
		chosen = append(chosen, largest(chosen[i], samples[bound(i):bound(i+1)], next))
	}
	return append(chosen, samples[len(samples)-1])
}

// largest returns the sample that makes the largest triangle. Times are
// relative to the first corner, so that they lose nothing as floats.
func largest(corner sensocto.Sample, samples, next []sensocto.Sample) (best sensocto.Sample) {
	meanTime, meanValue := 0.0, 0.0
	for _, s := range next {
		meanTime += float64(s.Timestamp-corner.Timestamp) / float64(len(next))
		meanValue += s.Value / float64(len(next))
	}
	top := math.Inf(-1)
	for _, s := range samples {
		area := math.Abs(float64(s.Timestamp-corner.Timestamp)*(meanValue-corner.Value) - meanTime*(s.Value-corner.Value))
		if area > top {
			top, best = area, s
		}
	}
	if math.IsInf(top, -1) { // beyond what floats can tell
		best = samples[0]
	}
	return best
}

// bucketPoints returns the first, least, greatest and last number of each
// bucket, the ones between at a third and two thirds of its time, in the order
// that makes the smoother line.
func bucketPoints(buckets []sensocto.Bucket) []sensocto.Sample {
	points := make([]sensocto.Sample, 0, 4*len(buckets))
	for i := range buckets {
		b := &buckets[i]
		points = append(points, sensocto.Sample{Timestamp: b.From, Value: b.First})
		if b.Count > 1 {
			third, one, other := (b.To-b.From)/3, b.Min, b.Max
			if b.First > b.Last {
				one, other = other, one
			}
			points = append(points,
				sensocto.Sample{Timestamp: b.From + third, Value: one},
				sensocto.Sample{Timestamp: b.To - third, Value: other},
				sensocto.Sample{Timestamp: b.To, Value: b.Last})
		}
	}
	return points
}
