package recording

import (
	"bytes"
	"fmt"
)

// decimalMark is what separates the decimals of a table's numbers: a point, a
// comma, or 0 while none was seen. Tables whose fields are separated by
// semicolons or tabs may have commas; all numbers of a table have the same
// mark, because 1.234 and 1,234 mean different numbers.
type decimalMark byte

// apply gives numbers with a comma a point.
func (d *decimalMark) apply(cells [][]byte) error {
	for _, cell := range cells {
		mark, at := markOf(cell)
		switch {
		case mark == 0:
			continue
		case *d == 0:
			*d = mark
		case *d != mark:
			return fmt.Errorf("%q: the numbers before have a decimal %s", bytes.ToValidUTF8(shorten(cell), []byte("?")), d.name())
		}
		if mark == ',' {
			cell[at] = '.'
		}
	}
	return nil
}

// markOf returns the only mark in a number, and where it is.
func markOf(cell []byte) (mark decimalMark, at int) {
	digits := 0
	for i, c := range cell {
		switch {
		case '0' <= c && c <= '9':
			digits++
		case c == '.' || c == ',':
			if mark != 0 {
				return 0, 0 // a date, or thousands: no number
			}
			mark, at = decimalMark(c), i
		case bytes.IndexByte([]byte("+-eE"), c) < 0:
			return 0, 0
		}
	}
	if digits == 0 {
		return 0, 0
	}
	return mark, at
}

func (d decimalMark) name() string {
	if d == ',' {
		return "comma"
	}
	return "point"
}
