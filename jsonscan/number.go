package jsonscan

import (
	"encoding/binary"
	"strconv"
	"unsafe"
)

// number is a number as it was read: the value is digits × 10^exponent.
type number struct {
	end      int
	digits   uint64 // exact while count ≤ 19
	count    int    // digits read, leading zeros included
	exponent int
	negative bool
}

// Number reads the number that starts at b[i]. It is ±Inf where the number is
// too large for a float64, which is valid JSON all the same.
func Number(b []byte, i int) (v float64, end int) {
	n := scanNumber(b, i)
	if n.end < 0 {
		return 0, -1
	}
	// Both operands are exact, so one rounding gives the nearest float64 (Clinger).
	if n.count <= 19 && n.digits < 1<<53 && -22 <= n.exponent && n.exponent <= 22 {
		if v = float64(n.digits); n.exponent < 0 {
			v /= powersOfTen[-n.exponent]
		} else {
			v *= powersOfTen[n.exponent]
		}
		if n.negative {
			v = -v
		}
		return v, n.end
	}
	return parseFloat(b[i:n.end]), n.end
}

// Decimal reads the number that starts at b[i] as digits × 10^exponent. exact
// is false where the digits, leading zeros included, are more than 18.
func Decimal(b []byte, i int) (digits int64, exponent int, exact bool, end int) {
	n := scanNumber(b, i)
	digits = int64(n.digits)
	if n.negative {
		digits = -digits
	}
	return digits, n.exponent, n.count <= 18, n.end
}

var powersOfTen = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// parseFloat never fails but for the range, where strconv gives ±Inf: the
// grammar of JSON is a part of Go's.
func parseFloat(b []byte) float64 {
	// ParseFloat does not keep its argument, so it may share our bytes.
	v, _ := strconv.ParseFloat(unsafe.String(&b[0], len(b)), 64)
	return v
}

func scanNumber(b []byte, i int) (n number) {
	if i < len(b) && b[i] == '-' {
		n.negative = true
		i++
	}
	first := i
	i = n.scanDigits(b, i)
	n.count = i - first
	if n.count == 0 || (n.count > 1 && b[first] == '0') {
		return number{end: -1}
	}
	if i < len(b) && b[i] == '.' {
		first = i + 1
		i = n.scanDigits(b, first)
		n.exponent = first - i
		if n.exponent == 0 {
			return number{end: -1}
		}
		n.count -= n.exponent
	}
	n.end = i
	if i < len(b) && b[i]|0x20 == 'e' {
		n.scanExponent(b, i+1)
	}
	return n
}

func (n *number) scanDigits(b []byte, i int) int {
	d := n.digits
	for len(b)-i >= 8 { // as in the times of samples, which have 13
		eight := binary.LittleEndian.Uint64(b[i:])
		if !areDigits(eight) {
			break
		}
		d = d*100_000_000 + valueOf(eight)
		i += 8
	}
	for i < len(b) && b[i]-'0' <= 9 {
		d = d*10 + uint64(b[i]-'0')
		i++
	}
	n.digits = d
	return i
}

// areDigits reports whether eight bytes are decimal digits: the upper half of each
// is 3, and stays so when 6 is added.
func areDigits(eight uint64) bool {
	const upper, three, six = 0xF0F0F0F0F0F0F0F0, 0x3030303030303030, 0x0606060606060606
	return eight&upper == three && (eight+six)&upper == three
}

// valueOf returns what eight digits are, the first of which is in the lowest byte:
// first pairs of digits are put together, then pairs of pairs, then both halves
// (Mula, Lemire: Parsing eight digits at once).
func valueOf(eight uint64) uint64 {
	eight = eight & 0x0F0F0F0F0F0F0F0F * (10<<8 + 1) >> 8
	eight = eight & 0x00FF00FF00FF00FF * (100<<16 + 1) >> 16
	return eight & 0x0000FFFF0000FFFF * (10_000<<32 + 1) >> 32
}

// scanExponent reads what follows the letter e. Exponents beyond anything that
// a float64 can hold are kept at a bound.
func (n *number) scanExponent(b []byte, i int) {
	negative := i < len(b) && b[i] == '-'
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	first, e := i, 0
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		e = min(e*10+int(b[i]-'0'), 1_000_000)
	}
	if negative {
		e = -e
	}
	n.exponent += e
	if n.end = i; i == first {
		n.end = -1
	}
}
