package recording

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

var errNotNumber = errors.New("want a number")

// parseCell returns the number in a cell, NaN for a gap.
func parseCell(cell []byte) (float64, error) {
	switch string(cell) {
	case "", "NaN", "nan", "NAN", "NA", "N/A", "null", "NULL", "None", "-":
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(string(cell), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, errNotNumber
	}
	return v, nil
}

// survey reads the file once, so that every error is found before anything
// was delivered, and learns what the columns hold.
func (t *table) survey() error {
	for row := int64(0); ; row++ {
		cells, err := t.nextRow()
		if err == io.EOF {
			return t.checkRate()
		}
		if err != nil {
			return err
		}
		if row == 0 {
			t.timeByContent(cells)
		}
		at, err := t.timeOf(cells, row)
		if err != nil {
			return err
		}
		if err := t.surveyRow(cells, at); err != nil {
			return err
		}
		t.row = row + 1
	}
}

// nextRow returns the cells of a row that has as many as the header.
func (t *table) nextRow() ([][]byte, error) {
	cells, err := t.lines.row()
	if err != nil {
		return nil, err
	}
	if len(cells) != t.width {
		return nil, fmt.Errorf("line %d: %d fields, but the header has %d", t.lines.number, len(cells), t.width)
	}
	if t.lines.separator != ',' {
		if err := t.decimal.apply(cells); err != nil {
			return nil, fmt.Errorf("line %d: %w", t.lines.number, err)
		}
	}
	return cells, nil
}

// timeByContent takes a nameless first column of dates for the time.
func (t *table) timeByContent(cells [][]byte) {
	if t.time.index >= 0 || len(t.columns) == 0 || t.columns[0].name != "" || t.columns[0].index != 0 {
		return
	}
	if _, ok := parseISO(string(cells[0])); ok {
		t.time.index = 0
		t.columns = t.columns[1:]
	}
}

// timeOf returns a row's offset from the first row.
func (t *table) timeOf(cells [][]byte, row int64) (int64, error) {
	if t.time.index < 0 {
		if t.rate == 0 {
			return 0, t.checkRate()
		}
		return offset(row, t.rate), nil
	}
	text := string(cells[t.time.index])
	if !t.time.iso && (t.time.unit == 0 || row == 0) {
		if err := t.time.learn(text); err != nil {
			return 0, fmt.Errorf("line %d: %w", t.lines.number, err)
		}
	}
	at, err := t.time.parse(text)
	if err != nil {
		return 0, fmt.Errorf("line %d: %w", t.lines.number, err)
	}
	if row == 0 {
		t.origin = at
	}
	if at < t.origin {
		return 0, fmt.Errorf("line %d: time %s is before that of the first row", t.lines.number, text)
	}
	return at - t.origin, nil
}

func (t *table) checkRate() error {
	if t.time.index < 0 && !(t.rate >= 1e-6 && t.rate <= 1e6) {
		return errors.New(`has no time column, and its sampling rate is not known: name a column "time", or give the rate, for example in a first line "# rate: 250"`)
	}
	return nil
}

func (t *table) surveyRow(cells [][]byte, at int64) error {
	for i := range t.columns {
		c := &t.columns[i]
		if c.text {
			continue
		}
		v, err := parseCell(cells[c.index])
		switch {
		case err != nil && !c.known:
			c.text = true
		case err != nil:
			return t.badCell(cells, c, err)
		case !math.IsNaN(v):
			if !c.known {
				c.known, c.first = true, at
			}
			c.count++
			c.last = max(c.last, at)
		}
	}
	t.highest = max(t.highest, at)
	return nil
}

// describe makes signals of the columns with numbers.
func (t *table) describe(r *Recording) {
	if t.time.absolute {
		r.Start = time.UnixMicro(t.origin).UTC()
	} else if !r.Start.IsZero() {
		r.Start = r.Start.Add(time.Duration(t.origin) * time.Microsecond)
	}
	numeric := t.columns[:0]
	for _, c := range t.columns {
		if c.text {
			r.Ignored = append(r.Ignored, c.name)
			continue
		}
		c.signal = len(r.Signals)
		s := Signal{Name: c.name, Unit: c.unit, Rate: t.rate, Count: t.row}
		if t.time.index >= 0 {
			s.Rate, s.Count = 0, c.count
			if c.count > 1 && c.last > c.first {
				s.Rate = float64(c.count-1) * 1e6 / float64(c.last-c.first)
			}
		}
		r.Signals = append(r.Signals, s)
		r.Last = max(r.Last, c.last)
		numeric = append(numeric, c)
	}
	t.columns, t.signals = numeric, r.Signals
	t.waiting = make([]float64, len(numeric))
	r.Duration = time.Duration(t.length()) * time.Microsecond
}

// length returns the time to where the row after the last would lie: with a
// time column, one mean interval on.
func (t *table) length() int64 {
	switch {
	case t.row == 0:
		return 0
	case t.time.index < 0:
		return offset(t.row, t.rate)
	case t.row == 1:
		return 1
	}
	return t.highest + max(int64(math.Round(float64(t.highest)/float64(t.row-1))), 1)
}
