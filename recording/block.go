package recording

import (
	"math"
	"slices"
	"sort"
)

// Block is a stretch of a recording: what all signals have in [From, To).
type Block struct {
	From, To int64 // offsets in µs
	// Runs are the samples without gaps: ordered by signal, and by time for
	// each signal. A signal with a gap in the block has several.
	Runs []Run
	// Documents are the samples that are no numbers, ordered by signal, and by
	// time for each signal.
	Documents []Document
	// Annotations are those in [From, To), in time order. The first block has
	// those before the start of the recording too.
	Annotations []Annotation

	values []float64
	raws   []int32
	times  []int64
}

// Document is a sample of a signal that is JSON instead of a number.
type Document struct {
	Signal int   // index in Recording.Signals
	Offset int64 // µs after the recording's start
	JSON   []byte
}

// Run is consecutive samples of one signal.
type Run struct {
	Signal int // index in Recording.Signals
	// Value k is sample First+k of its numbering, which began Origin µs after
	// the recording's start, and has the signal's rate.
	First  int64
	Origin int64
	Rate   float64
	// Times are the offsets of the values in µs, where the file gives each
	// sample a time of its own; then First, Origin and Rate do not count.
	Times []int64
	// Values are in the signal's unit and finite.
	Values []float64
	// Raw are the integers that Values were computed from, nil where the file
	// has none.
	Raw []int32
}

// Offset returns when value k was measured, in µs after the recording's start.
func (r *Run) Offset(k int) int64 {
	if r.Times != nil {
		return r.Times[k]
	}
	return r.Origin + offset(r.First+int64(k), r.Rate)
}

// Before returns how many of the run's leading values lie before an offset.
func (r *Run) Before(to int64) int {
	return sort.Search(len(r.Values), func(k int) bool { return r.Offset(k) >= to })
}

func (b *Block) reset() {
	b.From, b.To = 0, 0
	b.Runs, b.Documents, b.Annotations = b.Runs[:0], b.Documents[:0], nil
	b.values, b.raws, b.times = b.values[:0], b.raws[:0], b.times[:0]
}

// grow makes room for n more samples, before the first run is added: runs
// point into the block's memory, which must not move under them.
func (b *Block) grow(n int) {
	b.values = slices.Grow(b.values, n)
	b.raws = slices.Grow(b.raws, n)
}

// growTimes is grow for samples with times of their own.
func (b *Block) growTimes(n int) { b.times = slices.Grow(b.times, n) }

// noGap is the mark of formats that have none: no sample can have it.
const noGap = math.MinInt32

// addRaw adds the samples that lie at the end of b.raws, from index from on,
// as runs of a signal, split wherever a sample is the mark of an invalid one.
func (b *Block) addRaw(signal int, s *Signal, first, origin int64, from int, gap int32) {
	raw := b.raws[from:]
	at := len(b.values)
	for _, v := range raw {
		b.values = append(b.values, (float64(v)-s.Baseline)/s.Gain)
	}
	values := b.values[at:]
	for i := 0; i < len(raw); {
		if raw[i] == gap {
			i++
			continue
		}
		end := i + 1
		for end < len(raw) && raw[end] != gap {
			end++
		}
		b.Runs = append(b.Runs, Run{
			Signal: signal, First: first + int64(i), Origin: origin, Rate: s.Rate,
			Values: values[i:end:end], Raw: raw[i:end:end],
		})
		i = end
	}
}

// cut takes the samples within spans, which are in order of time, out of the
// runs from index first on.
func (b *Block) cut(first int, spans []span) {
	if len(spans) == 0 || first == len(b.Runs) {
		return
	}
	runs := slices.Clone(b.Runs[first:])
	b.Runs = b.Runs[:first]
	for _, r := range runs {
		at := r.Offset(0)
		next := sort.Search(len(spans), func(i int) bool { return spans[i].to > at })
		from := 0
		for ; next < len(spans) && from < len(r.Values); next++ {
			b.addPart(r, from, r.Before(spans[next].from))
			from = r.Before(spans[next].to)
		}
		b.addPart(r, from, len(r.Values))
	}
}

// addPart adds the values [from, to) of a run, if there are any.
func (b *Block) addPart(r Run, from, to int) {
	if from >= to {
		return
	}
	r.First += int64(from)
	r.Values = r.Values[from:to:to]
	if r.Raw != nil {
		r.Raw = r.Raw[from:to:to]
	}
	if r.Times != nil {
		r.Times = r.Times[from:to:to]
	}
	b.Runs = append(b.Runs, r)
}
