package recording

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// timeColumn says which column of a CSV file holds the time, and how it is
// written.
type timeColumn struct {
	index    int     // -1: none
	date     int     // of a column with the date, where index holds the time of day; -1: none
	unit     float64 // µs per unit of the numbers; 0: not known yet
	known    bool    // learn settled how it is written
	dates    bool
	local    bool           // a date named no zone
	absolute bool           // since 1970, otherwise since the start
	order    dateOrder      // where dates end with the year
	zone     *time.Location // of dates that name none; nil: UTC
	previous int64          // time of the row before, for the hour that is there twice
}

// isTimeName knows the headers that mean time, in lower case and without unit.
func isTimeName(name string) bool {
	switch name {
	case "time", "timestamp", "t", "datetime", "date_time", "date time", "date/time", "unix_time", "unixtime", "epoch",
		"elapsed", "elapsed_time", "elapsed time", "seconds", "milliseconds":
		return true
	}
	return false
}

// timeUnit returns how many µs a unit has.
func timeUnit(unit string) (float64, bool) {
	switch strings.ToLower(unit) {
	case "s", "sec", "secs", "second", "seconds":
		return 1e6, true
	case "ms", "msec", "millisecond", "milliseconds":
		return 1e3, true
	case "us", "µs", "μs", "usec", "microsecond", "microseconds":
		return 1, true
	case "ns", "nanosecond", "nanoseconds":
		return 1e-3, true
	case "min", "minute", "minutes":
		return 60e6, true
	}
	return 0, false
}

// recogniseTime decides whether a header names the time: "time", "t [ms]",
// "timestamp_us". A unit in it is taken.
func recogniseTime(header string) (unit float64, ok bool) {
	name, text := splitUnit(strings.ToLower(header))
	unit, _ = timeUnit(text)
	if isTimeName(name) {
		if named, ok := timeUnit(name); ok && unit == 0 {
			unit = named
		}
		return unit, true
	}
	if i := strings.LastIndexAny(name, "_ "); i > 0 && isTimeName(name[:i]) {
		if unit, ok := timeUnit(name[i+1:]); ok {
			return unit, true
		}
	}
	// OpenViBE writes "Time:512Hz".
	if rate, ok := strings.CutPrefix(name, "time:"); ok && strings.HasSuffix(rate, "hz") {
		return 1e6, true
	}
	return 0, false
}

// textOf returns a row's time as the file has it.
func (c *timeColumn) textOf(cells [][]byte) string {
	if c.date < 0 {
		return string(cells[c.index])
	}
	return string(cells[c.date]) + " " + string(cells[c.index])
}

// learn settles from the first row what the header left open. Numbers without
// a unit are seconds, unless they are too large: Unix times of our days are
// above 1e11 in ms, above 1e14 in µs, above 1e17 in ns. Numbers that lie after
// 1973 as Unix time are absolute.
func (c *timeColumn) learn(cells [][]byte) error {
	c.known = true
	v, err := strconv.ParseFloat(string(cells[c.index]), 64)
	if err != nil {
		return c.learnDate(cells)
	}
	c.date = -1
	if c.unit == 0 {
		switch a := math.Abs(v); {
		case a >= 1e17:
			c.unit = 1e-3
		case a >= 1e14:
			c.unit = 1
		case a >= 1e11:
			c.unit = 1e3
		default:
			c.unit = 1e6
		}
	}
	c.absolute = v*c.unit >= 1e14
	return nil
}

func (c *timeColumn) learnDate(cells [][]byte) error {
	c.dates, c.absolute = true, true
	if _, ok := scanDate(string(cells[c.index])); ok {
		c.date = -1
	}
	d, ok := scanDate(c.textOf(cells))
	if !ok {
		return fmt.Errorf("time %q: want a number or a date as in ISO 8601", toText(shorten([]byte(c.textOf(cells)))))
	}
	c.order = d.order
	return nil
}

// parse returns a time in µs, absolute or since an arbitrary start.
func (c *timeColumn) parse(text string) (int64, error) {
	if !c.dates {
		v, err := strconv.ParseFloat(text, 64)
		if us := v * c.unit; err == nil && math.Abs(us) < 1e17 {
			return int64(math.Round(us)), nil
		}
		return 0, fmt.Errorf("time %q: want a number", toText(shorten([]byte(text))))
	}
	d, ok := scanDate(text)
	if ok && d.order != orderYearFirst {
		ok = d.arrange(c.order)
	}
	if !ok {
		return 0, fmt.Errorf("time %q: want a date as in ISO 8601, or as in the rows before", toText(shorten([]byte(text))))
	}
	c.local = c.local || !d.zoned
	c.previous = d.micros(c.zone, c.previous)
	return c.previous, nil
}
