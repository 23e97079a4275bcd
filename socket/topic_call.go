package socket

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/request"
)

// Calls are the calls of rooms; *call.Calls is one.
type Calls interface {
	// Join adds a peer to the call of a room. It returns a *sensocto.CallFullError
	// where there are too many.
	Join(roomID string, who sensocto.Identity, out sensocto.CallOutlet) (sensocto.CallSeat, error)
	// Refused counts a join that was refused before it came to a call.
	Refused(reason string)
}

// callSuffix is what the topic of a room's call has behind that of the room.
const callSuffix = ":call"

// caller is room:{id}:call: one peer of the call in a room.
type caller struct {
	ch       *channel
	roomID   string
	identity sensocto.Identity

	mu     sync.Mutex // guards what follows
	seat   sensocto.CallSeat
	closed bool
	live   bool        // the reply to the join is on its way
	early  []callEvent // what came before that: bounded by the rates of the other peers
}

type callEvent struct {
	event   string
	payload []byte
}

func (c *caller) join(ctx context.Context, _ request.Params) ([]byte, error) {
	srv := c.ch.conn.srv
	if srv.calls == nil {
		return nil, request.ErrUnmatchedTopic
	}
	if !c.recheck(ctx, "") {
		srv.calls.Refused(sensocto.ErrorReason(sensocto.ErrUnauthorized))
		return nil, sensocto.ErrUnauthorized // whether the room exists is not told
	}
	seat, err := srv.calls.Join(c.roomID, c.identity, c)
	if err != nil {
		return nil, err
	}
	c.keepSeat(seat)
	return json.Marshal(seat.Reply())
}

// take keeps the seat, or leaves it where the channel was closed meanwhile.
func (c *caller) keepSeat(seat sensocto.CallSeat) {
	c.mu.Lock()
	closed := c.closed
	c.seat = seat
	c.mu.Unlock()
	if closed {
		seat.Leave()
	}
}

func (c *caller) joined() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.early {
		c.ch.Push(e.event, e.payload)
	}
	c.early, c.live = nil, true
}

// Send implements sensocto.CallOutlet.
func (c *caller) Send(event string, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.live {
		c.early = append(c.early, callEvent{event, payload})
		return
	}
	c.ch.Push(event, payload)
}

// End implements sensocto.CallOutlet.
func (c *caller) End() {
	c.ch.finish()
}

// recheck asks for the right to call in the room, which only members have.
func (c *caller) recheck(ctx context.Context, _ string) bool {
	rights, err := c.ch.conn.srv.rights.RoomRights(ctx, c.identity, sensocto.Room{ID: c.roomID})
	return err == nil && rights.Call && c.identity.UserID != ""
}

func (c *caller) handle(_ context.Context, f *phx.Frame) error {
	p, err := request.Parse(f)
	if err != nil {
		return err
	}
	switch event := string(f.Event); event {
	case sensocto.EventOffer, sensocto.EventAnswer:
		err = c.describe(event, p)
	case sensocto.EventICECandidate:
		err = c.seat.Candidate(p.Text("to"), p["candidate"])
	case sensocto.EventMediaState:
		err = c.setMedia(p)
	case sensocto.EventReport:
		err = c.report(f)
	default:
		return request.ErrUnknownEvent
	}
	if err == nil {
		c.ch.OK(f)
	}
	return err
}

// describe sends an offer or an answer on. Its type has to be the event's name.
func (c *caller) describe(event string, p request.Params) error {
	var d sensocto.SessionDescription
	if err := json.Unmarshal(p["description"], &d); err != nil || d.Type != event {
		d = sensocto.SessionDescription{} // the call says what is wrong
	}
	return c.seat.Describe(p.Text("to"), d)
}

func (c *caller) setMedia(p request.Params) error {
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

func (c *caller) report(f *phx.Frame) error {
	var r sensocto.CallReport
	if json.Unmarshal(f.Payload, &r) != nil {
		return request.ErrInvalidPayload
	}
	return c.seat.Report(r)
}

func (c *caller) close() {
	c.mu.Lock()
	seat := c.seat
	c.closed = true
	c.mu.Unlock()
	if seat != nil {
		seat.Leave()
	}
}

// cutCall returns the room of a call's topic.
func cutCall(id string) (roomID string, isCall bool) { return strings.CutSuffix(id, callSuffix) }
