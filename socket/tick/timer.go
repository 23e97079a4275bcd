// Package tick wakes many at once, so that a busy server wakes up a few hundred
// times a second and not once for each of them.
//
// Timer is the one kind of timer of the outbound path and of readers. What was
// added since its last tick is handed over together:
//
//	idle ──Add──▶ set ──delay has passed, Now──▶ tick ──▶ idle
//	              │ ▲
//	              └─┘ Add, Postpone
//
// It runs only while something waits for it, and loses nothing. Add and Postpone wait for
// nothing.
// Its owner sees to it that each value is added at most once before a tick, which
// bounds what it holds.
//
// Gate is a Timer for goroutines that wait. At a tick what they wait for is done for them in
// one goroutine, as far as that can be, and only those are let go that have more to do: each
// that is woken costs a switch, and has a stack that is in no cache.
package tick

import (
	"sync"
	"time"
)

// Options say when a Timer ticks and what happens then.
type Options[T any] struct {
	// Now is a monotonic clock.
	Now func() time.Duration
	// Delay returns how long after now the next tick is. It is called for the
	// first value that is added after a tick.
	Delay func(now time.Duration) time.Duration
	// Tick takes what was added, in order, in a goroutine of the timer or of who calls Now. It
	// must not keep the slice.
	Tick func(due []T)
}

// Timer hands what was added to Options.Tick, together.
type Timer[T any] struct {
	o     Options[T]
	timer *time.Timer // made by the first Add

	mu        sync.Mutex // guards what follows; held over no call but Options.Now and Delay
	waiting   []T
	spare     []T // the slice of the tick before, for reuse
	set       bool
	notBefore time.Duration // no tick before
}

// NewTimer returns a Timer. It starts nothing.
func NewTimer[T any](o Options[T]) *Timer[T] { return &Timer[T]{o: o} }

// Every returns an Options.Delay for ticks at multiples of a period, each earlier by
// lead.
func Every(period, lead time.Duration) func(now time.Duration) time.Duration {
	return func(now time.Duration) time.Duration { return period - (now+lead)%period }
}

// After returns an Options.Delay for ticks so long after the first value.
func After(d time.Duration) func(now time.Duration) time.Duration {
	return func(time.Duration) time.Duration { return d }
}

// Add has v handed over at the next tick.
func (t *Timer[T]) Add(v T) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, v)
	if t.set {
		return
	}
	t.set = true
	now := t.o.Now()
	delay := max(t.o.Delay(now), t.notBefore-now)
	if t.timer == nil {
		t.timer = time.AfterFunc(delay, t.tick)
		return
	}
	t.timer.Reset(delay)
}

// Postpone lets no tick come before d has passed. One that is set comes then.
func (t *Timer[T]) Postpone(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notBefore = t.o.Now() + d
	if t.set {
		t.timer.Reset(d)
	}
}

// Now has a tick that is set come at once, in the goroutine of the caller, who is awake
// already: nobody else has to be woken for it.
func (t *Timer[T]) Now() {
	t.mu.Lock()
	t.notBefore = 0
	ours := t.set && t.timer.Stop()
	t.mu.Unlock()
	if ours {
		t.tick()
	}
}

// deepStack is more stack than any tick was seen to need.
const deepStack = 12 << 10

// growStack has the goroutine's stack grow once, while there is little on it to copy, and
// not step by step.
//
//go:noinline
func growStack(i int) byte {
	var frame [deepStack]byte
	return frame[i]
}

func (t *Timer[T]) tick() {
	growStack(0)
	t.mu.Lock()
	due := t.waiting
	t.waiting, t.spare, t.set = t.spare[:0], nil, false
	t.mu.Unlock()
	t.o.Tick(due)
	clear(due)
	t.mu.Lock()
	t.spare = due
	t.mu.Unlock()
}
