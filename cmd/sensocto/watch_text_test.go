package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
)

// Buckets of a second that come together are drawn over that second, between
// their least and greatest value, not as one stroke at its end.
func TestTextScreen_DrawsBucketsOverTheirTime(t *testing.T) {
	s := newTextScreen(new(bytes.Buffer), "low")
	u := client.Update{SensorID: "s", Lagged: 400}
	for i := range int64(4) {
		b := sensocto.Bucket{Count: 100, Min: -1, Max: 1, From: i * 250_000, To: i*250_000 + 249_000}
		u.Items = append(u.Items, client.Item{AttributeID: "a", Sample: sensocto.Sample{Timestamp: b.To, Value: b.Last}, Bucket: &b})
	}
	s.update(u)
	shown := string(s.render(time.Second))
	if n := strings.Count(shown, "⣿"); n < 9 { // of the ten characters of a second
		t.Errorf("%d characters of the trace are full in\n%s", n, shown)
	}
	for _, want := range []string{"400.0", "-1…1  (100)", "400 samples came merged: so it is at level low"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in\n%s", want, shown)
		}
	}
}

// A late sample does not take the place of a newer one in the trace.
func TestTrace_KeepsTheNewest(t *testing.T) {
	var tr trace
	now := time.Now()
	tr.add(now, now, 1, 1)
	tr.add(now.Add(-traceSlots*traceSlot), now.Add(-traceSlots*traceSlot), 5, 5)
	if drawn := tr.draw(now); strings.Count(drawn, string(rune(0x2800))) != traceSlots/2-1 {
		t.Errorf("drawn: %s", drawn)
	}
}
