package p2p

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

var (
	errBeforeRemoval = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "ticket_before_removal", Message: "you left this room, or were removed from it, after this ticket was made: ask for a new ticket"}
	errBanned        = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "banned", Message: "you are banned from this room: its owner or an administrator can take that back"}
)

// mayCome returns an error where an invitation does not admit a person who is not in the
// room here: they left it, or were removed, after it was made. Where the document still has
// them in the room, that was just now.
func (m Room) mayCome(k, invite Key) error {
	f, said := m.Facts[memberKey(k)]
	if said && (!f.Deleted || f.Generation >= m.InvitedTo[invite]) {
		return errBeforeRemoval
	}
	return nil
}

// admission is a person of this server who comes into a room by an invitation.
type admission struct {
	userID     string
	key        Key
	role       sensocto.Role
	invite     []byte // the seed of its key
	generation int64  // the last to which it admits
}

// keepAdmission stores what says in the document that a person is in the room: that the
// invitation says so together with them, or, of a room that was made here, the room. The
// exchange sends it, and does not take it for a change. The room is held, or not exchanged yet.
func (s *RoomSync) keepAdmission(ctx context.Context, room sensocto.SharedRoom, a admission) error {
	raw, err := json.Marshal(memberValue{a.role})
	if err != nil {
		return err
	}
	key, f := memberKey(a.key), Fact{Room: room.RoomID, Generation: a.generation, Version: 1, AtUS: time.Now().UnixMicro(), Value: raw}
	var value []byte
	if by := s.options.Keys.Room(room.RoomID); string(by.Key) == room.Root {
		value, err = by.Sign(key, f)
	} else {
		value, err = signerOf(a.invite).Admit(key, f, s.options.Keys.Person(a.userID))
	}
	if err != nil {
		return err
	}
	if err := s.options.Store.PutRoomFacts(ctx, room.RoomID, []sensocto.RoomFact{{Key: key, Body: value}}, nil); err != nil {
		return fmt.Errorf("store that somebody came into a room: %w", err)
	}
	return nil
}

// keepBegun does so for who brought the ticket by which a room here is written from now on.
func (p *pass) keepBegun(ctx context.Context, to arriving, role sensocto.Role) error {
	k, err := p.people.key(ctx, to.userID)
	if err != nil {
		return err
	}
	return p.keepAdmission(ctx, to.room, admission{to.userID, k, role, to.room.Invite, to.merged.InvitedTo[signerOf(to.room.Invite).Key]})
}

// admit makes a person a member of a room that is here.
func (s *RoomSync) admit(ctx context.Context, room sensocto.SharedRoom, have, want sensocto.RoomContent, a admission) error {
	_, release, err := s.hold(ctx, room.RoomID)
	if err != nil {
		return err
	}
	defer release()
	ctx = context.WithoutCancel(ctx) // both of what follows, or none
	left, err := s.options.Rooms.Adopt(ctx, room.RoomID, have, want)
	if err == nil && slices.Contains(left, a.userID) {
		err = s.orBanned(ctx, room.RoomID, a.userID, errNotAdmitted)
	}
	if err != nil {
		return err
	}
	return s.keepAdmission(ctx, room, a)
}

// orBanned returns why somebody is not let into a room here: that they are banned from it,
// or the reason given.
func (s *RoomSync) orBanned(ctx context.Context, roomID, userID string, reason error) error {
	banned, err := s.banned(ctx, roomID)
	switch {
	case err != nil:
		return err
	case banned[userID]:
		return errBanned
	}
	return reason
}

// banned returns who is banned from a room here.
func (s *RoomSync) banned(ctx context.Context, roomID string) (map[string]bool, error) {
	const page = 1000
	all := map[string]bool{}
	for after := ""; ; {
		list, err := s.options.Store.Bans(ctx, roomID, after, page)
		if err != nil {
			return nil, fmt.Errorf("read bans: %w", err)
		}
		for _, b := range list {
			all[b.UserID], after = true, b.UserID
		}
		if len(list) < page {
			return all, nil
		}
	}
}

// outBanned returns that people are out who came by a ticket to a room from which they are
// banned: their server does not know of that. It is for the room's server, whose ban it is.
func (p *pass) outBanned(ctx context.Context, m Room) (out []change, err error) {
	var came []Key
	for k := range m.Members {
		if userID := p.people.known(k); userID != "" && k != m.Owner && p.have.Members[userID] == "" {
			came = append(came, k)
		}
	}
	if len(came) == 0 {
		return nil, nil
	}
	banned, err := p.banned(ctx, p.room.RoomID)
	if err != nil {
		return nil, err
	}
	slices.Sort(came)
	for _, k := range came {
		if userID := p.people.known(k); banned[userID] {
			key := memberKey(k)
			out = append(out, change{key, next(p.room.RoomID, &signed{Fact: m.Facts[key].Fact}, nil, time.Now())})
			p.log.Info("somebody who is banned came by a ticket, and is out again", "room", p.room.RoomID, "user", userID)
		}
	}
	return out, nil
}

// beyond has what the room or an administrator decides about a member count in the
// generation that the tickets of now admit to: none of them admits who was removed by it, or
// gives back a role that it took.
func beyond(by Signer, c change, m Room) change {
	kind, parts, _ := splitKey(c.key)
	if kind == prefixMember && by.Key != Key(parts[0]) && m.Invites[by.Key] == "" {
		c.fact.Generation = max(c.fact.Generation, m.lastInvitedTo())
	}
	return c
}
