package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
)

// event is one that came before the join was answered.
type event struct {
	name    string
	payload []byte
}

// Call is room:{id}:call: one peer of the call in a room.
type Call struct {
	topics   *Topics
	ch       *outbound.Channel
	roomID   string
	identity sensocto.Identity
	leave    func() // ends the channel

	mu     sync.Mutex // guards what follows
	seat   sensocto.CallSeat
	closed bool
	live   bool    // the reply to the join is on its way
	early  []event // what came before that: bounded by the rates of the other peers
}

// Call returns the topic room:{id}:call for somebody who joins it. The call ends the
// channel with leave where the peer's place is given to another device.
func (t *Topics) Call(ch *outbound.Channel, id sensocto.Identity, roomID string, leave func()) *Call {
	return &Call{topics: t, ch: ch, roomID: roomID, identity: id, leave: leave}
}

// Join implements request.Handler.
func (c *Call) Join(ctx context.Context, _ request.Params) ([]byte, error) {
	calls := c.topics.Calls
	if calls == nil {
		return nil, request.ErrUnmatchedTopic
	}
	if !c.Recheck(ctx, "") {
		calls.Refused(sensocto.ErrorReason(sensocto.ErrUnauthorized))
		return nil, sensocto.ErrUnauthorized // whether the room exists is not told
	}
	seat, err := calls.Join(c.roomID, c.identity, c)
	if err != nil {
		return nil, err
	}
	c.keepSeat(seat)
	return json.Marshal(seat.Reply())
}

// keepSeat keeps the seat, or leaves it where the channel was closed meanwhile.
func (c *Call) keepSeat(seat sensocto.CallSeat) {
	c.mu.Lock()
	closed := c.closed
	c.seat = seat
	c.mu.Unlock()
	if closed {
		seat.Leave()
	}
}

// Joined implements request.Handler.
func (c *Call) Joined() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.early {
		c.ch.Push(e.name, e.payload)
	}
	c.early, c.live = nil, true
}

// Send implements sensocto.CallOutlet.
func (c *Call) Send(name string, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.live {
		c.early = append(c.early, event{name, payload})
		return
	}
	c.ch.Push(name, payload)
}

// End implements sensocto.CallOutlet.
func (c *Call) End() { c.leave() }

// Recheck implements request.Handler. It asks for the right to call in the room, which
// only members have.
func (c *Call) Recheck(ctx context.Context, _ string) bool {
	rights, err := c.topics.Rights.RoomRights(ctx, c.identity, sensocto.Room{ID: c.roomID})
	return err == nil && rights.Call && c.identity.UserID != ""
}

// Handle implements request.Handler. It counts what never comes to the call, which
// counts what it refuses itself.
func (c *Call) Handle(_ context.Context, f *phx.Frame) error {
	err := c.pass(f)
	switch {
	case err == nil:
		c.ch.OK(f)
	case errors.Is(err, request.ErrInvalidPayload):
		c.topics.Calls.Refused("invalid_payload")
	case errors.Is(err, request.ErrUnknownEvent):
		c.topics.Calls.Refused("unknown_event")
	}
	return err
}

// pass hands an event to the call.
func (c *Call) pass(f *phx.Frame) error {
	p, err := request.Parse(f)
	if err != nil {
		return err
	}
	switch name := string(f.Event); name {
	case sensocto.EventOffer, sensocto.EventAnswer:
		return c.describe(name, p)
	case sensocto.EventICECandidate:
		return c.seat.Candidate(p.Text("to"), p["candidate"])
	case sensocto.EventMediaState:
		return c.setMedia(p)
	case sensocto.EventReport:
		return c.report(f)
	default:
		return request.ErrUnknownEvent
	}
}

// describe sends an offer or an answer on. Its type has to be the event's name.
func (c *Call) describe(name string, p request.Params) error {
	var d sensocto.SessionDescription
	if err := json.Unmarshal(p["description"], &d); err != nil || d.Type != name {
		d = sensocto.SessionDescription{} // the call says what is wrong
	}
	return c.seat.Describe(p.Text("to"), d)
}

func (c *Call) setMedia(p request.Params) error {
	var m sensocto.Media
	for key, value := range map[string]*bool{"audio": &m.Audio, "video": &m.Video, "screen": &m.Screen} {
		is, ok := p.Flag(key)
		if !ok && p.Has(key) {
			return request.ErrInvalidPayload
		}
		*value = is
	}
	return c.seat.SetMedia(m)
}

func (c *Call) report(f *phx.Frame) error {
	var r sensocto.CallReport
	if json.Unmarshal(f.Payload, &r) != nil {
		return request.ErrInvalidPayload
	}
	return c.seat.Report(r)
}

// Close implements request.Handler.
func (c *Call) Close() {
	c.mu.Lock()
	seat := c.seat
	c.closed = true
	c.mu.Unlock()
	if seat != nil {
		seat.Leave()
	}
}
