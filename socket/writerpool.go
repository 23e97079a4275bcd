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
type writerPool struct {
	srv *Server

	mu      sync.Mutex // guards what follows; taken after an outbox's
	waiting []*outbox
	head    int // line[:head] is done
	running int
	standby int // goroutines that will write if they are needed
	claimed int // of those that offered to, who have to
}

// add puts an outbox, whose state is writing, in line.
func (w *writerPool) add(o *outbox) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, o)
	if w.running == runtime.GOMAXPROCS(0) {
		return
	}
	w.running++
	w.srv.tasks.Add(1)
	if w.standby > 0 {
		w.standby--
		w.claimed++
		return
	}
	go w.run()
}

// during calls f, which is short and may add many, and then writes for them in
// this goroutine, which is awake already.
func (w *writerPool) withStandby(f func()) {
	w.mu.Lock()
	w.standby++
	w.mu.Unlock()
	f()
	if w.endStandby() {
		w.run()
	}
}

// needed ends an offer, and reports whether it was taken.
func (w *writerPool) endStandby() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.claimed == 0 {
		w.standby--
		return false
	}
	w.claimed--
	return true
}

// run writes for all in line.
func (w *writerPool) run() {
	defer w.srv.tasks.Done()
	l := w.srv.batches.Get().(*writeBatch)
	for o := w.next(); o != nil; o = w.next() {
		if !o.flush(l) { // somebody else has l now
			l = w.srv.batches.Get().(*writeBatch)
		}
	}
	w.srv.recycle(l)
}

// next takes the first in line, or ends the writer.
func (w *writerPool) next() *outbox {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.head == len(w.waiting) {
		w.waiting, w.head = w.waiting[:0], 0
		w.running--
		return nil
	}
	o := w.waiting[w.head]
	w.waiting[w.head] = nil
	w.head++
	return o
}

// reuse keeps a load for the next writer, unless it has grown large.
func (s *Server) recycle(l *writeBatch) {
	if cap(l.buf) <= maxPooledBytes {
		l.reset()
		s.batches.Put(l)
	}
}

// prompt writes to a socket, without waiting or with.
type rawWriter struct {
	raw         syscall.RawConn // nil where there is no socket, as with net.Pipe
	onWritable  func(fd uintptr) (done bool)
	conn        net.Conn
	buf         []byte
	n           int
	chunkSize   int  // of how many bytes one call takes
	blocking    bool // until the socket takes all
	err         error
	unsentLimit int // the bound on what waits in the kernel
	heldLimit   int // the bound on that and what is on its way
}

func newRawWriter(c net.Conn) *rawWriter {
	p := &rawWriter{conn: c}
	if s, ok := c.(syscall.Conn); ok {
		p.raw, _ = s.SyscallConn()
	}
	p.onWritable = p.write // made once: a write allocates nothing
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
func (p *rawWriter) limitHeld() {
	if p.raw == nil {
		return
	}
	p.raw.Control(func(fd uintptr) {
		want := min(sendBuffer, minHeld+2*bandwidthDelay(fd))
		if want <= p.heldLimit && p.heldLimit <= want+minHeld/2 {
			return
		}
		p.heldLimit = want
		limitHeld(fd, want)
	})
}

// limitUnsent bounds what the kernel takes before it is sent: what waits there
// cannot be merged any more.
func (p *rawWriter) limitUnsent(bytes int) {
	if p.raw == nil || p.unsentLimit < 2*bytes && bytes < 2*p.unsentLimit {
		return
	}
	p.unsentLimit = bytes
	p.raw.Control(func(fd uintptr) { limitUnsent(fd, bytes) }) // without it the picture is later, no more
}

// write writes piece by piece: the kernel takes a piece as a whole, however
// little of it its bounds allow.
func (p *rawWriter) write(fd uintptr) (done bool) {
	p.err = nil
	for p.n < len(p.buf) && p.err == nil {
		n, err := send(fd, p.buf[p.n:min(len(p.buf), p.n+max(p.chunkSize, minChunk))])
		switch err {
		case nil:
			p.n += n
		case syscall.EINTR:
		default:
			p.err = err
		}
	}
	return p.err != syscall.EAGAIN || !p.blocking
}

// Write writes what the socket takes at once, perhaps nothing. Whole frames
// that go out in one piece are not mixed with others.
func (p *rawWriter) tryWrite(b []byte) (n int, err error) {
	if p.raw == nil {
		return 0, nil
	}
	if n, err = p.run(b, false); err == syscall.EAGAIN {
		err = nil
	}
	return n, err
}

// WriteAll writes all of b, as the socket takes it.
func (p *rawWriter) writeAll(b []byte) error {
	if p.raw == nil {
		_, err := p.conn.Write(b)
		return err
	}
	_, err := p.run(b, true)
	return err
}

func (p *rawWriter) run(b []byte, wait bool) (n int, err error) {
	p.buf, p.n, p.blocking = b, 0, wait
	err = p.raw.Write(p.onWritable)
	p.buf = nil
	if err == nil {
		err = p.err
	}
	return p.n, err
}
