package tick

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// visitsPerVisitor is how many Waiters have to be due for one more goroutine to visit
// them: a visit is short, and to wake another processor up is not. So many are looked at
// before the first of them is visited.
const visitsPerVisitor = 256

// Gate visits those who wait at it at a common tick, one after the other in a goroutine
// that is awake already, and lets go those who have more to do than a visit can. It looks
// at many before it visits them: a processor runs the same code for all, and then the other,
// faster than both by turns.
//
//	       Wait                  tick                       it stays
//	away ───────▶ waiting ──────────────────▶ visited ──────────────────▶ waiting
//	  ▲              │ wake                      │ it does not stay
//	  └──────────────┴───────────────────────────┘
//
// There are as many visitors as it takes, and at most as many as processors. A visit that
// waits in spite of that holds up no other for long: where none has ended since the last
// tick there is one visitor more.
type Gate struct {
	timer *Timer[*Waiter]
	hooks Hooks

	mu       sync.Mutex // guards what follows, and Waiters; taken before the timer's
	due      []visit    // in order; a Waiter is in it at most once
	head     int        // due[:head] is done
	visitors int        // goroutines that visit
	watch    Waiter     // nobody: it has the timer tick
	visits   uint64     // that are over,
	before   uint64     // and were at the tick before
}

// Hooks are called at each tick; each may be nil.
type Hooks struct {
	// Opening is called before the visits.
	Opening func()
	// Done is called when all who waited were visited and have given back their passes.
	Done func()
}

// Guest is who is visited. Calls come from one goroutine at a time, while the guest's own
// waits. They must neither wait nor panic.
type Guest interface {
	// Look is called at a tick, some time before Visit.
	Look()
	// Visit reports whether the guest goes on waiting.
	Visit() (stay bool)
}

// Waiter waits for a Guest at a Gate, the same one always.
type Waiter struct {
	guest  Guest
	back   chan Pass // one slot: it is let go
	state  waiterState
	listed bool // the timer will hand it over
	woken  bool // while it was visited: it does not stay
}

type waiterState uint8

const (
	away    waiterState = iota // its goroutine does not wait
	waiting                    // for a tick
	visited                    // it is, or is about to be
)

// NewWaiter returns a Waiter.
func NewWaiter(g Guest) *Waiter { return &Waiter{guest: g, back: make(chan Pass, 1)} }

type visit struct {
	waiter *Waiter
	round  *round
}

// round is one tick.
type round struct {
	out  atomic.Int32 // visits and passes that are not over, and one until all are listed
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
	g.timer = NewTimer(Options[*Waiter]{Now: now, Delay: delay, Tick: g.open})
	return g
}

// Wait returns when a visit says so, or when wake is ready, which may be nil: then with no
// pass.
func (g *Gate) Wait(w *Waiter, wake <-chan struct{}) Pass {
	g.await(w)
	select {
	case p := <-w.back:
		return p
	case <-wake:
	}
	g.mu.Lock()
	if w.state == waiting {
		w.state = away
		g.mu.Unlock()
		return Pass{}
	}
	w.woken = true
	g.mu.Unlock()
	return <-w.back
}

func (g *Gate) await(w *Waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wait(w)
}

// wait is await for who holds mu.
func (g *Gate) wait(w *Waiter) {
	w.state = waiting
	if !w.listed {
		w.listed = true
		g.timer.Add(w)
	}
}

// open is the timer's tick.
func (g *Gate) open(listed []*Waiter) {
	r := &round{done: g.hooks.Done}
	due := g.begin(listed, r)
	if len(due) > 0 && g.hooks.Opening != nil {
		g.hooks.Opening()
	}
	for some := range slices.Chunk(due, visitsPerVisitor) {
		for _, v := range some {
			v.waiter.guest.Look()
		}
		if g.list(some) {
			g.visit()
		}
	}
	if len(due) > 0 {
		r.leave()
	} else if g.list(nil) {
		g.visit()
	}
}

// begin returns the visits of a round.
func (g *Gate) begin(listed []*Waiter, r *round) []visit {
	g.mu.Lock()
	defer g.mu.Unlock()
	r.out.Store(1)
	due := make([]visit, 0, len(listed))
	for _, w := range listed {
		if w.listed = false; w.state == waiting {
			w.state = visited
			r.out.Add(1)
			due = append(due, visit{w, r})
		}
	}
	return due
}

// list queues visits. It reports whether the caller is to visit.
func (g *Gate) list(due []visit) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.due = append(g.due, due...)
	left := len(g.due) - g.head
	if left == 0 {
		return false
	}
	if !g.watch.listed { // there is a tick also where all who wait are behind a long visit
		g.watch.listed = true
		g.timer.Add(&g.watch)
	}
	wanted := min(runtime.GOMAXPROCS(0), g.visitors+1+(left-1)/visitsPerVisitor)
	if g.visits == g.before {
		wanted = max(wanted, g.visitors+1)
	}
	g.before = g.visits
	if g.visitors >= wanted {
		return false
	}
	for g.visitors++; g.visitors < wanted; g.visitors++ {
		go g.visit()
	}
	return true
}

// visit visits until nobody is left.
func (g *Gate) visit() {
	for v, ok := g.next(); ok; v, ok = g.next() {
		if g.settle(v, v.waiter.guest.Visit()) {
			v.round.leave()
		}
	}
}

// settle has who was visited go on waiting, or lets them go with a pass. It reports
// whether they stay.
func (g *Gate) settle(v visit, stay bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.visits++
	w := v.waiter
	if stay && !w.woken {
		g.wait(w)
		return true
	}
	w.state, w.woken = away, false
	w.back <- Pass{v.round}
	return false
}

// next returns the first of those who are due, or ends the visitor.
func (g *Gate) next() (v visit, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.head == len(g.due) {
		g.due, g.head = g.due[:0], 0
		g.visitors--
		return visit{}, false
	}
	v = g.due[g.head]
	g.due[g.head] = visit{}
	g.head++
	return v, true
}
