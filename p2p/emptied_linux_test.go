package p2p

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
)

func identity(userID string) sensocto.Identity {
	return sensocto.Identity{UserID: userID, OwnerID: userID, Scopes: []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}}
}

func (n *node) leave(roomID, userID string) {
	n.t.Helper()
	if err := n.rooms.Leave(n.t.Context(), identity(userID), roomID); err != nil {
		n.t.Fatalf("%s: %v", n.name, err)
	}
}

// keeps has a server keep a room in which nobody of it is, as while somebody comes.
func (n *node) keeps(roomID string) {
	n.RoomSync.mu.Lock()
	defer n.RoomSync.mu.Unlock()
	n.comes(n.RoomSync.rooms[roomID])
}

// has returns what a server still has of a room: the room, how it is shared, and documents.
func (n *node) has(roomID string) (what []string) {
	n.t.Helper()
	if n.content(roomID).Name != "" {
		what = append(what, "room")
	}
	if _, shared := n.known(roomID); shared {
		what = append(what, "document")
	}
	all, err := n.db.SharedRooms(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	if slices.ContainsFunc(all, func(r sensocto.SharedRoom) bool { return r.RoomID == roomID }) {
		what = append(what, "shared room")
	}
	docs, err := n.options.Sidecar.Docs(n.t.Context())
	if err != nil {
		return append(what, err.Error())
	}
	for _, d := range docs {
		what = append(what, "document "+d.Doc)
	}
	return what
}

// forgets waits until a server has nothing of its only room.
func (n *node) forgets(roomID string) {
	n.t.Helper()
	eventually(n.t, n.name+" forgets the room", func() bool { return len(n.has(roomID)) == 0 })
	if got := n.counts.forgotten.Load(); got != 1 {
		n.t.Errorf("%d were counted", got)
	}
}

// waits waits until a server waits for another one before it forgets a room.
func (n *node) waits(roomID string) {
	n.t.Helper()
	eventually(n.t, n.name+" waits", func() bool {
		n.RoomSync.mu.Lock()
		defer n.RoomSync.mu.Unlock()
		r := n.RoomSync.rooms[roomID]
		return r != nil && r.emptied != nil && !r.emptied.saidAt.IsZero() && !r.running && !r.urgent && r.changes == 0
	})
	n.RoomSync.mu.Lock()
	defer n.RoomSync.mu.Unlock()
	if e := n.RoomSync.rooms[roomID].emptied; e.again || !e.knownAt.IsZero() {
		n.t.Errorf("%s holds that others know", n.name)
	}
}

// Once the last one of a server has left, and the others know, the server has nothing of the
// room. A later ticket brings it as for the first time.
func TestEmptied_ARoomThatItsLastPersonHereLeavesIsForgotten(t *testing.T) {
	a, b, roomID := two(t)
	second, third := b.another("second"), b.another("third")
	b.joinAs(second, a.ticket(roomID, sensocto.RoleMember))
	eventually(t, "a second one", func() bool { return len(a.content(roomID).Members) == 3 })
	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-strap", sensocto.ShareTerms{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "sensor", func() bool { return len(a.content(roomID).Shares) == 1 })
	b.listen(roomID)
	b.leave(roomID, b.user.UserID)
	a.sees(roomID, "Person at a", "second")
	b.leave(roomID, second)
	a.sees(roomID, "Person at a")
	b.forgets(roomID)
	if x, y := b.heard(sensocto.RoomTopic(roomID), sensocto.EventRoomClosed), b.heard(sensocto.TopicRoomsUpdates, sensocto.EventRoomDeleted); x != 1 || y != 1 {
		t.Errorf("%d heard it in the room, %d elsewhere", x, y)
	}
	if _, ok := b.known(roomID); ok || b.content(roomID).Name != "" || a.content(roomID).Name != "Lab" {
		t.Error("it is not gone at one server alone")
	}

	ticket := a.ticket(roomID, sensocto.RoleMember)
	if err := b.Join(t.Context(), third, ticket); err != nil {
		t.Fatal(err)
	}
	a.sees(roomID, "Person at a", "third")
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
}

// While the other server is away the room stays, also where this one is restarted, since what
// was said of the leaving is in its document alone.
func TestEmptied_ARoomStaysUntilTheOthersKnow(t *testing.T) {
	a, b, roomID := two(t)
	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-strap", sensocto.ShareTerms{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "sensor", func() bool { return len(a.content(roomID).Shares) == 1 })
	a.stop()
	b.leave(roomID, b.user.UserID)
	b.waits(roomID)
	b.stop()
	b.start()
	b.waits(roomID)
	b.cutOff(true) // nothing can be dropped
	b.cutOff(false)
	b.waits(roomID)
	if len(b.content(roomID).Members) != 1 {
		t.Errorf("%+v", b.content(roomID))
	}
	a.start()
	a.sees(roomID, "Person at a")
	b.forgets(roomID)
}

// What is left where a server is killed between the two steps goes after its start.
func TestEmptied_AForgottenRoomOfWhichSomethingIsLeftGoes(t *testing.T) {
	_, b, roomID := two(t)
	_, release, err := b.hold(t.Context(), roomID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.rooms.Forget(t.Context(), roomID, 1); sensocto.ErrorCode(err) != sensocto.CodeConflict {
		t.Error(err)
	}
	if err := b.rooms.Forget(t.Context(), roomID, 2); err != nil {
		t.Fatal(err)
	}
	b.stop()
	release()
	b.start()
	eventually(t, "nothing is left", func() bool { return len(b.has(roomID)) == 0 })
}

// Where nobody of a server but people who read was in a room, nobody else has to know.
func TestEmptied_ARoomThatWasOnlyReadIsForgottenAtOnce(t *testing.T) {
	a, b, roomID, reader := twoRead(t)
	a.stop()
	b.leave(roomID, b.user.UserID)
	b.exchanges(roomID)
	if b.content(roomID).Members[reader] != sensocto.RoleGuest {
		t.Fatal("it is gone while somebody reads it")
	}
	b.leave(roomID, reader)
	b.forgets(roomID)
	a.start()
	b.join(a.ticket(roomID, ""))
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
}

// exchanges waits for an exchange of a room.
func (n *node) exchanges(roomID string) {
	n.t.Helper()
	r, release, err := n.hold(n.t.Context(), roomID)
	if err != nil {
		n.t.Fatal(err)
	}
	before := r.passedAt
	release()
	eventually(n.t, "exchange", func() bool {
		n.RoomSync.mu.Lock()
		defer n.RoomSync.mu.Unlock()
		return r.passedAt.After(before) && !r.running && !r.urgent && r.changes == 0
	})
}

// The same where somebody else removes the last one, and where their account is erased.
func TestEmptied_WhoeverEndsIt(t *testing.T) {
	t.Run("removed", func(t *testing.T) {
		a, b, roomID := two(t)
		a.remove(roomID, b)
		b.forgets(roomID)
		a.sees(roomID, "Person at a")
	})
	t.Run("locked out", func(t *testing.T) {
		a, b, roomID := two(t)
		a.remove(roomID, b)
		a.move(roomID)
		b.forgets(roomID)
		a.sees(roomID, "Person at a")
	})
	t.Run("erased", func(t *testing.T) {
		a, b, roomID := two(t)
		b.erase(b.user.UserID)
		a.sees(roomID, "Person at a")
		b.forgets(roomID)
		if _, known := b.people.signer(b.options.Keys.Person(b.user.UserID).Key); known {
			t.Error("her key is still known")
		}
	})
	t.Run("left while the room moved", func(t *testing.T) {
		a, b, roomID := two(t)
		eventually(t, "the key to seal for", func() bool {
			room, _ := a.known(roomID)
			m, err := a.merged(t.Context(), room)
			return err == nil && m.Members[b.options.Keys.Person(b.user.UserID).Key].Seal != ""
		})
		b.whileAway(func() {
			a.move(roomID)
			b.leave(roomID, b.user.UserID)
		})
		a.sees(roomID, "Person at a")
		b.forgets(roomID)
	})
}

// A person who comes by a ticket while the others do not know yet keeps the room here.
func TestEmptied_WhoComesMeanwhileKeepsTheRoom(t *testing.T) {
	a, b, roomID := two(t)
	second := b.another("second")
	ticket := a.ticket(roomID, sensocto.RoleMember)
	eventually(t, "ticket", func() bool {
		room, _ := b.known(roomID)
		m, err := b.merged(t.Context(), room)
		return err == nil && len(m.Invites) == 2
	})
	doc, _ := b.docOf(roomID)
	a.stop()
	b.leave(roomID, b.user.UserID)
	b.waits(roomID)
	if err := b.Join(t.Context(), second, ticket); err != nil {
		t.Fatal(err)
	}
	a.start()
	a.sees(roomID, "Person at a", "second")
	b.exchanges(roomID)
	b.RoomSync.mu.Lock()
	waits := b.RoomSync.rooms[roomID].emptied != nil
	b.RoomSync.mu.Unlock()
	if now, _ := b.docOf(roomID); now != doc || waits || b.counts.forgotten.Load() != 0 {
		t.Errorf("it is to be forgotten: %v", waits)
	}
}

// A room that is going admits nobody, and one that somebody comes to does not go.
func TestEmptied_NobodyComesToARoomThatGoes(t *testing.T) {
	_, b, roomID := two(t)
	doc, _ := b.docOf(roomID)
	r, release, err := b.hold(t.Context(), roomID)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	b.update(func() { r.going = true })
	if _, err := b.reserve(roomID, doc); sensocto.ErrorReason(err) != "join_under_way" {
		t.Error(err)
	}
	b.update(func() { r.going = false })
	leave, err := b.reserve(roomID, doc)
	if sensocto.ErrorReason(err) != "room_exists" || r.coming != 1 {
		t.Fatalf("%d, %v", r.coming, err)
	}
	leave()
	if r.coming != 0 {
		t.Errorf("%d still come", r.coming)
	}
}

// A server that was restored keeps the room until it has met the others, who may know of
// people that it does not; rooms that were made here stay in any case.
func TestEmptied_WhatABackupBroughtBackAndOwnRoomsStay(t *testing.T) {
	a, b, roomID := two(t)
	room, _ := b.known(roomID)
	a.stop()
	b.whileAway(func() {
		b.restored(room)
		b.leave(roomID, b.user.UserID)
	})
	eventually(t, "word of the leaving", func() bool {
		names := b.names(roomID)
		return !slices.Contains(names, "Person at b") && !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "document") })
	})
	b.exchanges(roomID)
	b.RoomSync.mu.Lock()
	waits := b.RoomSync.rooms[roomID].emptied != nil
	b.RoomSync.mu.Unlock()
	if waits || !b.Room(t.Context(), roomID).Restored {
		t.Error("it is to be forgotten")
	}
	a.start()
	b.forgets(roomID)

	own := &pass{RoomSync: a.RoomSync, own: true} // of which nothing else is asked
	if err := own.settleEmptied(t.Context(), Room{}); err != nil {
		t.Error(err)
	}
}

// Where the server's keys are new ones, nobody here has the key that is theirs in rooms: these
// stay all the same, those that were made here above all.
func TestEmptied_RoomsStayWhereTheKeysAreNew(t *testing.T) {
	a, _, roomID := two(t)
	a.stop()
	if err := os.Remove(filepath.Join(a.dir, "p2p", "rooms.key")); err != nil {
		t.Fatal(err)
	}
	a.start()
	eventually(t, "exchange", func() bool {
		a.RoomSync.mu.Lock()
		defer a.RoomSync.mu.Unlock()
		r := a.RoomSync.rooms[roomID]
		return r != nil && !r.running && (!r.passedAt.IsZero() || r.problem != "")
	})
	if c := a.content(roomID); c.Name == "" || len(c.Members) == 0 || a.counts.forgotten.Load() != 0 {
		t.Errorf("%+v", c)
	}
}

// What was kept of a sensor of another server stays when its room is forgotten.
func TestEmptied_WhatWasKeptStays(t *testing.T) {
	a, b, roomID, d, id := twoLive(t)
	a.setting(roomID, KeepSetting, true)
	eventually(t, "switch", func() bool { r := b.RoomSync.live.remote(id); r.mu.Lock(); defer r.mu.Unlock(); return r.place.keep })
	o := b.watch(id, sensocto.AttentionHigh)
	eventually(t, "level at the device", func() bool { return d.level() == sensocto.AttentionHigh })
	d.send(100)
	eventually(t, "samples", func() bool { return o.counts() == 100 })
	o.leave()
	b.leave(roomID, b.user.UserID)
	b.forgets(roomID)
	eventually(t, "the sensor is let go of", func() bool { return b.RoomSync.live.remote(id) == nil })
	page, err := b.live.samples.Read(t.Context(), id, "ecg", sensocto.Query{})
	if err != nil || len(page.Samples) != 100 {
		t.Errorf("%d samples, %v", len(page.Samples), err)
	}
}
