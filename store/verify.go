package store

import (
	"math"

	"github.com/sensocto/sensocto"
)

// Verify returns an error that wraps ErrCorrupt unless a chunk of samples
// decodes and is what it says: its count, its bounds and its statistics are
// those of its samples. cols is overwritten by them.
func (c *Codec) Verify(chunk *sensocto.Chunk, cols *Columns) error {
	if err := c.Decode(chunk.Data, cols); err != nil {
		return err
	}
	want := sensocto.Chunk{FirstSeq: chunk.FirstSeq}
	describe(&want, cols)
	switch {
	case chunk.Count != want.Count:
		return corrupt("it holds %d samples, its row says %d", want.Count, chunk.Count)
	case chunk.MinTime != want.MinTime || chunk.MaxTime != want.MaxTime:
		return corrupt("its samples lie from %d to %d, its row says %d to %d", want.MinTime, want.MaxTime, chunk.MinTime, chunk.MaxTime)
	case !sameBucket(chunk.Numbers, want.Numbers):
		return corrupt("its statistics are not those of its samples")
	}
	return nil
}

// sameBucket compares statistics. All are exact but the sum, which depends on
// the order in which numbers were added.
func sameBucket(a, b sensocto.Bucket) bool {
	if a.Count == 0 && b.Count == 0 {
		return true
	}
	sum, exact := a.Sum-b.Sum, a
	exact.Sum = b.Sum
	scale := max(math.Abs(b.Min), math.Abs(b.Max)) * float64(b.Count)
	return exact == b && (math.Abs(sum) <= 1e-9*scale || a.Sum == b.Sum || math.IsInf(a.Sum, 0) || math.IsNaN(a.Sum))
}
