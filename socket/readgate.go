package socket

import (
	"sync"
	"time"
)

// restPeriod is how long what comes from a device that nobody looks at closely
// may lie in the socket: little beside the window of a second in which viewers
// get it.
const readPause = 50 * time.Millisecond

// Of devices that somebody looks at closely and that send faster than viewers are
// written to: what they send waits for the next write anyway, so it lies in the
// socket until restLead before that.
const (
	readLead  = time.Millisecond // enough for what has come to be read and handed to viewers
	rapidOver = 8                // beats over which the rate of a device is counted
)

// rests has the readers of devices wait for a common beat, so that the server
// wakes up for all of their batches together and not once for each. It beats only
// while somebody waits. What it holds is bounded by the connections.
type readGate struct {
	delay  func() time.Duration // how long until a beat
	opened func()               // is called behind each; may be nil

	mu   sync.Mutex    // guards what follows
	open chan struct{} // closed at the next beat; nil while nobody waits
}

// wait returns at the next beat, or when the connection is roused.
func (r *readGate) wait(roused <-chan struct{}) {
	select {
	case <-r.next():
	case <-roused:
	}
}

func (r *readGate) next() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = make(chan struct{})
		time.AfterFunc(r.delay(), r.release)
	}
	return r.open
}

func (r *readGate) release() {
	r.mu.Lock()
	close(r.open)
	r.open = nil
	r.mu.Unlock()
	if r.opened != nil {
		r.opened()
	}
}

// repose is what a connection knows of whether its reader may rest.
type readPacing struct {
	urgent int           // channels that cannot wait; guarded by the connection's mu
	wake   chan struct{} // one slot: there is one again

	// The reader's own:
	unanswered bool          // the message that was handled last was measurements without an answer
	counted    int           // of such messages,
	since      time.Duration // since then
	rapid      bool          // more of them came than beats of the pulse
}

// rest lets the reader wait where the last message asked for no answer and nothing
// more is there: for a long beat where only devices are joined that nobody looks at
// closely, for a short one where the messages come faster than viewers are written
// to.
func (c *conn) pauseReading() {
	r := &c.pacing
	if !r.unanswered {
		return
	}
	r.unanswered = false
	r.counted++
	if !c.in.Empty() || c.closing.Load() {
		return
	}
	c.mu.Lock()
	hurried := r.urgent > 0
	if !hurried && r.wake == nil {
		r.wake = make(chan struct{}, 1)
	}
	roused := r.wake
	c.mu.Unlock()
	switch {
	case !hurried:
		c.srv.readGate.wait(roused)
	case c.rapid():
		c.srv.shortReadGate.wait(nil)
	}
}

// rapid reports whether more plain messages come than the pulse beats. Where it beats
// faster than readers read there is nothing to wait for.
func (c *conn) rapid() bool {
	r, gather := &c.pacing, c.srv.limits.Gather
	if now := c.srv.now(); now-r.since >= rapidOver*gather {
		r.rapid = gather >= 2*readLead && r.counted > rapidOver
		r.counted, r.since = 0, now
	}
	return r.rapid
}

// hurry says whether what comes on a channel can wait.
func (c *conn) setUrgent(ch *channel, hurried bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channels[ch.topic] == ch {
		c.markUrgent(ch, hurried)
	}
}

// setHurried is hurry for who holds the connection's mu.
func (c *conn) markUrgent(ch *channel, hurried bool) {
	if ch.urgent == hurried {
		return
	}
	ch.urgent = hurried
	if !hurried {
		c.pacing.urgent--
		return
	}
	c.pacing.urgent++
	select {
	case c.pacing.wake <- struct{}{}: // nil where the reader never rested
	default:
	}
}
