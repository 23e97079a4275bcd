package tick

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// batchSize is how many Waiters one worker polls before it handles the first of them. One more
// worker is started for each further batch: handling a Waiter takes less time than waking
// another processor up.
const batchSize = 256

// Gate handles those who wait at it at a common tick, one after the other in a goroutine
// that is awake already, and lets go those who have more to do than it can. It polls
// many before it handles them: one step for many, and then the next, keeps the code of each
// in the processor's cache.
//
//	       Wait                  tick                      it keeps waiting
//	away ───────▶ waiting ──────────────────▶ handling ──────────────────▶ waiting
//	  ▲              │ wake                      │ it does not
//	  └──────────────┴───────────────────────────┘
//
// There are as many workers as it takes, and at most as many as processors. A Handler must not
// wait. If one does, the others go on at the next tick: a worker that has ended no task
// since the last one does not count.
type Gate struct {
	timer *Timer[*Waiter]
	hooks Hooks

	mu      sync.Mutex // guards what follows, and Waiters; taken before the timer's
	due     []task     // not yet polled; a Waiter is here or in polled at most once
	polled  []task     // to be handled, in order
	head    int        // polled[:head] is done
	workers []*worker
	ticks   uint64
	watch   Waiter // has no Handler: it keeps the timer ticking while tasks are left
}

// worker is a goroutine that polls and handles.
type worker struct {
	tick uint64 // the tick before its last task ended, or before it began
}

// Hooks are called at each tick; each may be nil.
type Hooks struct {
	// Opening is called before anybody is polled.
	Opening func()
	// Done is called when all who waited were handled and have given back their passes. byWorker
	// says that the caller is a worker, who has time; else it is one who gave back a pass.
	Done func(byWorker bool)
}

// Handler does the work of a goroutine while that waits. It is called by one worker at a
// time. Its methods must not panic, and must not wait: see Gate.
type Handler interface {
	// Poll is called at a tick, some time before Handle.
	Poll()
	// Handle reports whether the goroutine keeps waiting.
	Handle() (wait bool)
}

// Waiter waits at a Gate, the same one always.
type Waiter struct {
	handler Handler
	back    chan Pass // one slot: it is let go; nil before the first Wait
	state   waiterState
	listed  bool // the timer will hand it over
	woken   bool // while it was handled: it does not keep waiting
}

type waiterState uint8

const (
	away     waiterState = iota // its goroutine does not wait
	waiting                     // for a tick
	handling                    // it is handled, or is about to be
)

// MakeWaiter returns a Waiter, which is not to be copied once it waits.
func MakeWaiter(h Handler) Waiter { return Waiter{handler: h} }

// task is a Waiter to poll and handle at a tick.
type task struct {
	waiter *Waiter
	round  *round
}

// round is one tick.
type round struct {
	pending atomic.Int32 // tasks and passes
	done    func(byWorker bool)
}

func (r *round) leave(byWorker bool) {
	if r.pending.Add(-1) == 0 && r.done != nil {
		r.done(byWorker)
	}
}

// Pass belongs to a goroutine that a Gate let go. The zero value belongs to none.
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

// Wait returns with a pass when Handle says so. It also returns when wake is ready, which may
// be nil: without a pass, or, where it is being handled, with its pass when that is over.
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
	w.woken = w.state == handling // else its pass is there
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
		g.hooks.Opening() // before a worker that runs can end the round
	}
	if w := g.startWorkers(due); w != nil {
		g.work(w)
	}
}

// begin returns the tasks of a round.
func (g *Gate) begin(listed []*Waiter) []task {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ticks++
	r := &round{done: g.hooks.Done}
	due := make([]task, 0, len(listed))
	for _, w := range listed {
		if w.listed = false; w.state == waiting {
			w.state = handling
			r.pending.Add(1)
			due = append(due, task{w, r})
		}
	}
	return due
}

// startWorkers queues tasks and sees to it that there are workers enough. It returns one
// that the caller is to be, or nil.
func (g *Gate) startWorkers(due []task) *worker {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.due = append(g.due, due...)
	left := len(g.due) + len(g.polled) - g.head
	if left == 0 {
		return nil
	}
	if !g.watch.listed { // there is a tick also where all who wait are behind a long task
		g.watch.listed = true
		g.timer.Add(&g.watch)
	}
	stuck := 0
	for _, w := range g.workers {
		if w.tick+1 < g.ticks {
			stuck++
		}
	}
	wanted := stuck + min(runtime.GOMAXPROCS(0), len(g.workers)-stuck+1+(left-1)/batchSize)
	if len(g.workers) >= wanted {
		return nil
	}
	mine := g.newWorker()
	for len(g.workers) < wanted {
		go g.work(g.newWorker())
	}
	return mine
}

func (g *Gate) newWorker() *worker {
	w := &worker{tick: g.ticks - 1}
	g.workers = append(g.workers, w)
	return w
}

// work polls and handles until nothing is left.
func (g *Gate) work(by *worker) {
	growStack(0)
	var some []task
	for {
		t, ok := g.next()
		switch {
		case ok:
			if g.finish(by, t, t.waiter.handler.Handle()) {
				t.round.leave(true)
			}
		case !g.pollSome(by, &some):
			return
		}
	}
}

// next returns the first of the polled tasks.
func (g *Gate) next() (t task, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.head == len(g.polled) {
		g.polled, g.head = g.polled[:0], 0
		return task{}, false
	}
	t = g.polled[g.head]
	g.polled[g.head] = task{}
	g.head++
	return t, true
}

// pollSome polls some of those who are due, or ends the worker where nothing is left.
func (g *Gate) pollSome(by *worker, some *[]task) bool {
	if *some = g.takeDue((*some)[:0]); len(*some) == 0 {
		return g.endUnlessLeft(by)
	}
	for _, t := range *some {
		t.waiter.handler.Poll()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.polled = append(g.polled, *some...)
	return true
}

// takeDue moves the first who are due into some.
func (g *Gate) takeDue(some []task) []task {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.due), batchSize)
	some = append(some, g.due[:n]...)
	g.due = slices.Delete(g.due, 0, n)
	return some
}

// endUnlessLeft reports whether there is something to do again; else the worker ends.
func (g *Gate) endUnlessLeft(by *worker) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.due)+len(g.polled)-g.head > 0 {
		return true
	}
	at := slices.Index(g.workers, by)
	g.workers = slices.Delete(g.workers, at, at+1)
	return false
}

// finish has who was handled keep waiting, or lets them go with a pass. It reports whether
// they keep waiting.
func (g *Gate) finish(by *worker, t task, wait bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	by.tick = g.ticks
	w := t.waiter
	if wait && !w.woken {
		g.wait(w)
		return true
	}
	w.state, w.woken = away, false
	w.back <- Pass{t.round}
	return false
}
