package p2p

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

var (
	errTicketRole  = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_role", Message: "a ticket admits members or guests; make somebody an administrator once they are in the room"}
	errNotMade     = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "no_right", Message: "tickets for a room are made and ended at the server that made the room: ask an administrator of the room there"}
	errJoined      = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "room_exists", Message: "this room is on this server already: ask for a ticket that makes you a member or guest, or ask its owner or a member to let you in"}
	errInRoom      = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "room_exists", Message: "you are in this room already"}
	errJoining     = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "join_under_way", Message: "this room is being brought here or forgotten at this moment: try again in half a minute"}
	errTicketEnded = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "ticket_ended", Message: "the ticket no longer admits anybody: ask for another"}
	errNotAdmitted = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "not_admitted", Message: "this server allows no more members or rooms, or your account may not join: ask the room's owner, or the server's operator"}
	errTickets     = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "too_many_tickets", Message: "the room has 500 tickets that admit, as many as it may have: give out one of them again, each admits up to 50 people"}
	errRoomDeleted = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "room_deleted", Message: "the room of this ticket was deleted by its owner: ask for a ticket of another room"}
	errTicketFail  = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "ticket_unreachable", Message: "the room did not arrive within 20 seconds: is a server that has it running, and connected to the network? Then try again"}
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
	room := sensocto.SharedRoom{RoomID: roomID, Doc: doc, Root: string(s.options.Keys.Room(roomID).Key)}
	if room.Ticket, err = s.options.Sidecar.Share(ctx, doc, true); err == nil {
		err = s.options.Store.PutSharedRoom(ctx, room)
	}
	if err != nil {
		return sensocto.SharedRoom{}, errors.Join(err, s.options.Sidecar.Drop(context.WithoutCancel(ctx), doc))
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
	ctx, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	r, release, err := s.hold(ctx, roomID)
	if err != nil {
		return Ticket{}, err
	}
	defer release()
	p, merged, err := s.meet(ctx, r) // it opens the document, and who was removed just now may come again by the ticket
	if err == nil {
		err = p.adopt(ctx, merged)
	}
	if err != nil {
		return Ticket{}, err
	}
	doc, err := s.options.Sidecar.Share(ctx, p.room.Doc, role != "")
	if err != nil {
		return Ticket{}, err
	}
	t := Ticket{Room: roomID, Root: by.Key, Name: c.Name, Doc: doc}
	if role == "" { // under the room's key, that there are tickets which admit nobody
		return t, s.noteInvite(ctx, p.room, by, by.Key, inviteValue{})
	}
	if len(merged.Invites) >= maxInvites {
		return Ticket{}, errTickets
	}
	invite, seed := NewInvite()
	t.Invite = seed
	return t, s.noteInvite(ctx, p.room, by, invite.Key, inviteValue{role, merged.invitationGeneration(by.Key)})
}

// noteInvite writes into the document that there is a ticket.
func (s *RoomSync) noteInvite(ctx context.Context, room sensocto.SharedRoom, by Signer, invite Key, v inviteValue) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	key := inviteKey(invite)
	value, err := by.Sign(key, next(room.RoomID, nil, raw, time.Now()))
	if err != nil {
		return err
	}
	if err := s.options.Sidecar.Set(ctx, room.Doc, map[string][]byte{key: value}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[room.RoomID]
	if r == nil || r.room.Doc != room.Doc {
		return errMovedSince
	}
	r.outside = true
	return nil
}

// Join brings the room of a ticket here, with the user as its member. It waits until
// enough of the room has arrived. A room that is here admits the user by it.
func (s *RoomSync) Join(ctx context.Context, userID string, t Ticket) error {
	doc, write, err := s.options.Sidecar.TicketDoc(ctx, t.Doc)
	if err != nil {
		return err
	}
	if t.Invite != nil && !write {
		return errTicket // who is admitted writes
	}
	leave, err := s.reserve(t.Room, doc)
	if errors.Is(err, errJoined) {
		defer leave()
		if room, ok := s.known(t.Room); ok && !room.ClosedAt.IsZero() {
			return errRoomDeleted
		}
		moved, err := s.goByTicket(ctx, userID, t, doc, write)
		if err != nil {
			return err
		}
		return s.enter(ctx, userID, t, moved)
	}
	if err != nil {
		return err
	}
	defer leave()
	if _, err := s.options.Rooms.Content(ctx, t.Room); err == nil {
		return errJoined
	} else if !errors.Is(err, sensocto.ErrNotFound) {
		return err
	}
	if _, _, err := s.options.Sidecar.Import(ctx, t.Doc); err != nil {
		return err
	}
	room := sensocto.SharedRoom{RoomID: t.Room, Doc: doc, Ticket: t.Doc, Root: string(t.Root), Invite: t.Invite}
	if err := s.arrive(ctx, userID, room); err != nil {
		_ = s.options.Sidecar.Drop(context.WithoutCancel(ctx), doc)
		return err
	}
	return nil
}

// reserve has one join at a time bring a room and a document here, which are not
// here yet: a join that fails drops the document. A room that is here is not forgotten
// before leave.
func (s *RoomSync) reserve(roomID, doc string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, used := s.rooms[roomID], s.docs[doc] != ""
	if r != nil && r.going {
		return nil, errJoining
	}
	if used || (r != nil && r.room.Doc != "") {
		return s.comes(r), errJoined
	}
	if s.joining[roomID] || s.joining[doc] {
		return nil, errJoining
	}
	s.joining[roomID], s.joining[doc] = true, true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.joining, roomID)
		delete(s.joining, doc)
	}, nil
}

// arrive makes the room once its owner and name are known.
func (s *RoomSync) arrive(ctx context.Context, userID string, room sensocto.SharedRoom) error {
	m, err := s.await(ctx, room, room.Invite)
	if err != nil {
		return err
	}
	if m.Closed {
		return errRoomDeleted
	}
	role := sensocto.RoleGuest // who only reads
	if room.Invite != nil {
		if role = m.Invites[signerOf(room.Invite).Key]; role == "" {
			return errTicketEnded
		}
	}
	if err := s.mayArrive(ctx, userID, room, m); err != nil {
		return err
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
	ctx = context.WithoutCancel(ctx) // all of what follows, or none
	if err := s.moveIn(ctx, room, m, c, userID, role); err != nil {
		return errors.Join(err, s.moveOut(ctx, room.RoomID))
	}
	s.mu.Lock()
	s.add(room)
	s.mu.Unlock()
	s.notify()
	return nil
}

// moveIn makes the user a member of a room that has arrived: here first, the exchange
// says so to the others.
func (s *RoomSync) moveIn(ctx context.Context, room sensocto.SharedRoom, m Room, c sensocto.RoomContent, userID string, role sensocto.Role) error {
	have := sensocto.RoomContent{Members: map[string]sensocto.Role{c.OwnerID: sensocto.RoleOwner}, OwnerID: c.OwnerID, Name: c.Name, Description: c.Description, Settings: c.Settings}
	want := have
	want.Members = map[string]sensocto.Role{c.OwnerID: sensocto.RoleOwner, userID: role}
	left, err := s.options.Rooms.Adopt(ctx, room.RoomID, have, want)
	if err == nil && slices.Contains(left, userID) {
		err = errNotAdmitted
	}
	if err != nil {
		return err
	}
	if err := s.options.Store.PutSharedRoom(ctx, room); err != nil {
		return err
	}
	if err := s.keep(ctx, room.RoomID, m); err != nil || room.Invite == nil {
		return err
	}
	k, err := s.people.key(ctx, userID)
	if err != nil || m.Members[k].Role != "" {
		return err // the document has them in the room
	}
	return s.keepAdmission(ctx, room, admission{userID, k, role, room.Invite, m.InvitedTo[signerOf(room.Invite).Key]})
}

// mayArrive returns an error where a ticket that admits does not admit the user.
func (s *RoomSync) mayArrive(ctx context.Context, userID string, room sensocto.SharedRoom, m Room) error {
	if room.Invite == nil {
		return nil
	}
	k, err := s.people.key(ctx, userID)
	if err != nil || m.Members[k].Role != "" { // a server that has lost the room gets it again
		return err
	}
	return m.mayCome(k, signerOf(room.Invite).Key)
}

// moveOut takes back what a failed join has made.
func (s *RoomSync) moveOut(ctx context.Context, roomID string) error {
	err := s.options.Store.RemoveSharedRoom(ctx, roomID)
	if errors.Is(err, sensocto.ErrNotFound) {
		err = nil
	}
	return errors.Join(err, s.options.Rooms.Erase(ctx, roomID))
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

// missingTime is how long a join waits for missing values after the last one came. Whoever can
// write the document can name values that nobody has.
const missingTime = 5 * time.Second

// missingWait is how long the values of a document have been waited for.
type missingWait struct {
	missing int
	since   time.Time // when one came last; zero before the first look
}

// over reports whether so many missing values are no longer waited for.
func (w *missingWait) over(missing int, now time.Time) bool {
	if w.since.IsZero() || missing < w.missing {
		w.missing, w.since = missing, now
	}
	return missing == 0 || now.Sub(w.since) >= missingTime
}

// missing returns of how many entries the value has not come.
func missing(entries []Entry) (n int) {
	for _, e := range entries {
		if e.State == "missing" {
			n++
		}
	}
	return n
}

// awaitEvery is how often a join looks whether they have come.
const awaitEvery = 50 * time.Millisecond

// await waits until the document says whose room it is, and what became of an invitation
// where there is one: what is said later may arrive sooner. Of a room that was deleted nothing
// else may be there.
func (s *RoomSync) await(ctx context.Context, room sensocto.SharedRoom, invite []byte) (Room, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	var wait missingWait
	for {
		entries, err := s.entries(ctx, room.Doc)
		if err != nil && ctx.Err() == nil {
			return Room{}, err
		}
		m := Merge(room.RoomID, Key(room.Root), entries)
		invited := invite == nil
		if !invited {
			_, invited = m.Facts[inviteKey(signerOf(invite).Key)]
		}
		if err == nil && (m.Closed || (m.Owner != "" && m.Name != "" && invited && wait.over(missing(entries), time.Now()))) {
			return m, nil
		}
		select {
		case <-ctx.Done():
			return Room{}, errTicketFail
		case <-time.After(awaitEvery):
		}
	}
}
