package socket

import (
	"sync"
	"time"
)

// restPeriod is how long what comes from a device that nobody looks at closely
// may lie in the socket: little beside the window of a second in which viewers
// get it.
const restPeriod = 50 * time.Millisecond

// rests has the readers of such devices wait for a common beat, so that the
// server wakes up for all of their batches together and not once for each. It
// beats only while somebody waits. What it holds is bounded by the connections.
type rests struct {
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
		time.AfterFunc(restPeriod, r.end)
	}
	return r.beat
}

func (r *rests) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.beat)
	r.beat = nil
}

// repose is what a connection knows of whether its reader may rest.
type repose struct {
	hurried int           // channels that cannot wait; guarded by the connection's mu
	roused  chan struct{} // one slot: there is one again
	plain   bool          // the message that was handled last was measurements without an answer; the reader's own
}

// rest lets the reader wait where only devices are joined that nobody looks at
// closely, the last message asked for no answer, and nothing more is there.
func (c *conn) rest() {
	plain := c.repose.plain
	c.repose.plain = false
	if !plain || !c.in.drained() {
		return
	}
	c.mu.Lock()
	hurried := c.repose.hurried > 0
	if !hurried && c.repose.roused == nil {
		c.repose.roused = make(chan struct{}, 1)
	}
	roused := c.repose.roused
	c.mu.Unlock()
	if !hurried && !c.closing.Load() {
		c.srv.rests.wait(roused)
	}
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
