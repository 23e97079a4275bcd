package recording

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// edfScale is how a signal's values become 16 bits: its physical and digital
// extremes, as the header has them. A physical extreme is a number of at most
// eight characters.
type edfScale struct {
	physicalLow, physicalHigh string
	digitalLow, digitalHigh   int64

	gain, baseline float64 // digital = value·gain + baseline
}

// digital returns the number for a value.
func (s edfScale) digital(v float64) int32 {
	d := math.Round(v*s.gain + s.baseline)
	return int32(min(max(d, float64(s.digitalLow)), float64(s.digitalHigh)))
}

// edfScale chooses the extremes. Where the values are steps of a converter
// that fit 16 bits, the digital numbers are those steps; otherwise the range
// of the values is divided into 65,535 of them, and a note says how wide they are.
func (t *track) edfScale(ctx context.Context, s *spool) (edfScale, string, error) {
	lattice, ok, err := t.findScale(ctx, s)
	if err != nil {
		return edfScale{}, "", err
	}
	if ok {
		if scale, ok := stepScale(lattice); ok {
			return scale, "", nil
		}
	}
	scale := rangeScale(t.low, t.high)
	return scale, fmt.Sprintf("values are rounded to 16 bits: by at most %s %s.", formatFloat(0.5/scale.gain), t.attribute.Unit), nil
}

func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// stepScale keeps the steps of a lattice as digital numbers. It looks for
// digital extremes whose physical values are short numbers.
func stepScale(l scale) (edfScale, bool) {
	if l.high-l.low > math.MaxUint16 {
		return edfScale{}, false
	}
	if l.low < math.MinInt16 || l.high > math.MaxInt16 {
		middle := float64(l.low) + math.Floor(float64(l.high-l.low)/2)
		l.baseline -= middle
		l.low, l.high = l.low-int64(middle), l.high-int64(middle)
	}
	best, least := edfScale{}, math.Inf(1)
	for _, d := range digitalExtremes(l.low, l.high) {
		s := edfScale{digitalLow: d[0], digitalHigh: d[1], gain: l.gain, baseline: l.baseline}
		low, high := l.value(d[0]), l.value(d[1])
		s.physicalLow, s.physicalHigh = shortNumber(low, math.Round), shortNumber(high, math.Round)
		off := max(deviation(s.physicalLow, low), deviation(s.physicalHigh, high))
		if off < least && s.physicalLow != s.physicalHigh {
			best, least = s, off
		}
		if off == 0 {
			break
		}
	}
	return best, least <= 0.45/l.gain
}

func deviation(text string, v float64) float64 {
	got, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.Inf(1)
	}
	return math.Abs(got - v)
}

// digitalExtremes returns pairs that hold [low, high]: the whole range first,
// then round numbers, then closer ones.
func digitalExtremes(low, high int64) [][2]int64 {
	list := [][2]int64{{math.MinInt16, math.MaxInt16}}
	for _, unit := range []int64{32000, 30000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 2, 1} {
		a := floorTo(low, unit)
		b := -floorTo(-high, unit)
		if a == b {
			b += unit
		}
		if a >= math.MinInt16 && b <= math.MaxInt16 {
			list = append(list, [2]int64{a, b})
		}
	}
	return list
}

func floorTo(v, unit int64) int64 {
	return int64(math.Floor(float64(v)/float64(unit))) * unit
}

// rangeScale divides the range of the values.
func rangeScale(low, high float64) edfScale {
	if low == high {
		// One value: make it an extreme, next to something of its size.
		high = low + max(math.Abs(low)/1000, 1e-6)
	}
	s := edfScale{digitalLow: math.MinInt16, digitalHigh: math.MaxInt16}
	s.physicalLow, s.physicalHigh = shortNumber(low, math.Floor), shortNumber(high, math.Ceil)
	a, _ := strconv.ParseFloat(s.physicalLow, 64)
	b, _ := strconv.ParseFloat(s.physicalHigh, 64)
	s.gain = math.MaxUint16 / (b - a)
	s.baseline = float64(s.digitalHigh) - b*s.gain
	return s
}

// shortNumber writes a number with at most eight characters, as precisely as
// they allow, rounded in the direction that round goes. Plain decimals are
// preferred to exponents, which not every program reads.
func shortNumber(v float64, round func(float64) float64) string {
	const width = 8
	if text := strconv.FormatFloat(v, 'f', -1, 64); len(text) <= width {
		return text
	}
	plain := ""
	for digits := width - 2; digits >= 0; digits-- {
		power := math.Pow10(digits)
		r := round(v*power) / power
		if text := strconv.FormatFloat(r, 'f', digits, 64); len(text) <= width {
			if plain = text; strings.Contains(text, ".") {
				plain = strings.TrimRight(strings.TrimRight(text, "0"), ".")
			}
			break
		}
	}
	if plain != "" && deviation(plain, v) <= 1e-4*math.Abs(v) {
		return plain
	}
	best := plain
	exponent := math.Floor(math.Log10(math.Abs(v)))
	for digits := 5; digits >= 0; digits-- {
		unit := math.Pow(10, exponent-float64(digits))
		text := strconv.FormatFloat(round(v/unit)*unit, 'e', digits, 64)
		text = strings.NewReplacer("e+0", "e", "e-0", "e-", "e+", "e").Replace(text)
		if len(text) <= width && (best == "" || deviation(text, v) < deviation(best, v)) {
			return text
		}
	}
	return best
}
