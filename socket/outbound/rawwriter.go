package outbound

import (
	"net"
	"syscall"
)

// rawWriter writes to a socket with system calls, so that a write can stop where the
// socket would block. It also sets how much the kernel may hold of what is written.
type rawWriter struct {
	raw         syscall.RawConn // nil where there is no socket, as with net.Pipe
	onWritable  func(fd uintptr) (done bool)
	conn        net.Conn
	buf         []byte
	n           int
	chunkSize   int  // bytes that one system call writes
	blocking    bool // wait until the socket takes all
	err         error
	unsentLimit int // bound of what waits in the kernel
	heldLimit   int // bound of that and what is on its way
}

func newRawWriter(c net.Conn) *rawWriter {
	p := &rawWriter{conn: c}
	if s, ok := c.(syscall.Conn); ok && writesRaw {
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

// write writes chunk by chunk: the kernel takes a chunk as a whole, however
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

// tryWrite writes what the socket takes at once, perhaps nothing. Whole frames
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

// writeAll writes all of b, and waits for the socket.
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
