package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sensocto/sensocto/phx"
)

// Event is something that the server pushed on a channel. Payload is valid
// only during the call of the handler.
type Event struct {
	Name    string
	Payload []byte // JSON text, or the body of a binary frame
	Binary  bool
}

// ChannelOptions says how to use a topic. Handlers are called by the
// connection's reader, one at a time, in the order of the frames; while one
// runs nothing is read, and it must not wait for an answer of the server.
type ChannelOptions struct {
	// Params is the payload of the join, an object; nil is {}.
	Params any
	// OnEvent takes what the server pushes.
	OnEvent func(Event)
	// OnJoin is called after each successful join, the first and all rejoins,
	// with the response.
	OnJoin func(response json.RawMessage)
}

// Channel is one topic of a client. It is joined again after each reconnect,
// until it is left or the server ends it.
type Channel struct {
	c     *Client
	topic string
	o     ChannelOptions

	// Guarded by c.mu: the payload of joins, the ref of the join that is under
	// way or holds, and whether it holds.
	params   json.RawMessage
	joinRef  uint64
	joined   bool
	attempts int // refused joins since the last good one

	first chan error    // takes the result of the first join; one slot, never blocks
	done  chan struct{} // closed when the channel is over
	once  sync.Once
	err   error // why it is over; set before done is closed
}

// Join joins a topic and waits for the answer, through reconnects, until ctx
// ends. A refusal is a *ReplyError.
func (c *Client) Join(ctx context.Context, topic string, o ChannelOptions) (*Channel, error) {
	params := json.RawMessage("{}")
	if o.Params != nil {
		var err error
		if params, err = json.Marshal(o.Params); err != nil {
			return nil, fmt.Errorf("join %s: %w", topic, err)
		}
	}
	ch := &Channel{c: c, topic: topic, o: o, params: params, first: make(chan error, 1), done: make(chan struct{})}
	cn, err := c.addChannel(ch)
	if err != nil {
		return nil, err
	}
	if cn != nil {
		ch.sendJoin(cn)
	}
	select {
	case err = <-ch.first:
	case <-ch.done:
		err = ch.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		c.removeChannel(ch)
		ch.end(err)
		ch.leaveIfJoined() // the answer came together with the end of ctx
		return nil, err
	}
	return ch, nil
}

func (c *Client) addChannel(ch *Channel) (*conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if c.byTopic[ch.topic] != nil {
		return nil, fmt.Errorf("join %s: %w", ch.topic, errJoined)
	}
	c.byTopic[ch.topic] = ch
	c.channels = append(c.channels, ch)
	return c.conn, nil
}

func (c *Client) removeChannel(ch *Channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byTopic[ch.topic] == ch {
		delete(c.byTopic, ch.topic)
	}
	if i := slices.Index(c.channels, ch); i >= 0 {
		// A copy: rejoin and Close range over the old slice without the lock.
		c.channels = slices.Concat(c.channels[:i], c.channels[i+1:])
	}
}

// rejoin joins all channels on a new connection.
func (c *Client) rejoin(cn *conn) {
	c.mu.Lock()
	channels := c.channels
	c.mu.Unlock()
	for _, ch := range channels {
		ch.sendJoin(cn)
	}
}

// Topic returns the channel's topic.
func (ch *Channel) Topic() string { return ch.topic }

// Joined reports whether the channel is joined now.
func (ch *Channel) Joined() bool {
	ch.c.mu.Lock()
	defer ch.c.mu.Unlock()
	return ch.joined
}

// Done is closed when the channel is over: left, closed by the server, or
// refused at a rejoin. Err then says why.
func (ch *Channel) Done() <-chan struct{} { return ch.done }

// Err returns why the channel is over, nil while it is not.
func (ch *Channel) Err() error {
	select {
	case <-ch.done:
		return ch.err
	default:
		return nil
	}
}

// Leave tells the server and ends the channel.
func (ch *Channel) Leave(ctx context.Context) error {
	ch.c.removeChannel(ch) // before the answer: the phx_close that follows is no surprise
	_, err := ch.Push(ctx, phx.EventLeave, nil)
	ch.end(ErrClosed)
	if errors.Is(err, ErrDisconnected) {
		ch.leaveIfJoined() // a rejoin was under way, and has been answered meanwhile
	}
	return err
}

// leaveIfJoined tells the server to end what nobody here wants any more. The
// channel is over: an answer to its join that comes later calls this as well.
func (ch *Channel) leaveIfJoined() {
	c := ch.c
	c.mu.Lock()
	cn, joinRef, joined := c.conn, ch.joinRef, ch.joined
	ch.joined = false
	c.lastRef++
	ref := c.lastRef
	if joined && cn != nil {
		c.pending[ref] = &pending{topic: ch.topic, event: phx.EventLeave, done: func(json.RawMessage, error) {}}
	}
	c.mu.Unlock()
	if joined && cn != nil {
		c.stats.sent.Add(1)
		cn.sendUrgent(opText, c.encodePush(nil, joinRef, ref, ch.topic, phx.EventLeave, []byte("{}")))
	}
}

// end finishes the channel. Only the first reason counts.
func (ch *Channel) end(err error) {
	ch.once.Do(func() {
		ch.err = err
		close(ch.done)
	})
}

// finish is end for a channel that the server gave up.
func (ch *Channel) finish(err error) {
	ch.c.removeChannel(ch)
	ch.c.log.Warn("channel ended", "topic", ch.topic, "err", err)
	ch.end(err)
}

// sendJoin sends a join with a ref of its own, unless one is under way on this
// connection.
func (ch *Channel) sendJoin(cn *conn) {
	c := ch.c
	c.mu.Lock()
	if c.conn != cn || ch.joinRef != 0 {
		c.mu.Unlock()
		return
	}
	c.lastRef++
	ref := c.lastRef
	ch.joinRef = ref
	params := ch.params
	c.pending[ref] = &pending{topic: ch.topic, event: phx.EventJoin, done: func(response json.RawMessage, err error) { ch.onJoinReply(ref, params, response, err) }}
	c.mu.Unlock()
	frame := c.encodePush(nil, ref, ref, ch.topic, phx.EventJoin, params)
	c.stats.sent.Add(1)
	// Joins do not wait: there are as many as channels, and the reader sends them.
	cn.sendUrgent(opText, frame)
}

// rejoinWith has later joins bring these parameters. One that is under way with
// others is followed by another.
func (ch *Channel) rejoinWith(params any) error {
	text, err := json.Marshal(params)
	if err != nil {
		return err
	}
	ch.c.mu.Lock()
	defer ch.c.mu.Unlock()
	ch.params = text
	return nil
}

// onJoinReply runs on the reader.
func (ch *Channel) onJoinReply(ref uint64, params, response json.RawMessage, err error) {
	c := ch.c
	c.mu.Lock()
	if ch.joinRef != ref {
		c.mu.Unlock()
		return
	}
	cn, outdated := c.conn, err == nil && !bytes.Equal(params, ch.params)
	ch.joined = err == nil && !outdated
	if !ch.joined {
		ch.joinRef = 0
	}
	if ch.attempts++; err == nil {
		ch.attempts = 0
	}
	attempts := ch.attempts
	c.mu.Unlock()
	switch {
	case outdated:
		ch.sendJoin(cn)
	case err == nil && ch.Err() != nil:
		ch.leaveIfJoined()
	case err == nil:
		if ch.o.OnJoin != nil {
			ch.o.OnJoin(response)
		}
		ch.tell(nil)
	case Reason(err) == "":
		// Disconnected: the next connection joins again.
	default:
		ch.joinRefused(attempts, err)
	}
}

// tell gives the result of the first join to whoever waits for it.
func (ch *Channel) tell(err error) {
	select {
	case ch.first <- err:
	default:
	}
}

// joinRefused ends the channel where asking again cannot help, and otherwise
// tries again as the official client does.
func (ch *Channel) joinRefused(attempts int, err error) {
	switch Reason(err) {
	case "unavailable", "rate_limited", "internal":
		ch.retryJoin(attempts, err)
	default:
		ch.tell(err)
		ch.finish(err)
	}
}

// joinPauses are how long the official client waits between joins.
var joinPauses = [...]time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second}

// retryJoin joins again after a pause.
func (ch *Channel) retryJoin(attempts int, err error) {
	pause := joinPauses[min(max(attempts, 1), len(joinPauses))-1]
	ch.c.log.Info("join refused for now", "topic", ch.topic, "err", err, "retry_in", pause)
	ch.c.after(pause, ch.done, func() {
		ch.c.mu.Lock()
		cn := ch.c.conn
		ch.c.mu.Unlock()
		if cn != nil {
			ch.sendJoin(cn)
		}
	})
}

// after calls f after a pause, on a goroutine that Close waits for, unless
// stop is closed before.
func (c *Client) after(d time.Duration, stop <-chan struct{}, f func()) {
	c.goIfOpen(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			f()
		case <-stop:
		case <-c.ctx.Done():
		}
	})
}

// goIfOpen starts a goroutine that Close waits for. It reports false when the
// client is closed.
func (c *Client) goIfOpen(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.wg.Go(f)
	return true
}
