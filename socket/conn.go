package socket

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/admission"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/ws"
)

// closeWait is how long a connection may take to end after a close frame was
// queued for it.
const closeWait = 2 * time.Second

// conn is one WebSocket: its life cycle. What it does with messages is in
// dispatch.go and join.go, who it is in identity.go, what it sends in package outbound.
//
// One goroutine, serve, reads and answers until the connection ends. Others
// only queue frames, end channels and ask for the connection to be closed.
type conn struct {
	// What each frame needs is together: other connections have usually evicted it from the
	// cache since the last one.
	srv      *Server
	mu       sync.Mutex // guards channels to refusals, and pacing.urgent and wake; never held over I/O
	pacing   readPacing
	closing  atomic.Bool // a close frame is queued: nothing is handled any more,
	draining atomic.Bool // except, at a shutdown, what the peer had sent before it heard of that
	version  phx.Version
	unity    atomic.Int32    // connectors that wait for a reply to every push
	changes  atomic.Uint64   // counts joins and leaves: what was looked up at another count may have ended
	ctx      context.Context // ends with the connection
	lastRead atomic.Int64    // since the server's start, in ns
	in       ws.Reader
	limit    admission.FrameLimit
	out      *outbound.Outbox

	id        uint64
	address   string
	cancel    context.CancelFunc // ends ctx
	began     time.Duration      // since the server's start
	watched   atomic.Int64       // sensors that it watches
	pinged    atomic.Int64       // bytes of pings that wait for their sensors
	anonymous atomic.Bool        // it has not shown yet who it is
	waiting   atomic.Int32       // requests that wait for other servers beside the reader
	answering sync.Mutex         // held while one of those is answered

	channels   map[string]*channel
	connectors map[string]*connector // joined here, by id
	who        bound
	refusals   int // joins refused as unauthorized
}

// serve runs the connection until it ends.
func (c *conn) serve() {
	defer c.srv.tasks.Done()
	defer c.end()
	c.read()
	if c.closing.Load() {
		c.out.WaitClosed(closeWait)
		c.in.AwaitClose()
	}
}

// read handles frames until the connection fails or is to be closed. It is where
// idle connections are: what it and the calls to the network below have on
// their stack is kept small, so that it fits in 4 KiB.
func (c *conn) read() {
	defer c.Contain("read")
	defer c.pacing.pass.Done()
	for !c.closing.Load() || c.draining.Load() {
		if err := c.next(); err != nil {
			c.fail(err)
			return
		}
		c.out.WaitCapacity()
		c.pauseReading()
	}
}

// next handles the next message, or what a worker has left of one.
func (c *conn) next() error {
	if p := c.pacing.pauses; p != nil && p.unhandled != nil {
		left := p.unhandled
		p.unhandled = nil
		return left()
	}
	op, payload, err := c.in.Next()
	if err != nil {
		return err
	}
	return c.handle(op, payload)
}

// handle handles one message, or refuses it. The error ends the connection.
func (c *conn) handle(op byte, payload []byte) error {
	if err := c.admit(); err != nil {
		return err
	}
	if op >= ws.OpClose {
		return c.controlFrame(op, payload)
	}
	return c.message(op, payload)
}

// admit counts a message against the limit of the connection, or refuses it.
func (c *conn) admit() error {
	if c.limit.Allow(c.srv.now) {
		return nil
	}
	c.srv.count.refusedFrames.add("too_many_frames", 1)
	return &ws.Error{Code: ws.ClosePolicy, Reason: "too_many_frames"}
}

// heard notes that the peer is alive.
func (c *conn) heard() { c.lastRead.Store(int64(c.srv.now())) }

// fail ends the connection because of an error while reading.
func (c *conn) fail(err error) {
	var protocol *ws.Error
	switch {
	case errors.Is(err, errPeerClosed):
		return // and was answered
	case errors.As(err, &protocol):
		c.noteProtocolError(protocol)
		c.close(protocol.Code, protocol.Reason)
		return
	}
	if !c.closing.Load() {
		c.srv.log.Debug("connection ended", "conn", c.id, "err", err)
	}
}

// close queues a close frame behind what waits; overload drops what waits. The
// connection ends when the peer has answered, or soon. Only the first call counts.
func (c *conn) close(code int, reason string) {
	if !c.finish(code, reason) {
		return
	}
	c.srv.count.closes.add(reason, 1)
	c.srv.events.Write(slog.LevelInfo, "close "+reason, "closing connection", "conn", c.id, "code", code, "reason", reason)
}

// answerClose answers a close frame of the peer in kind, with its code, or none.
func (c *conn) answerClose(code int) { c.finish(code, "") }

// finish queues the close frame, and reports whether it is the first.
func (c *conn) finish(code int, reason string) bool {
	if !c.out.Close(ws.CloseFrame(code, reason), code == ws.CloseTryLater) {
		return false
	}
	c.draining.Store(code == ws.CloseShutdown)
	c.closing.Store(true)
	c.in.Conn.SetDeadline(time.Now().Add(closeWait))
	return true
}

// TooSlow implements outbound.Owner.
func (c *conn) TooSlow() { c.close(ws.CloseTryLater, "too_slow") }

// Abort implements outbound.Owner: it ends the connection at once: nothing more can be sent.
func (c *conn) Abort(err error) {
	c.srv.log.Debug("connection broken", "conn", c.id, "err", err)
	c.out.Kill()
	c.in.Conn.Close()
}

// end frees everything. What devices sent before is in their sensors' hands.
func (c *conn) end() {
	c.out.Kill()
	c.cancel()
	c.in.Conn.Close()
	for _, ch := range c.takeChannels() {
		c.closeHandler(ch)
	}
	c.in.Release()
	if c.anonymous.CompareAndSwap(true, false) {
		c.srv.anonymous.Remove(c.address)
	}
	c.srv.remove(c)
}

// ReplyTooLarge implements outbound.Owner.
func (c *conn) ReplyTooLarge(topic string, size int) (response []byte) {
	c.srv.count.refusedFrames.add(errReplyTooLarge.Reason, 1)
	c.srv.events.Write(slog.LevelWarn, "reply", "a reply was larger than limits.reply", "conn", c.id, "topic", topic, "bytes", size)
	return reasonObject(errReplyTooLarge.Reason)
}

var errReplyTooLarge = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "reply_too_large", Message: "the reply would be larger than the server allows: ask for less"}

// Contain is deferred wherever foreign input is handled: a panic there costs
// this connection, which is told to come back, and nothing else.
func (c *conn) Contain(where string) {
	if r := recover(); r != nil {
		c.srv.count.panics.Add(1)
		c.srv.events.Write(slog.LevelError, "panic "+where, "panic in a connection", "conn", c.id, "where", where, "err", r, "stack", string(debug.Stack()))
		c.close(ws.CloseTryLater, "internal_error")
		if where == "write" {
			c.out.Kill()
			c.in.Conn.Close()
		}
	}
}

// takeChannels removes and returns all channels.
func (c *conn) takeChannels() []*channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := slices.Collect(maps.Values(c.channels))
	clear(c.channels)
	c.changes.Add(1)
	c.pacing.urgent = 0
	return taken
}

// closeHandler ends a channel's handler. A panic there must not keep the
// others from being closed.
func (c *conn) closeHandler(ch *channel) {
	defer c.Contain("close")
	c.mu.Lock()
	h := ch.handler
	c.mu.Unlock()
	h.Close()
}

// revoked ends all channels if the identity is the connection's: at once, and
// without what still waits for them. It returns those whose handlers are left
// to be closed, which may block.
func (c *conn) revoked(identityID string) []*channel {
	c.mu.Lock()
	affected := c.who.is(identityID)
	c.mu.Unlock()
	if !affected {
		return nil
	}
	lost := c.takeChannels()
	for _, ch := range lost {
		ch.End(true)
	}
	return lost
}

// bound is the identity of a connection, once it has one.
type bound struct {
	identity   sensocto.Identity
	credential string // what it was authenticated with; "" for a guest
	known      bool
}

func (b *bound) is(identityID string) bool { return b.known && b.identity.ID == identityID }
