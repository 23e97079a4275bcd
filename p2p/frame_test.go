package p2p

import (
	"encoding/json"
	"testing"
)

// A stream that began before there were samples goes on from the first: {} is not null.
func TestWatchFrame_TellsNothingYetFromNothingAsked(t *testing.T) {
	for _, from := range []map[string]int64{nil, {}, {"ecg": 7}} {
		text, err := json.Marshal(watchFrame{Level: "high", From: from})
		if err != nil {
			t.Fatal(err)
		}
		s := aServed()
		if err := s.look(text); err != nil {
			t.Fatal(err)
		}
		if got := s.watch.From; (got == nil) != (from == nil) || len(got) != len(from) {
			t.Errorf("%v is read as %v from %s", from, got, text)
		}
	}
}
