package recording

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// readHeader reads the comments and the header line.
func (t *table) readHeader(r *Recording) error {
	separator := byte(0)
	for {
		line, err := t.lines.line()
		if err == io.EOF {
			return errors.New("is empty: a header line with the names of the columns is missing")
		}
		if err != nil {
			return err
		}
		if s := separatorLine(line); s != 0 {
			separator = s
			continue
		}
		if isComment(line) {
			if err := t.comment(r, line[1:]); err != nil {
				return err
			}
			continue
		}
		if t.lines.separator = separator; separator == 0 {
			t.lines.separator = separatorOf(line)
		}
		cells, err := t.lines.split(line)
		if err != nil {
			return err
		}
		t.body = t.lines.position()
		if onlyNumbers(cells) {
			return t.parseStartAndRate(r.Name, cells)
		}
		return t.parseHeader(cells)
	}
}

func onlyNumbers(cells [][]byte) bool {
	return !slices.ContainsFunc(cells, func(c []byte) bool { _, kind := parseCell(c, false); return kind > cellNumber })
}

// parseStartAndRate takes what Empatica writes instead of names: a line with
// the start in Unix seconds, and one with the rate, the same in each column.
func (t *table) parseStartAndRate(name string, cells [][]byte) error {
	missing := fmt.Errorf("line %d: the first line has only numbers: a header line with the names of the columns is missing", t.lines.number)
	start, ok := sameNumber(cells)
	if t.width = len(cells); !ok || start < 1e9 || start > 1e10 {
		return missing
	}
	line, err := t.lines.row()
	if err != nil {
		return missing
	}
	if cells, err = t.lines.split(line); err != nil || len(cells) != t.width {
		return missing
	}
	rate, ok := sameNumber(cells)
	if !ok || rate <= 0 || rate > 1e4 {
		return missing
	}
	if t.rate == 0 {
		t.rate = rate
	}
	t.start = time.UnixMicro(int64(math.Round(start * 1e6))).UTC()
	t.body = t.lines.position()
	for i := range t.width {
		c := column{index: i, name: name}
		if t.width > 1 {
			c.name += " " + strconv.Itoa(i+1)
		}
		t.columns = append(t.columns, c)
	}
	return nil
}

// sameNumber returns the number that is in all cells.
func sameNumber(cells [][]byte) (float64, bool) {
	v, _ := parseCell(cells[0], false)
	for _, c := range cells {
		if other, _ := parseCell(c, false); other != v { // also NaN
			return 0, false
		}
	}
	return v, true
}

// separatorLine reads the line "sep=;" that Excel takes for itself.
func separatorLine(line []byte) byte {
	rest, ok := bytes.CutPrefix(bytes.ToLower(bytes.Trim(line, "\" ")), []byte("sep="))
	if ok && len(rest) == 1 {
		return rest[0]
	}
	return 0
}

func (t *table) comment(r *Recording, line []byte) error {
	text := strings.TrimSpace(toText(line))
	r.Comments = append(r.Comments, text)
	if len(r.Comments) > 10_000 {
		return errors.New("too many comment lines before the header")
	}
	if err := t.parseComment(text); err != nil {
		return fmt.Errorf("line %d: %w", t.lines.number, err)
	}
	return nil
}

// parseComment takes "rate: 250 Hz" and "start: 2024-05-01T10:00:00Z".
func (t *table) parseComment(text string) error {
	i := strings.IndexAny(text, ":=")
	if i < 0 {
		return nil
	}
	value := strings.TrimSpace(text[i+1:])
	switch strings.ToLower(strings.TrimSpace(text[:i])) {
	case "rate", "sampling rate", "sampling_rate", "sample rate", "sample_rate", "fs":
		number := strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(value, "Hz"), "hz"))
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || !(v > 0) {
			return fmt.Errorf("rate %q: want a number of Hz", value)
		}
		if t.rate == 0 {
			t.rate = v
		}
	case "start", "start time", "start_time":
		d, ok := scanDate(value)
		if !ok || d.order == orderUnknown {
			return fmt.Errorf("start %q: want a date as in ISO 8601", value)
		}
		t.start = time.UnixMicro(d.micros(t.time.zone, t.time.previous)).UTC()
	}
	return nil
}

func (t *table) parseHeader(cells [][]byte) error {
	t.width = len(cells)
	date := -1
	for i, cell := range cells {
		header := toText(cell)
		if unit, ok := recogniseTime(header); ok && t.time.index < 0 {
			t.time.index, t.time.unit = i, unit
			continue
		}
		if strings.EqualFold(header, "date") && date < 0 {
			date = i
		}
		name, unit := splitUnit(header)
		t.columns = append(t.columns, column{index: i, name: name, unit: unit})
	}
	t.dateColumn(date)
	return nil
}

// dateColumn takes a column "date" for the time where no other is, and keeps
// it in mind where the time may be the time of day.
func (t *table) dateColumn(index int) {
	switch {
	case index >= 0 && t.time.index < 0:
		t.time.index = index
		t.drop(index)
	case index >= 0:
		t.time.date = index
	}
}

// drop takes a column out of those that may become signals.
func (t *table) drop(index int) {
	t.columns = slices.DeleteFunc(t.columns, func(c column) bool { return c.index == index })
}

// unitLine reports whether the first row holds the units of the columns: none
// of its cells is a number, and where the time should be there is a unit.
func (t *table) unitLine(cells [][]byte) bool {
	if t.time.index < 0 {
		return false
	}
	unit, isUnit := timeUnit(unitText(cells[t.time.index]))
	if !isUnit && len(cells[t.time.index]) > 0 {
		return false
	}
	named := isUnit
	for i, c := range cells {
		if _, kind := parseCell(c, t.lines.quotes[i]); kind != cellText && len(c) > 0 {
			return false
		}
		named = named || len(c) > 0
	}
	if isUnit && t.time.unit == 0 {
		t.time.unit = unit
	}
	return named
}

func (t *table) setUnits(cells [][]byte) {
	for i := range t.columns {
		if c := &t.columns[i]; c.unit == "" {
			c.unit = unitText(cells[c.index])
		}
	}
	t.body = t.lines.position()
}

// unitText returns a unit without brackets.
func unitText(cell []byte) string { return strings.Trim(toText(cell), "()[] ") }

// separatorOf guesses what separates the fields of a header line.
func separatorOf(header []byte) byte {
	best, most := byte(','), 0
	for _, c := range []byte(",;\t") {
		n, inside := 0, false
		for _, b := range header {
			switch {
			case b == '"':
				inside = !inside
			case b == c && !inside:
				n++
			}
		}
		if n > most {
			best, most = c, n
		}
	}
	return best
}

// splitUnit cuts "name (unit)" or "name [unit]".
func splitUnit(header string) (name, unit string) {
	for _, brackets := range []string{"()", "[]"} {
		if !strings.HasSuffix(header, brackets[1:]) {
			continue
		}
		if i := strings.LastIndex(header, brackets[:1]); i >= 0 {
			return strings.TrimSpace(header[:i]), strings.TrimSpace(header[i+1 : len(header)-1])
		}
	}
	return header, ""
}
