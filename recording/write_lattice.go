package recording

import (
	"context"
	"errors"
	"math"
	"strconv"
)

// scale turns the values of a signal into integers: raw = value·gain + baseline.
type scale struct {
	gain, baseline float64
	// exact says that (raw − baseline) / gain is every value, bit for bit.
	exact     bool
	low, high int64 // the raw extremes
}

func (s *scale) raw(v float64) int64 { return int64(math.Round(v*s.gain + s.baseline)) }

func (s *scale) value(raw int64) float64 { return (float64(raw) - s.baseline) / s.gain }

// maxDecimals is how many decimals a number may have to count as decimal. A
// converter's steps have few; floats that were computed have more.
const maxDecimals = 12

// decimals finds out whether numbers are decimals with few digits, and their
// greatest common divisor: what an analogue-digital converter delivers is all
// multiples of one step.
type decimals struct {
	digits  int
	divisor uint64 // of the numbers times 10^digits
	failed  bool
}

func (d *decimals) add(v float64) {
	for ; !d.failed; d.grow() {
		power := pow10(d.digits)
		n := math.Round(v * power)
		if math.Abs(n) >= 1<<53 {
			d.failed = true
			return
		}
		if n/power == v {
			if u := uint64(math.Abs(n)); d.divisor != 1 && u != 0 && (d.divisor == 0 || u%d.divisor != 0) {
				d.divisor = gcd(u, d.divisor)
			}
			return
		}
	}
}

func (d *decimals) grow() {
	d.digits++
	d.divisor *= 10
	if d.digits > maxDecimals || d.divisor > math.MaxUint64/100 {
		d.failed = true
	}
}

// scale returns the coarsest steps that hold every number: a whole gain, so
// that dividing by it rounds as the decimal number itself was rounded.
func (d *decimals) scale() (scale, bool) {
	if d.failed {
		return scale{}, false
	}
	power := uint64(pow10(d.digits))
	return scale{gain: float64(power / gcd(power, max(d.divisor, 1))), exact: true}, true
}

func pow10(n int) float64 { return math.Pow10(n) }

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// findScale returns the steps on which the values of a track lie, if they do:
// decimal ones, or those of a gain that is no whole number.
func (t *track) findScale(ctx context.Context, s *spool) (found scale, ok bool, err error) {
	if found, ok = t.decimals.scale(); !ok {
		if found, ok, err = t.lattice(ctx, s); !ok || err != nil {
			return found, false, err
		}
	}
	found.low, found.high = math.MaxInt64, math.MinInt64
	step := 1 / found.gain
	err = t.each(ctx, s, func(_ int64, v float64) error {
		raw := found.raw(v)
		found.low, found.high = min(found.low, raw), max(found.high, raw)
		back := found.value(raw)
		found.exact = found.exact && back == v
		ok = ok && math.Abs(back-v) <= 1e-4*step
		return nil
	})
	return found, ok, err
}

// errNoLattice ends the search for steps.
var errNoLattice = errors.New("the values lie on no lattice")

// lattice finds step and offset of values that are all offset + n·step. The
// step is the common divisor of their distances, known the more precisely the
// wider the distance that it is measured by.
func (t *track) lattice(ctx context.Context, s *spool) (found scale, ok bool, err error) {
	fuzz := 1e-12 * max(math.Abs(t.low), math.Abs(t.high))
	step, widest := 0.0, 0.0
	err = t.each(ctx, s, func(_ int64, v float64) error {
		d := v - t.low
		if d <= fuzz {
			return nil
		}
		if n := math.Round(d / step); !(math.Abs(d-n*step) <= 1e-3*step) {
			if step = divisor(d, step, fuzz); step < 1000*fuzz || (t.high-t.low)/step > 1<<31 {
				return errNoLattice
			}
			widest = 0
		} else if d > widest {
			step, widest = d/n, d
		}
		return nil
	})
	if errors.Is(err, errNoLattice) || err == nil && step == 0 {
		return found, false, nil
	}
	span := t.high - t.low
	return through(t.low, span/math.Round(span/step)), true, err
}

// divisor is the greatest common divisor of numbers that are not quite exact: a
// rest of a few millionths is none.
func divisor(a, b, fuzz float64) float64 {
	for b > fuzz+3e-6*a {
		a, b = b, math.Abs(a-b*math.Round(a/b))
	}
	return a
}

// through writes a lattice as gain and baseline, preferring numbers that a
// person may have chosen: a whole baseline and the shortest gain that means
// the same step.
func through(first, step float64) scale {
	gain := 1 / step
	n := math.Round(first / step)
	baseline := n - first*gain
	if math.Abs(baseline) > 1e-3 {
		return scale{gain: gain, baseline: baseline}
	}
	for digits := 1; digits < 17; digits++ {
		g, _ := strconv.ParseFloat(strconv.FormatFloat(gain, 'g', digits, 64), 64)
		if math.Abs(g-gain) <= 1e-9*gain {
			gain = g
			break
		}
	}
	return scale{gain: gain, exact: true}
}
