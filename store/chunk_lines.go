package store

import (
	"encoding/binary"
	"math"
	"slices"
)

// A sensor that samples at a fixed rate has times on a straight line, rounded
// to whole units: start + floor(i·period + phase). The period is a 32.32 fixed
// point number, common to a chunk; a gap or a jump begins a new run with a
// start and a phase of its own.
type period struct {
	whole    int64
	fraction uint64 // of 2³²
}

// run is samples on one line.
type run struct {
	samples int
	offset  int64 // of its first time from what the run before would expect
	phase   uint64
}

const (
	fixedOne = 1 << 32
	runBytes = 9 // about what a run takes
	maxStray = 1 << 20
)

// at returns the i-th step of a line with this phase.
func (p period) at(i int, phase uint64) int64 {
	return int64(i)*p.whole + int64((uint64(i)*p.fraction+phase)>>32)
}

// appendLines appends the times as runs, if that takes less than size bytes.
func appendLines(dst []byte, steps []int64, unit int64, size int, s *scratch) ([]byte, bool) {
	best, limit := period{}, size/runBytes
	s.runs = s.runs[:0]
	for _, p := range periods(steps, unit) {
		if runs, ok := splitRuns(s.trial[:0], steps, p, limit); ok {
			best, limit = p, len(runs)-1 // only fewer runs are better
			s.runs, s.trial = runs, s.runs
		}
	}
	if len(s.runs) == 0 {
		return dst, false
	}
	dst = binary.AppendVarint(dst, best.whole)
	dst = binary.AppendUvarint(dst, best.fraction)
	for _, r := range s.runs {
		dst = binary.AppendUvarint(dst, uint64(r.samples))
		dst = binary.AppendVarint(dst, r.offset)
		dst = binary.AppendUvarint(dst, r.phase)
	}
	return dst, true
}

// splitRuns covers one sample more than there are steps with at most limit runs.
func splitRuns(runs []run, steps []int64, p period, limit int) ([]run, bool) {
	var offset int64
	for at := 0; at <= len(steps); {
		if len(runs) == limit {
			return runs, false
		}
		n, length, phase := lineLength(steps[at:], p)
		runs = append(runs, run{samples: n, offset: offset, phase: phase})
		if at += n; at <= len(steps) {
			offset = length + steps[at-1] - p.at(n, phase)
		}
	}
	return runs, true
}

// lineLength returns how many samples lie on one line, how far the last is
// from the first, and the phase. Every step narrows the phases that are
// possible: from low to below high.
func lineLength(steps []int64, p period) (n int, length int64, phase uint64) {
	low, high, turn := int64(0), int64(fixedOne), int64(0)
	for i, step := range steps {
		stray := length + step - int64(i+1)*p.whole
		turn += int64(p.fraction)
		edge := stray<<32 - turn
		l, h := max(low, edge), min(high, edge+fixedOne)
		if l >= h || stray < -maxStray || stray > maxStray {
			return i + 1, length, uint64(low)
		}
		low, high = l, h
		length += step
	}
	return len(steps) + 1, length, uint64(low)
}

// periods returns the periods worth trying, the likeliest first.
func periods(steps []int64, unit int64) []period {
	from, to := steadyStretch(steps)
	n := to - from
	if n < 1 {
		return nil
	}
	var sum int64
	for _, v := range steps[from:to] {
		sum += v
	}
	mean, slack := float64(sum)/float64(n), 0.999/float64(n)
	if sum <= 0 || mean > 1<<40 {
		return []period{{whole: sum / int64(n)}}
	}
	list := []period{fraction(simplest(max(mean-slack, 0), mean+slack, 24))}
	perSecond := 1e6 / float64(unit)
	for digits := 1.0; digits <= 1000; digits *= 10 { // a rate with few decimals
		rate := math.Round(perSecond / mean * digits)
		if p := perSecond * digits / rate; rate > 0 && math.Abs(p-mean) <= slack {
			list = append(list, fraction(int64(perSecond*digits), int64(rate)))
		}
	}
	return slices.Compact(list)
}

func fraction(numerator, denominator int64) period {
	rest := uint64(numerator % denominator)
	return period{whole: numerator / denominator, fraction: rest << 32 / uint64(denominator)}
}

// steadyStretch returns the longest range of steps that differ from a typical
// one by no more than rounding does.
func steadyStretch(steps []int64) (from, to int) {
	if len(steps) == 0 {
		return 0, 0
	}
	sample := []int64{steps[0], steps[len(steps)/4], steps[len(steps)/2], steps[len(steps)*3/4], steps[len(steps)-1]}
	slices.Sort(sample)
	typical, start := sample[2], 0
	for i := range len(steps) + 1 {
		if i < len(steps) && steps[i]-typical <= 1 && typical-steps[i] <= 1 {
			continue
		}
		if i-start > to-from {
			from, to = start, i
		}
		start = i + 1
	}
	return from, to
}

// simplest returns the fraction of the smallest denominator in [low, high].
func simplest(low, high float64, depth int) (numerator, denominator int64) {
	floor := math.Floor(low)
	if floor == low || depth == 0 {
		return int64(floor), 1
	}
	if floor+1 <= high {
		return int64(floor) + 1, 1
	}
	d, n := simplest(1/(high-floor), 1/(low-floor), depth-1)
	return int64(floor)*d + n, d
}

func readLines(r *reader, times []int64, unit int64) error {
	p := period{whole: r.varint(), fraction: r.uvarint()}
	if p.fraction >= fixedOne {
		return corrupt("fraction of a period")
	}
	expected := times[0]
	for at := 0; at < len(times); {
		n, offset, phase := r.count(len(times)-at), r.varint(), r.uvarint()
		if r.err != nil {
			return r.err
		}
		if n == 0 || phase >= fixedOne {
			return corrupt("empty run")
		}
		start := expected + offset*unit
		acc := phase
		for i := range n {
			times[at+i] = start + (int64(i)*p.whole+int64(acc>>32))*unit
			acc += p.fraction
		}
		expected = start + p.at(n, phase)*unit
		at += n
	}
	return nil
}
