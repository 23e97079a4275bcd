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
	unit     float64 // µs per unit of the numbers; 0: not known yet
	iso      bool
	absolute bool // since 1970, otherwise since the start
}

// timeNames are the headers that mean time, in lower case and without unit.
func isTimeName(name string) bool {
	switch name {
	case "time", "timestamp", "t", "datetime", "date_time", "date time", "unix_time", "unixtime", "epoch",
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
	return 0, false
}

// learn settles from the first time in the file what the header left open.
// Numbers without a unit are seconds, unless they are too large: Unix times
// of our days are above 1e11 in ms, above 1e14 in µs, above 1e17 in ns.
// Numbers that lie after 1973 as Unix time are absolute.
func (c *timeColumn) learn(text string) error {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		if _, ok := parseISO(text); !ok {
			return fmt.Errorf("time %q: want a number or a date as in ISO 8601", text)
		}
		c.iso, c.absolute = true, true
		return nil
	}
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

// parse returns a time in µs, absolute or since an arbitrary start.
func (c *timeColumn) parse(text string) (int64, error) {
	if c.iso {
		t, ok := parseISO(text)
		if !ok {
			return 0, fmt.Errorf("time %q: want a date as in ISO 8601", text)
		}
		return t.Round(time.Microsecond).UnixMicro(), nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if us := v * c.unit; err == nil && math.Abs(us) < 1e17 {
		return int64(math.Round(us)), nil
	}
	return 0, fmt.Errorf("time %q: want a number", text)
}

// parseISO reads a date and time; without a zone it is UTC.
func parseISO(text string) (time.Time, bool) {
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700",
		"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04",
	} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 0 {
			return t, true
		}
	}
	return time.Time{}, false
}
