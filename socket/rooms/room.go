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

// Room is room:{id}: what happens in a room, for its members.
type Room struct {
	topics   *Topics
	ch       *outbound.Channel
	roomID   string
	identity sensocto.Identity
	feed     outbound.Feed
	state    []byte // between join and joined

	mu     sync.Mutex // guards what follows
	leave  func()     // ends the presence
	closed bool
}

// Room returns the topic room:{id} for somebody who joins it.
func (t *Topics) Room(ch *outbound.Channel, id sensocto.Identity, roomID string) *Room {
	return &Room{topics: t, ch: ch, roomID: roomID, identity: id, feed: ch.NewFeed()}
}

// Join implements request.Handler.
func (r *Room) Join(ctx context.Context, _ request.Params) ([]byte, error) {
	if r.topics.Source == nil {
		return nil, request.ErrUnmatchedTopic
	}
	if !r.Recheck(ctx, "") {
		return nil, sensocto.ErrUnauthorized // whether the room exists is not told
	}
	r.feed.Subscribe(r.ch.Topic)
	if id := r.identity.UserID; id != "" {
		r.present(r.topics.Source.Come(ctx, r.roomID, id))
	}
	state, err := r.topics.Source.State(ctx, r.identity, r.roomID)
	if err != nil {
		return nil, err
	}
	r.state, err = json.Marshal(state)
	return []byte("{}"), err
}

// present keeps how the presence is ended, or ends it where the channel was
// closed meanwhile.
func (r *Room) present(leave func()) {
	r.mu.Lock()
	if !r.closed {
		r.leave, leave = leave, nil
	}
	r.mu.Unlock()
	if leave != nil {
		leave()
	}
}

// Joined implements request.Handler.
func (r *Room) Joined() {
	r.ch.Push(sensocto.EventRoomState, r.state)
	r.state = nil
	r.feed.Release(nil)
}

// Recheck implements request.Handler.
func (r *Room) Recheck(ctx context.Context, _ string) bool {
	rights, err := r.topics.Rights.RoomRights(ctx, r.identity, sensocto.Room{ID: r.roomID})
	return err == nil && rights.Enter
}

// Handle implements request.Handler.
func (r *Room) Handle(context.Context, *phx.Frame) error { return request.ErrUnknownEvent }

// Close implements request.Handler.
func (r *Room) Close() {
	r.feed.Close()
	r.mu.Lock()
	leave := r.leave
	r.leave, r.closed = nil, true
	r.mu.Unlock()
	if leave != nil {
		leave()
	}
}
