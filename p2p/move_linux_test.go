package p2p

import (
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

// docOf returns the document in which a room is, and how often it has moved.
func (n *node) docOf(roomID string) (doc string, moves int64) {
	room, _ := n.known(roomID)
	return room.Doc, room.Moves
}

func (n *node) move(roomID string) {
	n.t.Helper()
	if err := n.Move(n.t.Context(), roomID); err != nil {
		n.t.Fatal(err)
	}
}

// follows waits until a server is where the owner's is.
func (n *node) follows(owner *node, roomID string) {
	n.t.Helper()
	doc, moves := owner.docOf(roomID)
	eventually(n.t, n.name+" follows", func() bool {
		d, m := n.docOf(roomID)
		return d == doc && m == moves
	})
	eventually(n.t, "the owner knows", func() bool { return len(owner.Room(n.t.Context(), roomID).Waiting) == 0 })
}

func (n *node) remove(roomID string, other *node) {
	n.t.Helper()
	userID := n.people.known(other.options.Keys.Person(other.user.UserID).Key)
	if err := n.rooms.Remove(n.t.Context(), n.user, roomID, userID, false); err != nil {
		n.t.Fatal(err)
	}
}

// three returns a room of a, with members at b and c.
func three(t testing.TB) (a, b, c *node, roomID string) {
	a, b, roomID = two(t)
	c = newNode(t, "c")
	c.join(a.ticket(roomID, sensocto.RoleMember))
	everybody := func(n *node) func() bool {
		return func() bool {
			room, _ := n.known(roomID)
			m, err := n.merged(t.Context(), room)
			seals := 0
			for _, member := range m.Members {
				if member.Seal != "" {
					seals++
				}
			}
			return err == nil && seals == 3
		}
	}
	for _, n := range []*node{a, b, c} {
		eventually(t, "members at "+n.name, everybody(n))
	}
	return a, b, c, roomID
}

// stays watches for a while that a server does not follow.
func (n *node) stays(roomID, doc string) {
	n.t.Helper()
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if now, _ := n.docOf(roomID); now != doc {
			n.t.Fatalf("%s went from %s to %s", n.name, doc, now)
		}
	}
}

func TestMove_MembersFollowAndWhoWasRemovedDoesNot(t *testing.T) {
	a, b, c, roomID := three(t)
	before, _ := a.docOf(roomID)
	ticket := a.ticket(roomID, sensocto.RoleMember)
	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-strap", sensocto.ShareTerms{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "sensor", func() bool { return len(a.content(roomID).Shares) == 1 && len(c.content(roomID).Shares) == 1 })
	c.keeps(roomID)
	a.remove(roomID, c)
	a.move(roomID)
	b.follows(a, roomID)
	after, moves := a.docOf(roomID)
	if after == before || moves == 0 {
		t.Fatalf("%s, %d", after, moves)
	}
	eventually(t, "the removed one hears that it is out", func() bool { return c.content(roomID).Members[c.user.UserID] == "" })
	eventually(t, "the removed one hears of the move", func() bool { return c.Room(t.Context(), roomID).Moved })
	c.stays(roomID, before)

	// The room goes on for both, both ways, and c has none of it.
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-belt", sensocto.ShareTerms{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "sensor", func() bool { return len(a.content(roomID).Shares) == 2 })
	if got := c.content(roomID).Name; got != "Lab" {
		t.Errorf("who was removed reads %q", got)
	}
	for _, n := range []*node{a, b} {
		if s := n.Room(t.Context(), roomID); s.Moved || s.Following || !s.Shared {
			t.Errorf("%s: %+v", n.name, s)
		}
	}

	// No ticket of before admits, and the document of before has none of the new one's.
	if list, err := a.Tickets(t.Context(), roomID); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	d := newNode(t, "d")
	if err := d.Join(t.Context(), d.user.UserID, ticket); sensocto.ErrorReason(err) != "ticket_ended" {
		t.Error(err)
	}
	// A ticket of now does, also somebody else of a server that has followed.
	fresh := a.ticket(roomID, sensocto.RoleMember)
	d.join(fresh)
	eventually(t, "ticket", func() bool {
		room, _ := b.known(roomID)
		m, err := b.merged(t.Context(), room)
		return err == nil && len(m.Invites) == 1
	})
	second := b.another("second")
	if err := b.Join(t.Context(), second, fresh); err != nil {
		t.Fatal(err)
	}
	eventually(t, "members", func() bool { return len(a.content(roomID).Members) == 4 })
	eventually(t, "number", func() bool { doc, at := d.docOf(roomID); return doc == after && at == moves })
}

// Nobody but the member opens what leads to the new document, and only the room's key
// says it.
func TestMove_WhoHasOnlyTheOldTicketFindsNothing(t *testing.T) {
	a, b, c, roomID := three(t)
	hostile := running(t, SidecarOptions{Program: program(t)})
	eventually(t, "start", up(hostile))
	old, _, err := hostile.Import(t.Context(), a.ticket(roomID, sensocto.RoleMember).Doc)
	if err != nil {
		t.Fatal(err)
	}
	c.stop()
	a.remove(roomID, c)
	a.move(roomID)
	b.follows(a, roomID)
	_, moves := a.docOf(roomID)
	bob := b.options.Keys.Person(b.user.UserID).Key
	var m Room
	eventually(t, "entry", func() bool {
		entries, err := hostile.Entries(t.Context(), old)
		m = Merge(roomID, a.options.Keys.Room(roomID).Key, entries)
		return err == nil && m.Moved[bob].Moves == moves
	})
	if len(m.Moved) != 1 {
		t.Errorf("%d are told", len(m.Moved))
	}
	if _, err := c.options.Keys.openMove(c.user.UserID, roomID, moves, m.Moved[bob].Sealed); err == nil {
		t.Error("somebody else opens it")
	}

	// They forge one that leads to a document of theirs, for the member and for others.
	theirs, err := hostile.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := hostile.Share(t.Context(), theirs, true)
	if err != nil {
		t.Fatal(err)
	}
	d := newNode(t, "d")
	invited := a.ticket(roomID, sensocto.RoleMember)
	d.join(invited)
	eventually(t, "member", func() bool { return a.roleOf(roomID, d) == sensocto.RoleMember })
	now, _, err := hostile.Import(t.Context(), invited.Doc)
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := a.docOf(roomID)
	for _, to := range []*node{b, d} {
		seal, _ := to.options.Keys.SealKey(to.user.UserID)
		sealed, err := (move{Doc: ticket}).seal(seal, roomID, maxCount)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := json.Marshal(sealed)
		key := movedKey(to.options.Keys.Person(to.user.UserID).Key)
		value, err := mallory.Sign(key, Fact{Room: roomID, Version: maxCount, Value: raw})
		if err != nil {
			t.Fatal(err)
		}
		if err := hostile.Set(t.Context(), now, map[string][]byte{key: value}); err != nil {
			t.Fatal(err)
		}
	}
	// And a member replays the move that led here, which the room's key has signed.
	if err := hostile.Set(t.Context(), now, map[string][]byte{movedKey(bob): m.Facts[movedKey(bob)].Value}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "arrival", func() bool { return b.Room(t.Context(), roomID).Refused["not_allowed"] > 0 })
	b.stays(roomID, doc)
	if s := b.Room(t.Context(), roomID); s.Moved || s.Following {
		t.Errorf("%+v", s)
	}
	if err := b.Move(t.Context(), roomID); sensocto.ErrorReason(err) != "no_right" {
		t.Error(err)
	}
}

// A server that was off during two moves finds the last document, also one that has
// been told of the first and not gone yet; the old move leads nobody back.
func TestMove_TwoInARow(t *testing.T) {
	a, b, c, roomID := three(t)
	b.stop()
	a.move(roomID)
	c.follows3(a, roomID)
	second, first := a.docOf(roomID)
	entries, err := a.options.Sidecar.Entries(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	c.keeps(roomID)
	a.remove(roomID, c)
	a.rename(roomID, "While b was off")
	a.move(roomID)
	third, moves := a.docOf(roomID)
	if moves <= first || third == second || len(entries) == 0 {
		t.Fatal(third, moves)
	}
	a.stop()
	a.start()
	eventually(t, "waiting is known again", func() bool {
		return slices.Equal(a.Room(t.Context(), roomID).Waiting, []string{"Person at b"})
	})
	b.start()
	b.follows(a, roomID)
	eventually(t, "name", func() bool { return b.content(roomID).Name == "While b was off" })
	c.stays(roomID, second)

	// What the room has left is closed once nobody needs it.
	if room, _ := a.known(roomID); len(room.Left) != 2 {
		t.Fatalf("%+v", room.Left)
	}
	a.mu.Lock()
	a.left.least = 0
	a.mu.Unlock()
	a.rename(roomID, "Closed")
	eventually(t, "old documents are closed", func() bool { room, _ := a.known(roomID); return len(room.Left) == 0 })
	status, err := a.options.Sidecar.Status(t.Context())
	if err != nil || len(status.Docs) != 1 || status.Docs[0].Doc != third {
		t.Errorf("%+v, %v", status.Docs, err)
	}
	if status, err := b.options.Sidecar.Status(t.Context()); err != nil || len(status.Docs) != 1 {
		t.Errorf("%+v, %v", status.Docs, err)
	}
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Closed" })
}

// follows3 waits until a server is where the owner's is, while others are not.
func (n *node) follows3(owner *node, roomID string) {
	n.t.Helper()
	doc, _ := owner.docOf(roomID)
	eventually(n.t, n.name+" follows", func() bool { d, _ := n.docOf(roomID); return d == doc })
}

// What a member changed while its server was cut off is not lost by a move.
func TestMove_ChangesOfOneWhoWasCutOffComeAlong(t *testing.T) {
	a, b, roomID := two(t)
	a.promote(roomID, b)
	b.cutOff(true)
	b.setting(roomID, "from b", 1)
	a.setting(roomID, "from a", 2)
	a.move(roomID)
	b.cutOff(false)
	b.follows(a, roomID)
	for _, n := range []*node{a, b} {
		eventually(t, "both settings at "+n.name, func() bool { return len(n.content(roomID).Settings) == 2 })
	}
}

// A server that was not told goes by a new ticket, but not by one whose document the
// room's key does not know.
func TestMove_ByTicket(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b")
	roomID := a.create("Lab")
	b.join(a.ticket(roomID, ""))
	a.move(roomID)
	a.rename(roomID, "Gym")
	before, _ := b.docOf(roomID)
	b.stays(roomID, before)

	hostile := running(t, SidecarOptions{Program: program(t)})
	eventually(t, "start", up(hostile))
	theirs, err := hostile.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	room, _ := a.known(roomID)
	entries, err := a.options.Sidecar.Entries(t.Context(), room.Doc)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]byte{}
	for _, e := range entries {
		values[e.Key] = e.Value
	}
	if err := hostile.Set(t.Context(), theirs, values); err != nil {
		t.Fatal(err)
	}
	forged := a.ticket(roomID, "")
	if forged.Doc, err = hostile.Share(t.Context(), theirs, true); err != nil {
		t.Fatal(err)
	}
	if err := b.Join(t.Context(), b.user.UserID, forged); sensocto.ErrorReason(err) != "room_exists" {
		t.Error(err)
	}
	if doc, _ := b.docOf(roomID); doc != before {
		t.Fatal("a forged ticket has taken the room away")
	}

	b.join(a.ticket(roomID, ""))
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
}

// A server with members does not go by a ticket that only reads, where it could neither
// send nor follow; one that did takes the secret from a later ticket.
func TestMove_MembersDoNotGoByATicketThatReads(t *testing.T) {
	a, b, roomID := two(t)
	b.stop()
	a.remove(roomID, b)
	a.move(roomID)
	eventually(t, "told", func() bool { return a.Room(t.Context(), roomID).Problem == "" })
	b.start()
	b.keeps(roomID)
	before, _ := b.docOf(roomID)
	if err := b.Join(t.Context(), b.user.UserID, a.ticket(roomID, "")); sensocto.ErrorReason(err) != "ticket_reads" {
		t.Fatal(err)
	}
	if doc, _ := b.docOf(roomID); doc != before {
		t.Fatal("it went where it cannot write")
	}
	forged := a.ticket(roomID, sensocto.RoleMember)
	forged.Doc = a.ticket(roomID, "").Doc
	if err := b.Join(t.Context(), b.user.UserID, forged); sensocto.ErrorReason(err) != "invalid_ticket" {
		t.Error(err)
	}
}

func TestMove_ALaterTicketBringsTheSecret(t *testing.T) {
	a, b, roomID := two(t)
	reads, writes := a.ticket(roomID, ""), a.ticket(roomID, sensocto.RoleMember)
	doc, _ := b.docOf(roomID)
	if err := b.options.Sidecar.Drop(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	if err := b.change(t.Context(), roomID, func(r *sensocto.SharedRoom) { r.Ticket = reads.Doc }); err != nil {
		t.Fatal(err)
	}
	b.cutOff(true)
	b.cutOff(false) // it opens the document anew, which it can only read
	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-strap", sensocto.ShareTerms{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a failure", func() bool { return b.Room(t.Context(), roomID).Problem != "" })
	if err := b.Join(t.Context(), b.user.UserID, writes); sensocto.ErrorReason(err) != "room_exists" { // they are in it
		t.Fatal(err)
	}
	eventually(t, "sensor", func() bool { return len(a.content(roomID).Shares) == 1 })
}

// A left document that fails holds off no other.
func TestMove_OneLeftDocumentThatFailsHoldsOffNoOther(t *testing.T) {
	a, b, roomID := two(t)
	b.stop()
	broken := sensocto.LeftDoc{Doc: "no document", Ticket: "no ticket", At: time.Now()}
	if err := a.change(t.Context(), roomID, func(r *sensocto.SharedRoom) { r.Left = []sensocto.LeftDoc{broken} }); err != nil {
		t.Fatal(err)
	}
	a.move(roomID)
	b.start()
	b.follows(a, roomID)
	if a.Room(t.Context(), roomID).Problem == "" {
		t.Error("nobody hears of the one that fails")
	}
}

// Who was locked out makes no work where they can still write.
func TestMove_WritesIntoALeftDocumentAreNotUrgent(t *testing.T) {
	a, b, roomID := two(t)
	old, _ := b.docOf(roomID)
	b.keeps(roomID)
	a.remove(roomID, b)
	a.move(roomID)
	eventually(t, "who was removed hears that it is out", func() bool { return b.content(roomID).Members[b.user.UserID] == "" })
	passed := func() (at time.Time, pending bool) {
		a.RoomSync.mu.Lock()
		defer a.RoomSync.mu.Unlock()
		r := a.RoomSync.rooms[roomID]
		return r.passedAt, r.running || r.urgent || r.changes > 0
	}
	eventually(t, "calm", func() bool { at, pending := passed(); return !pending && time.Since(at) > time.Second })
	seen := map[time.Time]bool{}
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err := b.options.Sidecar.Set(t.Context(), old, map[string][]byte{"spam/x/": []byte(time.Now().String())}); err != nil {
			t.Fatal(err)
		}
		at, _ := passed()
		seen[at] = true
	}
	if len(seen) > 2 {
		t.Errorf("%d exchanges", len(seen))
	}
	eventually(t, "the writes have arrived", func() bool {
		entries, err := a.options.Sidecar.Get(t.Context(), old, "spam/x/")
		return err == nil && len(entries) > 0
	})
	a.RoomSync.mu.Lock()
	later := a.RoomSync.rooms[roomID].later
	a.RoomSync.mu.Unlock()
	if later.IsZero() && len(seen) < 2 {
		t.Error("nobody looks at them later")
	}
}

// A ticket that admits, at a server that only read, admits who brought it and nobody else,
// and only if the room knows the invitation.
func TestMove_ATicketAdmitsOnlyWhoBroughtIt(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b")
	roomID := a.create("Lab")
	b.join(a.ticket(roomID, ""))
	reader := b.another("reader")
	have := b.content(roomID)
	want := have
	want.Members = maps.Clone(have.Members)
	want.Members[reader] = sensocto.RoleGuest
	if _, err := b.rooms.Adopt(t.Context(), roomID, have, want); err != nil {
		t.Fatal(err)
	}
	a.move(roomID)
	before, _ := b.docOf(roomID)
	admits := a.ticket(roomID, sensocto.RoleMember)
	forged := admits
	_, forged.Invite = NewInvite()
	if err := b.Join(t.Context(), b.user.UserID, forged); sensocto.ErrorReason(err) != "ticket_ended" {
		t.Error(err)
	}
	if doc, _ := b.docOf(roomID); doc != before || !b.Room(t.Context(), roomID).ReadOnly || len(b.content(roomID).Members) != 3 {
		t.Fatal("an invitation that the room does not know did something")
	}
	b.join(admits)
	eventually(t, "member", func() bool { return a.roleOf(roomID, b) == sensocto.RoleMember })
	if c := b.content(roomID); c.Members[b.user.UserID] != sensocto.RoleMember || c.Members[reader] != "" {
		t.Errorf("%+v", c.Members)
	}
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
	if c := a.content(roomID); len(c.Members) != 2 {
		t.Errorf("%+v", c.Members)
	}
}

// A server that was off while the room moved and was deleted hears of the end where it
// still is, also when the room's server was started again meanwhile.
func TestMove_WhoHasNotFollowedHearsOfTheEnd(t *testing.T) {
	a, b, roomID := two(t)
	old, _ := b.docOf(roomID)
	b.stop()
	a.move(roomID)
	if err := a.rooms.Delete(t.Context(), a.user, roomID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end where the room was", func() bool {
		entries, err := a.options.Sidecar.Get(t.Context(), old, keyClosed)
		return err == nil && len(entries) == 1
	})
	noName := func() {
		t.Helper()
		names, err := a.options.Sidecar.Get(t.Context(), old, personKey(a.options.Keys.Person(a.user.UserID).Key))
		if err != nil || len(names) > 0 {
			t.Errorf("%d names, %v", len(names), err)
		}
	}
	noName()
	a.stop()
	a.start()
	b.start()
	eventually(t, "end", func() bool { return b.content(roomID).Name == "" })
	noName() // which an exchange with b, who had it, would have brought back
}

// Who is erased has no name in the documents that the room has left, either.
func TestMove_NamesGoFromLeftDocumentsToo(t *testing.T) {
	a, b, roomID := two(t)
	second := a.another("second")
	have := a.content(roomID)
	want := have
	want.Members = maps.Clone(have.Members)
	want.Members[second] = sensocto.RoleMember
	if _, err := a.rooms.Adopt(t.Context(), roomID, have, want); err != nil {
		t.Fatal(err)
	}
	eventually(t, "name", func() bool { return len(b.names(roomID)) == 3 })
	b.stop()
	old, _ := a.docOf(roomID)
	a.move(roomID)
	name := func() bool {
		entries, err := a.options.Sidecar.Get(t.Context(), old, personKey(a.options.Keys.Person(second).Key))
		return err != nil || len(entries) > 0
	}
	if !name() {
		t.Fatal("there was no name")
	}
	if err := a.rooms.Remove(t.Context(), a.user, roomID, second, false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no name", func() bool { return !name() })
}

// Whether the owner is here is not guessed where it cannot be found out.
func TestMove_OwnedHereFailsWhereNobodyKnows(t *testing.T) {
	a := newNode(t, "a")
	roomID := a.create("Lab")
	if here, err := a.OwnedHere(t.Context(), roomID); err != nil || !here {
		t.Errorf("%v, %v", here, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if here, err := a.OwnedHere(ended, roomID); err == nil {
		t.Errorf("%v without an error", here)
	}
}

// What nobody else has is not kept, one owner does not use up what all have, and at the
// bound those go first that nobody needs.
func TestMove_LeftDocumentsAreBounded(t *testing.T) {
	a := newNode(t, "a")
	alone, shared := a.create("Alone"), a.create("Shared")
	a.ticket(shared, sensocto.RoleMember)
	eventually(t, "document", func() bool { doc, _ := a.docOf(alone); return doc != "" })
	a.move(alone)
	if room, _ := a.known(alone); room.Moves == 0 || len(room.Left) != 0 {
		t.Errorf("%+v", room)
	}
	a.move(shared)
	if room, _ := a.known(shared); room.Moves == 0 || len(room.Left) != 1 {
		t.Errorf("%+v", room)
	}
	status, err := a.options.Sidecar.Status(t.Context())
	if err != nil || len(status.Docs) != 3 {
		t.Errorf("%d documents, %v", len(status.Docs), err)
	}
	other := a.another("other")
	view, err := a.rooms.Create(t.Context(), sensocto.Identity{UserID: other, OwnerID: other}, sensocto.RoomDraft{Name: "Theirs"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "told", func() bool {
		a.RoomSync.mu.Lock()
		defer a.RoomSync.mu.Unlock()
		return a.RoomSync.rooms[shared].allFollowed
	})
	_, release, err := a.hold(t.Context(), shared) // so that none of it is dropped meanwhile
	if err != nil {
		t.Fatal(err)
	}
	r := a.RoomSync.rooms[shared]
	crowd := func(n int, followed bool) {
		a.RoomSync.mu.Lock()
		defer a.RoomSync.mu.Unlock()
		r.room.Left, r.allFollowed, r.crowded = slices.Repeat(r.room.Left[:1], n), followed, false
	}
	may := func(when, roomID, want string) {
		t.Helper()
		if err := a.mayMove(t.Context(), roomID); sensocto.ErrorReason(err) != want && (err != nil || want != "") {
			t.Errorf("%s: %v", when, err)
		}
	}
	crowd(maxOwnerLeft, false)
	may("all of an owner's are needed", alone, "too_many_moves")
	may("another owner", view.ID, "")
	crowd(maxAllLeft, false)
	may("all are needed", view.ID, "too_many_moves")
	if n := a.counts.movesRefused.Load(); n != 2 {
		t.Errorf("%d were counted", n)
	}

	// Those that nobody needs go first, and for one move alone.
	crowd(maxAllLeft, true)
	may("none is needed", view.ID, "")
	may("they go for one already", view.ID, "too_many_moves")
	release()
	eventually(t, "they are gone", func() bool { room, _ := a.known(shared); return len(room.Left) == 0 })
	may("there are none", view.ID, "")
}

// restored puts back how a server had a room, as a backup of then does.
func (n *node) restored(room sensocto.SharedRoom) {
	n.t.Helper()
	room.Restored = true
	n.putBack(room)
}

// putBack does the same like somebody who replaces the database: nothing tells that.
func (n *node) putBack(room sensocto.SharedRoom) {
	n.t.Helper()
	if err := n.db.PutSharedRoom(n.t.Context(), room); err != nil {
		n.t.Fatal(err)
	}
}

// A server that is restored from a backup of before a move, or whose database was put back,
// goes where the room went since, where its sidecar still has that, whether it made the room
// or not.
func TestMove_ARestoredServerFindsWhereTheRoomWent(t *testing.T) {
	t.Run("backup", func(t *testing.T) { findsWhereTheRoomWent(t, (*node).restored) })
	t.Run("database", func(t *testing.T) { findsWhereTheRoomWent(t, (*node).putBack) })
}

func findsWhereTheRoomWent(t *testing.T, restore func(*node, sensocto.SharedRoom)) {
	a, b, roomID := two(t)
	atA, _ := a.known(roomID)
	atB, _ := b.known(roomID)
	a.move(roomID)
	b.follows(a, roomID)
	a.move(roomID)
	b.follows(a, roomID)
	doc, moves := a.docOf(roomID)
	a.whileAway(func() { restore(a, atA) })
	eventually(t, "the room's server", func() bool { now, at := a.docOf(roomID); return now == doc && at == moves })
	if room, _ := a.known(roomID); len(room.Left) != 2 || room.Left[0].Doc != atA.Doc {
		t.Errorf("members may be in %+v", room.Left)
	}
	a.stop() // nobody else tells where the room went
	b.whileAway(func() { restore(b, atB) })
	eventually(t, "a member's server", func() bool { now, at := b.docOf(roomID); return now == doc && at == moves })
	a.start()
	b.follows(a, roomID)
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
	for _, n := range []*node{a, b} {
		eventually(t, "nothing is unclear at "+n.name, func() bool { return !n.Room(t.Context(), roomID).Restored })
	}
}

// straysNow looks for strays of a room like an exchange in a new run of the sidecar.
func (n *node) straysNow(room sensocto.SharedRoom, own bool) []stray {
	n.t.Helper()
	n.strays.of = 0
	found, err := (&pass{RoomSync: n.RoomSync, room: room, own: own}).straysOf(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	return found
}

// open reports whether a server's sidecar has a document open.
func (n *node) open(doc string) bool {
	n.t.Helper()
	all, err := n.options.Sidecar.Docs(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(d DocStatus) bool { return d.Doc == doc })
	return i >= 0 && all[i].Open
}

// A document that is on its way is no stray: one that a move has not made the room's yet,
// and one where a member's server is told to go.
func TestMove_WhatIsOnItsWayIsNoStray(t *testing.T) {
	a, b, roomID := two(t)
	r, release, err := b.hold(t.Context(), roomID)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	before := r.room
	a.move(roomID)
	doc, moves := a.docOf(roomID)
	if _, _, err := b.options.Sidecar.Import(t.Context(), a.ticket(roomID, sensocto.RoleMember).Doc); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the number", func() bool {
		entries, err := b.options.Sidecar.Get(t.Context(), doc, documentKey(doc))
		return err == nil && len(entries) == 1 && entries[0].State == ""
	})
	if found := b.straysNow(before, false); len(found) > 0 {
		t.Errorf("open: %+v", found)
	}
	if err := b.options.Sidecar.Close(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	if found := b.straysNow(before, false); len(found) > 0 {
		t.Errorf("the room's document is here, and leads on: %+v", found)
	}
	lost := before
	lost.Doc = "lost"
	if found := b.straysNow(lost, false); len(found) != 1 || found[0].doc != doc || found[0].moves != moves || !found[0].write {
		t.Errorf("the room's document is lost: %+v", found)
	}

	// The room's server is killed while it moves the room.
	ra, releaseA, err := a.hold(t.Context(), roomID)
	if err != nil {
		t.Fatal(err)
	}
	defer releaseA()
	p, merged, err := a.meet(t.Context(), ra)
	if err != nil {
		t.Fatal(err)
	}
	next, err := a.options.Sidecar.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	values, err := p.carried(merged)
	if err == nil {
		err = a.options.Sidecar.Set(t.Context(), next, values)
	}
	if err == nil {
		err = a.options.Sidecar.Close(t.Context(), next)
	}
	if err != nil {
		t.Fatal(err)
	}
	if found := a.straysNow(p.room, true); len(found) > 0 {
		t.Errorf("the room was not there: %+v", found)
	}
}

// One document that cannot be read holds off no other, and an exchange that ends while it
// looks leaves none open and nothing out.
func TestMove_OneDocumentThatCannotBeReadHoldsOffNoOther(t *testing.T) {
	a, _, roomID := two(t)
	_, release, err := a.hold(t.Context(), roomID)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	room, _ := a.known(roomID)
	later := room
	if later.Doc, err = a.options.Sidecar.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	later.Moves++
	if err := (&pass{RoomSync: a.RoomSync}).sayNumber(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	if err := a.options.Sidecar.Close(t.Context(), later.Doc); err != nil {
		t.Fatal(err)
	}
	p := &pass{RoomSync: a.RoomSync, room: room, own: true}
	if found := a.straysNow(room, true); len(found) != 1 {
		t.Fatalf("%+v", found)
	}
	rest := []DocStatus{{Doc: "none"}, {Doc: later.Doc, Write: true}}
	again := func() { a.strays.rest, a.strays.all = rest, map[string][]stray{} }
	for patience := 100 * time.Microsecond; patience < 20*time.Millisecond; patience += patience / 4 {
		again()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err := p.straysOf(ctx)
		cancel()
		if a.open(later.Doc) {
			t.Fatalf("a document stays open after %v: %v", patience, err)
		}
		if found, err := p.straysOf(t.Context()); err != nil || len(found) != 1 || found[0].doc != later.Doc {
			t.Fatalf("after %v: %+v, %v", patience, found, err)
		}
	}
}

// Where that is lost, it says so, and the next move leads on whoever has followed the lost
// one: its number is none that they know.
func TestMove_ARestoredServerElsewhereMovesOn(t *testing.T) {
	a, b, roomID := two(t)
	before, _ := a.known(roomID)
	a.move(roomID)
	b.follows(a, roomID)
	_, lost := b.docOf(roomID)
	a.whileAway(func() {
		a.restored(before)
		files, err := os.ReadDir(filepath.Join(a.dir, "p2p"))
		for _, f := range files {
			if f.Name() != "rooms.key" && err == nil { // that alone is in a backup
				err = os.RemoveAll(filepath.Join(a.dir, "p2p", f.Name()))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	eventually(t, "exchange", func() bool { return slices.Equal(a.names(roomID), []string{"Person at a", "Person at b"}) })
	if doc, _ := a.docOf(roomID); doc != before.Doc {
		t.Error("the lost document was found")
	}
	if s := a.Room(t.Context(), roomID); !s.Restored {
		t.Errorf("%+v", s)
	}
	time.Sleep(time.Until(time.Unix(lost+1, 0))) // the number of a move is the second in which it is made
	a.move(roomID)
	if _, moves := a.docOf(roomID); moves <= lost {
		t.Errorf("the move has the number %d, the lost one had %d", moves, lost)
	}
	if a.Room(t.Context(), roomID).Restored {
		t.Error("it is still unclear")
	}
	if err := b.Join(t.Context(), b.user.UserID, a.ticket(roomID, sensocto.RoleMember)); err != nil {
		t.Fatal(err)
	}
	b.follows(a, roomID)
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
}

// A server that comes from a backup while somebody was erased there goes where the room
// went, and says there that they are out.
func TestMove_ARestoredServerTellsWhoWasErasedMeanwhile(t *testing.T) {
	a, b, roomID := two(t)
	second := b.another("second")
	b.joinAs(second, a.ticket(roomID, sensocto.RoleMember))
	there := func() string { return a.people.known(b.options.Keys.Person(second).Key) }
	eventually(t, "a second member", func() bool { return a.content(roomID).Members[there()] != "" })
	before, _ := b.known(roomID)
	a.move(roomID)
	b.follows(a, roomID)
	doc, _ := a.docOf(roomID)
	a.stop() // nobody hears it at first
	b.whileAway(func() {
		b.restored(before)
		b.erase(second)
		if b.erased(roomID) != 1 {
			t.Fatal("nobody is erased; the test shows nothing")
		}
	})
	eventually(t, "where the room went", func() bool { now, _ := b.docOf(roomID); return now == doc })
	if b.erased(roomID) != 1 {
		t.Error("her key was forgotten before anybody else knew")
	}
	a.start()
	eventually(t, "she is out", func() bool { return a.content(roomID).Members[there()] == "" })
	eventually(t, "nothing of her is kept", func() bool { return b.erased(roomID) == 0 })
	eventually(t, "nothing is unclear", func() bool { return !b.Room(t.Context(), roomID).Restored })
}

// wasErased has somebody been erased at another time.
func (n *node) wasErased(userID string, at time.Time) {
	n.t.Helper()
	err := n.sql.Update(n.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE erased_member SET erased_at = $1 WHERE account_id = $2`, at.UnixMicro(), userID)
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// Who was erased longer ago than that may take is not kept for a move that cannot be
// followed.
func TestMove_WhoWasErasedIsNotKeptForAMoveThatFails(t *testing.T) {
	a, b, roomID := two(t)
	long, lately := b.another("long"), b.another("lately")
	ticket := a.ticket(roomID, sensocto.RoleMember)
	b.joinAs(long, ticket)
	b.joinAs(lately, ticket)
	eventually(t, "members", func() bool { return len(a.content(roomID).Members) == 4 })
	r, release, err := b.hold(t.Context(), roomID)
	if err != nil {
		t.Fatal(err)
	}
	a.move(roomID)
	doc, _ := a.docOf(roomID)
	leave, err := b.bring(doc) // for a join that never ends
	if err != nil || leave == nil {
		t.Fatal(err)
	}
	eventually(t, "word of the move", func() bool {
		m, err := b.merged(t.Context(), r.room)
		return err == nil && len(m.Moved) > 0
	})
	b.erase(long)
	b.erase(lately)
	b.wasErased(long, time.Now().Add(-erasedMost-time.Hour))
	release()
	eventually(t, "one is kept", func() bool { return b.erased(roomID) == 1 })
	eventually(t, "a failure", func() bool { return b.Room(t.Context(), roomID).Problem != "" })
	left, err := b.db.ErasedMembers(t.Context(), roomID)
	if err != nil || left[0].UserID != lately {
		t.Errorf("%+v, %v", left, err)
	}

	// Once the move can be followed, that she is out is said where the room goes on.
	leave()
	b.follows(a, roomID)
	eventually(t, "they are out", func() bool { return len(a.content(roomID).Members) == 2 })
	eventually(t, "nobody is kept", func() bool { return b.erased(roomID) == 0 })
}
