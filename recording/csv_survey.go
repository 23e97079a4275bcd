package recording

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// maxSpan bounds how far the times of a table may lie apart, in µs: a
// time.Duration holds less than 300 years.
const (
	yearMicros = int64(366 * 24 * 3600 * 1e6)
	maxSpan    = 200 * yearMicros
)

// findings are what the survey found in the rows.
type findings struct {
	late     int64 // rows that are earlier than one before them
	lateLine int   // the first of them
	cut      int   // line of an incomplete row at the end, 0 if there is none
	shortest int   // fields of the shortest row
	short    int   // its line
	highest  int64 // latest time
}

// survey reads the file once, so that every error is found before anything
// was delivered, and learns what the columns hold.
func (t *table) survey() error {
	t.found.shortest = math.MaxInt
	t.origin, t.found.highest = math.MaxInt64, math.MinInt64
	for {
		cells, err := t.readRow()
		if err == io.EOF {
			break
		}
		if err == nil && t.row == 0 && t.unitLine(cells) {
			t.setUnits(cells)
			continue
		}
		if err == nil {
			err = t.surveyRow(cells)
		}
		if err != nil && t.lines.unended && t.row > 0 {
			t.found.cut = t.lines.number
			break
		}
		if err != nil {
			return err
		}
		t.row++
	}
	t.total = t.row
	if t.row == 0 {
		t.origin, t.found.highest = 0, 0
	}
	return t.concludeSurvey()
}

// concludeSurvey checks what only all rows together tell.
func (t *table) concludeSurvey() error {
	if err := t.checkRate(); err != nil {
		return err
	}
	if t.found.highest-t.origin > maxSpan {
		return fmt.Errorf("its times lie %d years apart, which is more than %d", (t.found.highest-t.origin)/yearMicros, maxSpan/yearMicros)
	}
	for i := range t.columns {
		if c := &t.columns[i]; c.known && c.index >= t.found.shortest {
			return t.badWidth(t.found.short, t.found.shortest)
		}
	}
	return t.decimal.conclude()
}

func (t *table) surveyRow(cells [][]byte) error {
	if t.row == 0 {
		if err := t.firstRow(cells); err != nil {
			return err
		}
	}
	at, err := t.timeOf(cells, t.row)
	if err != nil {
		return err
	}
	if t.row == 0 && !t.time.absolute && t.start.IsZero() {
		t.findStart(cells, at)
	}
	// A last line that ends in the middle counts as a whole or not at all.
	if t.lines.unended {
		if err := t.tryRow(cells, at); err != nil {
			return err
		}
	}
	for i := range t.columns {
		c := &t.columns[i]
		if err := c.survey(cells[c.index], t.lines.quotes[c.index], at, t.lines.number); err != nil {
			return err
		}
	}
	if at < t.found.highest {
		if t.found.late++; t.found.late == 1 {
			t.found.lateLine = t.lines.number
		}
	}
	t.origin, t.found.highest = min(t.origin, at), max(t.found.highest, at)
	return nil
}

// tryRow surveys a row with copies of the columns.
func (t *table) tryRow(cells [][]byte, at int64) error {
	for _, c := range t.columns {
		if err := c.survey(cells[c.index], t.lines.quotes[c.index], at, t.lines.number); err != nil {
			return err
		}
		if c.known && c.index >= t.lines.fields {
			return t.badWidth(t.lines.number, t.lines.fields)
		}
	}
	return nil
}

// firstRow learns how times are written.
func (t *table) firstRow(cells [][]byte) error {
	t.timeByContent(cells)
	if t.time.index < 0 {
		return nil
	}
	if err := t.time.learn(cells); err != nil {
		return fmt.Errorf("line %d: %w", t.lines.number, err)
	}
	if t.time.date >= 0 {
		t.drop(t.time.date)
	}
	if t.time.dates && t.time.order == orderUnknown {
		return t.settleOrder(t.time.textOf(cells))
	}
	return nil
}

// settleOrder looks for a date that can have only one order of day and month.
func (t *table) settleOrder(example string) error {
	ahead := *t
	ahead.goTo(t.body)
	for {
		cells, err := ahead.readRow()
		if err != nil { // the survey finds it again
			return fmt.Errorf("line %d: time %q: which is the day and which the month cannot be told: write dates as 2024-12-31", t.lines.number, toText(shorten([]byte(example))))
		}
		if d, ok := scanDate(t.time.textOf(cells)); ok && d.order != orderUnknown {
			t.time.order = d.order
			return nil
		}
	}
}

// findStart looks for another column that says when the first row was.
func (t *table) findStart(cells [][]byte, at int64) {
	for i := range t.columns {
		c := &t.columns[i]
		d, ok := scanDate(string(cells[c.index]))
		if ok && d.order != orderUnknown {
			c.start, t.start = true, time.UnixMicro(d.micros(t.time.zone, math.MinInt64)-at).UTC()
			return
		}
	}
}

// timeByContent takes a nameless first column of dates for the time.
func (t *table) timeByContent(cells [][]byte) {
	if t.time.index >= 0 || len(t.columns) == 0 || t.columns[0].name != "" || t.columns[0].index != 0 {
		return
	}
	if _, ok := scanDate(string(cells[0])); ok {
		t.time.index = 0
		t.drop(0)
	}
}

func (t *table) checkRate() error {
	if t.time.index < 0 && !(t.rate >= 1e-6 && t.rate <= 1e6) {
		return errors.New(`has no time column, and its sampling rate is not known: name a column "time", or give the rate, for example in a first line "# rate: 250"`)
	}
	return nil
}
