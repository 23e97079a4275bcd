package socket

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/request"
)

// Rooms is what room topics show; *room.Rooms is one.
type Rooms interface {
	// State returns everything that a member sees of a room.
	State(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.RoomState, error)
	// Come notes that a member has the room open, until leave is called, once.
	Come(ctx context.Context, roomID, userID string) (leave func())
	// List returns up to limit rooms behind an id: the identity's own, or public ones.
	List(ctx context.Context, id sensocto.Identity, public bool, after string, limit int) ([]sensocto.RoomView, error)
	// ReadNotification notes that the user has read a notification.
	ReadNotification(ctx context.Context, id sensocto.Identity, notificationID string) error
	// ShareWhileConnected brings a sensor into a room until EndTransient.
	ShareWhileConnected(ctx context.Context, id sensocto.Identity, roomID, sensorID string) error
	// EndTransient takes a sensor out of the rooms that it was in while connected.
	EndTransient(ctx context.Context, sensorID string) error
}

// roomViewer is room:{id}: what happens in a room, for its members.
type roomViewer struct {
	ch       *channel
	roomID   string
	identity sensocto.Identity
	feed     outbound.Feed
	state    []byte // between join and joined

	mu     sync.Mutex // guards what follows
	leave  func()     // ends the presence
	closed bool
}

func (v *roomViewer) join(ctx context.Context, _ request.Params) ([]byte, error) {
	srv := v.ch.conn.srv
	if srv.rooms == nil {
		return nil, request.ErrUnmatchedTopic
	}
	if !v.recheck(ctx, "") {
		return nil, sensocto.ErrUnauthorized // whether the room exists is not told
	}
	v.feed.Subscribe(v.ch.Topic)
	if id := v.identity.UserID; id != "" {
		v.present(srv.rooms.Come(ctx, v.roomID, id))
	}
	state, err := srv.rooms.State(ctx, v.identity, v.roomID)
	if err != nil {
		return nil, err
	}
	v.state, err = json.Marshal(state)
	return emptyObject(), err
}

// present keeps how the presence is ended, or ends it where the channel was
// closed meanwhile.
func (v *roomViewer) present(leave func()) {
	v.mu.Lock()
	if !v.closed {
		v.leave, leave = leave, nil
	}
	v.mu.Unlock()
	if leave != nil {
		leave()
	}
}

func (v *roomViewer) joined() {
	v.ch.Push(sensocto.EventRoomState, v.state)
	v.state = nil
	v.feed.Release(nil)
}

func (v *roomViewer) recheck(ctx context.Context, _ string) bool {
	rights, err := v.ch.conn.srv.rights.RoomRights(ctx, v.identity, sensocto.Room{ID: v.roomID})
	return err == nil && rights.Enter
}

func (v *roomViewer) handle(context.Context, *phx.Frame) error { return request.ErrUnknownEvent }

func (v *roomViewer) close() {
	v.feed.Close()
	v.mu.Lock()
	leave := v.leave
	v.leave, v.closed = nil, true
	v.mu.Unlock()
	if leave != nil {
		leave()
	}
}

// roomsPage is how many rooms are read at once, and listedPublic how many public
// ones a join lists: the API has them all.
const (
	roomsPage    = 200
	listedPublic = 200
)

// roomList is rooms:updates: the rooms that the viewer may see.
type roomList struct {
	ch       *channel
	identity sensocto.Identity
	feed     outbound.Feed

	mu    sync.Mutex      // guards shown, and keeps events in order
	shown map[string]bool // by room: whether it is public
}

func (l *roomList) join(ctx context.Context, _ request.Params) ([]byte, error) {
	srv := l.ch.conn.srv
	if srv.rooms == nil {
		return nil, request.ErrUnmatchedTopic
	}
	l.feed.SubscribeVia(l.ch.Topic, l)
	rooms := []sensocto.RoomView{}
	for _, public := range []bool{false, true} {
		for after := ""; ; {
			page, err := srv.rooms.List(ctx, l.identity, public, after, roomsPage)
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
func (l *roomList) show(page []sensocto.RoomView) (fresh []sensocto.RoomView) {
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
func (l *roomList) Deliver(m *sensocto.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch p := m.Payload.(type) {
	case sensocto.RoomRef:
		if _, shown := l.shown[p.RoomID]; shown {
			delete(l.shown, p.RoomID)
			l.feed.Deliver(m)
		}
	case sensocto.RoomView:
		rights, err := l.ch.conn.srv.rights.RoomRights(l.ch.conn.ctx, l.identity, sensocto.Room{ID: p.ID, IsPublic: p.IsPublic})
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
func (l *roomList) hide(roomID string) {
	if _, shown := l.shown[roomID]; !shown {
		return
	}
	delete(l.shown, roomID)
	l.feed.Deliver(&sensocto.Message{Topic: sensocto.TopicRoomsUpdates, Event: sensocto.EventRoomDeleted, Payload: sensocto.RoomRef{RoomID: roomID, ID: roomID}})
}

func (l *roomList) joined() { l.feed.Release(nil) }

// recheck hides the rooms that the viewer may see no more.
func (l *roomList) recheck(ctx context.Context, _ string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, public := range l.shown {
		rights, err := l.ch.conn.srv.rights.RoomRights(ctx, l.identity, sensocto.Room{ID: id, IsPublic: public})
		if err != nil || !rights.See {
			l.hide(id)
		}
	}
	return true
}

func (l *roomList) handle(context.Context, *phx.Frame) error { return request.ErrUnknownEvent }
func (l *roomList) close()                                   { l.feed.Close() }

// inbox is user:{id}: what is for one user alone.
type inbox struct {
	ch       *channel
	userID   string
	identity sensocto.Identity
	feed     outbound.Feed
}

func (i *inbox) join(context.Context, request.Params) ([]byte, error) {
	if i.ch.conn.srv.rooms == nil {
		return nil, request.ErrUnmatchedTopic
	}
	if i.userID == "" || i.userID != i.identity.UserID || len(i.identity.SensorIDs) > 0 {
		return nil, sensocto.ErrUnauthorized
	}
	i.feed.Subscribe(i.ch.Topic)
	return emptyObject(), nil
}

func (i *inbox) joined() { i.feed.Release(nil) }

func (i *inbox) handle(ctx context.Context, f *phx.Frame) error {
	if string(f.Event) != "notification_read" {
		return request.ErrUnknownEvent
	}
	p, err := request.Parse(f)
	if err != nil {
		return err
	}
	if err := i.ch.conn.srv.rooms.ReadNotification(ctx, i.identity, p.Text("id")); err != nil {
		return err
	}
	i.ch.OK(f)
	return nil
}

func (i *inbox) recheck(context.Context, string) bool { return true } // the end of the credential ends it
func (i *inbox) close()                               { i.feed.Close() }
