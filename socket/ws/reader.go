package ws

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"
)

// Sizes of the read buffer: an idle connection keeps the smallest, whose size
// is enough for heartbeats and joins; a busy one reads many frames at once.
const (
	smallRead = 512
	largeRead = 32 << 10
	growth    = 8
	// maxPieces bounds the frames of one message: a limit on bytes alone would
	// let empty ones through for ever.
	maxPieces = 4096
	// shrinkAfter is after how many reads in a row that would have fitted in
	// the smallest buffer a larger one is given back.
	shrinkAfter = 4
)

// Error says why a connection has to be closed because of what the
// peer sent.
type Error struct {
	Code   int    // of the close frame
	Reason string // snake_case
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("close %d %s", e.Code, e.Reason) }

// Budget bounds a sum over all connections. It never blocks.
type Budget interface {
	// Reserve reports whether n more bytes fit, and counts them if they do.
	Reserve(n int64) bool
	// Release gives n bytes back.
	Release(n int64)
}

// Reader reads WebSocket messages from a client. It reads straight into
// the buffer in which messages are then decoded, so a message is never copied,
// except one that came in fragments.
type Reader struct {
	quiet   *quiet // nil until somebody asks for it
	buf     []byte // buf[r:w] is read but not yet returned
	r, w    int
	fits    int  // reads in a row that the smallest buffer could have held
	full    bool // the last read filled the buffer: more was waiting
	partial bool // a message in fragments has begun
	broken  bool // what follows cannot be told apart any more
	closed  bool // the peer has sent a close frame, its last
	op      byte // opcode of the message in fragments

	Heard    *atomic.Int64 // when something was last read, by Now in ns
	Now      func() time.Duration
	fragment []byte
	reserved int    // bytes of Budget
	Budget   Budget // of what is larger than the largest read buffer; nil for no bound

	Conn               net.Conn
	MaxText, MaxBinary int
	pieces             int // frames of the message so far
}

// Next returns the next message or control frame. The payload is valid until
// the next call.
func (f *Reader) Next() (op byte, payload []byte, err error) {
	if !f.partial {
		f.fragment = nil // the message it was has been handled
	}
	for {
		err := f.fill(2) // where idle connections wait
		var h header
		if err == nil {
			h, err = f.header()
		}
		if err != nil {
			f.broken = true
			return 0, nil, err
		}
		if err := f.fill(h.size + h.length); err != nil {
			return 0, nil, err
		}
		payload := f.buf[f.r+h.size : f.r+h.size+h.length]
		unmask(payload, h.key)
		f.r += h.size + h.length
		op, payload, whole := f.assemble(h, payload)
		if whole {
			f.closed = op == OpClose
			return op, payload, nil
		}
		if f.pieces++; f.pieces > maxPieces {
			return 0, nil, &Error{Code: ClosePolicy, Reason: "too_many_frames"}
		}
	}
}

// Empty reports whether everything that had come was returned.
func (f *Reader) Empty() bool { return f.r == f.w && !f.full }

// Whole reports whether the next message is there, in one frame of less than 64 KiB: Next
// returns it, or an error, without reading.
func (f *Reader) Whole() bool {
	b := f.buf[f.r:f.w]
	if len(b) < 6 || b[0]&0x80 == 0 || f.partial {
		return false
	}
	size, length := 6, int(b[1]&0x7F)
	switch length {
	case 126:
		size, length = 8, int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		return false
	}
	return len(b) >= size+length
}

// AwaitClose reads on until the peer has closed too, or the read deadline has
// passed: closing while it still sends could cost it the close frame.
func (f *Reader) AwaitClose() {
	for !f.closed && !f.broken {
		if _, _, err := f.Next(); err != nil {
			break
		}
	}
	if f.broken {
		f.loud()
		io.Copy(io.Discard, f.Conn)
	}
}

type header struct {
	fin          bool
	op           byte
	size, length int // of the header, of the payload
	key          uint32
}

// header reads and checks the header of the next frame, whose first two bytes
// are there, without consuming it.
func (f *Reader) header() (header, error) {
	b0, b1 := f.buf[f.r], f.buf[f.r+1]
	h := header{fin: b0&0x80 != 0, op: b0 & 0x0F, size: 2, length: int(b1 & 0x7F)}
	if b0&0x70 != 0 || b1&0x80 == 0 || !f.expected(h) {
		return header{}, &Error{Code: CloseProtocol, Reason: "protocol_error"}
	}
	if h.length >= 126 {
		wide := 2
		if h.length == 127 {
			wide = 8
		}
		if err := f.fill(2 + wide); err != nil {
			return header{}, err
		}
		length := uint64(binary.BigEndian.Uint16(f.buf[f.r+2:]))
		if wide == 8 {
			length = binary.BigEndian.Uint64(f.buf[f.r+2:])
		}
		if length < 126 || wide == 8 && length <= 0xFFFF {
			return header{}, &Error{Code: CloseProtocol, Reason: "protocol_error"} // not the shortest form (RFC 6455, 5.2)
		}
		if length > 1<<40 {
			return header{}, &Error{Code: CloseTooLarge, Reason: "frame_too_large"}
		}
		h.size, h.length = 2+wide, int(length)
	}
	if err := f.checkSize(h); err != nil {
		return header{}, err
	}
	if err := f.fill(h.size + 4); err != nil {
		return header{}, err
	}
	h.key = binary.LittleEndian.Uint32(f.buf[f.r+h.size:])
	h.size += 4
	return h, nil
}

// expected reports whether a frame of this kind may come now.
func (f *Reader) expected(h header) bool {
	switch h.op {
	case OpText, OpBinary:
		return !f.partial
	case OpContinuation:
		return f.partial
	case OpClose, OpPing, OpPong:
		return h.fin && h.length < 126
	}
	return false
}

// checkSize refuses a message that is too large as soon as its header says so.
func (f *Reader) checkSize(h header) error {
	op, size := h.op, h.length
	if op == OpContinuation {
		op, size = f.op, size+len(f.fragment)
	}
	if op == OpText && size > f.MaxText || op == OpBinary && size > f.MaxBinary {
		return &Error{Code: CloseTooLarge, Reason: "frame_too_large"}
	}
	return nil
}

// assemble joins the fragments of a message; whole is false until the last.
func (f *Reader) assemble(h header, payload []byte) (op byte, message []byte, whole bool) {
	switch {
	case h.op >= OpClose:
		return h.op, payload, true
	case h.fin && !f.partial:
		return h.op, payload, true
	case !f.partial:
		f.pieces = 0
		f.partial, f.op, f.fragment = true, h.op, slices.Clone(payload)
		return 0, nil, false
	}
	f.fragment = append(f.fragment, payload...)
	f.partial = !h.fin
	return f.op, f.fragment, h.fin
}

// fill makes at least n bytes available at buf[r:]. The buffer grows only as
// bytes arrive, so a header alone cannot make the server reserve megabytes.
func (f *Reader) fill(n int) error {
	for f.w-f.r < n {
		f.makeRoom()
		if err := f.charge(len(f.buf) + cap(f.fragment)); err != nil {
			return err
		}
		f.loud()
		got, err := f.Conn.Read(f.buf[f.w:])
		if got == 0 && err != nil {
			return err
		}
		f.took(got)
	}
	return nil
}

// took notes that n bytes were read.
func (f *Reader) took(n int) {
	f.w += n
	f.full = f.w == len(f.buf)
	if f.fits++; n >= smallRead {
		f.fits = 0
	}
	f.Heard.Store(int64(f.Now()))
}

// makeRoom leaves free space behind buf[:w], growing or shrinking the buffer
// to what the connection needs.
func (f *Reader) makeRoom() {
	size, waiting := len(f.buf), f.w-f.r
	switch {
	case size == 0:
		f.move(smallRead)
	case waiting == size, f.full && size < largeRead:
		f.move(max(min(growth*size, largeRead), 2*waiting))
	case size > smallRead && waiting == 0 && f.fits >= shrinkAfter:
		f.move(smallRead)
	case size > largeRead && waiting < largeRead/2:
		f.move(largeRead)
	case f.r > 0:
		copy(f.buf, f.buf[f.r:f.w])
		f.r, f.w = 0, waiting
	}
}

// move replaces the buffer by one of another size.
func (f *Reader) move(size int) {
	buf := make([]byte, size)
	f.w = copy(buf, f.buf[f.r:f.w])
	f.buf, f.r, f.full = buf, 0, false
}

// charge adjusts what the connection has reserved of the budget: what it holds
// beyond the largest buffer that every connection may have.
func (f *Reader) charge(holds int) error {
	more := max(0, holds-largeRead) - f.reserved
	switch {
	case more == 0 || f.Budget == nil:
		return nil
	case more < 0:
		f.Budget.Release(int64(-more))
	case !f.Budget.Reserve(int64(more)):
		return &Error{Code: CloseTryLater, Reason: "overloaded"}
	}
	f.reserved += more
	return nil
}

// Release gives back what the connection holds of the budget. It is for the end
// of a connection.
func (f *Reader) Release() {
	if f.Budget != nil {
		f.Budget.Release(int64(f.reserved))
	}
	f.reserved = 0
}
