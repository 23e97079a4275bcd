package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
)

// While the machine's clock is behind, timestamps are judged by what was stored;
// it is told, and ends when the clock is set.
func TestReferenceClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		right := time.Now()
		var log bytes.Buffer
		c := newReferenceClock(right, time.Hour, slog.New(slog.NewTextHandler(&log, nil)))
		if c.trouble() != "" || !c.Now().Equal(time.Now()) || log.Len() > 0 {
			t.Error("a clock that is right is suspected")
		}
		set := func(off time.Duration) { c.wall = func() time.Time { return time.Now().Add(off) } }
		set(-30 * 24 * time.Hour)
		time.Sleep(10 * time.Minute)
		if err := sensocto.CheckTimestamp(time.Now().UnixMicro(), c.Now(), time.Hour); err != nil {
			t.Errorf("a device whose clock is right: %v", err)
		}
		if err := sensocto.CheckTimestamp(time.Now().Add(2*time.Hour).UnixMicro(), c.Now(), time.Hour); err == nil {
			t.Error("a device that is two hours ahead is accepted")
		}
		if !strings.Contains(c.trouble(), "720h") {
			t.Errorf("%q", c.trouble())
		}
		set(-59 * time.Minute) // a sample may be as far ahead
		if c.trouble() != "" || !c.Now().Equal(time.Now().Add(-59*time.Minute)) {
			t.Error("a clock that may be right is suspected")
		}
		set(24 * time.Hour)
		if !c.Now().Equal(time.Now().Add(24 * time.Hour)) {
			t.Error("a clock that is ahead is not taken as it is")
		}
		set(0)
		empty := newReferenceClock(time.Time{}, time.Hour, slog.New(slog.NewTextHandler(&log, nil)))
		empty.wall = func() time.Time { return time.Now().Add(-24 * time.Hour) } // set back while nothing is stored
		time.Sleep(time.Minute)
		if err := sensocto.CheckTimestamp(time.Now().UnixMicro(), empty.Now(), time.Hour); err != nil {
			t.Errorf("a device whose clock is right, after the server's was set back: %v", err)
		}
		if !strings.Contains(empty.trouble(), "set back by 24h") {
			t.Errorf("%q", empty.trouble())
		}
		newReferenceClock(time.Now().Add(48*time.Hour), time.Hour, slog.New(slog.NewTextHandler(&log, nil)))
		if !strings.Contains(log.String(), "clock is 48h0m0s behind") {
			t.Errorf("not told: %s", log.String())
		}
	})
}
