package socket

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"strconv"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/request"
	"github.com/sensocto/sensocto/socket/ws"
	"github.com/sensocto/sensocto/wire"
)

// maxTopic bounds a topic's name: what a binary frame can carry.
const maxTopic = 255

// controlFrame answers ping and close.
func (c *conn) controlFrame(op byte, payload []byte) error {
	switch op {
	case ws.OpPing:
		c.out.Enqueue(ws.AppendFrame(nil, ws.OpPong, payload))
	case ws.OpClose:
		code, err := closeCode(payload)
		if err != nil {
			return err
		}
		c.answerClose(code)
		return errPeerClosed
	}
	return nil
}

// errPeerClosed ends a connection whose peer has closed it.
var errPeerClosed = errors.New("the peer closed the connection")

// closeCode returns the code of a close frame's payload, 0 where there is none,
// or how the connection ends where the payload may not be so (RFC 6455, 5.5.1
// and 7.4).
func closeCode(payload []byte) (int, error) {
	if len(payload) == 0 {
		return 0, nil
	}
	if len(payload) == 1 {
		return 0, &ws.Error{Code: ws.CloseProtocol, Reason: "protocol_error"}
	}
	code := int(binary.BigEndian.Uint16(payload))
	switch {
	case code >= 3000 && code < 5000, code >= 1000 && code <= 1003, code >= 1007 && code <= 1014:
	default:
		return 0, &ws.Error{Code: ws.CloseProtocol, Reason: "protocol_error"}
	}
	if !utf8.Valid(payload[2:]) {
		return 0, &ws.Error{Code: ws.CloseInvalid, Reason: "invalid_reason"}
	}
	return code, nil
}

// message decodes and handles one message. The error is a *ws.Error.
func (c *conn) message(op byte, payload []byte) error {
	c.countFrame(payload)
	f, err := c.decode(op, payload)
	if err == nil {
		err = c.dispatch(&f)
	}
	return c.noted(err)
}

func (c *conn) countFrame(payload []byte) {
	c.srv.count.framesIn.Add(1)
	c.srv.count.bytesIn.Add(uint64(len(payload)))
}

// noted counts a message that ends the connection with err, which it returns.
func (c *conn) noted(err error) error {
	if err == nil { // nearly always; what follows allocates
		return nil
	}
	var protocol *ws.Error
	if errors.As(err, &protocol) {
		c.srv.count.refusedFrames.add(protocol.Reason, 1)
	}
	return err
}

func (c *conn) decode(op byte, payload []byte) (phx.Frame, error) {
	switch {
	case op == ws.OpText:
		f, err := phx.Decode(c.version, payload)
		return f, request.FrameError(err)
	case c.version == phx.V1:
		return phx.Frame{}, &ws.Error{Code: ws.CloseUnsupported, Reason: "binary_frame"}
	}
	f, err := phx.DecodeBinary(payload)
	return f, request.FrameError(err)
}

// dispatch hands a frame to whom it is for.
func (c *conn) dispatch(f *phx.Frame) error {
	ch := c.channel(f.Topic)
	switch string(f.Event) {
	case phx.EventJoin:
		return c.join(f, ch)
	case phx.EventLeave:
		return c.leave(f, ch)
	case phx.EventHeartbeat:
		if string(f.Topic) == phx.TopicPhoenix {
			return c.heartbeat(f)
		}
	case eventClock:
		if string(f.Topic) == phx.TopicPhoenix {
			return c.clock(f)
		}
	}
	if ch != nil && ch.joining != nil {
		ch = c.waitJoined(ch)
	}
	if ch == nil {
		return c.unmatched(f)
	}
	return c.answered(ch, f, ch.handler.Handle(c.ctx, f))
}

func (c *conn) channel(topic []byte) *channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.channels[string(topic)]
}

// waitJoined waits until a join that is answered beside the reader was answered, as
// every join is before what its client sends after it. It returns nil where it was refused.
func (c *conn) waitJoined(ch *channel) *channel {
	select {
	case <-ch.joining:
	case <-c.ctx.Done():
		return nil
	}
	ch.joining = nil
	return c.channel([]byte(ch.Topic))
}

// answered turns the error of a handler into a reply. It returns what ends
// the connection.
func (c *conn) answered(ch *channel, f *phx.Frame, err error) error {
	if err == nil { // nearly always; what follows allocates
		return nil
	}
	var protocol *ws.Error
	var item *wire.ItemError
	var gap *sensocto.GapError
	switch {
	case errors.As(err, &protocol):
		return err
	case errors.Is(err, request.ErrUnknownEvent):
		return c.unknownEvent(ch, f)
	case errors.As(err, &gap):
		ch.Reply(f, phx.StatusError, gapObject(gap.Expected))
	case errors.As(err, &item):
		ch.Reply(f, phx.StatusError, item.AppendJSON(nil))
	default:
		c.noteRefusal(err, "event "+string(f.Event), ch.Topic)
		ch.Reply(f, phx.StatusError, reasonObject(c.reason(err)))
	}
	return nil
}

// gapObject tells which batch of a stream has to come next.
func gapObject(expected uint64) []byte {
	return append(strconv.AppendUint([]byte(`{"reason":"gap","expected":`), expected, 10), '}')
}

// callFullObject tells how many peers a call may have.
func callFullObject(reason string, limit int) []byte {
	dst := append(jsonscan.AppendString([]byte(`{"reason":`), reason), `,"limit":`...)
	return append(strconv.AppendInt(dst, int64(limit), 10), '}')
}

// reason returns the word for an error; one that is a fault of the program is
// logged, since the peer learns nothing of it.
func (c *conn) reason(err error) string {
	if errors.Is(err, context.Canceled) {
		return string(sensocto.CodeUnavailable)
	}
	if sensocto.ErrorCode(err) == sensocto.CodeInternal {
		c.srv.events.Write(slog.LevelError, "answer", "cannot answer a frame", "conn", c.id, "err", err)
	}
	return sensocto.ErrorReason(err)
}

func (c *conn) unknownEvent(ch *channel, f *phx.Frame) error {
	c.srv.count.refusedFrames.add("unknown_event", 1)
	if err := request.Check(f); err != nil {
		return err
	}
	if !f.Ref.IsNull() {
		ch.Reply(f, phx.StatusError, reasonObject(request.ErrUnknownEvent.Reason))
	}
	return nil
}

func (c *conn) heartbeat(f *phx.Frame) error {
	if err := request.Check(f); err != nil {
		return err
	}
	c.out.Reply(f, phx.StatusOK, []byte("{}"))
	return nil
}

// unmatched answers a push to a topic that is not joined.
func (c *conn) unmatched(f *phx.Frame) error {
	if err := request.Check(f); err != nil {
		return err
	}
	c.srv.count.refusedFrames.add("unmatched_topic", 1)
	c.out.Reply(f, phx.StatusError, reasonObject(request.ErrUnmatchedTopic.Reason))
	return nil
}
