package recording

import (
	"strings"
	"time"
)

// dateOrder is how day, month and year follow each other.
type dateOrder byte

const (
	orderUnknown    dateOrder = iota // the year is last, and both others may be the month
	orderYearFirst                   // 2024-05-31
	orderDayFirst                    // 31/05/2024, 31.05.2024
	orderMonthFirst                  // 05/31/2024
)

// date is a date with a time of day, as a file gives it.
type date struct {
	year, month, day           int
	hour, minute, second, usec int
	order                      dateOrder
	zoned                      bool
	offset                     int // of the zone, in seconds
}

// scanDate reads a date as in ISO 8601, and what programs write instead of it:
// slashes, points or colons between the parts, parts of one digit, the year at
// the end, blanks before the time, a decimal comma, AM and PM. A time of day
// may be missing.
func scanDate(text string) (d date, ok bool) {
	s := dateScanner{text: text}
	if !s.date(&d) {
		return d, false
	}
	if s.text != "" && (!s.between() || !s.clock(&d) || !s.zone(&d)) {
		return d, false
	}
	return d, s.text == "" && d.valid()
}

// valid checks the ranges. A date whose order is not known is valid if it is
// in one of the two.
func (d *date) valid() bool {
	if d.order == orderUnknown { // neither is above 12
		return d.year > 0 && d.month >= 1 && d.day >= 1 && d.clockValid()
	}
	return d.year > 0 && d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= d.lastDay() && d.clockValid()
}

func (d *date) lastDay() int {
	switch d.month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if d.year%4 == 0 && (d.year%100 != 0 || d.year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func (d *date) clockValid() bool { return d.hour < 24 && d.minute < 60 && d.second < 60 }

// arrange settles the order of a date that has the year at the end.
func (d *date) arrange(order dateOrder) bool {
	if d.order == orderUnknown && order != orderYearFirst {
		if order == orderMonthFirst {
			d.day, d.month = d.month, d.day
		}
		d.order = order
		return d.valid()
	}
	return d.order == order
}

// micros returns the moment, in µs since 1970. A date without a zone is in the
// zone given; where a clock that was put back shows a time twice, it is the
// earlier one that does not lie before another moment.
func (d *date) micros(zone *time.Location, notBefore int64) int64 {
	if d.zoned || zone == nil {
		return d.in(time.UTC).UnixMicro() - int64(d.offset)*1e6
	}
	at := d.in(zone)
	first, second := at, at
	for _, other := range []time.Time{at.Add(-time.Hour), at.Add(time.Hour)} {
		if other.Hour() == at.Hour() && other.Minute() == at.Minute() {
			first, second = earlier(first, other), later(second, other)
		}
	}
	if first.UnixMicro() < notBefore && second.UnixMicro() >= notBefore {
		return second.UnixMicro()
	}
	return first.UnixMicro()
}

func (d *date) in(zone *time.Location) time.Time {
	return time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, d.usec*1000, zone)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// dateScanner reads a date from the front of a text.
type dateScanner struct{ text string }

// number reads up to max digits.
func (s *dateScanner) number(max int) (v, digits int) {
	for digits < max && digits < len(s.text) && '0' <= s.text[digits] && s.text[digits] <= '9' {
		v = 10*v + int(s.text[digits]-'0')
		digits++
	}
	s.text = s.text[digits:]
	return v, digits
}

func (s *dateScanner) accept(c byte) bool {
	if s.text == "" || s.text[0] != c {
		return false
	}
	s.text = s.text[1:]
	return true
}

func (s *dateScanner) date(d *date) bool {
	a, digitsA := s.number(4)
	if digitsA == 0 || s.text == "" || strings.IndexByte("-/.:", s.text[0]) < 0 {
		return false
	}
	separator := s.text[0]
	s.accept(separator)
	b, digitsB := s.number(2)
	if digitsB == 0 || !s.accept(separator) {
		return false
	}
	c, digitsC := s.number(4)
	switch {
	case digitsA == 4 && (digitsC == 1 || digitsC == 2):
		d.year, d.month, d.day, d.order = a, b, c, orderYearFirst
	case digitsA > 2 || digitsC != 4 || separator == ':':
		return false
	case separator == '.' || a > 12:
		d.year, d.month, d.day, d.order = c, b, a, orderDayFirst
	case b > 12:
		d.year, d.month, d.day, d.order = c, a, b, orderMonthFirst
	default:
		d.year, d.month, d.day, d.order = c, b, a, orderUnknown
	}
	return true
}

// between reads what separates the date from the time of day.
func (s *dateScanner) between() bool {
	rest := strings.TrimLeft(s.text, " ,")
	if rest != "" && strings.IndexByte("Tt_", rest[0]) >= 0 {
		rest = rest[1:]
	}
	ok := len(rest) < len(s.text)
	s.text = rest
	return ok
}

func (s *dateScanner) clock(d *date) bool {
	var digits int
	if d.hour, digits = s.number(2); digits == 0 || !s.accept(':') {
		return false
	}
	if d.minute, digits = s.number(2); digits != 2 {
		return false
	}
	if s.accept(':') {
		if d.second, digits = s.number(2); digits != 2 || !s.fraction(d) {
			return false
		}
	}
	return s.half(d)
}

// fraction reads the decimals of a second, and rounds them.
func (s *dateScanner) fraction(d *date) bool {
	if !s.accept('.') && !s.accept(',') {
		return true
	}
	ns, digits := s.number(9)
	if digits == 0 {
		return false
	}
	for range 9 - digits {
		ns *= 10
	}
	for _, more := s.number(9); more > 0; _, more = s.number(9) { // less than a nanosecond
	}
	d.usec = (ns + 500) / 1000
	return true
}

// half reads AM or PM.
func (s *dateScanner) half(d *date) bool {
	rest := strings.TrimLeft(s.text, " ")
	if len(rest) < 2 || rest[1]|0x20 != 'm' || rest[0]|0x20 != 'a' && rest[0]|0x20 != 'p' {
		return true
	}
	if d.hour < 1 || d.hour > 12 {
		return false
	}
	d.hour %= 12
	if rest[0]|0x20 == 'p' {
		d.hour += 12
	}
	s.text = rest[2:]
	return true
}

// zone reads "Z", "UTC", "+01:00", "+0100" or "+01".
func (s *dateScanner) zone(d *date) bool {
	s.text = strings.TrimLeft(s.text, " ")
	if s.text == "" {
		return true
	}
	d.zoned = true
	switch s.text {
	case "Z", "z", "UTC", "GMT":
		s.text = ""
		return true
	}
	sign := 1
	if s.accept('-') {
		sign = -1
	} else if !s.accept('+') {
		return false
	}
	hours, digits := s.number(2)
	if digits != 2 || hours > 23 {
		return false
	}
	s.accept(':')
	minutes, digits := s.number(2)
	d.offset = sign * (hours*3600 + minutes*60)
	return minutes < 60 && (digits == 2 || digits == 0)
}
