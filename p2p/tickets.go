package p2p

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

var errNoTicket = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "no_ticket", Message: "the room has no such ticket: it may have been ended already"}

// Tickets returns the tickets of a room that admit people, the newest first. Those
// that only read are not among them: nothing tells them apart.
func (s *RoomSync) Tickets(ctx context.Context, roomID string) ([]sensocto.P2PTicket, error) {
	list := []sensocto.P2PTicket{}
	room, ok := s.known(roomID)
	if !ok {
		return list, nil
	}
	m, err := s.merged(ctx, room)
	if err != nil {
		return nil, err
	}
	for k, role := range m.Invites {
		list = append(list, sensocto.P2PTicket{ID: string(k), Role: role, MadeAt: time.UnixMicro(m.Facts[inviteKey(k)].AtUS).UTC()})
	}
	slices.SortFunc(list, func(a, b sensocto.P2PTicket) int {
		if c := b.MadeAt.Compare(a.MadeAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

// EndTicket has a ticket admit nobody any more; who came by it stays. Who may do
// that the caller has checked.
func (s *RoomSync) EndTicket(ctx context.Context, roomID, id string) error {
	room, ok := s.known(roomID)
	by := s.options.Keys.Room(roomID)
	if !ok {
		return errNoTicket
	}
	if string(by.Key) != room.Root {
		return errNotMade
	}
	m, err := s.merged(ctx, room)
	if err != nil {
		return err
	}
	key := inviteKey(Key(id))
	if m.Invites[Key(id)] == "" {
		return errNoTicket
	}
	values := map[string][]byte{}
	if values[key], err = by.Sign(key, next(roomID, &signed{Fact: m.Facts[key].Fact}, nil, time.Now())); err != nil {
		return err
	}
	for key, f := range m.Facts { // whom the room has not confirmed yet would leave with the ticket
		if f.Invitation == Key(id) && f.Signer != by.Key {
			if values[key], err = by.Sign(key, f.Fact); err != nil {
				return err
			}
		}
	}
	if err := s.options.Sidecar.Set(ctx, room.Doc, values); err != nil {
		return err
	}
	s.urgent(room.Doc)
	return nil
}

// merged returns what the document of a room says.
func (s *RoomSync) merged(ctx context.Context, room sensocto.SharedRoom) (Room, error) {
	entries, err := s.entries(ctx, room.Doc)
	if err != nil {
		return Room{}, err
	}
	return Merge(room.RoomID, Key(room.Root), entries), nil
}

// entries returns what is in a document, which it opens where the server has just started.
func (s *RoomSync) entries(ctx context.Context, doc string) ([]Entry, error) {
	entries, err := s.options.Sidecar.Entries(ctx, doc)
	if sensocto.ErrorCode(err) != sensocto.CodeNotFound {
		return entries, err
	}
	if _, err := s.options.Sidecar.Open(ctx, doc); err != nil {
		return nil, err
	}
	return s.options.Sidecar.Entries(ctx, doc)
}

// enter admits another person of this server to a room that is here, by a ticket
// that the room still honours. moved says that the ticket has led the room to where it
// goes on: that is enough for whoever is in it.
func (s *RoomSync) enter(ctx context.Context, userID string, t Ticket, moved bool) error {
	room, ok := s.known(t.Room)
	if !ok || room.Root != string(t.Root) {
		return errJoined
	}
	have, err := s.options.Rooms.Content(ctx, t.Room)
	switch {
	case errors.Is(err, sensocto.ErrNotFound):
		return errJoined
	case err != nil:
		return err
	case have.Members[userID] != "" && moved:
		return nil
	case have.Members[userID] != "":
		return errInRoom
	case t.Invite == nil:
		return errJoined
	}
	m, err := s.merged(ctx, room)
	if err != nil {
		return err
	}
	role, err := s.admitted(ctx, room, m, t)
	if err != nil {
		return err
	}
	k, err := s.people.key(ctx, userID)
	if err != nil {
		return err
	}
	invite := signerOf(t.Invite).Key
	if err := m.mayCome(k, invite); err != nil {
		return s.orBanned(ctx, t.Room, userID, err)
	}
	want := have
	want.Members = maps.Clone(have.Members)
	want.Members[userID] = role
	return s.admit(ctx, room, have, want, admission{userID, k, role, t.Invite, m.InvitedTo[invite]})
}

// admitted returns the role to which a ticket admits a person of this server. What
// was made elsewhere says that by the invitation that brought the room here.
func (s *RoomSync) admitted(ctx context.Context, room sensocto.SharedRoom, m Room, t Ticket) (sensocto.Role, error) {
	role := m.Invites[signerOf(t.Invite).Key]
	if role == "" {
		return "", errTicketEnded
	}
	if room.Root == string(s.options.Keys.Room(room.RoomID).Key) {
		return role, nil
	}
	if room.Invite == nil {
		return "", errJoined
	}
	most := m.Invites[signerOf(room.Invite).Key]
	if most == "" { // it has ended: that of the ticket takes its place
		return role, s.change(ctx, room.RoomID, func(r *sensocto.SharedRoom) { r.Invite = t.Invite })
	}
	if !most.AtLeast(role) {
		role = most
	}
	return role, nil
}
