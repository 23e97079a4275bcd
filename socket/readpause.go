package socket

import (
	"time"

	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/tick"
	"github.com/sensocto/sensocto/socket/ws"
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

// emptyReads is after how many ticks at which nothing had come the reader waits for the next
// message instead of a tick.
const emptyReads = 4

// readPacing is what a connection knows of whether its reader may pause. Readers
// pause together, so that the server wakes up for all of their batches at once.
type readPacing struct {
	urgent int           // channels that cannot wait; guarded by the connection's mu
	wake   chan struct{} // one slot: there is an urgent channel again

	// The reader's own, and while it waits at a gate its worker's:
	unanswered bool      // the message that was handled last was measurements without an answer
	pass       tick.Pass // from the last pause, until what had come is handled
	*pauses              // nil before the first: most connections are not read often
}

// pauses is the state of a reader's pauses, which is kept from one to the next.
type pauses struct {
	arrived bool            // the last poll found something
	quiet   bool            // the socket wakes nobody meanwhile
	resume  bool            // the reader has something to do, or has to wait for what comes
	often   bool            // so many messages come that the reader pauses also where they are urgent
	empty   int             // ticks in a row at which nothing had come
	readers [2]pausedReader // at the flush gate and at the read gate

	device    *device       // of the last message that a worker handled,
	topic     string        // its topic,
	changes   uint64        // and the connection's changes when it was looked up
	counted   int           // messages without an answer since then
	since     time.Duration // when the count began
	frames    uint64        // of all connections at that time
	unhandled func() error  // what a worker has read and left to the reader; nil for nothing
	frame     phx.Frame     // the message that a worker handles
}

// newPauses returns the pauses of a connection.
func newPauses(c *conn) *pauses {
	r := new(pauses)
	for i, gate := range []*tick.Gate{c.srv.flushGate, c.srv.readGate} {
		p := &r.readers[i]
		*p = pausedReader{Waiter: tick.MakeWaiter(p), conn: c, gate: gate}
	}
	return r
}

// pauseReading lets the reader wait where the last message asked for no answer and
// nothing more is there: until the next tick of readPause where only devices are
// joined that nobody looks at closely, until just before the next flush where
// messages come often. Where that pays its socket is quiet meanwhile, and at each tick
// a worker handles what has come, so that no goroutine has to be woken for it.
func (c *conn) pauseReading() {
	r := &c.pacing
	if c.in.Empty() {
		r.pass.Done()
	}
	if !r.unanswered {
		return
	}
	if r.unanswered = false; r.pauses == nil {
		r.pauses = newPauses(c)
	}
	r.counted++
	if !c.in.Empty() {
		return
	}
	c.pause()
	if c.in.Empty() && r.unhandled == nil { // what comes next may be long in coming
		r.pass.Done()
	}
}

// pause waits at gates until the reader has something to do, or has to wait for what comes.
func (c *conn) pause() {
	r := &c.pacing
	r.empty, r.resume = 0, false
	for !r.resume && !c.closing.Load() {
		gate, wake := c.gate()
		if gate == nil {
			return
		}
		r.quiet = (r.arrived || gate == c.srv.flushGate) && c.in.Quiet()
		r.pass.Done()
		r.pass = gate.Wait(r.waiter(gate), wake)
	}
}

// gate returns the gate at whose next tick the connection is read, and what wakes it
// before; nil where what comes cannot wait.
func (c *conn) gate() (*tick.Gate, <-chan struct{}) {
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
		return c.srv.readGate, wake
	case r.sendsOften(c.srv.now(), c.srv.limits.Gather, c.srv.count.framesIn.Load()):
		return c.srv.flushGate, nil
	}
	return nil, nil
}

// waiter returns what waits for the connection at a gate.
func (r *pauses) waiter(gate *tick.Gate) *tick.Waiter {
	at := 0
	if gate != r.readers[at].gate {
		at = 1
	}
	return &r.readers[at].Waiter
}

// pausedReader is a connection whose reader waits at a gate.
type pausedReader struct {
	tick.Waiter
	conn *conn
	gate *tick.Gate
}

// Poll implements tick.Handler: it reads what has come.
func (p *pausedReader) Poll() {
	c := p.conn
	defer c.Contain("read")
	c.pacing.arrived = false
	if !c.closing.Load() {
		c.pacing.arrived = c.in.Poll()
	}
}

// Handle implements tick.Handler: it handles what Poll has read, and leaves to the reader
// whatever may have to wait.
func (p *pausedReader) Handle() (wait bool) {
	c := p.conn
	defer c.Contain("read")
	r := &c.pacing
	switch {
	case c.closing.Load():
		return false
	case !r.arrived:
		if r.empty++; !r.quiet || r.empty == emptyReads {
			r.resume = true
			return false
		}
	case !c.handleAll():
		r.resume = true
		return false
	default:
		r.quiet = c.in.Quiet()
	}
	gate, _ := c.gate()
	return gate == p.gate
}

// handleAll handles the messages that are there, and reports whether none is left to the
// reader.
func (c *conn) handleAll() bool {
	r := &c.pacing
	r.empty = 0
	here := c.handleHere()
	for here && !c.in.Empty() {
		here = c.handleHere()
	}
	r.frame = phx.Frame{} // it would keep the read buffer
	return here
}

// handleHere handles the next message, if that is there and of a kind that waits for
// nothing: measurements that are not acknowledged, of a device whose sensor takes them at
// once. It reports whether the worker goes on; else the rest is the reader's.
func (c *conn) handleHere() bool {
	r := &c.pacing
	if !c.in.Whole() {
		return false
	}
	op, payload, err := c.in.Next()
	if err != nil {
		r.unhandled = func() error { return err }
		return false
	}
	d := c.plainMeasurements(op, payload)
	if d == nil {
		r.unhandled = func() error { return c.handle(op, payload) }
		return false
	}
	if err := c.admit(); err != nil {
		r.unhandled = func() error { return err }
		return false
	}
	c.countFrame(payload)
	if err := c.noted(c.answered(d.ch, &r.frame, d.Handle(c.ctx, &r.frame))); err != nil {
		r.unhandled = func() error { return err }
		return false
	}
	plain := r.unanswered
	r.unanswered = false
	r.counted++
	return plain
}

// plainMeasurements decodes a message into frame, and returns its device where handleHere
// may handle it, or nil.
func (c *conn) plainMeasurements(op byte, payload []byte) *device {
	if op != ws.OpText {
		return nil
	}
	r := &c.pacing
	var err error
	if r.frame, err = c.decode(op, payload); err != nil {
		return nil
	}
	d := c.plainDevice(r.frame.Topic)
	if d == nil || !d.takesAtOnce(&r.frame) {
		return nil
	}
	return d
}

// plainDevice returns the device of a topic whose measurements are not answered where all
// is well, or nil. Nearly always it is the one of the message before.
func (c *conn) plainDevice(topic []byte) *device {
	r := &c.pacing
	changes := c.changes.Load() // before the lookup
	if r.device != nil && r.changes == changes && string(topic) == r.topic {
		return r.device
	}
	ch := c.channel(topic)
	if ch == nil || ch.joining != nil {
		return nil
	}
	d, is := ch.handler.(*device)
	if !is || d.acks() {
		return nil
	}
	r.device, r.topic, r.changes = d, ch.Topic, changes
	return d
}

// sendsOften reports whether more messages without an answer came than there were flushes
// or, on a busy server, at least one in seldomFlushes flushes. frames is how many have come on
// all connections so far. It is false where flushes are too close together to wait for.
func (r *pauses) sendsOften(now, gather time.Duration, frames uint64) bool {
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
