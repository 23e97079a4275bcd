package socket

import (
	"context"
	"errors"
	"strings"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/request"
	"github.com/sensocto/sensocto/socket/ws"
)

// leave answers ok also where nothing is joined: an error would leave the
// official client leaving for ever. A stale join ref closes nothing.
func (c *conn) leave(f *phx.Frame, ch *channel) error {
	if err := request.Check(f); err != nil {
		return err
	}
	if ch == nil || !f.JoinRef.IsNull() && !f.JoinRef.Equal(ch.JoinRef) {
		c.out.Reply(f, phx.StatusOK, []byte("{}"))
		if ch == nil {
			c.out.CloseAbsent(f)
		}
		return nil
	}
	c.forget(ch)
	c.closeHandler(ch)
	ch.Leave(f)
	return nil
}

// join makes a channel. One that was joined before ends first, whether the
// join succeeds or not; its device keeps its sensor online until then.
func (c *conn) join(f *phx.Frame, old *channel) error {
	p, err := request.Parse(f)
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
	ch.Answer(f, response)
	ch.handler.Joined()
}

// replace ends the channel that a join replaces, and returns what is left to
// do after the join. Viewers stop before, so that nothing comes twice; a device
// goes after, so that its sensor stays online.
func (c *conn) replace(old *channel) (after func()) {
	c.forget(old)
	old.End(false)
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
		return nil, request.ErrUnmatchedTopic
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
	c.changes.Add(1)
	c.markUrgent(ch, family != familyConnector)
	return ch, nil
}

var errTooManyTopics = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_topics", Message: "the connection has joined as many topics as the server allows"}

// enter checks the right to join and lets the handler join.
func (c *conn) enter(ch *channel, id string, p request.Params, scope sensocto.Scope) ([]byte, error) {
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
	response, err := h.Join(c.ctx, p)
	if err == nil && c.srv.revocations.Load() != revocations {
		// A token was revoked or a right has ended meanwhile: perhaps this one, unheard.
		if _, err = c.authorize(c.ctx, p, scope); err == nil && !h.Recheck(c.ctx, "") {
			err = sensocto.ErrUnauthorized
		}
	}
	return response, err
}

// refuseJoin undoes a join.
func (c *conn) refuseJoin(f *phx.Frame, ch *channel, family family, err error) {
	if ch != nil {
		c.forget(ch)
		ch.Discard()
		c.closeHandler(ch)
	}
	reason := c.reason(err)
	c.srv.count.joins.add(family.String()+","+reason, 1)
	c.noteRefusal(err, "join "+family.String(), string(f.Topic))
	response := reasonObject(reason)
	if full, ok := errors.AsType[*sensocto.CallFullError](err); ok {
		response = callFullObject(reason, full.Limit)
	}
	c.out.Reply(f, phx.StatusError, response)
	if sensocto.ErrorCode(err) == sensocto.CodeUnauthorized {
		c.refused()
	}
}

// forget removes a channel from the connection.
func (c *conn) forget(ch *channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes.Add(1)
	if c.channels[ch.Topic] == ch {
		delete(c.channels, ch.Topic)
		c.markUrgent(ch, false)
	}
	if ch.family == familyConnector {
		c.dropConnector(c.connectors[strings.TrimPrefix(ch.Topic, sensocto.TopicPrefixConnector)])
	}
}

// absent is the handler of a channel whose join is not authorised yet.
type absent struct{}

func (absent) Join(context.Context, request.Params) ([]byte, error) { return nil, nil }
func (absent) Joined()                                              {}
func (absent) Handle(context.Context, *phx.Frame) error             { return request.ErrUnknownEvent }
func (absent) Recheck(context.Context, string) bool                 { return true }
func (absent) Close()                                               {}
