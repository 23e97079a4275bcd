package socket

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
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
	c.srv.count.framesIn.Add(1)
	c.srv.count.bytesIn.Add(uint64(len(payload)))
	f, err := c.decode(op, payload)
	if err == nil {
		err = c.dispatch(&f)
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
		return f, frameError(err)
	case c.version == phx.V1:
		return phx.Frame{}, &ws.Error{Code: ws.CloseUnsupported, Reason: "binary_frame"}
	}
	f, err := phx.DecodeBinary(payload)
	return f, frameError(err)
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
	return c.answered(ch, f, ch.handler.handle(c.ctx, f))
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
	var protocol *ws.Error
	var item *wire.ItemError
	var gap *sensocto.GapError
	switch {
	case err == nil:
	case errors.As(err, &protocol):
		return err
	case errors.Is(err, errUnknownEvent):
		return c.unknownEvent(ch, f)
	case errors.As(err, &gap):
		ch.reply(f, phx.StatusError, gapObject(gap.Expected))
	case errors.As(err, &item):
		ch.reply(f, phx.StatusError, item.AppendJSON(nil))
	default:
		c.noteRefusal(err, "event "+string(f.Event), ch.Topic)
		ch.reply(f, phx.StatusError, reasonObject(c.reason(err)))
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
		c.srv.events.Write(c.srv.now(), slog.LevelError, "answer", "cannot answer a frame", "conn", c.id, "err", err)
	}
	return sensocto.ErrorReason(err)
}

func (c *conn) unknownEvent(ch *channel, f *phx.Frame) error {
	c.srv.count.refusedFrames.add("unknown_event", 1)
	if err := f.Check(); err != nil {
		return frameError(err)
	}
	if !f.Ref.IsNull() {
		ch.reply(f, phx.StatusError, reasonObject(errUnknownEvent.Reason))
	}
	return nil
}

func (c *conn) heartbeat(f *phx.Frame) error {
	if err := f.Check(); err != nil {
		return frameError(err)
	}
	c.answer(f, phx.StatusOK, emptyObject())
	return nil
}

// unmatched answers a push to a topic that is not joined.
func (c *conn) unmatched(f *phx.Frame) error {
	if err := f.Check(); err != nil {
		return frameError(err)
	}
	c.srv.count.refusedFrames.add("unmatched_topic", 1)
	c.answer(f, phx.StatusError, reasonObject(errUnmatchedTopic.Reason))
	return nil
}

// answer replies to a frame that belongs to no channel.
func (c *conn) answer(f *phx.Frame, status string, response []byte) {
	c.out.Enqueue(c.replyFrame(f.JoinRef, f.Ref, string(f.Topic), status, response))
}

// leave answers ok also where nothing is joined: an error would leave the
// official client leaving for ever. A stale join ref closes nothing.
func (c *conn) leave(f *phx.Frame, ch *channel) error {
	if err := f.Check(); err != nil {
		return frameError(err)
	}
	if ch == nil || !f.JoinRef.IsNull() && !f.JoinRef.Equal(ch.JoinRef) {
		c.answer(f, phx.StatusOK, emptyObject())
		if ch == nil {
			c.out.Enqueue(c.absentClose(f))
		}
		return nil
	}
	c.forget(ch)
	c.closeHandler(ch)
	ch.End(false, c.replyFrame(f.JoinRef, f.Ref, ch.Topic, phx.StatusOK, emptyObject()), ch.closeFrame())
	return nil
}

// absentClose is the phx_close of a channel that is not there, as its client
// knows it.
func (c *conn) absentClose(f *phx.Frame) []byte {
	return c.pushFrame(f.JoinRef, f.JoinRef, string(f.Topic), phx.EventClose, emptyObject())
}

// join makes a channel. One that was joined before ends first, whether the
// join succeeds or not; its device keeps its sensor online until then.
func (c *conn) join(f *phx.Frame, old *channel) error {
	p, err := parseParams(f)
	var protocol *ws.Error
	if errors.As(err, &protocol) {
		return err
	}
	topic := strings.Clone(string(f.Topic))
	family, id, scope := route(topic, p)
	if old != nil {
		defer c.replace(old)()
	}
	var response []byte
	var ch *channel
	if err == nil {
		ch, err = c.open(f, topic, family)
	}
	if err == nil {
		response, err = c.enter(ch, id, p, scope)
	}
	if err == nil {
		if h, ok := ch.handler.(slowJoiner); ok && h.waits() {
			joining := make(chan struct{})
			ch.joining = joining
			return c.later(f, func() ([]byte, error) { return h.finish(c.ctx) }, func(f *phx.Frame, response []byte, err error) error {
				defer close(joining)
				c.joined(f, ch, response, err)
				return nil
			})
		}
	}
	if ch == nil {
		c.refuseJoin(f, ch, family, err)
		return nil
	}
	c.joined(f, ch, response, err)
	return nil
}

// joined answers a join.
func (c *conn) joined(f *phx.Frame, ch *channel, response []byte, err error) {
	if err != nil {
		c.refuseJoin(f, ch, ch.family, err)
		return
	}
	c.srv.count.joins.add(ch.family.String()+",ok", 1)
	ch.answer(f, response)
	ch.handler.joined()
}

// replace ends the channel that a join replaces, and returns what is left to
// do after the join. Viewers stop before, so that nothing comes twice; a device
// goes after, so that its sensor stays online.
func (c *conn) replace(old *channel) (after func()) {
	c.forget(old)
	old.End(false, old.closeFrame())
	if old.family == familySensor {
		return func() { c.closeHandler(old) }
	}
	c.closeHandler(old)
	return func() {}
}

// open puts a channel into its place. It is there before its handler starts,
// so that whatever ends channels finds it.
func (c *conn) open(f *phx.Frame, topic string, family family) (*channel, error) {
	if family == familyUnknown || len(topic) > maxTopic {
		return nil, errUnmatchedTopic
	}
	joinRef := f.JoinRef
	if joinRef.IsNull() {
		joinRef = f.Ref // V1 clients name a channel by the ref of its join
	}
	ch := &channel{Channel: c.out.NewChannel(topic, joinRef.Clone()), conn: c, family: family, handler: absent{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.channels) >= c.srv.limits.Topics {
		return nil, errTooManyTopics
	}
	if c.channels == nil {
		c.channels = make(map[string]*channel)
	}
	c.channels[topic] = ch
	c.markUrgent(ch, family != familyConnector)
	return ch, nil
}

// enter checks the right to join and lets the handler join.
func (c *conn) enter(ch *channel, id string, p params, scope sensocto.Scope) ([]byte, error) {
	revocations := c.srv.revocations.Load()
	who, err := c.authorize(c.ctx, p, scope)
	if err != nil {
		return nil, err
	}
	h := newHandler(ch, id, who.identity)
	c.mu.Lock()
	c.who = who
	ch.handler = h
	c.mu.Unlock()
	c.identified()
	response, err := h.join(c.ctx, p)
	if err == nil && c.srv.revocations.Load() != revocations {
		// A token was revoked or a right has ended meanwhile: perhaps this one, unheard.
		if _, err = c.authorize(c.ctx, p, scope); err == nil && !h.recheck(c.ctx, "") {
			err = sensocto.ErrUnauthorized
		}
	}
	return response, err
}

// refuseJoin undoes a join.
func (c *conn) refuseJoin(f *phx.Frame, ch *channel, family family, err error) {
	if ch != nil {
		c.forget(ch)
		ch.End(true)
		c.closeHandler(ch)
	}
	reason := c.reason(err)
	c.srv.count.joins.add(family.String()+","+reason, 1)
	c.noteRefusal(err, "join "+family.String(), string(f.Topic))
	response := reasonObject(reason)
	if full, ok := errors.AsType[*sensocto.CallFullError](err); ok {
		response = callFullObject(reason, full.Limit)
	}
	c.answer(f, phx.StatusError, response)
	if sensocto.ErrorCode(err) == sensocto.CodeUnauthorized {
		c.refused()
	}
}

// forget removes a channel from the connection.
func (c *conn) forget(ch *channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channels[ch.Topic] == ch {
		delete(c.channels, ch.Topic)
		c.markUrgent(ch, false)
	}
	if ch.family == familyConnector {
		delete(c.connectors, strings.TrimPrefix(ch.Topic, sensocto.TopicPrefixConnector))
	}
}

// absent is the handler of a channel whose join is not authorised yet.
type absent struct{}

func (absent) join(context.Context, params) ([]byte, error) { return nil, nil }
func (absent) joined()                                      {}
func (absent) handle(context.Context, *phx.Frame) error     { return errUnknownEvent }
func (absent) recheck(context.Context, string) bool         { return true }
func (absent) close()                                       {}
