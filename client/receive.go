package client

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/sensocto/sensocto/phx"
)

// receive is what the reader does with a frame. It never ends the connection:
// a frame that makes no sense is counted and left.
func (c *Client) receive(binary bool, data []byte) error {
	c.stats.received.Add(1)
	f, err := c.decode(binary, data)
	if err != nil {
		c.stats.unexpected.Add(1)
		c.log.Warn("malformed frame from the server", "err", err)
		return nil
	}
	if string(f.Event) == phx.EventReply {
		c.reply(f)
		return nil
	}
	ch, current := c.channelOf(f)
	switch {
	case ch == nil:
		c.stats.unexpected.Add(1)
	case string(f.Event) == phx.EventClose:
		if current {
			ch.finish(ErrChannelClosed)
		}
	case string(f.Event) == phx.EventError:
		if current {
			ch.crashed()
		}
	case !current && len(f.JoinRef) > 0:
		c.stats.unexpected.Add(1) // meant for an earlier join
	case ch.o.OnEvent != nil:
		ch.o.OnEvent(Event{Name: string(f.Event), Payload: f.Payload, Binary: binary})
	}
	return nil
}

func (c *Client) decode(binary bool, data []byte) (phx.Frame, error) {
	if binary {
		return phx.DecodeServerBinary(data)
	}
	return phx.Decode(c.o.Version, data)
}

// channelOf finds the channel of a frame, and whether the frame belongs to its
// present join. Where the frame names no join, its ref decides (phx_close and
// phx_error carry the join ref there as well), and without one the frame is a
// broadcast.
func (c *Client) channelOf(f phx.Frame) (ch *Channel, current bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch = c.byTopic[string(f.Topic)]
	if ch == nil {
		return nil, false
	}
	ref, ok := refNumber(f.JoinRef)
	if !ok {
		ref, ok = refNumber(f.Ref)
	}
	return ch, !ok || ref == ch.joinRef
}

// crashed follows a phx_error: the join is gone, and is made again.
func (ch *Channel) crashed() {
	ch.c.mu.Lock()
	ch.joinRef, ch.joined = 0, false
	ch.attempts++
	attempts := ch.attempts
	ch.c.mu.Unlock()
	ch.retryJoin(attempts, ErrChannelClosed)
}

// reply hands a reply to whoever waits for it.
func (c *Client) reply(f phx.Frame) {
	ref, ok := refNumber(f.Ref)
	if !ok {
		c.stats.unexpected.Add(1)
		return
	}
	p := c.take(ref)
	if p == nil {
		c.stats.unexpected.Add(1)
		return
	}
	status, response, err := f.Reply()
	if err != nil {
		c.stats.unexpected.Add(1)
		p.done(nil, fmt.Errorf("reply to %s on %s: %w", p.event, p.topic, err))
		return
	}
	if string(status) == phx.StatusOK {
		p.done(response, nil)
		return
	}
	p.done(nil, replyError(p, response))
}

func replyError(p *pending, response []byte) *ReplyError {
	var body struct {
		Reason string `json:"reason"`
	}
	_ = json.Unmarshal(response, &body)
	return &ReplyError{Topic: p.topic, Event: p.event, Reason: cmp.Or(body.Reason, "error"), Response: bytes.Clone(response)}
}
