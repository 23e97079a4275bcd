package p2p

import (
	"context"
	"slices"
	"testing"

	"github.com/sensocto/sensocto"
)

// sees waits until a server has just these people in a room, also by the names in its document, and
// no sensor.
func (n *node) sees(roomID string, names ...string) {
	n.t.Helper()
	eventually(n.t, "who is in the room at "+n.name, func() bool {
		return len(n.content(roomID).Members) == len(names) && len(n.content(roomID).Shares) == 0 && slices.Equal(n.names(roomID), names)
	})
}

// twoRead returns a room of a that two people of b read.
func twoRead(t *testing.T) (a, b *node, roomID, reader string) {
	a, b = newNode(t, "a"), newNode(t, "b")
	roomID = a.create("Lab")
	b.join(a.ticket(roomID, ""))
	reader = b.another("reader")
	have := b.content(roomID)
	want := have
	want.Members = map[string]sensocto.Role{b.user.UserID: sensocto.RoleGuest, reader: sensocto.RoleGuest, have.OwnerID: sensocto.RoleOwner}
	if _, err := b.rooms.Adopt(t.Context(), roomID, have, want); err != nil {
		t.Fatal(err)
	}
	return a, b, roomID, reader
}

// A room that a ticket brought which only reads is joined by one that admits: who has it is a
// member, in its role, and others who read leave.
func TestTickets_WhoReadsBecomesAMemberByATicketThatAdmits(t *testing.T) {
	a, b, roomID, reader := twoRead(t)
	ticket := a.ticket(roomID, sensocto.RoleMember)
	if err := b.Join(t.Context(), b.user.UserID, ticket); err != nil {
		t.Fatal(err)
	}
	eventually(t, "member", func() bool { return a.roleOf(roomID, b) == sensocto.RoleMember })
	if c := b.content(roomID); c.Members[b.user.UserID] != sensocto.RoleMember || c.Members[reader] != "" || b.Room(t.Context(), roomID).ReadOnly {
		t.Errorf("%+v", c.Members)
	}
	both := func(when string) {
		t.Helper()
		a.rename(roomID, "Of a "+when)
		eventually(t, "what a changes "+when, func() bool { return b.content(roomID).Name == "Of a "+when })
		b.rename(roomID, "Of b "+when)
		eventually(t, "what b changes "+when, func() bool { return a.content(roomID).Name == "Of b "+when })
	}
	a.promote(roomID, b)
	both("at first")
	b.stop()
	b.start()
	both("after a restart")
	if c := a.content(roomID); len(c.Members) != 2 {
		t.Errorf("who only read was signed in: %+v", c.Members)
	}
	if err := b.Join(t.Context(), b.user.UserID, ticket); sensocto.ErrorReason(err) != "room_exists" {
		t.Error(err)
	}
	b.joinAs(reader, ticket)
	a.sees(roomID, "Person at a", "Person at b", "reader")
	room, _ := b.known(roomID)
	if _, write, err := b.options.Sidecar.TicketDoc(t.Context(), room.Ticket); err != nil || !write || len(room.Invite) == 0 {
		t.Errorf("a sidecar that has lost its directory could not write: %v", err)
	}
}

// Somebody who did not read the room comes in the same way.
func TestTickets_SomebodyElseBeginsToWrite(t *testing.T) {
	a, b, roomID, _ := twoRead(t)
	second := b.another("second")
	ticket := a.ticket(roomID, sensocto.RoleGuest)
	errs := make(chan error, 2)
	for _, userID := range []string{second, b.user.UserID} { // of two at once the second finds it written
		go func() { errs <- b.Join(t.Context(), userID, ticket) }()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	a.sees(roomID, "Person at a", "Person at b", "second")
	if c := b.content(roomID); len(c.Members) != 3 || c.Members[second] != sensocto.RoleGuest || c.Members[b.user.UserID] != sensocto.RoleGuest {
		t.Errorf("%+v", c.Members)
	}
}

// A ticket that does not admit changes nothing, and neither does a failure.
func TestTickets_AFailureLeavesThoseWhoReadAsTheyAre(t *testing.T) {
	a, b, roomID, reader := twoRead(t)
	before, _ := b.known(roomID)
	same := func(when string) {
		t.Helper()
		now, _ := b.known(roomID)
		c := b.content(roomID)
		if len(c.Members) != 3 || c.Members[reader] != sensocto.RoleGuest || c.Members[b.user.UserID] != sensocto.RoleGuest || len(now.Invite) > 0 || now.Ticket != before.Ticket {
			t.Errorf("%s: %+v", when, c.Members)
		}
	}
	ended := a.ticket(roomID, sensocto.RoleMember)
	if err := a.EndTicket(t.Context(), roomID, string(signerOf(ended.Invite).Key)); err != nil {
		t.Fatal(err)
	}
	if err := b.Join(t.Context(), b.user.UserID, ended); sensocto.ErrorReason(err) != "ticket_ended" {
		t.Error(err)
	}
	same("it has ended")

	ticket := a.ticket(roomID, sensocto.RoleMember)
	if err := b.Join(t.Context(), "no such user", ticket); sensocto.ErrorReason(err) != "not_admitted" {
		t.Error(err)
	}
	same("nobody comes")
	forged := ticket
	_, forged.Invite = NewInvite()
	short, cancel := context.WithTimeout(t.Context(), 10*awaitEvery)
	defer cancel()
	if err := b.Join(short, b.user.UserID, forged); sensocto.ErrorReason(err) != "ticket_unreachable" {
		t.Error(err)
	}
	same("nobody knows it")

	r, release, err := b.hold(t.Context(), roomID)
	if err != nil {
		t.Fatal(err)
	}
	m, err := b.merged(t.Context(), r.room)
	if err != nil {
		t.Fatal(err)
	}
	p := &pass{RoomSync: b.RoomSync, r: r, room: r.room}
	to := arriving{r.room, m, b.user.UserID}
	to.room.Invite, to.room.Ticket = ticket.Invite, ticket.Doc
	err = p.beginWhole(t.Context(), to, sensocto.RoleMember, func() error {
		if c := b.content(roomID); c.Members[b.user.UserID] != sensocto.RoleMember || c.Members[reader] != "" {
			t.Errorf("%+v", c.Members)
		}
		return errDown
	})
	if sensocto.ErrorReason(err) != sensocto.ErrorReason(errDown) {
		t.Error(err)
	}
	same("it is not stored")
	release()
	b.exchanges(roomID)
	same("it is exchanged afterwards")
	if c := a.content(roomID); len(c.Members) != 1 {
		t.Errorf("%+v", c.Members)
	}
}
