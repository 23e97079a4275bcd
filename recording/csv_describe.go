package recording

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// describe makes signals of the columns with values.
func (t *table) describe(r *Recording) error {
	r.Start = t.startOf()
	values := t.columns[:0]
	for _, c := range t.columns {
		if text := c.ignored(); text != "" {
			r.Ignored = append(r.Ignored, text)
		}
		if c.text || !c.known && c.name == "" && t.row > 0 { // a separator at the end of the header
			continue
		}
		c.signal = len(r.Signals)
		r.Signals = append(r.Signals, t.signal(&c))
		if c.known {
			r.Last = max(r.Last, c.last-t.origin)
		}
		values = append(values, c)
	}
	if len(values) == 0 && t.row > 0 {
		return fmt.Errorf("holds no numbers: %w", errors.Join(phrases(r.Ignored)...))
	}
	t.say(r)
	t.columns, t.signals = values, r.Signals
	t.waiting.cells = make([]float64, len(values))
	r.Duration = time.Duration(t.length()) * time.Microsecond
	return nil
}

func phrases(list []string) (errs []error) {
	for _, text := range list[:min(len(list), 3)] {
		errs = append(errs, errors.New(text))
	}
	return errs
}

// say adds what the rows have that the recording has not.
func (t *table) say(r *Recording) {
	if t.found.late > 0 {
		text := fmt.Sprintf("%s earlier than one before (the first in line %d): put in order of time", counted(t.found.late, "row"), t.found.lateLine)
		if t.time.local && t.time.zone == nil {
			text += "; if clocks were put back meanwhile, name their time zone"
		}
		r.Ignored = append(r.Ignored, text)
	}
	if t.found.cut > 0 {
		r.Ignored = append(r.Ignored, fmt.Sprintf("line %d: ends in the middle, and is left out", t.found.cut))
	}
}

func (t *table) signal(c *column) Signal {
	s := Signal{Name: c.name, Unit: c.unit, Rate: t.rate, Count: t.row}
	if t.time.index < 0 {
		return s
	}
	s.Rate, s.Count = 0, c.count
	if c.numbers && c.count > 1 && c.last > c.first {
		s.Rate = float64(c.count-1) * 1e6 / float64(c.last-c.first)
	}
	return s
}

// length returns the time to where the row after the last would lie: with a
// time column, one mean interval on.
func (t *table) length() int64 {
	highest := t.found.highest - t.origin
	switch {
	case t.row == 0:
		return 0
	case t.time.index < 0:
		return offset(t.row, t.rate)
	case t.row == 1:
		return 1
	}
	return highest + max(int64(math.Round(float64(highest)/float64(t.row-1))), 1)
}
