package p2p

import (
	"testing"
	"time"
)

func TestSchedule_WaitsForQuietAndNotForever(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	var s schedule
	if _, ok := s.due(); ok {
		t.Error("an exchange of nothing")
	}
	s.changed(start)
	if due, ok := s.due(); !ok || due != at(quietTime) {
		t.Errorf("due %v", due)
	}
	for d := 100 * time.Millisecond; d < 3*time.Second; d += 100 * time.Millisecond {
		s.changed(at(d))
	}
	if due, _ := s.due(); due != at(longestWait) {
		t.Errorf("under continuous change due after %v", due.Sub(start))
	}
	for range mostChanges {
		s.changed(at(time.Second))
	}
	if due, _ := s.due(); due.After(start) {
		t.Errorf("with %d changes due after %v", s.changes, due.Sub(start))
	}
	s.begin()
	if _, ok := s.due(); ok {
		t.Error("the same changes twice")
	}
}

func TestSchedule_TriesAgainEverLater(t *testing.T) {
	now := time.Unix(1000, 0)
	s := schedule{urgent: true}
	for i := range 20 {
		s.begin()
		s.failed(now)
		due, ok := s.due()
		want := min(firstRetry<<min(i, 10), lastRetry)
		if !ok || due.Sub(now) != want {
			t.Fatalf("after failure %d due in %v, want %v", i+1, due.Sub(now), want)
		}
	}
	s.changed(now) // a change does not go before the pause
	if due, _ := s.due(); due.Sub(now) != lastRetry {
		t.Errorf("due in %v", due.Sub(now))
	}
	s.begin()
	s.done()
	s.changed(now)
	if due, _ := s.due(); due.Sub(now) != quietTime {
		t.Errorf("due in %v", due.Sub(now))
	}
}

func TestSchedule_LagIsThatOfTheOldestChangeNotSent(t *testing.T) {
	var s schedule
	start := time.Now()
	lag := func(want time.Duration) {
		t.Helper()
		if got := s.lag(start.Add(10 * time.Second)); got != want {
			t.Errorf("lag %v, not %v", got, want)
		}
	}
	lag(0)
	s.changed(start)
	s.begin()
	s.changed(start.Add(4 * time.Second)) // during the exchange
	s.failed(start.Add(5 * time.Second))
	lag(10 * time.Second)
	s.done()
	lag(6 * time.Second)
	s.begin()
	s.done()
	lag(0)
}

func TestSchedule_OnceMoreComesAfterAPause(t *testing.T) {
	var s schedule
	now := time.Now()
	s.onceMore(now)
	s.onceMore(now.Add(5 * time.Second)) // puts nothing off
	if at, ok := s.due(); !ok || at.Sub(now) != leftPause {
		t.Errorf("due in %v, %v", at.Sub(now), ok)
	}
	s.changed(now)
	if at, _ := s.due(); at.Sub(now) != quietTime {
		t.Errorf("a change is due in %v", at.Sub(now))
	}
	s.begin()
	if _, ok := s.due(); ok {
		t.Error("still due")
	}
}
