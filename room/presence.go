package room

import (
	"context"
	"sync"

	"github.com/sensocto/sensocto"
)

// presence counts the devices that have a room open, by room and user.
type presence struct {
	mu    sync.Mutex // guards rooms
	rooms map[string]map[string]int
}

// come counts one more device, and reports whether it is the person's first.
func (p *presence) come(roomID, userID string) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	room := p.rooms[roomID]
	if room == nil {
		room = make(map[string]int)
		p.rooms[roomID] = room
	}
	room[userID]++
	return room[userID] == 1
}

// leave counts one device less, and reports whether it was the person's last.
func (p *presence) leave(roomID, userID string) (last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	room := p.rooms[roomID]
	if room[userID]--; room[userID] > 0 {
		return false
	}
	if delete(room, userID); len(room) == 0 {
		delete(p.rooms, roomID)
	}
	return true
}

func (p *presence) online(roomID, userID string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rooms[roomID][userID] > 0
}

// Come notes that a member has the room open on one more device, until leave is
// called, once. The others hear of the first device of a person and of the last.
func (r *Rooms) Come(ctx context.Context, roomID, userID string) (leave func()) {
	m, err := r.store.Member(ctx, roomID, userID)
	if err != nil {
		m = sensocto.Member{RoomID: roomID, UserID: userID, Role: sensocto.RoleGuest}
	}
	if r.presence.come(roomID, userID) {
		r.publish(sensocto.RoomTopic(roomID), sensocto.EventMemberJoined, r.memberEvent(ctx, m, true))
	}
	return func() {
		if !r.presence.leave(roomID, userID) {
			return
		}
		// Who is no member any more has left already.
		ctx := context.WithoutCancel(ctx)
		if m, err := r.store.Member(ctx, roomID, userID); err == nil {
			r.publish(sensocto.RoomTopic(roomID), sensocto.EventMemberLeft, r.memberEvent(ctx, m, true))
		}
	}
}
