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
// at many before it visits them: one step for many, and then the next, keeps the code of each
// in the processor's cache.
//
//	       Wait                  tick                       it stays
//	away ───────▶ waiting ──────────────────▶ visited ──────────────────▶ waiting
//	  ▲              │ wake                      │ it does not stay
//	  └──────────────┴───────────────────────────┘
//
// There are as many visitors as it takes, and at most as many as processors. Visits must not
// wait. If one does, the others go on at the next tick: a visitor that has ended no visit
// since the last one does not count.
type Gate struct {
	timer *Timer[*Waiter]
	hooks Hooks

	mu       sync.Mutex // guards what follows, and Waiters; taken before the timer's
	due      []visit    // not yet looked at; a Waiter is here or in looked at most once
	looked   []visit    // to be visited, in order
	head     int        // looked[:head] is done
	visitors []*visitor
	ticks    uint64
	watch    Waiter // nobody: it has the timer tick
}

// visitor is a goroutine that visits.
type visitor struct{ tick uint64 } // the tick before its last visit ended, or before it began

// Hooks are called at each tick; each may be nil.
type Hooks struct {
	// Opening is called before the visits.
	Opening func()
	// Done is called when all who waited were visited and have given back their passes. here says
	// that the caller is a visitor, who has time; else it is one who gave back a pass.
	Done func(here bool)
}

// Guest is who is visited. Calls come from one goroutine at a time, while the guest's own
// waits. They must not panic, and not wait: see Gate.
type Guest interface {
	// Look is called at a tick, some time before Visit.
	Look()
	// Visit reports whether the guest goes on waiting.
	Visit() (stay bool)
}

// Waiter waits for a Guest at a Gate, the same one always.
type Waiter struct {
	guest  Guest
	back   chan Pass // one slot: it is let go; nil before the first Wait
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

// MakeWaiter returns a Waiter, which is not to be copied once it waits.
func MakeWaiter(g Guest) Waiter { return Waiter{guest: g} }

type visit struct {
	waiter *Waiter
	round  *round
}

// round is one tick.
type round struct {
	out  atomic.Int32 // visits and passes that are not over
	done func(here bool)
}

func (r *round) leave(here bool) {
	if r.out.Add(-1) == 0 && r.done != nil {
		r.done(here)
	}
}

// Pass is of a goroutine that a Gate let go. The zero value is of none.
type Pass struct{ round *round }

// Done gives the pass back: what the goroutine waited for is done. Another call does
// nothing.
func (p *Pass) Done() {
	if p.round != nil {
		p.round.leave(false)
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
	w.woken = w.state == visited // else its pass is there
	g.mu.Unlock()
	return <-w.back
}

func (g *Gate) await(w *Waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.back == nil {
		w.back = make(chan Pass, 1)
	}
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
	due := g.begin(listed)
	if len(due) > 0 && g.hooks.Opening != nil {
		g.hooks.Opening() // before a visitor who is at work can end the round
	}
	if v := g.startVisitors(due); v != nil {
		g.visit(v)
	}
}

// begin returns the visits of a round.
func (g *Gate) begin(listed []*Waiter) []visit {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ticks++
	r := &round{done: g.hooks.Done}
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

// startVisitors queues visits and sees to it that there are visitors enough. It returns one
// that the caller is to be, or nil.
func (g *Gate) startVisitors(due []visit) *visitor {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.due = append(g.due, due...)
	left := len(g.due) + len(g.looked) - g.head
	if left == 0 {
		return nil
	}
	if !g.watch.listed { // there is a tick also where all who wait are behind a long visit
		g.watch.listed = true
		g.timer.Add(&g.watch)
	}
	stuck := 0
	for _, v := range g.visitors {
		if v.tick+1 < g.ticks {
			stuck++
		}
	}
	wanted := stuck + min(runtime.GOMAXPROCS(0), len(g.visitors)-stuck+1+(left-1)/visitsPerVisitor)
	if len(g.visitors) >= wanted {
		return nil
	}
	mine := g.newVisitor()
	for len(g.visitors) < wanted {
		go g.visit(g.newVisitor())
	}
	return mine
}

func (g *Gate) newVisitor() *visitor {
	v := &visitor{tick: g.ticks - 1}
	g.visitors = append(g.visitors, v)
	return v
}

// visit visits until nobody is left.
func (g *Gate) visit(by *visitor) {
	growStack(0)
	var some []visit
	for {
		v, ok := g.next()
		switch {
		case ok:
			if g.settle(by, v, v.waiter.guest.Visit()) {
				v.round.leave(true)
			}
		case !g.lookAtSome(by, &some):
			return
		}
	}
}

// next returns the first of those who were looked at.
func (g *Gate) next() (v visit, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.head == len(g.looked) {
		g.looked, g.head = g.looked[:0], 0
		return visit{}, false
	}
	v = g.looked[g.head]
	g.looked[g.head] = visit{}
	g.head++
	return v, true
}

// lookAtSome looks at some of those who are due, or ends the visitor where nobody is left.
func (g *Gate) lookAtSome(by *visitor, some *[]visit) bool {
	if *some = g.takeDue((*some)[:0]); len(*some) == 0 {
		return g.endUnlessLeft(by)
	}
	for _, v := range *some {
		v.waiter.guest.Look()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looked = append(g.looked, *some...)
	return true
}

// takeDue moves the first who are due into some.
func (g *Gate) takeDue(some []visit) []visit {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.due), visitsPerVisitor)
	some = append(some, g.due[:n]...)
	g.due = slices.Delete(g.due, 0, n)
	return some
}

// endUnlessLeft reports whether there is something to do again; else the visitor ends.
func (g *Gate) endUnlessLeft(by *visitor) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.due)+len(g.looked)-g.head > 0 {
		return true
	}
	at := slices.Index(g.visitors, by)
	g.visitors = slices.Delete(g.visitors, at, at+1)
	return false
}

// settle has who was visited go on waiting, or lets them go with a pass. It reports
// whether they stay.
func (g *Gate) settle(by *visitor, v visit, stay bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	by.tick = g.ticks
	w := v.waiter
	if stay && !w.woken {
		g.wait(w)
		return true
	}
	w.state, w.woken = away, false
	w.back <- Pass{v.round}
	return false
}
