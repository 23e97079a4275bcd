package attention_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
)

// heard is a configuration and when it came.
type heard struct {
	at     time.Duration
	config sensocto.Backpressure
}

// clocked is a device that notes when it was told.
type clocked struct {
	began time.Time
	mu    sync.Mutex
	heard []heard // guarded by mu
}

func (c *clocked) hear(b sensocto.Backpressure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = append(c.heard, heard{time.Since(c.began), b})
}

func (c *clocked) all() []heard {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard
}

func (c *clocked) last() heard { h := c.all(); return h[len(h)-1] }

func (c *clocked) levels() (list []string) {
	for _, h := range c.all() {
		list = append(list, fmt.Sprintf("%v %v", h.at, h.config.AttentionLevel))
	}
	return list
}

const (
	none   = sensocto.AttentionNone
	low    = sensocto.AttentionLow
	medium = sensocto.AttentionMedium
	high   = sensocto.AttentionHigh
	leaves = high + 1 // of a look: the viewer leaves
)

func TestTracker_RisesAtOnceAndFallsAfterTheHold(t *testing.T) {
	type look struct {
		at     time.Duration
		viewer sensocto.ViewerID
		level  sensocto.AttentionLevel
	}
	const s, ms = time.Second, time.Millisecond
	tests := []struct {
		name  string
		looks []look
		want  []string
	}{
		{"one comes and goes", []look{{s, 1, high}, {2 * s, 1, leaves}}, []string{"0s none", "1s high", "4s none"}},
		{"hidden is as gone", []look{{s, 1, high}, {2 * s, 1, none}}, []string{"0s none", "1s high", "4s none"}},
		{"a step down", []look{{s, 1, high}, {2 * s, 1, low}}, []string{"0s none", "1s high", "4s low"}},
		{"steps up", []look{{s, 1, low}, {2 * s, 1, medium}, {3 * s, 1, high}}, []string{"0s none", "1s low", "2s medium", "3s high"}},
		{"back within the hold", []look{{0, 1, high}, {s, 1, none}, {2900 * ms, 1, high}}, []string{"0s none", "0s high"}},
		{"back after the hold", []look{{0, 1, high}, {s, 1, none}, {3100 * ms, 1, high}}, []string{"0s none", "0s high", "3s none", "3.1s high"}},
		{"another takes over", []look{{0, 1, high}, {s, 1, leaves}, {2 * s, 2, high}, {3 * s, 2, leaves}}, []string{"0s none", "0s high", "5s none"}},
		{"by steps", []look{{0, 1, high}, {s, 1, medium}, {2 * s, 1, low}, {2500 * ms, 1, leaves}}, []string{"0s none", "0s high", "3s medium", "4s low", "4.5s none"}},
		{"the last of several", []look{{0, 1, high}, {0, 2, high}, {s, 1, leaves}, {4 * s, 2, leaves}}, []string{"0s none", "0s high", "6s none"}},
		{"less held by less", []look{{0, 1, low}, {s, 1, none}, {2 * s, 2, medium}, {3 * s, 2, low}}, []string{"0s none", "0s low", "2s medium", "5s low"}},
		{"flapping", slices.Collect(func(yield func(look) bool) {
			for i := range 40 {
				if !yield(look{time.Duration(i) * 500 * ms, 1, []sensocto.AttentionLevel{high, none}[i%2]}) {
					return
				}
			}
		}), []string{"0s none", "0s high", "21.5s none"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := attention.New(attention.Options{})
				d := clocked{began: time.Now()}
				defer tr.Watch("s", d.hear)()
				for _, l := range tt.looks {
					time.Sleep(l.at - time.Since(d.began))
					synctest.Wait()
					if l.level == leaves {
						tr.Leave(l.viewer, "s")
					} else {
						tr.Look(l.viewer, "s", l.level)
					}
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := d.levels(); !slices.Equal(got, tt.want) {
					t.Errorf("got  %v\nwant %v", got, tt.want)
				}
			})
		})
	}
}

func TestTracker_ListenersHoldTheLevelAndForbidThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := attention.New(attention.Options{})
		d := clocked{began: time.Now()}
		defer tr.Watch("s", d.hear)()
		room := tr.Listen("s", sensocto.Demand{Level: low, NeverPause: true})
		rule := tr.Listen("s", sensocto.Demand{Level: low})
		tr.Look(1, "s", high)
		tr.SetLoad(sensocto.Load{Level: sensocto.LoadCritical, MemoryCritical: true})
		time.Sleep(5 * time.Second)
		tr.Leave(1, "s")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		paused := func(want bool, level sensocto.AttentionLevel) {
			t.Helper()
			last := d.last().config
			if last.Paused != want || last.AttentionLevel != level {
				t.Fatalf("last heard %+v, want paused %v at %v", last, want, level)
			}
		}
		paused(false, low)
		room()
		room() // once is enough
		paused(true, low)
		if s := tr.Snapshot("s"); s.Listeners != 1 || s.NeverPause || !s.Config.Paused {
			t.Errorf("%+v", s)
		}
		again := tr.Listen("s", sensocto.Demand{NeverPause: true})
		paused(false, low) // at once
		rule()
		again()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		paused(true, none)
	})
}

func TestTracker_LoadReachesDevicesSpreadOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := attention.New(attention.Options{})
		devices := make([]clocked, 2000)
		for i := range devices {
			devices[i].began = time.Now()
			defer tr.Watch(fmt.Sprint("s", i), devices[i].hear)()
		}
		tr.SetLoad(sensocto.Load{Level: sensocto.LoadHigh})
		tr.SetLoad(sensocto.Load{Level: sensocto.LoadHigh}) // the same: nothing new
		tr.Look(1, "s7", high)                              // hears of both at once
		if h := devices[7].all(); len(h) != 2 || h[1].config.LoadLevel != sensocto.LoadHigh || h[1].config.AttentionLevel != high {
			t.Errorf("%+v", h)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		tenth := make([]int, 11)
		for i := range devices {
			d, last := devices[i].all(), devices[i].last()
			if len(d) != 2 || last.config.LoadLevel != sensocto.LoadHigh {
				t.Fatalf("device %d heard %+v", i, d)
			}
			tenth[last.at/(100*time.Millisecond)]++
		}
		for i, n := range tenth[:10] {
			if n < 100 || n > 320 {
				t.Errorf("%d of 2000 devices were told in tenth %d: %v", n, i, tenth)
			}
		}
	})
}

func TestTracker_LoadThatWasShortIsNotHeardByAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := attention.New(attention.Options{})
		devices := make([]clocked, 500)
		for i := range devices {
			devices[i].began = time.Now()
			defer tr.Watch(fmt.Sprint("s", i), devices[i].hear)()
		}
		tr.SetLoad(sensocto.Load{Level: sensocto.LoadHigh})
		time.Sleep(300 * time.Millisecond)
		tr.SetLoad(sensocto.Load{Level: sensocto.LoadNormal})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		disturbed := 0
		for i := range devices {
			d := devices[i].all()
			if d[len(d)-1].config.LoadLevel != sensocto.LoadNormal {
				t.Fatalf("left with %+v", d)
			}
			if len(d) > 1 {
				disturbed++
			}
		}
		if disturbed == 0 || disturbed > 250 {
			t.Errorf("%d of 500 were told", disturbed)
		}
	})
}

func TestTracker_ForgetsWhatNobodyLooksAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := attention.New(attention.Options{})
		for i := range 1000 {
			id := fmt.Sprint("s", i)
			stop := tr.Watch(id, func(sensocto.Backpressure) {})
			tr.Look(1, id, high)
			silence := tr.Listen(id, sensocto.Demand{Level: low})
			tr.Leave(1, id)
			silence()
			stop()
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		var left float64
		tr.Metrics(func(m sensocto.Metric) {
			if m.Name == "attention_sensors" {
				left += m.Value
			}
		})
		if left != 0 {
			t.Errorf("%v sensors are remembered", left)
		}
	})
}

// What another server asks for was held there: it falls at once here, and takes nothing
// of what is held for others.
func TestTracker_WhatWasHeldElsewhereFallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := attention.New(attention.Options{Hold: time.Second})
		stop := tr.Listen("s", sensocto.Demand{Level: sensocto.AttentionHigh, Held: true})
		if got := tr.Level("s"); got != sensocto.AttentionHigh {
			t.Errorf("asked for: %v", got)
		}
		stop()
		if got := tr.Level("s"); got != sensocto.AttentionNone {
			t.Errorf("asked for no more: %v", got)
		}
		stop = tr.Listen("s", sensocto.Demand{Level: sensocto.AttentionHigh, Held: true})
		tr.Look(1, "s", sensocto.AttentionMedium)
		tr.Leave(1, "s")
		stop()
		if got := tr.Level("s"); got != sensocto.AttentionNone {
			t.Errorf("a viewer below the level that another server asked for: %v", got)
		}
		tr.Look(1, "s", sensocto.AttentionHigh)
		tr.Leave(1, "s")
		tr.Listen("s", sensocto.Demand{Level: sensocto.AttentionHigh, Held: true})()
		if got := tr.Level("s"); got != sensocto.AttentionHigh {
			t.Errorf("a viewer has just left: %v", got)
		}
		time.Sleep(time.Second + time.Millisecond)
		if got := tr.Level("s"); got != sensocto.AttentionNone {
			t.Errorf("after the hold: %v", got)
		}
	})
}
