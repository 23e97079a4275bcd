package attention

import (
	"sync"
	"time"
)

// tick is how exactly the agenda keeps time: what falls due in the same tick is
// done in one go, so that a busy server wakes up a hundred times a second and
// not for every sensor.
const tick = 10 * time.Millisecond

// agenda wakes entries at their time: one timer for all of them, which runs
// only while something is due.
//
// It holds each entry once, and once more where it was wanted earlier after
// all, so the sensors bound it.
type agenda struct {
	wake    func(*entry, time.Duration) // called without mu
	started time.Time                   // times are since then

	mu     sync.Mutex    // guards what follows
	due    appointments  // a heap, earliest first
	timer  *time.Timer   // nil until it is needed
	set    time.Duration // when the timer fires; never while it does not
	active bool          // run is at work, and sets the timer in the end
}

type appointment struct {
	at time.Duration // a multiple of tick
	e  *entry
}

// add has an entry woken at the first tick that is not before at, which it returns.
func (a *agenda) add(e *entry, at time.Duration) time.Duration {
	at = (at + tick - 1) / tick * tick
	a.mu.Lock()
	defer a.mu.Unlock()
	a.due.push(appointment{at, e})
	if !a.active {
		a.arm()
	}
	return at
}

// arm sets the timer to what is due first. The caller holds mu.
func (a *agenda) arm() {
	if len(a.due) == 0 || a.due[0].at >= a.set {
		return
	}
	a.set = a.due[0].at
	wait := a.set - time.Since(a.started)
	if a.timer == nil {
		a.timer = time.AfterFunc(wait, a.run)
		return
	}
	a.timer.Reset(wait)
}

// run wakes what is due.
func (a *agenda) run() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.active { // the timer was set anew just when it fired
		return
	}
	a.set, a.active = never, true
	for now := time.Since(a.started); len(a.due) > 0 && a.due[0].at <= now; {
		next := a.due.pop()
		a.mu.Unlock()
		a.wake(next.e, next.at)
		a.mu.Lock()
	}
	a.active = false
	a.arm()
}

// appointments is a binary heap, without the boxing of container/heap.
type appointments []appointment

func (h *appointments) push(p appointment) {
	*h = append(*h, p)
	q := *h
	for i := len(q) - 1; i > 0; {
		parent := (i - 1) / 2
		if q[parent].at <= q[i].at {
			return
		}
		q[parent], q[i] = q[i], q[parent]
		i = parent
	}
}

func (h *appointments) pop() appointment {
	q := *h
	first, last := q[0], len(q)-1
	q[0] = q[last]
	q[last] = appointment{} // the entry must not be kept alive
	q = q[:last]
	*h = q
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return first
		}
		if child+1 < last && q[child+1].at < q[child].at {
			child++
		}
		if q[i].at <= q[child].at {
			return first
		}
		q[i], q[child] = q[child], q[i]
		i = child
	}
}
