package rooms

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
)

// roomsPage is how many rooms are read at once, and listedPublic how many public
// ones a join lists: the API has them all.
const (
	roomsPage    = 200
	listedPublic = 200
)

// List is rooms:updates: the rooms that the viewer may see.
type List struct {
	topics   *Topics
	ch       *outbound.Channel
	identity sensocto.Identity
	ctx      context.Context // of the connection, from Join
	feed     outbound.Feed

	mu    sync.Mutex      // guards shown, and keeps events in order
	shown map[string]bool // by room: whether it is public
}

// List returns the topic rooms:updates for somebody who joins it.
func (t *Topics) List(ch *outbound.Channel, id sensocto.Identity) *List {
	return &List{topics: t, ch: ch, identity: id, feed: ch.NewFeed(), shown: make(map[string]bool)}
}

// Join implements request.Handler.
func (l *List) Join(ctx context.Context, _ request.Params) ([]byte, error) {
	if l.topics.Source == nil {
		return nil, request.ErrUnmatchedTopic
	}
	l.ctx = ctx
	l.feed.SubscribeVia(l.ch.Topic, l)
	rooms := []sensocto.RoomView{}
	for _, public := range []bool{false, true} {
		for after := ""; ; {
			page, err := l.topics.Source.List(ctx, l.identity, public, after, roomsPage)
			if err != nil {
				return nil, err
			}
			rooms = append(rooms, l.show(page)...)
			if len(page) < roomsPage || public && len(page) >= listedPublic {
				break
			}
			after = page[len(page)-1].ID
		}
	}
	return append(outbound.AppendJSON([]byte(`{"rooms":`), rooms), '}'), nil
}

// show notes rooms that are listed, and returns those that were not yet.
func (l *List) show(page []sensocto.RoomView) (fresh []sensocto.RoomView) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, room := range page {
		if _, known := l.shown[room.ID]; !known {
			l.shown[room.ID] = room.IsPublic
			fresh = append(fresh, room)
		}
	}
	return fresh
}

// Deliver implements sensocto.Subscriber. Who is no member of a room sees neither
// its sensors nor its settings.
func (l *List) Deliver(m *sensocto.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch p := m.Payload.(type) {
	case sensocto.RoomRef:
		if _, shown := l.shown[p.RoomID]; shown {
			delete(l.shown, p.RoomID)
			l.feed.Deliver(m)
		}
	case sensocto.RoomView:
		rights, err := l.topics.Rights.RoomRights(l.ctx, l.identity, sensocto.Room{ID: p.ID, IsPublic: p.IsPublic})
		switch {
		case err != nil || !rights.See:
			l.hide(p.ID)
			return
		case !rights.Enter:
			p.Sensors, p.Settings = []sensocto.Sensor{}, json.RawMessage("{}")
			m = &sensocto.Message{Topic: m.Topic, Event: m.Event, Payload: p}
		}
		l.shown[p.ID] = p.IsPublic
		l.feed.Deliver(m)
	}
}

// hide says that a room is gone for the viewer. The caller holds mu.
func (l *List) hide(roomID string) {
	if _, shown := l.shown[roomID]; !shown {
		return
	}
	delete(l.shown, roomID)
	l.feed.Deliver(&sensocto.Message{Topic: sensocto.TopicRoomsUpdates, Event: sensocto.EventRoomDeleted, Payload: sensocto.RoomRef{RoomID: roomID, ID: roomID}})
}

// Joined implements request.Handler.
func (l *List) Joined() { l.feed.Release(nil) }

// Recheck implements request.Handler. It hides the rooms that the viewer may see no more.
func (l *List) Recheck(ctx context.Context, _ string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, public := range l.shown {
		rights, err := l.topics.Rights.RoomRights(ctx, l.identity, sensocto.Room{ID: id, IsPublic: public})
		if err != nil || !rights.See {
			l.hide(id)
		}
	}
	return true
}

// Handle implements request.Handler.
func (l *List) Handle(context.Context, *phx.Frame) error { return request.ErrUnknownEvent }

// Close implements request.Handler.
func (l *List) Close() { l.feed.Close() }
