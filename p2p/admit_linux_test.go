package p2p

import (
	"testing"

	"github.com/sensocto/sensocto"
)

// out waits until a server has heard that its person is out of a room.
func (n *node) out(roomID string) {
	n.t.Helper()
	eventually(n.t, n.name+" hears that it is out", func() bool { return n.content(roomID).Members[n.user.UserID] == "" })
}

// refused tries to have a person join, and checks why that fails.
func (n *node) refused(userID string, ticket Ticket, reason string) {
	n.t.Helper()
	if err := n.Join(n.t.Context(), userID, ticket); sensocto.ErrorReason(err) != reason {
		n.t.Errorf("%s: %v, want %s", n.name, err, reason)
	}
}

// back waits until the person of another server is in a room here and there.
func (n *node) back(roomID string, other *node) {
	n.t.Helper()
	eventually(n.t, other.name+" is back", func() bool {
		return n.roleOf(roomID, other) == sensocto.RoleMember && other.content(roomID).Members[other.user.UserID] == sensocto.RoleMember
	})
}

// confirmed waits until the document says with the room's key that a person is in it, or out.
func (n *node) confirmed(roomID string, k Key, role sensocto.Role) (f Said) {
	n.t.Helper()
	eventually(n.t, "the room's word", func() bool {
		room, _ := n.known(roomID)
		m, err := n.merged(n.t.Context(), room)
		f = m.Facts[memberKey(k)]
		return err == nil && f.Signer == Key(room.Root) && m.Members[k].Role == role
	})
	return f
}

// forget has a server no longer have a room, as where nobody there is in it.
func (n *node) forget(roomID string) {
	n.t.Helper()
	r, release, err := n.hold(n.t.Context(), roomID)
	if err != nil {
		n.t.Fatal(err)
	}
	defer release()
	p := &pass{RoomSync: n.RoomSync, r: r}
	p.note(func() { p.room = r.room })
	if err := n.rooms.Erase(n.t.Context(), roomID); err != nil {
		n.t.Fatal(err)
	}
	if err := p.forget(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) person() Key { return n.options.Keys.Person(n.user.UserID).Key }

// Somebody who was removed comes in again by a ticket made since, and by no other, at a
// server where others are in the room. What the room has confirmed stays when that ticket
// ends.
func TestAdmit_WhoWasRemovedComesAgainByANewTicket(t *testing.T) {
	a, b, roomID := two(t)
	old := a.ticket(roomID, sensocto.RoleMember)
	b.joinAs(b.another("second"), old)
	for range 2 { // removed again, they need a ticket made since again
		a.remove(roomID, b)
		b.out(roomID)
		b.refused(b.user.UserID, old, "ticket_before_removal")
		old = a.ticket(roomID, sensocto.RoleMember)
		b.joinAs(b.user.UserID, old)
		a.back(roomID, b)
	}
	if f := a.confirmed(roomID, b.person(), sensocto.RoleMember); f.Generation != 2 || f.Invitation != signerOf(old.Invite).Key {
		t.Errorf("%+v", f.Fact)
	}
	b.refused(b.user.UserID, old, "room_exists")
	tickets, err := a.Tickets(t.Context(), roomID)
	if err != nil {
		t.Fatal(err)
	}
	for _, ticket := range tickets {
		if err := a.EndTicket(t.Context(), roomID, ticket.ID); err != nil {
			t.Fatal(err)
		}
	}
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
	a.back(roomID, b)
	if c := b.content(roomID); len(c.Members) != 3 {
		t.Errorf("%+v", c.Members)
	}
}

// Somebody who left comes in again by a ticket made since, at a server where nobody else is
// in the room, and at one that does not have the room any more.
func TestAdmit_WhoLeftComesAgain(t *testing.T) {
	a, b, roomID := two(t)
	old := a.ticket(roomID, sensocto.RoleMember)
	for _, forgets := range []bool{false, true} {
		if err := b.rooms.Leave(t.Context(), b.user, roomID); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a hears that they left", func() bool { return a.roleOf(roomID, b) == "" })
		a.confirmed(roomID, b.person(), "")
		if forgets {
			b.forget(roomID)
		}
		b.refused(b.user.UserID, old, "ticket_before_removal")
		if _, ok := b.known(roomID); ok == forgets {
			t.Errorf("that b has the room is %v", ok)
		}
		old = a.ticket(roomID, sensocto.RoleMember)
		b.joinAs(b.user.UserID, old)
		a.back(roomID, b)
	}
	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-strap", sensocto.ShareTerms{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "sensor", func() bool { return len(a.content(roomID).Shares) == 1 })
}

// At the room's own server, at once, without waiting for any exchange. A ticket that was made
// when others had been removed does not admit who is removed later.
func TestAdmit_AtTheRoomsServer(t *testing.T) {
	a, _, roomID := two(t)
	first, second := a.another("first"), a.another("second")
	ticket := a.ticket(roomID, sensocto.RoleMember)
	a.joinAs(first, ticket)
	a.joinAs(second, ticket)
	for _, userID := range []string{first, second} {
		a.confirmed(roomID, a.options.Keys.Person(userID).Key, sensocto.RoleMember)
	}
	remove := func(userID string, ban bool) {
		t.Helper()
		if err := a.rooms.Remove(t.Context(), a.user, roomID, userID, ban); err != nil {
			t.Fatal(err)
		}
	}
	remove(first, false)
	since := a.ticket(roomID, sensocto.RoleMember)
	a.refused(first, ticket, "ticket_before_removal")
	remove(second, false)
	a.confirmed(roomID, a.options.Keys.Person(second).Key, "")
	a.refused(second, since, "ticket_before_removal")
	a.joinAs(first, since)
	later := a.ticket(roomID, sensocto.RoleMember)
	a.joinAs(second, later)
	for _, userID := range []string{first, second} {
		a.confirmed(roomID, a.options.Keys.Person(userID).Key, sensocto.RoleMember)
		if role := a.content(roomID).Members[userID]; role != sensocto.RoleMember {
			t.Errorf("%q", role)
		}
	}
	remove(second, true)
	a.refused(second, a.ticket(roomID, sensocto.RoleMember), "banned")
	if err := a.rooms.Unban(t.Context(), a.user, roomID, second); err != nil {
		t.Fatal(err)
	}
	a.joinAs(second, a.ticket(roomID, sensocto.RoleMember))
}

// Somebody who is banned at the room's server does not come in by a new ticket, whether they
// were in the room or not: their server hears that they are out, and others never see them.
func TestAdmit_WhoIsBannedStaysOut(t *testing.T) {
	a, b, c, roomID := three(t)
	userID := a.people.known(b.person())
	if err := a.rooms.Remove(t.Context(), a.user, roomID, userID, true); err != nil {
		t.Fatal(err)
	}
	b.out(roomID)
	ticket := a.ticket(roomID, sensocto.RoleMember)
	b.joinAs(b.user.UserID, ticket)
	b.out(roomID)
	f := a.confirmed(roomID, b.person(), "")
	if !f.Deleted || f.Generation != 1 {
		t.Errorf("%+v", f.Fact)
	}
	b.refused(b.user.UserID, ticket, "ticket_before_removal")
	eventually(t, "word at c", func() bool {
		room, _ := c.known(roomID)
		m, err := c.merged(t.Context(), room)
		return err == nil && m.Facts[memberKey(b.person())].Generation == 1
	})
	if a.roleOf(roomID, b) != "" || c.roleOf(roomID, b) != "" {
		t.Errorf("%q at a, %q at c", a.roleOf(roomID, b), c.roleOf(roomID, b))
	}

	other := a.create("Gym")
	if err := a.rooms.Remove(t.Context(), a.user, other, userID, true); err != nil {
		t.Fatal(err)
	}
	b.join(a.ticket(other, sensocto.RoleMember))
	b.out(other)
	a.confirmed(other, b.person(), "")

	if err := a.rooms.Unban(t.Context(), a.user, roomID, userID); err != nil {
		t.Fatal(err)
	}
	b.refused(b.user.UserID, ticket, "ticket_before_removal")
	b.joinAs(b.user.UserID, a.ticket(roomID, sensocto.RoleMember))
	a.back(roomID, b)
}

// A ticket of where the room has moved to brings in who was removed or left before: at a server that
// still has the room where it was, and at one that has only read it since.
func TestAdmit_WhereTheRoomHasMovedTo(t *testing.T) {
	a, b, roomID := two(t)
	a.remove(roomID, b)
	b.out(roomID)
	a.move(roomID)
	b.joinAs(b.user.UserID, a.ticket(roomID, sensocto.RoleMember))
	a.back(roomID, b)
	b.follows(a, roomID)

	if err := b.rooms.Leave(t.Context(), b.user, roomID); err != nil {
		t.Fatal(err)
	}
	if f := a.confirmed(roomID, b.person(), ""); f.Generation != 1 { // nothing else in the new document tells of it
		t.Errorf("%+v", f.Fact)
	}
	b.forget(roomID)
	b.join(a.ticket(roomID, ""))
	if !b.Room(t.Context(), roomID).ReadOnly {
		t.Fatal("b does not only read it; the test shows nothing")
	}
	a.move(roomID)
	b.joinAs(b.user.UserID, a.ticket(roomID, sensocto.RoleMember))
	a.back(roomID, b)
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
}

// Somebody with a ticket cannot use up the generations of those who are made later.
func TestAdmit_ForgedGenerationsKeepNobodyOut(t *testing.T) {
	a, b, roomID := two(t)
	room, _ := b.known(roomID)
	me := b.options.Keys.Person(b.user.UserID)
	values := map[string][]byte{}
	for _, by := range []Signer{mallory, me} {
		value, err := by.Sign(memberKey(by.Key), Fact{Room: roomID, Generation: maxConfirmed, Version: 1, Deleted: true})
		if err != nil {
			t.Fatal(err)
		}
		values[memberKey(by.Key)] = value
	}
	if err := b.options.Sidecar.Set(t.Context(), room.Doc, values); err != nil {
		t.Fatal(err)
	}
	eventually(t, "b is out at a", func() bool { return a.roleOf(roomID, b) == "" })
	third := a.another("third")
	old := a.ticket(roomID, sensocto.RoleMember)
	a.joinAs(third, old)
	k := a.options.Keys.Person(third).Key
	if f := a.confirmed(roomID, k, sensocto.RoleMember); f.Generation > 1 {
		t.Errorf("%+v", f.Fact)
	}
	if err := a.rooms.Remove(t.Context(), a.user, roomID, third, false); err != nil {
		t.Fatal(err)
	}
	a.confirmed(roomID, k, "")
	a.refused(third, old, "ticket_before_removal")
	a.joinAs(third, a.ticket(roomID, sensocto.RoleMember))
	eventually(t, "whoever forged one keeps themselves out", func() bool {
		return sensocto.ErrorReason(b.Join(t.Context(), b.user.UserID, old)) == "ticket_before_removal"
	})
}
