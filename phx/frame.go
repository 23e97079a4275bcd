// Package phx is the codec of Phoenix Channels frames: V1 (JSON objects) and V2
// (JSON arrays, and binary frames), in both directions. It does no input or
// output and knows nothing of what payloads mean.
//
// Decoded frames alias the bytes they were decoded from: they are valid only
// as long as those are, and whoever keeps a part copies it. Encoding appends to
// a slice of the caller. Neither allocates for ordinary frames; an escaped topic
// or event, and the refs of a binary frame, cost one small allocation.
//
// Refs are echoed byte for byte, as the JSON token they came as.
package phx

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/sensocto/sensocto/jsonscan"
)

// Version is the version of the serialization that a connection speaks.
type Version uint8

// The versions.
const (
	V1 Version = 1 // JSON objects {topic, event, payload, ref}
	V2 Version = 2 // JSON arrays [join_ref, ref, topic, event, payload], and binary frames
)

// ParseVersion returns the version that the query parameter vsn asks for. It
// is V1 where there is none, ErrVersion for versions that nobody speaks.
func ParseVersion(vsn string) (Version, error) {
	switch vsn {
	case "", "1.0.0":
		return V1, nil
	case "2.0.0":
		return V2, nil
	}
	return 0, fmt.Errorf("%w %q: use 1.0.0 or 2.0.0", ErrVersion, vsn)
}

// Errors of this package.
var (
	// ErrSyntax says that a frame is not valid UTF-8 or JSON (close code 1007).
	ErrSyntax = errors.New("malformed frame: not valid JSON")
	// ErrShape says that a frame is something else than the five parts of a
	// message (close code 1003).
	ErrShape = errors.New("malformed frame: not a message")
	// ErrVersion says that a version of the serialization is not offered.
	ErrVersion = errors.New("unsupported vsn")
	// ErrTooLong says that a name does not fit a binary frame, whose lengths
	// are single bytes.
	ErrTooLong = errors.New("longer than a binary frame can carry (255 bytes)")
)

// Events that are part of the Phoenix protocol.
const (
	EventJoin      = "phx_join"
	EventLeave     = "phx_leave"
	EventReply     = "phx_reply"
	EventClose     = "phx_close"
	EventError     = "phx_error"
	EventHeartbeat = "heartbeat"
)

// TopicPhoenix is the topic of heartbeats.
const TopicPhoenix = "phoenix"

// Statuses of a reply.
const (
	StatusOK    = "ok"
	StatusError = "error"
)

// Frame is one message in either direction. All slices alias the input.
type Frame struct {
	JoinRef, Ref Ref
	// Topic and Event are text, without quotation marks and escapes.
	Topic, Event []byte
	// Status is set in binary replies alone; others have it in the payload.
	Status []byte
	// Payload is JSON text, or any bytes in a binary frame. The payload of a
	// V2 text frame has not been looked at yet: see Check.
	Payload []byte
	Binary  bool
}

// Check finishes the check of a V2 text frame, whose payload Decode left
// alone so that whoever reads it does the work once. A strict reader that found
// bad JSON there asks Check what is wrong: ErrSyntax, or ErrShape where the
// array has more than five elements. Other frames pass.
func (f *Frame) Check() error {
	if f.Binary {
		return nil
	}
	end := jsonscan.Value(f.Payload, 0)
	if jsonscan.End(f.Payload, end) {
		return nil
	}
	rest := jsonscan.Byte(f.Payload, end, ',')
	for rest >= 0 {
		if end = jsonscan.Value(f.Payload, rest); jsonscan.End(f.Payload, end) {
			return ErrShape
		}
		rest = jsonscan.Byte(f.Payload, end, ',')
	}
	return ErrSyntax
}

// Reply returns status and response of a frame whose event is phx_reply. The
// response is JSON text, or any bytes where the frame is binary.
func (f *Frame) Reply() (status, response []byte, err error) {
	if f.Binary {
		return f.Status, f.Payload, nil
	}
	err = jsonscan.Object(f.Payload, func(key, value []byte) error {
		switch {
		case string(key) == "response":
			response = value
		case string(key) == "status" && value[0] == '"':
			_, plain := jsonscan.String(value, 0)
			status = jsonscan.Unquote(value, plain)
		}
		return nil
	})
	switch {
	case errors.Is(err, jsonscan.ErrSyntax):
		return nil, nil, ErrSyntax
	case err != nil || status == nil || response == nil:
		return nil, nil, ErrShape
	}
	return status, response, nil
}

// Ref is a ref or join ref: a JSON token, string or number, as it came. nil is
// null.
type Ref []byte

// NewRef returns the ref with the given text, as clients make them: a string.
func NewRef(text string) Ref { return jsonscan.AppendString(nil, text) }

// IsNull reports whether there is no ref.
func (r Ref) IsNull() bool { return len(r) == 0 }

// Equal reports whether both refs are the same token.
func (r Ref) Equal(other Ref) bool { return bytes.Equal(r, other) }

// Clone returns a copy to keep.
func (r Ref) Clone() Ref { return bytes.Clone(r) }

// Append appends the ref as JSON.
func (r Ref) Append(dst []byte) []byte {
	if r.IsNull() {
		return append(dst, "null"...)
	}
	return append(dst, r...)
}

// AppendText appends the ref as it stands in binary frames: without quotation
// marks, nothing for null.
func (r Ref) AppendText(dst []byte) []byte {
	if end, plain := jsonscan.String(r, 0); end > 0 && end == len(r) {
		return append(dst, jsonscan.Unquote(r, plain)...)
	}
	return append(dst, r...)
}

func (r Ref) text() string { return string(r.AppendText(nil)) }
