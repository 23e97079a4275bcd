package ws

import "syscall"

// quietBytes is what a quiet socket holds at most before it wakes somebody even so.
const quietBytes = 16 << 10

// quiet is what a socket needs to wake nobody for what comes, because its reader
// looks at its own time. A reader that merely waits for a tick saves little: the
// runtime's poller wakes up for what comes even if no goroutine waits for that.
type quiet struct {
	raw syscall.RawConn
	on  bool

	read func(fd uintptr) // made once: a read allocates nothing
	buf  []byte
	n    int
	err  error
}

// Quiet has the kernel wake nobody for what comes, until Next has to wait. It
// reports whether that is possible: then Poll finds what has come.
func (f *Reader) Quiet() bool {
	q := f.quieting()
	if q == nil {
		return false
	}
	if !q.on {
		q.on = q.wakeAt(quietBytes)
	}
	return q.on
}

// Poll takes what has come, without waiting, and reports whether Next has something
// to return, be it an error. It is for a Reader that is Empty. Where a socket
// cannot be quiet it finds nothing.
func (f *Reader) Poll() bool {
	q := f.quieting()
	if q == nil {
		return false
	}
	f.makeRoom() // of an empty buffer: what a large message has reserved is given back
	if !f.partial {
		f.fragment = nil
	}
	if f.charge(len(f.buf)+cap(f.fragment)) != nil {
		return true
	}
	n, err := q.tryRead(f.buf[f.w:])
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return false
	}
	if n > 0 {
		f.took(n)
	}
	return true
}

// loud ends what Quiet began. The kernel wakes the poller at once for what is there.
func (f *Reader) loud() {
	if q := f.quiet; q != nil && q.on {
		q.on = false
		q.wakeAt(1)
	}
}

// quieting returns nil where a socket cannot be quiet. It is made for those that ask:
// most connections are not read often.
func (f *Reader) quieting() *quiet {
	if f.quiet != nil || !canBeQuiet {
		return f.quiet
	}
	s, ok := f.Conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	q := &quiet{raw: raw}
	q.read = func(fd uintptr) { q.n, q.err = readNow(fd, q.buf) }
	f.quiet = q
	return q
}

// wakeAt has the kernel wake the poller when so many bytes have come, or the
// connection ends.
func (q *quiet) wakeAt(bytes int) (ok bool) {
	q.raw.Control(func(fd uintptr) { ok = setReadMark(fd, bytes) == nil })
	return ok
}

// tryRead reads what is there; the error is EAGAIN where nothing is.
func (q *quiet) tryRead(b []byte) (n int, err error) {
	q.buf = b
	err = q.raw.Control(q.read)
	q.buf = nil
	if err != nil { // it was closed
		return 0, err
	}
	return q.n, q.err
}
