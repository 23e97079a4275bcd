package socket

import (
	"time"

	"github.com/sensocto/sensocto/socket/tick"
)

// readPause is how long what comes from a device that nobody looks at closely may
// wait in the kernel: little beside the window of a second in which viewers get it.
const readPause = 50 * time.Millisecond

// Of devices that somebody looks at closely: where much comes, what they send
// waits for the next write to viewers anyway, so it waits in the kernel until
// readLead before that.
const (
	readLead    = time.Millisecond // enough for what has come to be read and handed to viewers
	rateFlushes = 8                // flushes over which the rate of a device is counted
	// busyFrames is how many frames of all connections come between two flushes of
	// a busy server. There readers pause whose devices send at least once in
	// seldomFlushes flushes. Else a flush would be more to wake up for than they are.
	busyFrames    = 4
	seldomFlushes = 4
)

// emptyReads is after how many pauses at whose end nothing had come the reader waits for
// what comes next, and not for the next tick.
const emptyReads = 4

// readPacing is what a connection knows of whether its reader may pause. Readers
// pause together, so that the server wakes up for all of their batches at once.
type readPacing struct {
	urgent int           // channels that cannot wait; guarded by the connection's mu
	wake   chan struct{} // one slot: there is an urgent channel again

	// The reader's own:
	unanswered bool          // the message that was handled last was measurements without an answer
	counted    int           // of such messages,
	since      time.Duration // since then,
	frames     uint64        // when so many had come from all connections
	often      bool          // so many come that the reader pauses also where they are urgent
	paid       bool          // at the end of the last pause something had come
	pass       tick.Pass     // from that pause, until what had come is handled
}

// pauseReading lets the reader wait where the last message asked for no answer and
// nothing more is there: until the next tick of readPause where only devices are
// joined that nobody looks at closely, until just before the next flush where
// messages come often. Where that pays its socket is quiet meanwhile, and the
// reader looks at each tick whether something has come.
func (c *conn) pauseReading() {
	r := &c.pacing
	if c.in.Empty() {
		r.pass.Done()
	}
	if !r.unanswered {
		return
	}
	r.unanswered = false
	r.counted++
	if !c.in.Empty() {
		return
	}
	quiet := r.paid && c.in.Quiet()
	for range emptyReads {
		if c.closing.Load() || !c.waitTick() {
			return
		}
		if r.paid = c.in.Poll(); r.paid {
			return
		}
		if r.pass.Done(); !quiet {
			return
		}
	}
}

// waitTick waits until the next tick at which the connection is read. It reports false
// where there is none: what comes cannot wait.
func (c *conn) waitTick() bool {
	r := &c.pacing
	c.mu.Lock()
	urgent := r.urgent > 0
	if !urgent && r.wake == nil {
		r.wake = make(chan struct{}, 1)
	}
	wake := r.wake
	c.mu.Unlock()
	switch {
	case !urgent:
		r.pass = c.srv.readGate.Wait(wake)
	case r.sendsOften(c.srv.now(), c.srv.limits.Gather, c.srv.count.framesIn.Load()):
		r.pass = c.srv.flushGate.Wait(nil)
	default:
		return false
	}
	return true
}

// sendsOften reports whether more messages without an answer come than flushes, or
// not so many to a server that is busy: frames have come to it by now. Where flushes
// follow each other faster than readers read there is nothing to wait for.
func (r *readPacing) sendsOften(now, gather time.Duration, frames uint64) bool {
	if gather < 2*readLead {
		return false
	}
	if now-r.since >= rateFlushes*gather {
		flushes := int((now - r.since) / gather)
		busy := frames-r.frames >= uint64(busyFrames*flushes)
		r.often = r.counted > flushes || busy && seldomFlushes*r.counted >= flushes
		r.counted, r.since, r.frames = 0, now, frames
	}
	return r.often
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
