package socket

import "time"

// readPause is how long what comes from a device that nobody looks at closely may
// wait in the kernel: little beside the window of a second in which viewers get it.
const readPause = 50 * time.Millisecond

// Of devices that somebody looks at closely and that send more often than viewers
// are written to: what they send waits for the next write anyway, so it waits in
// the kernel until readLead before that.
const (
	readLead     = time.Millisecond // enough for what has come to be read and handed to viewers
	rapidFlushes = 8                // flushes over which the rate of a device is counted
)

// readPacing is what a connection knows of whether its reader may pause. Readers
// pause together, so that the server wakes up for all of their batches at once.
type readPacing struct {
	urgent int           // channels that cannot wait; guarded by the connection's mu
	wake   chan struct{} // one slot: there is an urgent channel again

	// The reader's own:
	unanswered bool          // the message that was handled last was measurements without an answer
	counted    int           // of such messages,
	since      time.Duration // since then
	rapid      bool          // more of them came than flushes
}

// pauseReading lets the reader wait where the last message asked for no answer and
// nothing more is there: until the next tick of readPause where only devices are
// joined that nobody looks at closely, until just before the next flush where
// messages come more often than viewers are written to.
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
	urgent := r.urgent > 0
	if !urgent && r.wake == nil {
		r.wake = make(chan struct{}, 1)
	}
	wake := r.wake
	c.mu.Unlock()
	switch {
	case !urgent:
		c.srv.readGate.Wait(wake)
	case c.rapid():
		c.srv.flushGate.Wait(nil)
	}
}

// rapid reports whether more messages without an answer come than flushes. Where
// flushes follow each other faster than readers read there is nothing to wait for.
func (c *conn) rapid() bool {
	r, gather := &c.pacing, c.srv.limits.Gather
	if now := c.srv.now(); now-r.since >= rapidFlushes*gather {
		r.rapid = gather >= 2*readLead && r.counted > rapidFlushes
		r.counted, r.since = 0, now
	}
	return r.rapid
}

// setUrgent says whether what comes on a channel cannot wait.
func (c *conn) setUrgent(ch *channel, urgent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channels[ch.Topic] == ch {
		c.markUrgent(ch, urgent)
	}
}

// markUrgent is setUrgent for who holds the connection's mu.
func (c *conn) markUrgent(ch *channel, urgent bool) {
	if ch.urgent == urgent {
		return
	}
	ch.urgent = urgent
	if !urgent {
		c.pacing.urgent--
		return
	}
	c.pacing.urgent++
	select {
	case c.pacing.wake <- struct{}{}: // nil where the reader never paused
	default:
	}
}
