package phx

import (
	"github.com/sensocto/sensocto/jsonscan"
)

// Decode reads a text frame. V1 frames are checked completely; of V2 frames
// everything but the payload, see [Frame.Check]. It returns ErrSyntax or
// ErrShape.
func Decode(v Version, text []byte) (Frame, error) {
	if v == V1 {
		return decodeV1(text)
	}
	return decodeV2(text)
}

func decodeV2(text []byte) (f Frame, err error) {
	b := text
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	i := jsonscan.Byte(b, 0, '[')
	if i < 0 || b[len(b)-1] != ']' {
		return Frame{}, malformed(text)
	}
	b = b[: len(b)-1 : len(b)-1]
	f.JoinRef, i = ref(b, i)
	f.Ref, i = ref(b, jsonscan.Byte(b, i, ','))
	f.Topic, i = name(b, jsonscan.Byte(b, i, ','))
	f.Event, i = name(b, jsonscan.Byte(b, i, ','))
	if i = jsonscan.Byte(b, i, ','); i < 0 || i == len(b) {
		return Frame{}, malformed(text)
	}
	f.Payload = b[i:]
	return f, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// malformed tells why a text is no frame: bad JSON, or JSON of another shape.
func malformed(text []byte) error {
	if jsonscan.Check(text) != nil {
		return ErrSyntax
	}
	return ErrShape
}

// maxRef bounds the token of a ref: a text of 255 bytes, as binary frames carry
// it, fits however it is escaped. A channel keeps its join ref, so that a
// connection with a thousand channels must not keep a megabyte for each.
const maxRef = 2048

// ref reads a ref at b[i]: a string, a number or null.
func ref(b []byte, i int) (r Ref, end int) {
	if uint(i) >= uint(len(b)) {
		return nil, -1
	}
	switch c := b[i]; {
	case c == '"' || c == '-' || '0' <= c && c <= '9':
		if end = jsonscan.Value(b, i); end > 0 && end-i <= maxRef {
			return Ref(b[i:end:end]), end
		}
	case c == 'n':
		return nil, jsonscan.Value(b, i)
	}
	return nil, -1
}

// name reads a topic or an event at b[i]: a string.
func name(b []byte, i int) (text []byte, end int) {
	end, plain := jsonscan.String(b, i)
	if end < 0 {
		return nil, -1
	}
	return jsonscan.Unquote(b[i:end], plain), end
}

// decodeV1 reads an object. Whatever Phoenix requires has to be there: all but
// the join ref. Keys that it does not know are ignored.
func decodeV1(text []byte) (f Frame, err error) {
	var hasRef bool
	err = jsonscan.Object(text, func(key, value []byte) error {
		end := 0
		switch string(key) {
		case "topic":
			f.Topic, end = name(value, 0)
		case "event":
			f.Event, end = name(value, 0)
		case "payload":
			f.Payload = value
		case "ref":
			f.Ref, end = ref(value, 0)
			hasRef = true
		case "join_ref":
			f.JoinRef, end = ref(value, 0)
		}
		if end < 0 {
			return ErrShape
		}
		return nil
	})
	switch {
	case err == jsonscan.ErrSyntax:
		return Frame{}, ErrSyntax
	case err != nil || f.Topic == nil || f.Event == nil || f.Payload == nil || !hasRef:
		return Frame{}, ErrShape
	}
	return f, nil
}
