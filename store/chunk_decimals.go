package store

import (
	"encoding/binary"
	"math"
)

// Most sensors send integers of a converter divided by a constant, written as
// decimals with few places: value = m / 10^places, one IEEE division, with m
// an integer. The integers are kept as base + divisor·x, and of x the
// differences of the order that packs best.

const (
	maxPlaces  = 12
	maxInteger = 1 << 53
	oddShare   = 32 // one value in so many may be an exception
)

var powersOfTen = [maxPlaces + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}

// decimal returns m with m / scale == v to the bit.
func decimal(v, scale float64) (m int64, ok bool) {
	scaled := v * scale
	if !(scaled > -maxInteger && scaled < maxInteger) {
		return 0, false
	}
	m = int64(math.RoundToEven(scaled))
	return m, math.Float64bits(float64(m)/scale) == math.Float64bits(v)
}

// decimalScale returns the number of decimals that suffices for a sample of
// the values, and false if they do not look like decimals.
func decimalScale(values []float64) (places int, ok bool) {
	step, odd, seen := max(1, len(values)/64), 0, 0
	for i := 0; i < len(values); i += step {
		p := places
		for p <= maxPlaces {
			if _, ok := decimal(values[i], powersOfTen[p]); ok {
				break
			}
			p++
		}
		if p > maxPlaces {
			odd++
		} else {
			places = p
		}
		seen++
	}
	return places, odd*8 <= seen
}

// appendDecimals appends the values as scaled integers. It gives up when too
// many are not decimals.
func appendDecimals(dst []byte, values []float64, places int, s *scratch) ([]byte, bool) {
	ints := resize(s.ints[0], len(values))
	s.ints[0], s.odd = ints, s.odd[:0]
	limit := len(values)/oddShare + 1
	last := int64(0)
	scale := powersOfTen[places]
	for i, v := range values {
		m, ok := decimal(v, scale)
		if !ok {
			if _, ok = morePlaces(v, &places, limit-len(s.odd)); ok {
				return appendDecimals(dst, values, places, s)
			}
			if s.odd = append(s.odd, exception{i, v}); len(s.odd) > limit {
				return dst, false
			}
			m = last
		}
		ints[i], last = m, m
	}
	dst = append(dst, byte(places))
	dst = appendExceptions(dst, s.odd)
	return appendIntegers(dst, ints, s), true
}

// morePlaces reports whether v is a decimal with more places, and which: that
// is asked only when no exception is left to spend.
func morePlaces(v float64, places *int, left int) (int64, bool) {
	if left > 0 {
		return 0, false
	}
	for p := *places + 1; p <= maxPlaces; p++ {
		if m, ok := decimal(v, powersOfTen[p]); ok {
			*places = p
			return m, true
		}
	}
	return 0, false
}

// appendIntegers appends base and divisor, the order of differences, their
// beginnings and what is left, packed.
func appendIntegers(dst []byte, ints []int64, s *scratch) []byte {
	base, divisor := ints[0], int64(commonDivisor(ints))
	dst = binary.AppendVarint(dst, base)
	dst = binary.AppendUvarint(dst, uint64(divisor))
	reduced := ints
	if divisor > 1 {
		for i, v := range ints {
			reduced[i] = (v - base) / divisor
		}
	} else {
		for i, v := range ints {
			reduced[i] = v - base
		}
	}
	first := differences(&s.ints[1], reduced)
	second := differences(&s.ints[2], first)
	order, best := byte(0), reduced
	size := packedSize(reduced)
	if n := packedSize(first); n < size {
		order, best, size = 1, first, n
	}
	if packedSize(second) < size {
		order, best = 2, second
	}
	return appendPacked(append(dst, order), best)
}

// differences returns the first element and then the steps, in memory of its own.
func differences(memory *[]int64, ints []int64) []int64 {
	d := resize(*memory, len(ints))
	*memory = d
	last := int64(0)
	for i, v := range ints {
		d[i], last = v-last, v
	}
	return d
}

// commonDivisor returns the greatest divisor of all distances from the first.
func commonDivisor(ints []int64) uint64 {
	var divisor uint64
	for _, v := range ints {
		d := v - ints[0]
		if d < 0 {
			d = -d
		}
		if divisor == 0 || uint64(d)%divisor != 0 {
			if divisor = gcd(divisor, uint64(d)); divisor == 1 {
				break
			}
		}
	}
	return max(divisor, 1)
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func readDecimals(r *reader, values []float64, s *scratch) error {
	places := int(r.byte())
	if places > maxPlaces {
		return corrupt("%d decimals", places)
	}
	odd := readExceptions(r, s, len(values))
	base, divisor, order := r.varint(), int64(r.uvarint()), r.byte()
	if r.err != nil {
		return r.err
	}
	if order > 2 {
		return corrupt("differences of order %d", order)
	}
	ints := resize(s.ints[0], len(values))
	s.ints[0] = ints
	if err := r.readPacked(ints); err != nil {
		return err
	}
	for range order {
		sum := int64(0)
		for i, v := range ints {
			sum += v
			ints[i] = sum
		}
	}
	scale := powersOfTen[places]
	for i, v := range ints {
		values[i] = float64(base+v*divisor) / scale
	}
	for _, e := range odd {
		values[e.index] = e.value
	}
	return nil
}
