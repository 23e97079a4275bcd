package admission_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensocto/sensocto/socket/admission"
)

func TestAnonymous_BoundsAllAndEachAddress(t *testing.T) {
	a := admission.Anonymous{Most: 4, MostOfOne: 2}
	for i, c := range []struct {
		address string
		ok      bool
	}{
		{"192.0.2.1:1000", true},
		{"192.0.2.1:1001", true},
		{"192.0.2.1:1002", false},
		{"[::ffff:192.0.2.1]:1003", false}, // the same one
		{"192.0.2.2:1000", true},
		{"[2001:db8::1]:1000", true},
		{"[2001:db8::2]:1000", false}, // all of them are there
	} {
		if ok := a.Add(c.address); ok != c.ok {
			t.Errorf("connection %d, of %s: %v, want %v", i, c.address, ok, c.ok)
		}
	}
	a.Remove("192.0.2.1:1001")
	if n := a.Count(); n != 3 {
		t.Errorf("%d connections count, want 3", n)
	}
	if a.Add("192.0.2.2:1001"); a.Add("192.0.2.1:1004") {
		t.Error("a fifth connection is allowed")
	}
}

// What counts as one address: see Offenders, too, which shares the rule.
func TestAnonymous_WhatIsOneAddress(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.1", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::2]:1", true},
		{"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
		{"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
		{"no address", "another", true},
		{"no address", "192.0.2.1:1", false},
	} {
		a := admission.Anonymous{Most: 2, MostOfOne: 1}
		if !a.Add(c.a) {
			t.Fatal("the first connection is refused")
		}
		if same := !a.Add(c.b); same != c.same {
			t.Errorf("%s and %s are one address: %v, want %v", c.a, c.b, same, c.same)
		}
	}
}

func TestAnonymous_AtOnce(t *testing.T) {
	a := admission.Anonymous{Most: 10, MostOfOne: 3}
	var of [4]atomic.Int32
	var all atomic.Int32
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				one := (g + i) % len(of)
				address := fmt.Sprintf("192.0.2.%d:%d", one, i)
				if !a.Add(address) {
					continue
				}
				if n, m := all.Add(1), of[one].Add(1); n > 10 || m > 3 {
					t.Errorf("%d connections are allowed, %d of one address", n, m)
				}
				all.Add(-1)
				of[one].Add(-1)
				a.Remove(address)
			}
		})
	}
	wg.Wait()
	if n := a.Count(); n != 0 {
		t.Errorf("%d connections count in the end", n)
	}
}

func TestBudget(t *testing.T) {
	b := admission.Budget{Max: 10}
	for i, c := range []struct {
		n    int64
		ok   bool
		used int64
	}{{4, true, 4}, {7, false, 4}, {6, true, 10}, {1, false, 10}, {0, true, 10}} {
		if ok := b.Reserve(c.n); ok != c.ok || b.Used() != c.used {
			t.Errorf("%d: Reserve(%d) = %v, %d used; want %v, %d", i, c.n, ok, b.Used(), c.ok, c.used)
		}
	}
	if b.Release(4); !b.Reserve(3) || b.Used() != 9 {
		t.Errorf("%d are used after a release, want 9", b.Used())
	}
}

func TestBudget_AtOnce(t *testing.T) {
	b := admission.Budget{Max: 5}
	var held atomic.Int64
	var wg sync.WaitGroup
	for g := range int64(8) {
		wg.Go(func() {
			for i := range int64(1000) {
				n := (g+i)%3 + 1
				if !b.Reserve(n) {
					continue
				}
				if sum := held.Add(n); sum > 5 {
					t.Errorf("%d are held at once", sum)
				}
				held.Add(-n)
				b.Release(n)
			}
		})
	}
	wg.Wait()
	if b.Used() != 0 {
		t.Errorf("%d are used in the end", b.Used())
	}
}

func TestFrameLimit(t *testing.T) {
	const ms = time.Millisecond
	for name, frames := range map[string][]struct {
		n      int // frames,
		at     time.Duration
		denied int // so many of them are not allowed
	}{
		"as many as allowed":       {{3, 0, 0}, {3, 1000 * ms, 0}, {3, 2000 * ms, 0}},
		"too many in a second":     {{3, 0, 0}, {1, 999 * ms, 1}},
		"allowed after a second":   {{3, 0, 0}, {5, 1000 * ms, 2}, {1, 1999 * ms, 1}, {4, 2000 * ms, 1}},
		"twice after a quiet time": {{1, 0, 0}, {5, 9000 * ms, 0}, {1, 9500 * ms, 1}},
	} {
		l := admission.FrameLimit{PerSecond: 3}
		for i, f := range frames {
			denied := 0
			for range f.n {
				if !l.Allow(func() time.Duration { return f.at }) {
					denied++
				}
			}
			if denied != f.denied {
				t.Errorf("%s: %d of the frames of step %d are denied, want %d", name, denied, i, f.denied)
			}
		}
	}
}

func TestFrameLimit_AsksForTheTimeOnlyWhenFull(t *testing.T) {
	l, asked := admission.FrameLimit{PerSecond: 3}, 0
	for range 4 {
		l.Allow(func() time.Duration { asked++; return time.Minute })
	}
	if asked != 1 {
		t.Errorf("the clock was read %d times for four frames, want once", asked)
	}
}

func TestOffenders_PointsAreLostAndComeBack(t *testing.T) {
	o := admission.Offenders{Points: 2, PerPoint: time.Second, Max: 10}
	const one, other = "192.0.2.1:1", "192.0.2.2:1"
	for i, c := range []struct {
		refuse  bool
		at      time.Duration
		blocked bool // afterwards
	}{
		{false, 0, false},
		{true, 0, false},
		{true, 0, true},
		{false, 999 * time.Millisecond, true},
		{false, 1000 * time.Millisecond, false}, // has a point
		{true, 1000 * time.Millisecond, true},
		{true, 1000 * time.Millisecond, true}, // no less than none
		{false, 2000 * time.Millisecond, false},
		{true, time.Hour, false}, // two at most
		{true, time.Hour, true},
	} {
		if c.refuse {
			o.Refuse(one, c.at)
		}
		if blocked := o.Blocked(one, c.at); blocked != c.blocked {
			t.Errorf("step %d: blocked is %v, want %v", i, blocked, c.blocked)
		}
	}
	if o.Blocked(other, time.Hour) {
		t.Error("an address that was never refused is blocked")
	}
}

func TestOffenders_Sweep(t *testing.T) {
	o := admission.Offenders{Points: 2, PerPoint: time.Second, Max: 10}
	o.Refuse("192.0.2.1:1", 0)
	o.Refuse("192.0.2.2:1", time.Second)
	for _, c := range []struct {
		at   time.Duration
		left int
	}{{999 * time.Millisecond, 2}, {time.Second, 1}, {1999 * time.Millisecond, 1}, {2 * time.Second, 0}} {
		if o.Sweep(c.at); o.Size() != c.left {
			t.Errorf("the sweep at %v leaves %d addresses, want %d", c.at, o.Size(), c.left)
		}
	}
}

// A full table forgets those that have all their points again, and another one only
// where there is none.
func TestOffenders_TableIsBounded(t *testing.T) {
	o := admission.Offenders{Points: 1, PerPoint: time.Second, Max: 3}
	address := func(i int) string { return fmt.Sprintf("192.0.2.%d:1", i) }
	for i := range 3 {
		o.Refuse(address(i), time.Duration(i)*time.Second)
	}
	if o.Refuse(address(3), 2*time.Second); o.Size() != 2 || !o.Blocked(address(2), 2*time.Second) || !o.Blocked(address(3), 2*time.Second) {
		t.Errorf("%d addresses are remembered, want the two without points", o.Size())
	}
	for i := range 100 {
		if o.Refuse(address(100+i), 2*time.Second); o.Size() > 3 {
			t.Fatalf("%d addresses are remembered, want 3 at most", o.Size())
		}
		if !o.Blocked(address(100+i), 2*time.Second) {
			t.Fatal("an address is forgotten at once")
		}
	}
}

// now is a clock that tests move.
type now struct{ at time.Duration }

func (n *now) time() time.Duration { return n.at }

func TestEventLog_OneLineASecondOfAKind(t *testing.T) {
	var text bytes.Buffer
	var clock now
	l := admission.EventLog{Now: clock.time, Log: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))}
	for _, e := range []struct {
		at   time.Duration
		kind string
	}{{0, "a"}, {1, "a"}, {2, "b"}, {time.Second - 1, "a"}, {time.Second, "a"}, {time.Second, "a"}, {time.Minute, "a"}, {2 * time.Minute, "a"}} {
		clock.at = e.at
		l.Write(slog.LevelWarn, e.kind, "happened", "kind", e.kind, "at", e.at)
	}
	want := `level=WARN msg=happened kind=a at=0s
level=WARN msg=happened kind=b at=2ns
level=WARN msg=happened kind=a at=1s omitted=2
level=WARN msg=happened kind=a at=1m0s omitted=1
level=WARN msg=happened kind=a at=2m0s
`
	if text.String() != want {
		t.Errorf("the log is\n%s\nwant\n%s", text.String(), want)
	}
}

func TestEventLog_AtOnce(t *testing.T) {
	var text bytes.Buffer // the handler writes one line at a time
	l := admission.EventLog{Now: func() time.Duration { return 0 }, Log: slog.New(slog.NewTextHandler(&text, nil))}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				l.Write(slog.LevelInfo, fmt.Sprint((g+i)%5), "happened")
			}
		})
	}
	wg.Wait()
	if n := strings.Count(text.String(), "\n"); n != 5 {
		t.Errorf("%d lines for five kinds of events in a moment, want 5", n)
	}
}

func TestTurns(t *testing.T) {
	turns := make(admission.Turns, 2)
	first, err := turns.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := turns.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
	why := errors.New("the viewer is gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if leave, err := turns.Take(ctx); leave != nil || err != why {
		t.Errorf("a third turn: %v, want %v", err, why)
	}
	first()
	if _, err := turns.Take(t.Context()); err != nil {
		t.Errorf("a turn that was given back cannot be taken: %v", err)
	}
}
