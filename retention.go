package sensocto

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Forever is the age of what is never removed.
const Forever = time.Duration(math.MaxInt64)

// Keep is how long samples and rollups of one series are kept.
type Keep struct{ Raw, Rollups time.Duration }

// Before returns the times (µs) before which samples and rollups are no longer
// kept; math.MinInt64 is never.
func (k Keep) Before(now time.Time) (raw, rollups int64) {
	return before(now, k.Raw), before(now, k.Rollups)
}

func before(now time.Time, age time.Duration) int64 {
	if age == Forever {
		return math.MinInt64
	}
	return now.UnixMicro() - age.Microseconds()
}

// Aged is what of a series is older than it is kept.
type Aged struct {
	SensorID, AttributeID string
	Keep                  Keep
	// RawBefore and RollupsBefore are the times (µs) before which samples and
	// rollups are not kept.
	RawBefore, RollupsBefore int64
	// Raw and Rollups are the chunks to remove, or removed. The bytes that are
	// to go are an estimate.
	Raw, Rollups DroppedChunks
}

var errAge = errors.New("is no age, such as 36h, 30d, 8w, 2y or forever")

const day = 24 * time.Hour

// ParseAge reads an age: forever, whole days (30d), weeks (8w) or years of 365
// days (2y), or what time.ParseDuration reads.
func ParseAge(text string) (time.Duration, error) {
	if text == "forever" {
		return Forever, nil
	}
	for suffix, unit := range map[string]time.Duration{"d": day, "w": 7 * day, "y": 365 * day} {
		if digits, ok := strings.CutSuffix(text, suffix); ok {
			n, err := strconv.ParseInt(digits, 10, 64)
			if err != nil || n <= 0 || n > int64(200*365*day/unit) {
				return 0, fmt.Errorf("%q %w", text, errAge)
			}
			return time.Duration(n) * unit, nil
		}
	}
	age, err := time.ParseDuration(text)
	if err != nil || age <= 0 {
		return 0, fmt.Errorf("%q %w", text, errAge)
	}
	return age, nil
}

// FormatAge is what ParseAge reads.
func FormatAge(age time.Duration) string {
	switch {
	case age == Forever:
		return "forever"
	case age >= 365*day && age%(365*day) == 0:
		return fmt.Sprintf("%dy", age/(365*day))
	case age >= day && age%day == 0:
		return fmt.Sprintf("%dd", age/day)
	case age >= time.Hour && age%time.Hour == 0:
		return fmt.Sprintf("%dh", age/time.Hour)
	}
	return age.String()
}
