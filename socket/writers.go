package socket

import (
	"net"
	"runtime"
	"sync"
	"syscall"
)

// writers are the goroutines that write for connections. There are as many as
// processors, and none while nothing waits: a broadcast to hundreds of viewers
// starts a few goroutines, not hundreds. A writer never waits for a socket:
// what a socket does not take at once is left to a goroutine of its own.
//
// A connection is in line at most once, so the connections bound it.
type writers struct {
	srv *Server

	mu      sync.Mutex // guards what follows; taken after an outbox's
	line    []*outbox
	head    int // line[:head] is done
	running int
	offered int // goroutines that will write if they are needed
	taken   int // of those that offered to, who have to
}

// add puts an outbox, whose state is writing, in line.
func (w *writers) add(o *outbox) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line = append(w.line, o)
	if w.running == runtime.GOMAXPROCS(0) {
		return
	}
	w.running++
	w.srv.tasks.Add(1)
	if w.offered > 0 {
		w.offered--
		w.taken++
		return
	}
	go w.run()
}

// during calls f, which is short and may add many, and then writes for them in
// this goroutine, which is awake already.
func (w *writers) during(f func()) {
	w.mu.Lock()
	w.offered++
	w.mu.Unlock()
	f()
	if w.needed() {
		w.run()
	}
}

// needed ends an offer, and reports whether it was taken.
func (w *writers) needed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken == 0 {
		w.offered--
		return false
	}
	w.taken--
	return true
}

// run writes for all in line.
func (w *writers) run() {
	defer w.srv.tasks.Done()
	l := w.srv.loads.Get().(*load)
	for o := w.next(); o != nil; o = w.next() {
		if !o.turn(l) { // somebody else has l now
			l = w.srv.loads.Get().(*load)
		}
	}
	w.srv.reuse(l)
}

// next takes the first in line, or ends the writer.
func (w *writers) next() *outbox {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.head == len(w.line) {
		w.line, w.head = w.line[:0], 0
		w.running--
		return nil
	}
	o := w.line[w.head]
	w.line[w.head] = nil
	w.head++
	return o
}

// reuse keeps a load for the next writer, unless it has grown large.
func (s *Server) reuse(l *load) {
	if cap(l.buf) <= maxPooledBytes {
		l.reset()
		s.loads.Put(l)
	}
}

// prompt writes to a socket, without waiting or with.
type prompt struct {
	raw     syscall.RawConn // nil where there is no socket, as with net.Pipe
	attempt func(fd uintptr) (done bool)
	conn    net.Conn
	buf     []byte
	n       int
	piece   int  // of how many bytes one call takes
	wait    bool // until the socket takes all
	err     error
	unsent  int // the bound on what waits in the kernel
	held    int // the bound on that and what is on its way
}

func newPrompt(c net.Conn) *prompt {
	p := &prompt{conn: c}
	if s, ok := c.(syscall.Conn); ok {
		p.raw, _ = s.SyscallConn()
	}
	p.attempt = p.write // made once: a write allocates nothing
	p.limitUnsent(normalUnsent)
	if p.raw != nil {
		p.raw.Control(preferRecovery)
	}
	p.limitHeld()
	return p
}

// limitHeld bounds what the kernel holds to what the connection needs to be as
// fast as it is: what has been sent cannot be merged any more either, and when
// the network slows down all of it has to go through first. It is called when a
// write was cut short, so the bound grows while it is what holds a fast
// connection up.
func (p *prompt) limitHeld() {
	if p.raw == nil {
		return
	}
	p.raw.Control(func(fd uintptr) {
		want := min(sendBuffer, minHeld+2*flight(fd))
		if want <= p.held && p.held <= want+minHeld/2 {
			return
		}
		p.held = want
		limitHeld(fd, want)
	})
}

// limitUnsent bounds what the kernel takes before it is sent: what waits there
// cannot be merged any more.
func (p *prompt) limitUnsent(bytes int) {
	if p.raw == nil || p.unsent < 2*bytes && bytes < 2*p.unsent {
		return
	}
	p.unsent = bytes
	p.raw.Control(func(fd uintptr) { limitUnsent(fd, bytes) }) // without it the picture is later, no more
}

// write writes piece by piece: the kernel takes a piece as a whole, however
// little of it its bounds allow.
func (p *prompt) write(fd uintptr) (done bool) {
	p.err = nil
	for p.n < len(p.buf) && p.err == nil {
		n, err := send(fd, p.buf[p.n:min(len(p.buf), p.n+max(p.piece, pieceBytes))])
		switch err {
		case nil:
			p.n += n
		case syscall.EINTR:
		default:
			p.err = err
		}
	}
	return p.err != syscall.EAGAIN || !p.wait
}

// Write writes what the socket takes at once, perhaps nothing. Whole frames
// that go out in one piece are not mixed with others.
func (p *prompt) Write(b []byte) (n int, err error) {
	if p.raw == nil {
		return 0, nil
	}
	if n, err = p.put(b, false); err == syscall.EAGAIN {
		err = nil
	}
	return n, err
}

// WriteAll writes all of b, as the socket takes it.
func (p *prompt) WriteAll(b []byte) error {
	if p.raw == nil {
		_, err := p.conn.Write(b)
		return err
	}
	_, err := p.put(b, true)
	return err
}

func (p *prompt) put(b []byte, wait bool) (n int, err error) {
	p.buf, p.n, p.wait = b, 0, wait
	err = p.raw.Write(p.attempt)
	p.buf = nil
	if err == nil {
		err = p.err
	}
	return p.n, err
}
