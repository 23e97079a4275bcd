package recording

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// parseBaseTime returns zero unless both time and date are given: a time of
// day alone is no moment. Some programs write the date before the time.
func parseBaseTime(clock, date string) time.Time {
	if strings.Contains(date, ":") {
		clock, date = date, clock
	}
	day, ok := parseDate(date)
	if !ok {
		return time.Time{}
	}
	parts := strings.Split(clock, ":")
	if len(parts) > 3 {
		return time.Time{}
	}
	var seconds float64
	for _, part := range parts {
		v, err := strconv.ParseFloat(part, 64)
		if err != nil || !(v >= 0 && v < 1e6) {
			return time.Time{}
		}
		seconds = seconds*60 + v
	}
	if seconds > 86400 {
		return time.Time{}
	}
	return day.Add(time.Duration(math.Round(seconds*1e6)) * time.Microsecond)
}

// parseDate reads dates of which no part can be taken for another one.
func parseDate(text string) (time.Time, bool) {
	for _, layout := range []string{"2/1/2006", "2-Jan-2006", "2006-1-2"} {
		if day, err := time.Parse(layout, text); err == nil {
			return day, true
		}
	}
	return time.Time{}, false
}
