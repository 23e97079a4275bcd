package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unsafe"
)

// Number reads the number that starts at b[i]. It is ±Inf where the number is
// too large for a float64, which is valid JSON all the same.
func Number(b []byte, i int) (v float64, end int) {
	digits, exponent, count, end := scanNumber(b, i)
	if end < 0 {
		return 0, -1
	}
	// Both operands are exact, so one rounding gives the nearest float64 (Clinger).
	if count <= 19 && digits < 1<<53 && -22 <= exponent && exponent <= 22 {
		if v = float64(digits); exponent < 0 {
			v /= powersOfTen[-exponent]
		} else {
			v *= powersOfTen[exponent]
		}
		if b[i] == '-' {
			v = -v
		}
		return v, end
	}
	return parseFloat(b[i:end]), end
}

// Decimal reads the number that starts at b[i] as digits × 10^exponent. exact
// is false where the digits, leading zeros included, are more than 18.
func Decimal(b []byte, i int) (digits int64, exponent int, exact bool, end int) {
	abs, exponent, count, end := scanNumber(b, i)
	digits = int64(abs)
	if end > 0 && b[i] == '-' {
		digits = -digits
	}
	return digits, exponent, count <= 18, end
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

// scanNumber reads the number that starts at b[i]: but for its sign it is digits ×
// 10^exponent. count is how many digits were read, leading zeros included; digits is
// exact while they are at most 19.
func scanNumber(b []byte, i int) (digits uint64, exponent, count, end int) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	digits, end = scanDigits(b, i, 0)
	if count = end - i; count == 0 || count > 1 && b[i] == '0' {
		return 0, 0, 0, -1
	}
	if end < len(b) && b[end] == '.' {
		i = end + 1
		digits, end = scanDigits(b, i, digits)
		if exponent = i - end; exponent == 0 {
			return 0, 0, 0, -1
		}
		count -= exponent
	}
	if end < len(b) && b[end]|0x20 == 'e' {
		var e int
		e, end = scanExponent(b, end+1)
		exponent += e
	}
	return digits, exponent, count, end
}

// scanDigits reads what digits there are from b[i] on, which are put behind those of
// d, and returns the index behind them. Up to eight are read at once.
func scanDigits(b []byte, i int, d uint64) (uint64, int) {
	for len(b)-i >= 8 {
		eight := binary.LittleEndian.Uint64(b[i:])
		n := leadingDigits(eight)
		if n < 8 {
			// What comes behind them makes way for zeros before them.
			return d*wholePowersOfTen[n] + valueOf(eight<<(64-8*n)), i + n
		}
		d = d*100_000_000 + valueOf(eight)
		i += 8
	}
	for i < len(b) && b[i]-'0' <= 9 {
		d = d*10 + uint64(b[i]-'0')
		i++
	}
	return d, i
}

var wholePowersOfTen = [8]uint64{1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000}

// leadingDigits returns how many of eight bytes are decimal digits before the first that is
// none: the upper half of a digit is 3, and stays so when 6 is added. A carry of
// that sum reaches only bytes behind one that is no digit.
func leadingDigits(eight uint64) int {
	const upper, three, six = 0xF0F0F0F0F0F0F0F0, 0x3030303030303030, 0x0606060606060606
	other := ((eight ^ three) | ((eight + six) ^ three)) & upper
	return bits.TrailingZeros64(other) / 8
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
func scanExponent(b []byte, i int) (e, end int) {
	negative := i < len(b) && b[i] == '-'
	if i < len(b) && (b[i] == '-' || b[i] == '+') {
		i++
	}
	first := i
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		e = min(e*10+int(b[i]-'0'), 1_000_000)
	}
	if i == first {
		return 0, -1
	}
	if negative {
		e = -e
	}
	return e, i
}
