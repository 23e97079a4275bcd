package socket

import (
	"sync"
	"time"
)

// restPeriod is how long what comes from a device that nobody looks at closely
// may lie in the socket: little beside the window of a second in which viewers
// get it.
const restPeriod = 50 * time.Millisecond

// Of devices that somebody looks at closely and that send faster than viewers are
// written to: what they send waits for the next write anyway, so it lies in the
// socket until restLead before that.
const (
	restLead  = time.Millisecond // enough for what has come to be read and handed to viewers
	rapidOver = 8                // beats over which the rate of a device is counted
)

// rests has the readers of devices wait for a common beat, so that the server
// wakes up for all of their batches together and not once for each. It beats only
// while somebody waits. What it holds is bounded by the connections.
type rests struct {
	until func() time.Duration // how long until a beat
	ended func()               // is called behind each; may be nil

	mu   sync.Mutex    // guards what follows
	beat chan struct{} // closed at the next beat; nil while nobody waits
}

// wait returns at the next beat, or when the connection is roused.
func (r *rests) wait(roused <-chan struct{}) {
	select {
	case <-r.next():
	case <-roused:
	}
}

func (r *rests) next() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.beat == nil {
		r.beat = make(chan struct{})
		time.AfterFunc(r.until(), r.end)
	}
	return r.beat
}

func (r *rests) end() {
	r.mu.Lock()
	close(r.beat)
	r.beat = nil
	r.mu.Unlock()
	if r.ended != nil {
		r.ended()
	}
}

// repose is what a connection knows of whether its reader may rest.
type repose struct {
	hurried int           // channels that cannot wait; guarded by the connection's mu
	roused  chan struct{} // one slot: there is one again

	// The reader's own:
	plain   bool          // the message that was handled last was measurements without an answer
	counted int           // of such messages,
	since   time.Duration // since then
	rapid   bool          // more of them came than beats of the pulse
}

// rest lets the reader wait where the last message asked for no answer and nothing
// more is there: for a long beat where only devices are joined that nobody looks at
// closely, for a short one where the messages come faster than viewers are written
// to.
func (c *conn) rest() {
	r := &c.repose
	if !r.plain {
		return
	}
	r.plain = false
	r.counted++
	if !c.in.drained() || c.closing.Load() {
		return
	}
	c.mu.Lock()
	hurried := r.hurried > 0
	if !hurried && r.roused == nil {
		r.roused = make(chan struct{}, 1)
	}
	roused := r.roused
	c.mu.Unlock()
	switch {
	case !hurried:
		c.srv.rests.wait(roused)
	case c.rapid():
		c.srv.shortRests.wait(nil)
	}
}

// rapid reports whether more plain messages come than the pulse beats. Where it beats
// faster than readers read there is nothing to wait for.
func (c *conn) rapid() bool {
	r, gather := &c.repose, c.srv.limits.Gather
	if now := c.srv.now(); now-r.since >= rapidOver*gather {
		r.rapid = gather >= 2*restLead && r.counted > rapidOver
		r.counted, r.since = 0, now
	}
	return r.rapid
}

// hurry says whether what comes on a channel can wait.
func (c *conn) hurry(ch *channel, hurried bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channels[ch.topic] == ch {
		c.setHurried(ch, hurried)
	}
}

// setHurried is hurry for who holds the connection's mu.
func (c *conn) setHurried(ch *channel, hurried bool) {
	if ch.hurried == hurried {
		return
	}
	ch.hurried = hurried
	if !hurried {
		c.repose.hurried--
		return
	}
	c.repose.hurried++
	select {
	case c.repose.roused <- struct{}{}: // nil where the reader never rested
	default:
	}
}
