package sensor

import (
	"context"
	"sync"

	"github.com/sensocto/sensocto"
)

// mail is one thing for a sensor to do, in the order in which it came.
type mail struct {
	batch   *sensocto.Batch // measurements to take, or nil
	durable bool            // done waits for the disk
	done    func(error)     // may be nil
	do      func()          // anything else, run on the sensor's goroutine
}

// mailbox is a sensor's queue. It is bounded in measurements; when it is full
// the sender waits, so that TCP slows the source down. It starts empty and
// grows on demand: most sensors are idle most of the time.
type mailbox struct {
	mu     sync.Mutex // guards closed, turn, size and queue
	closed bool
	turn   turn
	size   int // measurements in queue
	queue  []mail

	bound int
	wake  chan struct{} // one slot: tells the sensor that there is mail
	space chan struct{} // one slot: tells a waiting sender that there is room
}

// turn says who handles mail, and may touch the sensor's state: one at a time.
type turn uint8

const (
	free  turn = iota
	taken      // somebody does
	owed       // the sensor's goroutine is to be the next
)

func makeMailbox(bound int) mailbox {
	return mailbox{bound: bound, wake: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

// put queues m, waiting for room until ctx ends. A batch larger than the
// bound is taken when the mailbox is empty.
func (b *mailbox) put(ctx context.Context, m mail) error {
	for {
		ok, err := b.tryPut(m)
		if ok || err != nil {
			return err
		}
		select {
		case <-b.space:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *mailbox) tryPut(m mail) (ok bool, err error) {
	n := 1 // a request weighs like a measurement, so that requests are bounded too
	if m.batch != nil {
		n = max(n, len(m.batch.Measurements))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		notify(b.space) // the next waiting sender has to learn it as well
		return false, sensocto.ErrUnavailable
	case b.size > 0 && b.size+n > b.bound:
		return false, nil
	}
	b.queue = append(b.queue, m)
	b.size += n
	notify(b.wake)
	if b.size < b.bound {
		notify(b.space)
	}
	return true, nil
}

// begin takes the turn for a sender, for mail of its own. It reports false where other
// mail or the sensor's goroutine comes first.
func (b *mailbox) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.turn != free || len(b.queue) > 0 || b.closed {
		return false
	}
	b.turn = taken
	return true
}

// enter takes the turn for the sensor's goroutine. Where it reports false a sender has
// it, and end wakes the goroutine if there is something to do.
func (b *mailbox) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.turn == taken {
		return false
	}
	b.turn = taken
	return true
}

// end ends a turn. owes says that the next one is the goroutine's.
func (b *mailbox) end(owes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.turn = free; owes {
		b.turn = owed
	}
	if owes || len(b.queue) > 0 || b.closed {
		notify(b.wake)
	}
}

// take moves all mail into buf, which it returns. The caller has the turn.
func (b *mailbox) take(buf []mail) []mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		return buf[:0]
	}
	taken := b.queue
	b.queue = buf[:0]
	b.size = 0
	notify(b.space)
	return taken
}

// depth returns the number of measurements and requests that wait.
func (b *mailbox) depth() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}

// close refuses further mail. What is in the mailbox stays to be taken.
func (b *mailbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	notify(b.space)
	notify(b.wake)
}

func (b *mailbox) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
