package sensocto_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
)

func TestKeep_Before(t *testing.T) {
	now := time.UnixMicro(1_700_000_000_000_000)
	raw, rollups := sensocto.Keep{Raw: time.Hour, Rollups: sensocto.Forever}.Before(now)
	if raw != now.UnixMicro()-3_600_000_000 || rollups != math.MinInt64 {
		t.Errorf("%d %d", raw, rollups)
	}
}

func TestAge_IsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]time.Duration{"forever": sensocto.Forever, "30d": 30 * 24 * time.Hour, "2y": 730 * 24 * time.Hour, "8w": 56 * 24 * time.Hour, "36h": 36 * time.Hour, "1h30m": 90 * time.Minute} {
		if got, err := sensocto.ParseAge(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0d", "-3d", "3", "d", "1.5d", "9999999y", "ever", "0s"} {
		if got, err := sensocto.ParseAge(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		age := time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "age"))
		if got, err := sensocto.ParseAge(sensocto.FormatAge(age)); err != nil || got != age {
			t.Fatalf("%v is written as %s and read as %v %v", int64(age), sensocto.FormatAge(age), got, err)
		}
	})
}
