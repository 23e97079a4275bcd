package phx

import (
	"fmt"
	"unicode/utf8"

	"github.com/sensocto/sensocto/jsonscan"
)

// The kinds of binary frames. The header of a kind 0 frame differs by
// direction: only clients send a ref in it.
//
//	client push       0, sizes of join ref, ref, topic, event; these four; payload
//	server push       0, sizes of join ref, topic, event; these three; payload
//	server reply      1, sizes of join ref, ref, topic, status; these four; payload
//	server broadcast  2, sizes of topic, event; these two; payload
const (
	kindPush      = 0
	kindReply     = 1
	kindBroadcast = 2
)

// DecodeBinary reads a client's binary frame, which is always a push. It
// returns ErrShape, or ErrSyntax where a name is not UTF-8.
func DecodeBinary(data []byte) (Frame, error) {
	if len(data) == 0 || data[0] != kindPush {
		return Frame{}, ErrShape
	}
	var names [4][]byte
	payload, err := cut(data[1:], names[:])
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Topic: names[2], Event: names[3], Payload: payload, Binary: true}
	f.JoinRef, f.Ref = quoteRefs(names[0], names[1])
	return f, nil
}

// DecodeServerBinary reads a server's binary frame: a push, a reply (whose
// event is phx_reply) or a broadcast.
func DecodeServerBinary(data []byte) (Frame, error) {
	if len(data) == 0 {
		return Frame{}, ErrShape
	}
	var names [4][]byte
	sizes := [...]int{kindPush: 3, kindReply: 4, kindBroadcast: 2}
	if int(data[0]) >= len(sizes) {
		return Frame{}, ErrShape
	}
	payload, err := cut(data[1:], names[:sizes[data[0]]])
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Payload: payload, Binary: true}
	switch data[0] {
	case kindPush:
		f.JoinRef, _ = quoteRefs(names[0], nil)
		f.Topic, f.Event = names[1], names[2]
	case kindReply:
		f.JoinRef, f.Ref = quoteRefs(names[0], names[1])
		f.Topic, f.Event, f.Status = names[2], []byte(EventReply), names[3]
	case kindBroadcast:
		f.Topic, f.Event = names[0], names[1]
	}
	return f, nil
}

// cut takes the names off b: their sizes, a byte each, then their text. It
// returns the rest.
func cut(b []byte, names [][]byte) (rest []byte, err error) {
	if len(b) < len(names) {
		return nil, ErrShape
	}
	at := len(names)
	for i := range names {
		end := at + int(b[i])
		if end > len(b) {
			return nil, ErrShape
		}
		if names[i] = b[at:end:end]; !utf8.Valid(names[i]) {
			return nil, ErrSyntax
		}
		at = end
	}
	return b[at:], nil
}

// quoteRefs makes the JSON tokens of two refs with one allocation. An empty
// ref is null.
func quoteRefs(a, b []byte) (Ref, Ref) {
	if len(a)+len(b) == 0 {
		return nil, nil
	}
	buf := make([]byte, 0, len(a)+len(b)+4)
	if len(a) > 0 {
		buf = jsonscan.AppendString(buf, a)
	}
	n := len(buf)
	if len(b) > 0 {
		buf = jsonscan.AppendString(buf, b)
	}
	return Ref(buf[:n:n]), Ref(buf[n:])
}

// AppendBinaryMessage appends a client's binary push.
func AppendBinaryMessage(dst []byte, joinRef, ref Ref, topic, event string, payload []byte) ([]byte, error) {
	return appendBinary(dst, kindPush, payload, joinRef.text(), ref.text(), topic, event)
}

// AppendBinaryPush appends a server's binary push to one joiner.
func AppendBinaryPush(dst []byte, joinRef Ref, topic, event string, payload []byte) ([]byte, error) {
	return appendBinary(dst, kindPush, payload, joinRef.text(), topic, event)
}

// AppendBinaryReply appends a server's binary reply.
func AppendBinaryReply(dst []byte, joinRef, ref Ref, topic, status string, response []byte) ([]byte, error) {
	return appendBinary(dst, kindReply, response, joinRef.text(), ref.text(), topic, status)
}

// AppendBinaryBroadcast appends a server's binary broadcast.
func AppendBinaryBroadcast(dst []byte, topic, event string, payload []byte) ([]byte, error) {
	return appendBinary(dst, kindBroadcast, payload, topic, event)
}

// appendBinary appends a header of the names and the payload. It returns
// ErrTooLong, and dst as it was, for a name that does not fit.
func appendBinary(dst []byte, kind byte, payload []byte, names ...string) ([]byte, error) {
	for _, name := range names {
		if len(name) > 255 {
			return dst, fmt.Errorf("a name of %d bytes is %w", len(name), ErrTooLong)
		}
	}
	dst = append(dst, kind)
	for _, name := range names {
		dst = append(dst, byte(len(name)))
	}
	for _, name := range names {
		dst = append(dst, name...)
	}
	return append(dst, payload...), nil
}
