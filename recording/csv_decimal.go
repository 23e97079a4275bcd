package recording

import (
	"bytes"
	"fmt"
)

// decimalMark is what separates the decimals of a table's numbers: a point, a
// comma, or 0 while none was seen. All numbers of a table have the same,
// because 1.234 and 1,234 mean different numbers. Where commas separate the
// fields too, numbers with a decimal comma are in quotes.
type decimalMark struct {
	mark byte
	// What may be a number with thousands, "1,234", in a table in which commas
	// separate the fields; it is none if another number cannot be one.
	doubt string
	line  int
	sure  bool
}

// apply gives numbers with a comma a point.
func (d *decimalMark) apply(l *lineReader, cells [][]byte) error {
	commas := l.separator == ','
	for i, cell := range cells {
		if commas && d.mark == '.' && !l.quotes[i] {
			continue // no comma can be in it
		}
		mark, at := markOf(cell)
		switch {
		case mark == 0:
			continue
		case d.mark == 0:
			d.mark = mark
		case d.mark != mark:
			return fmt.Errorf("line %d: %q: the numbers before have a decimal %s", l.number, toText(shorten(cell)), d.name())
		}
		if mark == ',' {
			if commas {
				d.weigh(cell, at, l.number)
			}
			cell[at] = '.'
		}
	}
	return nil
}

// weigh remembers a number that may have thousands.
func (d *decimalMark) weigh(cell []byte, at, line int) {
	before := bytes.TrimLeft(cell[:at], "+-")
	if len(cell)-at-1 != 3 || len(before) < 1 || len(before) > 3 || before[0] == '0' {
		d.sure = true
	} else if d.doubt == "" {
		d.doubt, d.line = string(cell), line
	}
}

// conclude refuses a table whose numbers may all have thousands.
func (d *decimalMark) conclude() error {
	if d.doubt == "" || d.sure {
		return nil
	}
	return fmt.Errorf("line %d: %q: whether the comma separates decimals or thousands cannot be told: write numbers with a decimal point", d.line, d.doubt)
}

// markOf returns the only mark in a number, and where it is.
func markOf(cell []byte) (mark byte, at int) {
	digits := 0
	for i, c := range cell {
		switch {
		case '0' <= c && c <= '9':
			digits++
		case c == '.' || c == ',':
			if mark != 0 {
				return 0, 0 // a date, or thousands: no number
			}
			mark, at = c, i
		case c != '+' && c != '-' && c != 'e' && c != 'E':
			return 0, 0
		}
	}
	if digits == 0 {
		return 0, 0
	}
	return mark, at
}

func (d *decimalMark) name() string {
	if d.mark == ',' {
		return "comma"
	}
	return "point"
}
