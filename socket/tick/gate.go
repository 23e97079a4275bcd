package tick

import (
	"sync"
	"sync/atomic"
	"time"
)

// Gate lets goroutines wait for a common tick.
type Gate struct {
	timer *Timer[*round]
	hooks Hooks

	mu   sync.Mutex // guards what follows; taken before the timer's
	next *round     // of those who wait; nil while nobody does
}

// Hooks are called at each tick; each may be nil.
type Hooks struct {
	// Opening is called before those who wait are let go.
	Opening func()
	// Done is called when all of them have given back their passes, by the last one.
	Done func()
}

// round is those who wait for one tick.
type round struct {
	open chan struct{} // closed at the tick
	out  atomic.Int32  // passes that were not given back, and one until the tick
	done func()
}

func (r *round) leave() {
	if r.out.Add(-1) == 0 && r.done != nil {
		r.done()
	}
}

// Pass is of a goroutine that a Gate let go. The zero value is of none.
type Pass struct{ round *round }

// Done gives the pass back: what the goroutine waited for is done. Another call does
// nothing.
func (p *Pass) Done() {
	if p.round != nil {
		p.round.leave()
		p.round = nil
	}
}

// NewGate returns a Gate that opens when delay says (see Options).
func NewGate(now func() time.Duration, delay func(now time.Duration) time.Duration, h Hooks) *Gate {
	g := &Gate{hooks: h}
	g.timer = NewTimer(Options[*round]{Now: now, Delay: delay, Tick: g.release})
	return g
}

// Wait returns at the next tick, or when wake is ready, which may be nil.
func (g *Gate) Wait(wake <-chan struct{}) Pass {
	r := g.join()
	select {
	case <-r.open:
	case <-wake:
	}
	return Pass{r}
}

func (g *Gate) join() *round {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		g.next = &round{open: make(chan struct{}), done: g.hooks.Done}
		g.next.out.Store(1)
		g.timer.Add(g.next)
	}
	g.next.out.Add(1)
	return g.next
}

func (g *Gate) release(due []*round) {
	if g.hooks.Opening != nil {
		g.hooks.Opening()
	}
	g.mu.Lock()
	g.next = nil
	g.mu.Unlock()
	for _, r := range due {
		close(r.open)
		r.leave()
	}
}
