package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// driver plays all devices and viewers of one run. Everything in it belongs
// to one goroutine.
type driver struct {
	cfg    Config
	target Target
	runID  string
	clock  clock
	epoch  time.Time // the driver's times count from here

	poll    *poller
	conns   []*conn // by file descriptor
	open    []*conn
	buf     []byte // what was read last; shared by all connections
	devices []*device
	sensors []*sensor
	viewers []*viewer
	stalled []*viewer

	dataPrefix []byte // of the frames that carry measurements as JSON
	arrival    arrival
	beats      int // heartbeats sent
	faults     faults

	looks func(now time.Duration) (next time.Duration) // of the scenario attention, else nil

	delivered int64
	measuring bool // latencies count
	latency   Histogram
	lateness  Histogram // how late batches left the driver itself
}

// faults are the things that must not happen.
type faults struct {
	errors      int // replies with status error, channels closed, wrong frames
	disconnects int
	texts       []string // the first few
}

func (f *faults) note(format string, args ...any) {
	if len(f.texts) < 5 {
		f.texts = append(f.texts, fmt.Sprintf(format, args...))
	}
}

// now is the time since the driver started.
func (d *driver) now() time.Duration { return time.Since(d.epoch) }

// adopt makes a connection of the file descriptor and starts to wait for it.
func (d *driver) adopt(fd int, name string, eager bool) (*conn, error) {
	c := &conn{fd: fd, name: name, eager: eager, writing: eager}
	for len(d.conns) <= fd {
		d.conns = append(d.conns, nil)
	}
	d.conns[fd] = c
	d.open = append(d.open, c)
	return c, d.poll.set(fd, true, true, eager)
}

// step waits for at most the given time and deals with what arrived.
func (d *driver) step(timeout time.Duration) error {
	return d.poll.wait(timeout, func(fd int, readable, writable bool) {
		c := d.conns[fd]
		if readable && !c.closed {
			d.read(c)
		}
		if writable && !c.closed {
			d.flush(c)
		}
	})
}

// stepUntil steps until done, and gives up when nothing moved for a while.
func (d *driver) stepUntil(ctx context.Context, what string, done func() bool, progress func() int64) error {
	const patience = 15 * time.Second
	last, since := progress(), d.now()
	for !done() {
		if err := errors.Join(ctx.Err(), d.step(20*time.Millisecond)); err != nil {
			return err
		}
		d.heartbeat()
		if p := progress(); p != last {
			last, since = p, d.now()
		}
		if d.now()-since > patience {
			return fmt.Errorf("%s: nothing moved for %v", what, patience)
		}
	}
	return nil
}

// read takes what the connection has, as far as one read brings it.
func (d *driver) read(c *conn) {
	if len(c.rest) > len(d.buf)/2 {
		d.buf = make([]byte, 2*len(d.buf))
	}
	kept := copy(d.buf, c.rest)
	n, again, err := readFD(c.fd, d.buf[kept:])
	if again {
		return
	}
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		d.lose(c, err)
		return
	}
	c.received += int64(n)
	now := d.now()
	data := d.buf[:kept+n]
	for {
		f, _, ok := cutFrame(data)
		if !ok {
			break
		}
		d.frame(c, f, now)
		data = data[f.size:]
	}
	c.rest = append(c.rest[:0], data...)
}

func (d *driver) frame(c *conn, f wsFrame, now time.Duration) {
	switch f.op {
	case 0x80 | opText:
		c.onText(f.payload, now)
	case 0x80 | opBinary:
		c.onBinary(f.payload, now)
	case 0x80 | opPing:
		d.send(c, appendClientFrame(nil, opPong, string(f.payload)))
	case 0x80 | opPong:
	case 0x80 | opClose:
		code, reason := 1005, ""
		if len(f.payload) >= 2 {
			code, reason = int(f.payload[0])<<8|int(f.payload[1]), string(f.payload[2:])
		}
		d.lose(c, fmt.Errorf("closed with %d %s", code, reason))
	default:
		d.fault("%s: unexpected opcode %#x", c.name, f.op)
	}
}

// send writes the frames, and keeps what does not fit for later.
func (d *driver) send(c *conn, p []byte) {
	if c.closed {
		return
	}
	if len(c.out) > 0 {
		c.out = append(c.out, p...)
		return
	}
	n, _, err := writeFD(c.fd, p)
	if err != nil {
		d.lose(c, err)
		return
	}
	if n < len(p) {
		c.out = append(c.out, p[n:]...)
		d.waitToWrite(c, true)
	}
}

// flush writes what was kept; with nothing kept the connection may send more.
func (d *driver) flush(c *conn) {
	if len(c.out) > 0 {
		n, _, err := writeFD(c.fd, c.out)
		if err != nil {
			d.lose(c, err)
			return
		}
		c.out = c.out[:copy(c.out, c.out[n:])]
	}
	if len(c.out) == 0 {
		d.waitToWrite(c, false)
		if c.onWritable != nil {
			c.onWritable()
		}
	}
}

func (d *driver) waitToWrite(c *conn, write bool) {
	write = write || c.eager
	if c.writing != write {
		c.writing = write
		_ = d.poll.set(c.fd, false, true, write)
	}
}

// calm stops telling the connection that it can write.
func (d *driver) calm(c *conn) {
	c.eager = false
	if !c.closed && len(c.out) == 0 {
		d.waitToWrite(c, false)
	}
}

// lose counts a connection that the server ended.
func (d *driver) lose(c *conn, err error) {
	if c.closed {
		return
	}
	c.closed = true
	closeFD(c.fd)
	d.faults.disconnects++
	d.faults.note("%s: disconnected: %v", c.name, err)
}

func (d *driver) fault(format string, args ...any) {
	d.faults.errors++
	d.faults.note(format, args...)
}

// heartbeat keeps the connections alive in a long run. They are spread over
// the interval, a few at each call.
func (d *driver) heartbeat() {
	const interval = 25 * time.Second
	if len(d.open) == 0 {
		return
	}
	due := int(d.now() * time.Duration(len(d.open)) / interval)
	for ; d.beats < due; d.beats++ {
		d.send(d.open[d.beats%len(d.open)], textFrame("", "h"+strconv.Itoa(d.beats), "phoenix", "heartbeat", "{}"))
	}
}

// event deals with a frame that carries no measurements.
func (d *driver) event(c *conn, m message) {
	switch m.event {
	case "phx_reply":
		d.reply(c, m)
	case "phx_close", "phx_error":
		d.fault("%s: %s on %s", c.name, m.event, m.topic)
	}
}

func (d *driver) reply(c *conn, m message) {
	if len(m.ref) > 0 && m.ref[0] == 'j' {
		c.joins--
	}
	if status := replyStatus(m.payload); status != "ok" {
		d.fault("%s: reply %s on %s: %.200s", c.name, status, m.topic, m.payload)
	}
}

// close ends all connections; what they lose now does not count.
func (d *driver) close() {
	for _, c := range d.open {
		if !c.closed {
			c.closed = true
			closeFD(c.fd)
		}
	}
	d.poll.close()
}
