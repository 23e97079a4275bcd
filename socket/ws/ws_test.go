package ws_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto/socket/ws"
)

const maxText, maxBinary = 100_000, 200_000

// wire is a connection on which bytes have come. A read returns at most chunk of them.
type wire struct {
	net.Conn
	bytes []byte
	chunk int
	reads int
}

func (w *wire) Read(p []byte) (int, error) {
	if len(w.bytes) == 0 {
		return 0, io.EOF
	}
	w.reads++
	n := copy(p[:min(len(p), w.chunk)], w.bytes)
	w.bytes = w.bytes[n:]
	return n, nil
}

func newReader(w *wire) *ws.Reader {
	return &ws.Reader{Conn: w, MaxText: maxText, MaxBinary: maxBinary, Heard: new(atomic.Int64), Now: func() time.Duration { return time.Second }}
}

// frame is one of a client, of which the mask is the key.
func frame(fin bool, op byte, key uint32, payload []byte) []byte {
	b := []byte{op}
	if fin {
		b[0] |= 0x80
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xFFFF:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := binary.LittleEndian.AppendUint32(nil, key)
	b = append(b, mask...)
	for i, c := range payload {
		b = append(b, c^mask[i&3])
	}
	return b
}

func whole(op byte, payload string) []byte { return frame(true, op, 0x12345678, []byte(payload)) }

type message struct {
	op      byte
	payload string
}

// Whatever the fragments, masks, control frames in between and pieces in which the
// network brings them, the messages that were sent are read.
func TestReader_ReadsWhatWasSent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var sent []byte
		var want []message
		key := rapid.Uint32()
		control := func() {
			m := message{rapid.SampledFrom([]byte{ws.OpPing, ws.OpPong, ws.OpClose}).Draw(rt, "control"), string(rapid.SliceOfN(rapid.Byte(), 0, 125).Draw(rt, "control payload"))}
			sent, want = append(sent, frame(true, m.op, key.Draw(rt, "key"), []byte(m.payload))...), append(want, m)
		}
		for range rapid.IntRange(1, 6).Draw(rt, "messages") {
			m := message{op: rapid.SampledFrom([]byte{ws.OpText, ws.OpBinary}).Draw(rt, "op")}
			size := rapid.SampledFrom([]int{0, 1, 7, 125, 126, 127, 511, 512, 4000, 65535, 65536, 70_000}).Draw(rt, "size")
			payload := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(rt, "pattern"), size)[:size]
			m.payload = string(payload)
			op, pieces := m.op, rapid.IntRange(0, 3).Draw(rt, "fragments before the last")
			for range pieces {
				n := rapid.IntRange(0, len(payload)).Draw(rt, "cut")
				sent = append(sent, frame(false, op, key.Draw(rt, "key"), payload[:n])...)
				op, payload = ws.OpContinuation, payload[n:]
				if rapid.Bool().Draw(rt, "control between") {
					control()
				}
			}
			sent, want = append(sent, frame(true, op, key.Draw(rt, "key"), payload)...), append(want, m)
		}
		r := newReader(&wire{bytes: sent, chunk: rapid.SampledFrom([]int{1, 2, 3, 100, 512, 1 << 20}).Draw(rt, "chunk")})
		for i, m := range want {
			op, payload, err := r.Next()
			if err != nil || op != m.op || string(payload) != m.payload {
				rt.Fatalf("message %d is op %d of %d bytes, %v; want op %d of %d bytes", i, op, len(payload), err, m.op, len(m.payload))
			}
		}
		if _, _, err := r.Next(); err != io.EOF {
			rt.Fatalf("behind the last message: %v, want EOF", err)
		}
	})
}

func TestReader_Refuses(t *testing.T) {
	for name, c := range map[string]struct {
		bytes []byte
		code  int
		why   string
	}{
		"a reserved bit":                        {[]byte{0x80 | 0x40 | ws.OpText, 0x80, 0, 0, 0, 0}, ws.CloseProtocol, "protocol_error"},
		"no mask":                               {[]byte{0x80 | ws.OpText, 0}, ws.CloseProtocol, "protocol_error"},
		"an unknown opcode":                     {frame(true, 0x3, 1, nil), ws.CloseProtocol, "protocol_error"},
		"an unknown control opcode":             {frame(true, 0xB, 1, nil), ws.CloseProtocol, "protocol_error"},
		"a continuation of nothing":             {frame(true, ws.OpContinuation, 1, nil), ws.CloseProtocol, "protocol_error"},
		"a message within another":              {slices.Concat(frame(false, ws.OpText, 1, nil), whole(ws.OpText, "x")), ws.CloseProtocol, "protocol_error"},
		"a ping in fragments":                   {frame(false, ws.OpPing, 1, nil), ws.CloseProtocol, "protocol_error"},
		"a long ping":                           {frame(true, ws.OpPing, 1, make([]byte, 126)), ws.CloseProtocol, "protocol_error"},
		"2 bytes for a length that takes none":  {[]byte{0x80 | ws.OpText, 0x80 | 126, 0, 125}, ws.CloseProtocol, "protocol_error"},
		"8 bytes for a length that takes 2":     {[]byte{0x80 | ws.OpText, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, ws.CloseProtocol, "protocol_error"},
		"a length of which the sign bit is set": {[]byte{0x80 | ws.OpBinary, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0}, ws.CloseTooLarge, "frame_too_large"},
		"a text that is too large":              {whole(ws.OpText, strings.Repeat("x", maxText+1))[:14], ws.CloseTooLarge, "frame_too_large"}, // its header says so
		"binary that is too large":              {frame(true, ws.OpBinary, 1, make([]byte, maxBinary+1))[:14], ws.CloseTooLarge, "frame_too_large"},
		"fragments that are too large together": {slices.Concat(frame(false, ws.OpText, 1, make([]byte, maxText)), frame(true, ws.OpContinuation, 1, []byte("x"))), ws.CloseTooLarge, "frame_too_large"},
		"empty fragments without end":           {append(frame(false, ws.OpText, 1, nil), bytes.Repeat(frame(false, ws.OpContinuation, 1, nil), 4096)...), ws.ClosePolicy, "too_many_frames"},
		"the same, and then the end":            {slices.Concat(frame(false, ws.OpText, 1, nil), bytes.Repeat(frame(false, ws.OpContinuation, 1, nil), 4096), frame(true, ws.OpContinuation, 1, nil)), ws.ClosePolicy, "too_many_frames"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, chunk := range []int{1, 1 << 20} {
				op, payload, err := newReader(&wire{bytes: slices.Clone(c.bytes), chunk: chunk}).Next()
				var refused *ws.Error
				if !errors.As(err, &refused) || refused.Code != c.code || refused.Reason != c.why {
					t.Errorf("%d bytes a read: op %d, %d bytes, %v; want close %d %s", chunk, op, len(payload), err, c.code, c.why)
				}
			}
		})
	}
}

func TestReader_TakesWhatIsAsLargeAsAllowed(t *testing.T) {
	for name, sent := range map[string][]byte{
		"text":       whole(ws.OpText, strings.Repeat("x", maxText)),
		"binary":     frame(true, ws.OpBinary, 7, make([]byte, maxBinary)),
		"fragments":  slices.Concat(frame(false, ws.OpText, 1, make([]byte, maxText-1)), frame(true, ws.OpContinuation, 1, []byte("x"))),
		"4096 parts": slices.Concat(frame(false, ws.OpText, 1, nil), bytes.Repeat(frame(false, ws.OpContinuation, 1, nil), 4094), frame(true, ws.OpContinuation, 1, nil)),
	} {
		if _, _, err := newReader(&wire{bytes: sent, chunk: 1000}).Next(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReader_Empty(t *testing.T) {
	r := newReader(&wire{bytes: slices.Concat(whole(ws.OpText, "a"), whole(ws.OpText, "b")), chunk: 100})
	for i, want := range []bool{false, true} {
		if _, _, err := r.Next(); err != nil || r.Empty() != want {
			t.Errorf("after message %d: %v, empty %v, want %v", i, err, r.Empty(), want)
		}
	}
	// 512 bytes are what the first read takes: more may be there.
	r = newReader(&wire{bytes: whole(ws.OpText, strings.Repeat("x", 512-8)), chunk: 1000})
	if _, _, err := r.Next(); err != nil || r.Empty() {
		t.Errorf("after a full read: %v, empty %v", err, r.Empty())
	}
}

// Whole says of no beginning of a frame that it is there, and of every frame of less than
// 64 KiB that stands alone.
func TestReader_Whole(t *testing.T) {
	first := whole(ws.OpText, "first")
	for name, of := range map[string]struct {
		bytes []byte
		want  bool
	}{
		"empty":               {whole(ws.OpText, ""), true},
		"short":               {whole(ws.OpText, "hello"), true},
		"longest short":       {whole(ws.OpText, strings.Repeat("x", 125)), true},
		"length in two bytes": {whole(ws.OpBinary, strings.Repeat("x", 300)), true},
		"control":             {whole(ws.OpPing, "p"), true},
		"64 KiB":              {whole(ws.OpText, strings.Repeat("x", 65_536))[:400], false},
		"a fragment":          {frame(false, ws.OpText, 1, []byte("part")), false},
	} {
		for n := range len(of.bytes) + 1 {
			r := newReader(&wire{bytes: append(slices.Clone(first), of.bytes[:n]...), chunk: 1000})
			if _, _, err := r.Next(); err != nil { // reads all that has come
				t.Fatal(err)
			}
			if got, want := r.Whole(), of.want && n == len(of.bytes); got != want {
				t.Errorf("%s, %d of %d bytes: Whole is %t, want %t", name, n, len(of.bytes), got, want)
			}
		}
	}
}

func TestReader_HeardWhenSomethingCame(t *testing.T) {
	r := newReader(&wire{bytes: []byte{0x80 | ws.OpText}, chunk: 1})
	if _, _, err := r.Next(); err != io.EOF || r.Heard.Load() != int64(time.Second) {
		t.Errorf("a byte was read, %v, and heard at %d", err, r.Heard.Load())
	}
}

// budget counts what is reserved, and refuses what is more than max.
type budget struct{ used, peak, max int64 }

func (b *budget) Reserve(n int64) bool {
	if b.used+n > b.max {
		return false
	}
	b.used += n
	b.peak = max(b.peak, b.used)
	return true
}

func (b *budget) Release(n int64) { b.used -= n }

func TestReader_Budget(t *testing.T) {
	large, small := whole(ws.OpText, strings.Repeat("x", 90_000)), whole(ws.OpText, "x")
	t.Run("is reserved by large messages alone", func(t *testing.T) {
		b := &budget{max: 1 << 20}
		r := newReader(&wire{bytes: slices.Concat(bytes.Repeat(small, 5000), large), chunk: 1000})
		r.Budget = b
		for range 5000 {
			if _, _, err := r.Next(); err != nil || b.used != 0 {
				t.Fatalf("%v, %d bytes are reserved, want none", err, b.used)
			}
		}
		if _, _, err := r.Next(); err != nil || b.used == 0 {
			t.Fatalf("%v, %d bytes are reserved for a message of 90,000", err, b.used)
		}
		if b.peak > 3*90_000 {
			t.Errorf("%d bytes were reserved for one of 90,000", b.peak)
		}
		if r.Release(); b.used != 0 {
			t.Errorf("%d bytes are reserved after the end", b.used)
		}
	})
	t.Run("comes back when messages are small again", func(t *testing.T) {
		b := &budget{max: 1 << 20}
		w := &wire{bytes: large, chunk: 1000}
		r := newReader(w)
		r.Budget = b
		for i := range 20 {
			if _, _, err := r.Next(); err != nil {
				t.Fatal(i, err)
			}
			w.bytes = small
		}
		if b.used != 0 {
			t.Errorf("%d bytes are reserved", b.used)
		}
	})
	t.Run("is not reserved by a header alone", func(t *testing.T) {
		b := &budget{max: 1 << 20}
		r := newReader(&wire{bytes: large[:20], chunk: 1000})
		r.Budget = b
		if _, _, err := r.Next(); err != io.EOF || b.peak != 0 {
			t.Errorf("%v, %d bytes were reserved", err, b.peak)
		}
	})
	for name, sent := range map[string][]byte{
		"a frame":   large,
		"fragments": slices.Concat(frame(false, ws.OpText, 1, make([]byte, 20_000)), frame(false, ws.OpContinuation, 1, make([]byte, 20_000)), frame(true, ws.OpContinuation, 1, make([]byte, 20_000))),
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			b := &budget{max: 10_000}
			r := newReader(&wire{bytes: slices.Clone(sent), chunk: 1000})
			r.Budget = b
			_, _, err := r.Next()
			var refused *ws.Error
			if !errors.As(err, &refused) || *refused != (ws.Error{Code: ws.CloseTryLater, Reason: "overloaded"}) {
				t.Errorf("%v, want close 1013 overloaded", err)
			}
			if r.Release(); b.used != 0 {
				t.Errorf("%d bytes are reserved after the end", b.used)
			}
		})
	}
}

func TestReader_AwaitClose(t *testing.T) {
	garbage := []byte{0xFF, 0xFF}
	behind := whole(ws.OpText, "behind the close")
	for name, c := range map[string]struct {
		sent []byte
		rest int // bytes that are not read
	}{
		"until the close frame": {slices.Concat(whole(ws.OpText, "a"), whole(ws.OpClose, ""), behind), len(behind)},
		"until the end":         {whole(ws.OpText, "a"), 0},
		"behind garbage":        {slices.Concat(garbage, behind), 0},
	} {
		// A read takes as much as the first frames are, so what is behind stays unread.
		w := &wire{bytes: c.sent, chunk: 1}
		if newReader(w).AwaitClose(); len(w.bytes) != c.rest {
			t.Errorf("%s: %d bytes are left, want %d", name, len(w.bytes), c.rest)
		}
	}
	w := &wire{bytes: slices.Concat(whole(ws.OpClose, ""), behind), chunk: 1}
	r := newReader(w)
	if op, _, err := r.Next(); op != ws.OpClose || err != nil {
		t.Fatal(op, err)
	}
	if r.AwaitClose(); len(w.bytes) != len(behind) {
		t.Errorf("after the close frame %d bytes are left, want %d", len(w.bytes), len(behind))
	}
}

func TestFrames_OfTheServer(t *testing.T) {
	for n, header := range map[int][]byte{
		0:       {0x81, 0},
		125:     {0x81, 125},
		126:     {0x81, 126, 0, 126},
		0xFFFF:  {0x81, 126, 0xFF, 0xFF},
		0x10000: {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0},
	} {
		payload := bytes.Repeat([]byte{'x'}, n)
		want := slices.Concat(header, payload)
		if got := ws.AppendFrame(nil, ws.OpText, payload); !bytes.Equal(got, want) {
			t.Errorf("AppendFrame of %d bytes begins with % x, want % x", n, got[:len(header)], header)
		}
		buf := append(ws.Reserve(n), payload...)
		got := ws.Seal(ws.OpText, buf)
		if !bytes.Equal(got, want) {
			t.Errorf("Seal of %d bytes begins with % x, want % x", n, got[:len(header)], header)
		}
		if &got[len(got)-1] != &buf[len(buf)-1] {
			t.Errorf("Seal of %d bytes copies", n)
		}
	}
}

func TestCloseFrame(t *testing.T) {
	for _, c := range []struct {
		code   int
		reason string
		want   []byte
	}{
		{0, "", []byte{0x88, 0}},
		{0, "not sent without a code", []byte{0x88, 0}},
		{ws.CloseShutdown, "", []byte{0x88, 2, 0x03, 0xE9}},
		{ws.ClosePolicy, "no", []byte{0x88, 4, 0x03, 0xF0, 'n', 'o'}},
	} {
		if got := ws.CloseFrame(c.code, c.reason); !bytes.Equal(got, c.want) {
			t.Errorf("CloseFrame(%d, %q) = % x, want % x", c.code, c.reason, got, c.want)
		}
	}
	if text := fmt.Sprint(&ws.Error{Code: ws.CloseInvalid, Reason: "malformed_frame"}); text != "close 1007 malformed_frame" {
		t.Errorf("the error says %q", text)
	}
}
