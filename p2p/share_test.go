package p2p

import (
	"testing"
	"time"
)

// Values that do not come are waited for as long as others do, and a while longer.
func TestMissingWait(t *testing.T) {
	start := time.Now()
	var w missingWait
	for i, c := range []struct {
		missing int
		after   time.Duration
		over    bool
	}{
		{3, 0, false},
		{3, missingTime - 1, false},
		{2, missingTime, false}, // one has come
		{2, 2*missingTime - 1, false},
		{4, 2*missingTime - 1, false}, // two are new, which does not prolong it
		{4, 2 * missingTime, true},
		{0, 2 * missingTime, true},
	} {
		if got := w.over(c.missing, start.Add(c.after)); got != c.over {
			t.Errorf("look %d, with %d missing: over is %v", i, c.missing, got)
		}
	}
	if !new(missingWait).over(0, start) {
		t.Error("nothing is missing, and it is waited for")
	}
}
