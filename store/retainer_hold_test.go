package store_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// runRetainer lets a retainer run for a time, with a wall clock that shows
// start when it begins and is changed by offset.
func runRetainer(t *testing.T, s *store.Store, o store.RetainerOptions, start time.Time, offset *atomic.Int64, f func(*store.Retainer)) {
	t.Helper()
	began := time.Now()
	o.Wall = func() time.Time { return start.Add(time.Since(began) + time.Duration(offset.Load())).Round(0) }
	r := store.NewRetainer(s, o)
	ended := background(t, r.Run)
	f(r)
	ended()
}

// background runs f until the function that it returns is called.
func background(t *testing.T, f func(context.Context) error) (stop func()) {
	t.Helper()
	c, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f(c) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestRetainer_HoldsWhileTheClockHasJumped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := filledChunks(t, storetest.NewMemory(), 10)
		o := store.RetainerOptions{Rules: store.Retention{{Raw: 30 * 24 * time.Hour}}, ClockFile: filepath.Join(t.TempDir(), "clock"), Share: 1}
		all, offset := len(readAll(t, s, "s", "a")), new(atomic.Int64)
		runRetainer(t, s, o, at(time.Minute), offset, func(r *store.Retainer) {
			time.Sleep(time.Hour)
			if r.Held() != "" {
				t.Errorf("a clock that is right is suspected: %s", r.Held())
			}
		})
		offset.Store(int64(365 * 24 * time.Hour))
		runRetainer(t, s, o, at(2*time.Hour), offset, func(r *store.Retainer) {
			time.Sleep(3 * time.Hour)
			if got := len(readAll(t, s, "s", "a")); got != all {
				t.Fatalf("%d of %d samples are left", got, all)
			}
			if !strings.Contains(r.Held(), "clock") || retainerMetric(r, "store_retention_held") != 1 {
				t.Errorf("held: %q", r.Held())
			}
			offset.Store(0) // it was set right
			time.Sleep(20 * time.Minute)
			if r.Held() != "" {
				t.Errorf("still held: %s", r.Held())
			}
		})
		offset.Store(int64(365 * 24 * time.Hour))
		runRetainer(t, s, o, at(3*time.Hour), offset, func(r *store.Retainer) {
			time.Sleep(20 * time.Hour)
		})
		runRetainer(t, s, o, at(24*time.Hour), offset, func(r *store.Retainer) {
			time.Sleep(3 * time.Hour)
			if got := len(readAll(t, s, "s", "a")); got != all {
				t.Fatalf("%d of %d samples are left after 23 hours", got, all)
			}
			time.Sleep(2 * time.Hour)
			if got := len(readAll(t, s, "s", "a")); got == all || r.Held() != "" {
				t.Errorf("nothing was removed with a clock that was confirmed; %s", r.Held())
			}
		})
	})
}

func TestRetainer_SuspectsTheClockWhereNoTimeIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := filledChunks(t, storetest.NewMemory(), 2)
		o := store.RetainerOptions{Rules: store.Retention{{Raw: 30 * 24 * time.Hour}}}
		offset := new(atomic.Int64)
		offset.Store(int64(365 * 24 * time.Hour))
		runRetainer(t, s, o, at(time.Hour), offset, func(r *store.Retainer) {
			time.Sleep(time.Hour)
			if !strings.Contains(r.Held(), "clock") {
				t.Errorf("held: %q", r.Held())
			}
		})
	})
}

func TestRetainer_RemovesALargeShareOnlyWhenTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := filledChunks(t, storetest.NewMemory(), 10)
		all, offset := len(readAll(t, s, "s", "a")), new(atomic.Int64)
		long := store.RetainerOptions{ClockFile: filepath.Join(t.TempDir(), "clock"), Rules: store.Retention{{Raw: 300 * 24 * time.Hour}}}
		runRetainer(t, s, long, at(time.Hour), offset, func(*store.Retainer) { time.Sleep(10 * 24 * time.Hour) })
		short := long
		short.Rules = store.Retention{{Raw: 24 * time.Hour}} // it was to be 24 months
		runRetainer(t, s, short, at(10*24*time.Hour), offset, func(r *store.Retainer) {
			time.Sleep(48 * time.Hour)
			if got := len(readAll(t, s, "s", "a")); got != all {
				t.Fatalf("%d of %d samples are left", got, all)
			}
			if !strings.Contains(r.Held(), "--apply") || retainerMetric(r, "store_retention_holds_total") == 0 {
				t.Errorf("held: %q", r.Held())
			}
			if list, err := r.Apply(t.Context()); err != nil || len(list) != 1 {
				t.Fatalf("%v %v", list, err)
			}
			if got := len(readAll(t, s, "s", "a")); got != 10 || r.Held() != "" {
				t.Errorf("%d samples are left; %s", got, r.Held())
			}
		})
	})
}

func TestRetainer_RemovesWhatBecomesOldWithoutBeingTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := filledChunks(t, storetest.NewMemory(), 2)
		o := store.RetainerOptions{Rules: store.Retention{{Raw: 24 * time.Hour}}}
		offset := new(atomic.Int64)
		runRetainer(t, s, o, at(time.Minute), offset, func(r *store.Retainer) {
			time.Sleep(25 * time.Hour)
			if got := len(readAll(t, s, "s", "a")); got != 10 || r.Held() != "" {
				t.Errorf("%d samples are left; %s", got, r.Held())
			}
		})
	})
}
