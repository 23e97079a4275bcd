package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gorilla/websocket"
)

// Errors that callers compare with errors.Is.
var (
	// ErrClosed means that the client, the device or the stream was closed.
	ErrClosed = errors.New("client is closed")
	// ErrDisconnected means that the connection broke before the answer came.
	ErrDisconnected = errors.New("connection to the server was lost")
	// ErrChannelClosed means that the server ended the channel: the sensor was
	// joined elsewhere or deleted, or the right to it was taken away.
	ErrChannelClosed = errors.New("the server closed the channel: joined on another connection, deleted, or the right was revoked")
	// ErrQueueFull means that a device holds as many measurements as it may
	// while the server takes none. Nothing of the call was taken.
	ErrQueueFull = errors.New("measurement queue is full: the server takes none at the moment")
)

var (
	errJoined   = errors.New("this client has joined it already")
	errBinaryV1 = errors.New("binary frames need version 2.0.0 of the serializer")
)

// ReplyError is a reply of status "error".
type ReplyError struct {
	Topic, Event string
	// Reason is the server's word for it, for example "unauthorized".
	Reason string
	// Response is the whole response, a JSON object.
	Response json.RawMessage
}

// Error says what was refused and why.
func (e *ReplyError) Error() string {
	hint := ""
	if e.Reason == "unauthorized" {
		hint = " (no valid token, or no right to it)"
	}
	return fmt.Sprintf("%s on %s was refused: %s%s", e.Event, e.Topic, e.Reason, hint)
}

// Reason returns the reason of a ReplyError in err's chain, or "".
func Reason(err error) string {
	if e, ok := errors.AsType[*ReplyError](err); ok {
		return e.Reason
	}
	return ""
}

// HandshakeError is a server's refusal of the WebSocket.
type HandshakeError struct {
	URL    string
	Status int    // HTTP status
	Reason string // the server's word for it, "" where it has none
	Body   string // what the server said, shortened
}

func newHandshakeError(url string, status int, body []byte) *HandshakeError {
	var problem struct{ Reason string }
	_ = json.Unmarshal(body, &problem) // a proxy may say anything
	return &HandshakeError{URL: url, Status: status, Reason: problem.Reason, Body: strings.TrimSpace(string(body[:min(len(body), 300)]))}
}

// Full reports whether the server has no place for another connection at present:
// it has too many, or too many that have not joined anything yet.
func (e *HandshakeError) Full() bool {
	return e.Reason == "too_many_connections" || e.Reason == "too_many_anonymous"
}

// Error names the status and what the server said.
func (e *HandshakeError) Error() string {
	if e.Body == "" {
		return fmt.Sprintf("%s refused the connection: HTTP status %d", e.URL, e.Status)
	}
	return fmt.Sprintf("%s refused the connection: HTTP status %d: %s", e.URL, e.Status, e.Body)
}

// closeCode returns the WebSocket close code that err carries, 1008 for a
// refused credential, 0 for anything else.
func closeCode(err error) int {
	if e, ok := errors.AsType[*websocket.CloseError](err); ok {
		return e.Code
	}
	if e, ok := errors.AsType[*HandshakeError](err); ok && (e.Status == 401 || e.Status == 403 || e.Status == 429) {
		return websocket.ClosePolicyViolation
	}
	return 0
}
