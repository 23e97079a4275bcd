package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

const day = 24 * time.Hour

func TestRetention_TheMostSpecificRuleCounts(t *testing.T) {
	rules := store.Retention{
		{Raw: 90 * day},
		{Type: "ecg", Raw: 7 * day, Rollups: 365 * day},
		{SensorID: "strap", Raw: sensocto.Forever},
		{SensorID: "strap", AttributeID: "noise", Raw: day, Rollups: day},
		{AttributeID: "noise", Raw: 2 * day},
	}
	for _, tc := range []struct {
		sensor, attribute, kind string
		want                    sensocto.Keep
	}{
		{"s", "a", "", sensocto.Keep{Raw: 90 * day, Rollups: sensocto.Forever}},
		{"s", "a", "ecg", sensocto.Keep{Raw: 7 * day, Rollups: 365 * day}},
		{"strap", "a", "ecg", sensocto.Keep{Raw: sensocto.Forever, Rollups: sensocto.Forever}}, // rollups as long as samples
		{"strap", "noise", "ecg", sensocto.Keep{Raw: day, Rollups: day}},
		{"s", "noise", "ecg", sensocto.Keep{Raw: 2 * day, Rollups: 365 * day}},
	} {
		if got := rules.Of(tc.sensor, tc.attribute, tc.kind); got != tc.want {
			t.Errorf("%s %s %s: %+v, want %+v", tc.sensor, tc.attribute, tc.kind, got, tc.want)
		}
	}
	if got := (store.Retention)(nil).Of("s", "a", "x"); got != (sensocto.Keep{Raw: sensocto.Forever, Rollups: sensocto.Forever}) {
		t.Errorf("without rules: %+v", got)
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
