package client

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// WebSocket opcodes of the frames that a client writes.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPong   = 10
)

// conn is one WebSocket: a bounded queue of encoded frames before one writer,
// and the reading. Frames are masked when they are queued, so that all that
// waits leaves in one write.
type conn struct {
	ws  *websocket.Conn
	net net.Conn
	max int // bytes that may wait

	// mu guards the fields below; it is never held over I/O.
	mu    sync.Mutex
	out   []byte        // frames that wait for the writer
	space chan struct{} // closed when out was taken, while somebody waits for that

	wake     chan struct{} // one slot: wake-ups of the writer coalesce
	done     chan struct{} // closed when the connection is over
	stop     sync.Once
	lastRead atomic.Int64 // when a frame was last read or still handled, in ns
	handling atomic.Bool  // a handler is running: silence is ours
}

func newConn(ws *websocket.Conn, maxBytes int) *conn {
	cn := &conn{
		ws: ws, net: ws.NetConn(), max: maxBytes,
		wake: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
	cn.lastRead.Store(time.Now().UnixNano())
	return cn
}

// close ends the connection at once; reader and writer return.
func (cn *conn) close() {
	cn.stop.Do(func() {
		close(cn.done)
		cn.ws.Close()
	})
}

// goodbye lets what is queued leave, tells the server that the client leaves,
// and ends the connection when the server has answered, or soon.
func (cn *conn) goodbye() {
	cn.sendUrgent(opClose, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	timer := time.NewTimer(goodbyeTimeout)
	defer timer.Stop()
	select {
	case <-cn.done:
	case <-timer.C:
	}
	cn.close()
}

// goodbyeTimeout bounds how long a server that does not answer delays Close.
const goodbyeTimeout = time.Second

// send queues one frame, waiting while the queue is full.
func (cn *conn) send(ctx context.Context, opcode byte, payload []byte) error {
	for {
		wait, ok := cn.offer(opcode, payload)
		if ok {
			return nil
		}
		select {
		case <-wait:
		case <-cn.done:
			return ErrDisconnected
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// offer queues the frame, or returns a Go channel that is closed when there
// may be room. A frame larger than the whole queue is taken when it is empty.
func (cn *conn) offer(opcode byte, payload []byte) (wait <-chan struct{}, ok bool) {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if len(cn.out) > 0 && len(cn.out)+len(payload) > cn.max {
		if cn.space == nil {
			cn.space = make(chan struct{})
		}
		return cn.space, false
	}
	cn.append(opcode, payload)
	return nil, true
}

// append queues a frame whatever the queue holds. cn.mu is held.
func (cn *conn) append(opcode byte, payload []byte) {
	cn.out = appendFrame(cn.out, opcode, payload, rand.Uint32())
	select {
	case cn.wake <- struct{}{}:
	default:
	}
}

// sendUrgent queues a small frame even when the queue is full.
func (cn *conn) sendUrgent(opcode byte, payload []byte) {
	cn.mu.Lock()
	cn.append(opcode, payload)
	cn.mu.Unlock()
}

// write is the writer: it writes what waits, and a heartbeat each interval,
// until the connection is over.
func (cn *conn) write(interval time.Duration, heartbeat func() []byte) {
	defer cn.close()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var spare []byte
	for {
		select {
		case <-cn.done:
			return
		case <-ticker.C:
			if cn.silent(interval) {
				return
			}
			cn.sendUrgent(opText, heartbeat())
		case <-cn.wake:
			var err error
			if spare, err = cn.flush(spare); err != nil {
				return
			}
		}
	}
}

// silent reports whether the server has said nothing for two heartbeats.
func (cn *conn) silent(interval time.Duration) bool {
	return !cn.handling.Load() && time.Since(time.Unix(0, cn.lastRead.Load())) > 2*interval+interval/2
}

// flush writes all that waits and returns the buffer that it used, to be the
// next queue.
func (cn *conn) flush(spare []byte) ([]byte, error) {
	cn.mu.Lock()
	out := cn.out
	cn.out = spare[:0]
	if cn.space != nil {
		close(cn.space)
		cn.space = nil
	}
	cn.mu.Unlock()
	if len(out) == 0 {
		return out, nil
	}
	if err := cn.net.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return nil, err
	}
	_, err := cn.net.Write(out)
	if cap(out) > 4*cn.max { // one huge frame must not be kept for ever
		out = nil
	}
	return out, err
}

// writeTimeout ends a connection whose server takes nothing any more.
const writeTimeout = 60 * time.Second

// read hands every frame to handle until the connection is over, and returns
// why. The frame is valid only during the call.
func (cn *conn) read(limit int64, handle func(binary bool, frame []byte) error) error {
	defer cn.close()
	cn.ws.SetReadLimit(limit)
	// The library's own answer to a ping would put its short deadline on a
	// write of ours that is under way.
	cn.ws.SetPingHandler(func(data string) error {
		cn.lastRead.Store(time.Now().UnixNano())
		cn.sendUrgent(opPong, []byte(data))
		return nil
	})
	var buf []byte
	for {
		kind, r, err := cn.ws.NextReader()
		if err != nil {
			return cn.readError(err)
		}
		if buf, err = readAll(r, buf[:0]); err != nil {
			return cn.readError(err)
		}
		cn.handling.Store(true)
		err = handle(kind == websocket.BinaryMessage, buf)
		cn.lastRead.Store(time.Now().UnixNano())
		cn.handling.Store(false)
		if err != nil {
			return err
		}
		if cap(buf) > 1<<20 { // a rare large frame must not be kept for ever
			buf = nil
		}
	}
}

// readError tells our own end of the connection from the server's.
func (cn *conn) readError(err error) error {
	if _, closed := errors.AsType[*websocket.CloseError](err); closed {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDisconnected, err)
}

// readAll is io.ReadAll into a buffer that is used again.
func readAll(r io.Reader, buf []byte) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, make([]byte, max(512, cap(buf)))...)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// appendFrame appends a final, masked WebSocket frame (RFC 6455 section 5.2).
func appendFrame(dst []byte, opcode byte, payload []byte, key uint32) []byte {
	const final, masked = 0x80, 0x80
	dst = append(dst, final|opcode)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, masked|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, masked|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, masked|127), uint64(n))
	}
	dst = binary.BigEndian.AppendUint32(dst, key)
	return appendMasked(dst, payload, dst[len(dst)-4:])
}

// appendMasked appends the payload, each byte XORed with the next of the four
// bytes of the key, many at a time.
func appendMasked(dst, payload, key []byte) []byte {
	var pattern [256]byte
	n := copy(pattern[:], key)
	for n < len(pattern) {
		n += copy(pattern[n:], pattern[:n])
	}
	start := len(dst)
	dst = append(dst, payload...)
	for body := dst[start:]; len(body) > 0; {
		body = body[subtle.XORBytes(body, body, pattern[:]):]
	}
	return dst
}
