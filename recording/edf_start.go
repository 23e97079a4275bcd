package recording

import (
	"strconv"
	"strings"
	"time"
)

// edfStart returns the start of the recording, and zero where the header gives
// none that can be read (anonymous files have such dates). The standard wants
// dd.mm.yy and hh.mm.ss; programs write other separators, single digits and
// four digits for the year too. A year of two digits is from 1985 on; the
// recording field of EDF+ has all four.
func edfStart(date, clock, recording string) time.Time {
	hour, ok := edfClock(clock)
	if !ok {
		return time.Time{}
	}
	full, hasFull := edfFullDate(recording)
	day, ok := edfDate(date)
	switch {
	case ok && hasFull:
		day = time.Date(full.Year(), day.Month(), day.Day(), 0, 0, 0, 0, time.UTC)
	case hasFull:
		day = full
	case !ok:
		return time.Time{}
	}
	return day.Add(hour)
}

// edfDate reads day, month and year.
func edfDate(text string) (time.Time, bool) {
	n, digits, ok := threeNumbers(text)
	if !ok || digits[2] == 3 {
		return time.Time{}, false
	}
	year := n[2]
	if digits[2] <= 2 {
		if year += 1900; year < 1985 {
			year += 100
		}
	}
	day := time.Date(year, time.Month(n[1]), n[0], 0, 0, 0, 0, time.UTC)
	return day, day.Day() == n[0] && day.Month() == time.Month(n[1])
}

// edfClock reads hours, minutes and seconds.
func edfClock(text string) (time.Duration, bool) {
	n, _, ok := threeNumbers(text)
	if !ok || n[0] > 23 || n[1] > 59 || n[2] > 59 {
		return 0, false
	}
	return time.Duration(n[0])*time.Hour + time.Duration(n[1])*time.Minute + time.Duration(n[2])*time.Second, true
}

// threeNumbers reads whole numbers between separators, and says how many
// digits each has.
func threeNumbers(text string) (n, digits [3]int, ok bool) {
	parts := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(".:/- ", c) })
	if len(parts) != 3 {
		return n, digits, false
	}
	for i, part := range parts {
		v, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return n, digits, false
		}
		n[i], digits[i] = int(v), len(part)
	}
	return n, digits, true
}

// edfFullDate finds "Startdate dd-MMM-yyyy".
func edfFullDate(recording string) (time.Time, bool) {
	fields := strings.Fields(recording)
	if len(fields) < 2 || fields[0] != "Startdate" {
		return time.Time{}, false
	}
	day, err := time.Parse("2-Jan-2006", fields[1])
	return day, err == nil
}
