package store

import (
	"math"

	"github.com/sensocto/sensocto"
)

// Verifier says whether chunks are whole. It is for one goroutine.
type Verifier struct {
	codec  *Codec
	cols   Columns
	rollup Rollup
}

// NewVerifier returns a verifier.
func NewVerifier() *Verifier { return &Verifier{codec: NewCodec()} }

// Verify returns an error that wraps ErrCorrupt unless a chunk decodes and is
// what it says: its count, its bounds and its statistics are those of its
// samples, or of the buckets of a rollup.
func (v *Verifier) Verify(chunk *sensocto.Chunk) error {
	if chunk.Level > 0 {
		if err := v.codec.DecodeRollup(chunk.Data, &v.rollup); err != nil {
			return err
		}
		return verifyRollup(chunk, &v.rollup)
	}
	if err := v.codec.Decode(chunk.Data, &v.cols); err != nil {
		return err
	}
	return verifyRow(chunk, &v.cols)
}

// verifyRow compares a chunk of samples with its content.
func verifyRow(chunk *sensocto.Chunk, cols *Columns) error {
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

// verifyRollup compares the row of a rollup with its buckets.
func verifyRollup(chunk *sensocto.Chunk, r *Rollup) error {
	var all tally
	for i := range r.Cells {
		all.addPiece(&r.Cells[i].Numbers, r.Cells[i].Documents, chunk.FirstSeq)
	}
	first, last := r.Cells[0].Start, r.Cells[len(r.Cells)-1].Start
	switch {
	case chunk.Cell != r.Width:
		return corrupt("its buckets are %d µs wide, its row says %d", r.Width, chunk.Cell)
	case int64(chunk.Count) != all.numbers.Count+all.documents:
		return corrupt("its buckets count %d samples, its row says %d", all.numbers.Count+all.documents, chunk.Count)
	case floorTo(chunk.MinTime, r.Width) != first || floorTo(chunk.MaxTime, r.Width) != last:
		return corrupt("its buckets lie from %d to %d, its row says %d to %d", first, last, chunk.MinTime, chunk.MaxTime)
	case !sameStatistics(chunk.Numbers, all.numbers):
		return corrupt("its statistics are not those of its buckets")
	}
	return nil
}

// sameBucket compares statistics. All are exact but the sum, which depends on
// the order in which numbers were added.
func sameBucket(a, b sensocto.Bucket) bool {
	return a.Count == 0 && b.Count == 0 || sameStatistics(a, b) && a.First == b.First && a.Last == b.Last
}

// sameStatistics is sameBucket but for the first and the last value: where
// several samples have the first or the last time, buckets that were merged do
// not tell which of them came first.
func sameStatistics(a, b sensocto.Bucket) bool {
	if a.Count == 0 && b.Count == 0 {
		return true
	}
	scale := max(math.Abs(b.Min), math.Abs(b.Max)) * float64(b.Count)
	sameSum := math.Abs(a.Sum-b.Sum) <= 1e-9*scale || a.Sum == b.Sum || math.IsInf(scale, 0) || math.IsNaN(a.Sum)
	return sameSum && a.Count == b.Count && a.Min == b.Min && a.Max == b.Max && a.From == b.From && a.To == b.To
}
