package main

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// While the machine's clock is behind, timestamps are judged by what was stored;
// it is told, and ends when the clock is set.
func TestReferenceClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		right := time.Now()
		var log bytes.Buffer
		c := newReferenceClock(right, time.Time{}, time.Hour, slog.New(slog.NewTextHandler(&log, nil)))
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
		empty := newReferenceClock(time.Time{}, time.Time{}, time.Hour, slog.New(slog.NewTextHandler(&log, nil)))
		empty.wall = func() time.Time { return time.Now().Add(-24 * time.Hour) } // set back while nothing is stored
		time.Sleep(time.Minute)
		if err := sensocto.CheckTimestamp(time.Now().UnixMicro(), empty.Now(), time.Hour); err != nil {
			t.Errorf("a device whose clock is right, after the server's was set back: %v", err)
		}
		if !strings.Contains(empty.trouble(), "set back by 24h") {
			t.Errorf("%q", empty.trouble())
		}
		newReferenceClock(time.Now().Add(48*time.Hour), time.Time{}, time.Hour, slog.New(slog.NewTextHandler(&log, nil)))
		if !strings.Contains(log.String(), "clock is 48h0m0s behind") {
			t.Errorf("not told: %s", log.String())
		}
	})
}

// A clock that steps back under a running server is logged once, and so is its end.
func TestReferenceClock_LogsThatItStepsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := newReferenceClock(time.Time{}, time.Time{}, time.Hour, slog.New(slog.NewTextHandler(&log, nil)))
		var off atomic.Int64
		c.wall = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		wants := func(lines int, text string) {
			t.Helper()
			time.Sleep(5 * clockCheckEvery)
			synctest.Wait()
			if got := log.String(); strings.Count(got, "\n") != lines || !strings.Contains(got, text) {
				t.Errorf("want %d lines, the last about %q, got:\n%s", lines, text, got)
			}
		}
		wants(0, "")
		off.Store(int64(-24 * time.Hour))
		wants(1, "set back by 24h")
		off.Store(0)
		wants(2, "right again")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// An archive without a sample does not tell that the clock is behind. What the
// run before kept does: also after a kill, and where there is nothing to remove.
func TestReferenceClock_KnowsWhenTheServerRanLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lost = 30 * 24 * time.Hour // what the clock goes back before the second run
		right := func() time.Time { return time.Now().Add(lost).Round(0) }
		o := store.RetainerOptions{ClockFile: filepath.Join(t.TempDir(), "clock.json"), Wall: right}
		lastRun := func() time.Time {
			t.Helper()
			seen, err := store.NewRetainer(nil, o).Seen()
			if err != nil {
				t.Fatal(err)
			}
			return seen
		}
		if seen := lastRun(); !seen.IsZero() {
			t.Errorf("nothing was kept, and there is %v", seen)
		}
		s, err := store.Open(t.Context(), storetest.NewMemory(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- store.NewRetainer(s, o).Run(ctx) }()
		time.Sleep(10*time.Minute + time.Second)
		if ago := right().Sub(lastRun()); ago < 0 || ago > time.Minute {
			t.Errorf("after a kill, the time kept would be %v ago", ago)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		var log bytes.Buffer
		c := newReferenceClock(time.Time{}, lastRun(), time.Hour, slog.New(slog.NewTextHandler(&log, nil)))
		if err := sensocto.CheckTimestamp(right().UnixMicro(), c.Now(), time.Hour); err != nil {
			t.Errorf("a device whose clock is right: %v", err)
		}
		if want := "720h0m0s behind the time when the server ran last"; !strings.Contains(c.trouble(), want) || !strings.Contains(log.String(), want) {
			t.Errorf("%q\n%s", c.trouble(), log.String())
		}
	})
}
