package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/sensocto/sensocto/phx"
)

// pending is a push whose reply has not come. done is called once, by the
// reader, with a response that is valid only during the call.
type pending struct {
	topic, event string
	done         func(response json.RawMessage, err error)
}

// Push sends an event and waits for its reply: the response, or a *ReplyError.
// payload is marshalled, except that []byte and json.RawMessage are sent as
// they are and nil as {}. Where the channel is not joined at the moment, or
// the connection breaks, it returns ErrDisconnected.
func (ch *Channel) Push(ctx context.Context, event string, payload any) (json.RawMessage, error) {
	type result struct {
		response json.RawMessage
		err      error
	}
	got := make(chan result, 1) // done is called once, and never waits
	ref, err := ch.push(ctx, event, payload, false, func(response json.RawMessage, err error) {
		got <- result{bytes.Clone(response), err}
	})
	if err != nil {
		return nil, err
	}
	select {
	case r := <-got:
		return r.response, r.err
	case <-ch.done:
		ch.c.forget(ref)
		return nil, ch.err
	case <-ctx.Done():
		ch.c.forget(ref)
		return nil, ctx.Err()
	}
}

// Send sends an event and does not wait for a reply. It waits only while the
// queue to the server is full.
func (ch *Channel) Send(ctx context.Context, event string, payload any) error {
	_, err := ch.push(ctx, event, payload, false, nil)
	return err
}

// SendBinary is Send with a binary body. It needs V2.
func (ch *Channel) SendBinary(ctx context.Context, event string, body []byte) error {
	_, err := ch.push(ctx, event, body, true, nil)
	return err
}

// push sends an event. done, where it is not nil, is called with the reply.
func (ch *Channel) push(ctx context.Context, event string, payload any, binary bool, done func(json.RawMessage, error)) (ref uint64, err error) {
	body, err := payloadBytes(payload)
	if err != nil {
		return 0, fmt.Errorf("%s on %s: %w", event, ch.topic, err)
	}
	cn, joinRef, ref, err := ch.reserve(event, done)
	if err != nil {
		return 0, err
	}
	buf := frames.Get().(*[]byte)
	defer frames.Put(buf)
	opcode := byte(opText)
	if binary {
		opcode = opBinary
		*buf, err = ch.c.encodeBinary((*buf)[:0], joinRef, ref, ch.topic, event, body)
	} else {
		*buf = ch.c.encodePush((*buf)[:0], joinRef, ref, ch.topic, event, body)
	}
	if err == nil {
		err = cn.send(ctx, opcode, *buf)
	}
	if err != nil {
		ch.c.forget(ref)
		return 0, err
	}
	ch.c.stats.sent.Add(1)
	return ref, nil
}

// frames holds buffers for encoding, so that a frame costs no allocation.
var frames = sync.Pool{New: func() any { return new([]byte) }}

func payloadBytes(payload any) ([]byte, error) {
	switch p := payload.(type) {
	case nil:
		return []byte("{}"), nil
	case []byte:
		return p, nil
	case json.RawMessage:
		return p, nil
	}
	return json.Marshal(payload)
}

// reserve takes a ref on the present connection, where the channel is joined.
func (ch *Channel) reserve(event string, done func(json.RawMessage, error)) (cn *conn, joinRef, ref uint64, err error) {
	c := ch.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, 0, 0, ErrClosed
	case ch.Err() != nil:
		return nil, 0, 0, ch.err
	case c.conn == nil || !ch.joined:
		return nil, 0, 0, ErrDisconnected
	}
	c.lastRef++
	if done != nil {
		c.pending[c.lastRef] = &pending{topic: ch.topic, event: event, done: done}
	}
	return c.conn, ch.joinRef, c.lastRef, nil
}

// forget gives up waiting for a reply.
func (c *Client) forget(ref uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, ref)
}

// take returns what waits for the reply to ref.
func (c *Client) take(ref uint64) *pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pending[ref]
	delete(c.pending, ref)
	return p
}

// heartbeat encodes a heartbeat. Its reply shows only that the server lives.
func (c *Client) heartbeat() []byte {
	c.mu.Lock()
	c.lastRef++
	ref := c.lastRef
	c.pending[ref] = &pending{topic: "phoenix", event: "heartbeat", done: func(json.RawMessage, error) {}}
	c.mu.Unlock()
	c.stats.sent.Add(1)
	return c.encodePush(nil, 0, ref, phx.TopicPhoenix, phx.EventHeartbeat, []byte("{}"))
}
