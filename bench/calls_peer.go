package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
)

// callPeer is one peer of a call, on a connection of its own.
type callPeer struct {
	calls  *calls
	room   callRoom
	person int
	events chan callEvent
}

// callEvent is a signal that has arrived.
type callEvent struct {
	name, from string
	took       time.Duration
}

// run joins, makes offers, and answers those of others until ctx ends.
func (p *callPeer) run(ctx context.Context) error {
	began := time.Now()
	c, err := client.Dial(ctx, p.calls.target.URL, client.Options{Token: p.room.tokens[p.person]})
	if err != nil {
		return err
	}
	defer c.Close()
	var reply sensocto.CallReply
	ch, err := c.Join(ctx, "room:"+p.room.id+":call", client.ChannelOptions{
		OnJoin:  func(response json.RawMessage) { _ = json.Unmarshal(response, &reply) }, // without peers nothing arrives, which is counted
		OnEvent: p.received,
	})
	if err != nil {
		return err
	}
	p.joined(time.Since(began))
	if err := ch.Send(ctx, sensocto.EventMediaState, sensocto.Media{Audio: true, Video: true}); err != nil {
		return err
	}
	for _, other := range reply.Peers {
		if err := p.describe(ctx, ch, other.ID, sensocto.EventOffer); err != nil {
			return err
		}
	}
	return p.answer(ctx, ch)
}

// answer counts what arrives, and answers offers.
func (p *callPeer) answer(ctx context.Context, ch *client.Channel) error {
	for {
		select {
		case e := <-p.events:
			p.count(e)
			if e.name != sensocto.EventOffer {
				continue
			}
			if err := p.describe(ctx, ch, e.from, sensocto.EventAnswer); err != nil {
				return err
			}
		case <-ch.Done():
			return ch.Err()
		case <-ctx.Done():
			return nil
		}
	}
}

// describe sends a description and candidates to another peer. The username
// fragment says when.
func (p *callPeer) describe(ctx context.Context, ch *client.Channel, to, event string) error {
	description := map[string]any{"to": to, "description": sensocto.SessionDescription{Type: event, SDP: stamped(p.calls.sdp)}}
	if err := ch.Send(ctx, event, description); err != nil {
		return err
	}
	for i := range p.calls.cfg.Candidates {
		candidate := map[string]any{
			"candidate": fmt.Sprintf("candidate:%d 1 udp 2122260223 192.0.2.%d 54321 typ host generation 0 network-cost 999", i, i+1),
			"sdpMid":    "0", "sdpMLineIndex": 0, "usernameFragment": stamped(""),
		}
		if err := ch.Send(ctx, sensocto.EventICECandidate, map[string]any{"to": to, "candidate": candidate}); err != nil {
			return err
		}
	}
	return nil
}

// received takes an event from the connection's reader. The channel has room for all
// signals of a call, so that nothing is dropped.
func (p *callPeer) received(e client.Event) {
	switch e.Name {
	case sensocto.EventOffer, sensocto.EventAnswer, sensocto.EventICECandidate:
	default:
		return
	}
	now := time.Now().UnixMicro()
	var from struct{ From string }
	if err := json.Unmarshal(e.Payload, &from); err != nil {
		p.calls.fault("a signal in room %s: %v", p.room.id, err)
		return
	}
	p.events <- callEvent{e.Name, from.From, time.Duration(now-stampOf(e.Payload)) * time.Microsecond}
}

func (p *callPeer) joined(took time.Duration) {
	c := p.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result.Joined++
	c.join.Record(took, 1)
}

func (p *callPeer) count(e callEvent) {
	c := p.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	c.result.Received++
	c.signal.Record(e.took, 1)
}

// stamp goes before the time of a signal, in µs since 1970.
const stamp = "bench@"

func stamped(text string) string { return text + stamp + strconv.FormatInt(time.Now().UnixMicro(), 10) }

// stampOf returns the time in a signal, 0 where there is none.
func stampOf(payload []byte) int64 {
	_, rest, _ := bytes.Cut(payload, []byte(stamp))
	end := bytes.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	us, _ := strconv.ParseInt(string(rest[:max(end, 0)]), 10, 64)
	return us
}

// sdpOf returns lines as those of an SDP.
func sdpOf(size int) string {
	const line = "a=rtpmap:96 VP8/90000\r\n"
	return strings.Repeat(line, max(size/len(line), 1))
}
