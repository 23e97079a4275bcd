package store_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto/store"
)

const day = 24 * time.Hour

func TestRetention_TheMostSpecificRuleCounts(t *testing.T) {
	rules := store.Retention{
		{Raw: 90 * day},
		{Type: "ecg", Raw: 7 * day, Rollups: 365 * day},
		{SensorID: "strap", Raw: store.Forever},
		{SensorID: "strap", AttributeID: "noise", Raw: day, Rollups: day},
		{AttributeID: "noise", Raw: 2 * day},
	}
	for _, tc := range []struct {
		sensor, attribute, kind string
		want                    store.Keep
	}{
		{"s", "a", "", store.Keep{Raw: 90 * day, Rollups: store.Forever}},
		{"s", "a", "ecg", store.Keep{Raw: 7 * day, Rollups: 365 * day}},
		{"strap", "a", "ecg", store.Keep{Raw: store.Forever, Rollups: store.Forever}}, // rollups as long as samples
		{"strap", "noise", "ecg", store.Keep{Raw: day, Rollups: day}},
		{"s", "noise", "ecg", store.Keep{Raw: 2 * day, Rollups: 365 * day}},
	} {
		if got := rules.Of(tc.sensor, tc.attribute, tc.kind); got != tc.want {
			t.Errorf("%s %s %s: %+v, want %+v", tc.sensor, tc.attribute, tc.kind, got, tc.want)
		}
	}
	if got := (store.Retention)(nil).Of("s", "a", "x"); got != (store.Keep{Raw: store.Forever, Rollups: store.Forever}) {
		t.Errorf("without rules: %+v", got)
	}
}

func TestKeep_Before(t *testing.T) {
	now := time.UnixMicro(1_700_000_000_000_000)
	raw, rollups := store.Keep{Raw: time.Hour, Rollups: store.Forever}.Before(now)
	if raw != now.UnixMicro()-3_600_000_000 || rollups != math.MinInt64 {
		t.Errorf("%d %d", raw, rollups)
	}
}

func TestRetention_Problems(t *testing.T) {
	for want, rule := range map[string]store.RetentionRule{
		"neither raw nor rollups": {Type: "ecg"},
		"too short":               {Raw: time.Minute},
		"cannot go before":        {Raw: 2 * day, Rollups: day},
		"no id of a sensor":       {SensorID: "a/b", Raw: day},
		"no id of an attribute":   {AttributeID: "-", Raw: day},
	} {
		problems := store.Retention{{Type: "x", Raw: day}, rule}.Problems()
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), want) || !strings.HasPrefix(problems[0].Error(), "rule 2") {
			t.Errorf("%v, want %q", problems, want)
		}
	}
	if p := (store.Retention{{Raw: day}, {Rollups: day}}).Problems(); len(p) != 1 || !strings.Contains(p[0].Error(), "same as rule 1") {
		t.Errorf("twice: %v", p)
	}
}

func TestAge_IsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]time.Duration{"forever": store.Forever, "30d": 30 * day, "2y": 730 * day, "8w": 56 * day, "36h": 36 * time.Hour, "1h30m": 90 * time.Minute} {
		if got, err := store.ParseAge(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0d", "-3d", "3", "d", "1.5d", "9999999y", "ever", "0s"} {
		if got, err := store.ParseAge(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		age := time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "age"))
		if got, err := store.ParseAge(store.FormatAge(age)); err != nil || got != age {
			t.Fatalf("%v is written as %s and read as %v %v", int64(age), store.FormatAge(age), got, err)
		}
	})
}
