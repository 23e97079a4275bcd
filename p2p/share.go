package p2p

import (
	"context"
	"errors"
	"time"

	"github.com/sensocto/sensocto"
)

var (
	errTicketRole = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_role", Message: "a ticket admits members or guests; make somebody an administrator once they are in the room"}
	errNotMade    = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "no_right", Message: "only administrators of a room, at the server that made it, make tickets for it"}
	errJoined     = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "room_exists", Message: "this room is here already"}
	errTicketFail = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "ticket_unreachable", Message: "the room's first words did not arrive: is a server that has the room running and reachable? Try again"}
)

// maxMade is how many rooms are shared without having been asked for: the sidecar
// opens 1,000 documents, and some are for rooms of other servers.
const maxMade = 800

// shared returns a shared room, which it makes.
func (s *RoomSync) shared(ctx context.Context, roomID string) (sensocto.SharedRoom, error) {
	select {
	case s.making <- struct{}{}: // of two who make it, the second finds it
		defer func() { <-s.making }()
	case <-ctx.Done():
		return sensocto.SharedRoom{}, ctx.Err()
	}
	if room, ok := s.known(roomID); ok {
		return room, nil
	}
	if _, err := s.options.Rooms.Content(ctx, roomID); err != nil {
		return sensocto.SharedRoom{}, err
	}
	doc, err := s.options.Sidecar.Create(ctx)
	if err != nil {
		return sensocto.SharedRoom{}, err
	}
	ticket, err := s.options.Sidecar.Share(ctx, doc, true)
	if err != nil {
		return sensocto.SharedRoom{}, err
	}
	room := sensocto.SharedRoom{RoomID: roomID, Doc: doc, Ticket: ticket, Root: string(s.options.Keys.Room(roomID).Key)}
	if err := s.options.Store.PutSharedRoom(ctx, room); err != nil {
		return room, err
	}
	s.mu.Lock()
	s.add(room)
	s.mu.Unlock()
	s.notify()
	return room, nil
}

// known returns a shared room that has a document.
func (s *RoomSync) known(roomID string) (room sensocto.SharedRoom, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[roomID]; r != nil && r.room.Doc != "" {
		return r.room, true
	}
	return room, false
}

// make makes the document of a room that was made here; of other rooms it is
// forgotten that they changed.
func (s *RoomSync) make(ctx context.Context, roomID string) error {
	c, err := s.options.Rooms.Content(ctx, roomID)
	if err != nil && !errors.Is(err, sensocto.ErrNotFound) {
		return err
	}
	if err == nil {
		k, err := s.people.key(ctx, c.OwnerID)
		if err != nil {
			return err
		}
		if s.people.local(k) {
			_, err := s.shared(ctx, roomID)
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[roomID]; r != nil && r.room.Doc == "" {
		delete(s.rooms, roomID)
	}
	return nil
}

// Ticket returns a ticket of a room, which is shared from now on. With a role it
// admits whoever has it to that role; "" lets them read. Who may do that the caller
// has checked.
func (s *RoomSync) Ticket(ctx context.Context, roomID string, role sensocto.Role) (Ticket, error) {
	if role != "" && role != sensocto.RoleMember && role != sensocto.RoleGuest {
		return Ticket{}, errTicketRole
	}
	room, err := s.shared(ctx, roomID)
	if err != nil {
		return Ticket{}, err
	}
	by := s.options.Keys.Room(roomID)
	if string(by.Key) != room.Root {
		return Ticket{}, errNotMade
	}
	c, err := s.options.Rooms.Content(ctx, roomID)
	if err != nil {
		return Ticket{}, err
	}
	doc, err := s.options.Sidecar.Share(ctx, room.Doc, role != "")
	if err != nil {
		return Ticket{}, err
	}
	t := Ticket{Room: roomID, Root: by.Key, Name: c.Name, Doc: doc}
	if role == "" {
		return t, nil
	}
	invite, seed := NewInvite()
	f := facts{}
	if err := f.set(inviteKey(invite.Key), memberValue{role}); err != nil {
		return Ticket{}, err
	}
	values := map[string][]byte{}
	for key, value := range f {
		if values[key], err = by.Sign(key, next(roomID, nil, value, time.Now())); err != nil {
			return Ticket{}, err
		}
	}
	t.Invite = seed
	return t, s.options.Sidecar.Set(ctx, room.Doc, values)
}

// Join brings the room of a ticket here, with the user as its member. It waits until
// enough of the room has arrived.
func (s *RoomSync) Join(ctx context.Context, userID string, t Ticket) error {
	_, known := s.known(t.Room)
	if _, err := s.options.Rooms.Content(ctx, t.Room); err == nil || known {
		return errJoined
	}
	doc, _, err := s.options.Sidecar.Import(ctx, t.Doc)
	if err != nil {
		return err
	}
	room := sensocto.SharedRoom{RoomID: t.Room, Doc: doc, Ticket: t.Doc, Root: string(t.Root), Invite: t.Invite}
	if err := s.arrive(ctx, userID, room); err != nil {
		_ = s.options.Sidecar.Drop(context.WithoutCancel(ctx), doc)
		return err
	}
	return nil
}

// arrive makes the room once its owner and name are known.
func (s *RoomSync) arrive(ctx context.Context, userID string, room sensocto.SharedRoom) error {
	m, err := s.await(ctx, room)
	if err != nil {
		return err
	}
	role := sensocto.RoleGuest // who only reads
	if room.Invite != nil {
		if role = m.Invites[signerOf(room.Invite).Key]; role == "" {
			return &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "ticket_ended", Message: "the ticket no longer admits anybody: ask for another"}
		}
	}
	owner, err := s.people.user(ctx, m.Owner, m.Members[m.Owner])
	if err != nil {
		return err
	}
	c, err := s.content(ctx, sensocto.RoomContent{OwnerID: owner}, m)
	if err != nil {
		return err
	}
	if err := s.options.Rooms.AdoptRoom(ctx, room.RoomID, c); err != nil {
		return err
	}
	// The user is a member here first; the exchange says so to the others.
	have := sensocto.RoomContent{Members: map[string]sensocto.Role{owner: sensocto.RoleOwner}, OwnerID: owner, Name: c.Name, Description: c.Description, Settings: c.Settings}
	want := have
	want.Members = map[string]sensocto.Role{owner: sensocto.RoleOwner, userID: role}
	if _, err := s.options.Rooms.Adopt(ctx, room.RoomID, have, want); err != nil {
		return err
	}
	if err := s.options.Store.PutSharedRoom(ctx, room); err != nil {
		return err
	}
	if err := s.keep(ctx, room.RoomID, m); err != nil {
		return err
	}
	s.mu.Lock()
	s.add(room)
	s.mu.Unlock()
	s.notify()
	return nil
}

// keep stores what the room here says already, so that it is not taken for a change.
func (s *RoomSync) keep(ctx context.Context, roomID string, m Room) error {
	var put []sensocto.RoomFact
	for key, f := range m.Facts {
		if kind, _, _ := splitKey(key); kind == "meta/" || kind == prefixSetting {
			put = append(put, sensocto.RoomFact{Key: key, Body: f.Value})
		}
	}
	return s.options.Store.PutRoomFacts(ctx, roomID, put, nil)
}

// joinTime is how long the first entries of a room may take.
const joinTime = 20 * time.Second

// await waits until the document says whose room it is, and what its invitations
// are.
func (s *RoomSync) await(ctx context.Context, room sensocto.SharedRoom) (Room, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	for {
		entries, err := s.options.Sidecar.Entries(ctx, room.Doc)
		if err != nil && ctx.Err() == nil {
			return Room{}, err
		}
		m := Merge(room.RoomID, Key(room.Root), entries)
		missing := false
		for _, e := range entries {
			missing = missing || e.State == "missing"
		}
		if err == nil && m.Owner != "" && m.Name != "" && !missing {
			return m, nil
		}
		select {
		case <-ctx.Done():
			return Room{}, errTicketFail
		case <-time.After(50 * time.Millisecond):
		}
	}
}
