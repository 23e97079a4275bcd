package sensocto_test

import (
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

func TestTokenBucket(t *testing.T) {
	now := time.Now()
	b := sensocto.NewTokenBucket(3, 0.5, now)
	take := func(n float64, after time.Duration, want bool) {
		t.Helper()
		if got := b.Take(n, now.Add(after)); got != want {
			t.Errorf("after %v: %v, want %v", after, got, want)
		}
	}
	take(2, 0, true)
	take(2, 0, false) // and none is taken
	take(1, 0, true)
	take(1, time.Second, false)
	take(1, 2*time.Second, true)
	take(1, 0, false) // a clock that goes back brings nothing
	if b.Full(now.Add(7 * time.Second)) {
		t.Error("full too early")
	}
	if !b.Full(now.Add(8 * time.Second)) {
		t.Error("not full again")
	}
	take(3, time.Hour, true) // never more than the burst
	take(1, time.Hour, false)
}
