package client

import (
	"strconv"

	"github.com/sensocto/sensocto/phx"
)

// encodePush encodes one message as text. A joinRef of 0 is null.
func (c *Client) encodePush(dst []byte, joinRef, ref uint64, topic, event string, payload []byte) []byte {
	var a, b [24]byte
	return phx.AppendMessage(dst, c.o.Version, appendRef(a[:0], joinRef), appendRef(b[:0], ref), topic, event, payload)
}

// encodeBinary encodes one message as a binary frame.
func (c *Client) encodeBinary(dst []byte, joinRef, ref uint64, topic, event string, body []byte) ([]byte, error) {
	if c.o.Version == phx.V1 {
		return dst, errBinaryV1
	}
	var a, b [24]byte
	return phx.AppendBinaryMessage(dst, appendRef(a[:0], joinRef), appendRef(b[:0], ref), topic, event, body)
}

// appendRef appends a ref as it is on the wire: a JSON string, nothing for 0.
func appendRef(dst []byte, ref uint64) phx.Ref {
	if ref == 0 {
		return nil
	}
	dst = strconv.AppendUint(append(dst, '"'), ref, 10)
	return append(dst, '"')
}

// refNumber reads a ref that this client made.
func refNumber(ref phx.Ref) (uint64, bool) {
	var buf [24]byte
	n, err := strconv.ParseUint(string(ref.AppendText(buf[:0])), 10, 64)
	return n, err == nil
}

// vsn is the query parameter that asks for a version.
func vsn(v phx.Version) string {
	if v == phx.V1 {
		return "1.0.0"
	}
	return "2.0.0"
}
