package p2p

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/room"
	"github.com/sensocto/sensocto/sqlite"
)

// node is a server as far as rooms are concerned, with a real sidecar.
type node struct {
	*RoomSync
	t     testing.TB
	name  string
	dir   string
	sql   *sqlite.DB
	db    *peopledb.DB
	rooms *room.Rooms
	hub   *pubsub.Local
	user  sensocto.Identity
	stop  func()
	alone bool       // it finds no sidecar
	host  *host      // where its sidecar is, if not here
	live  *liveParts // its sensors, where they are seen from other servers; else nil

	mu   sync.Mutex
	told []*sensocto.Message
}

// newNode starts a server with one user, whose sensors are those whose ids begin
// with the server's name.
func newNode(t testing.TB, name string) *node {
	return (&node{t: t, name: name, dir: t.TempDir()}).begin()
}

func (n *node) begin() *node {
	t, name := n.t, n.name
	n.start()
	u, err := account.New(account.Options{Store: n.db}).CreateUser(t.Context(), sensocto.SignUp{Name: "Person at " + name, Email: name + "@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	n.user = sensocto.Identity{UserID: u.ID, OwnerID: u.ID, Scopes: []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}}
	return n
}

func (n *node) start() {
	n.t.Helper()
	file, bind := program(n.t), "127.0.0.1:0"
	if n.host != nil {
		file, bind = n.host.program(n.t, file), n.host.address+":0"
	}
	if n.alone {
		file = filepath.Join(n.dir, "no-sidecar")
	}
	db, err := sqlite.Open(n.t.Context(), filepath.Join(n.dir, "sensocto.db"), sqlite.Options{Exclusive: true})
	if err != nil {
		n.t.Fatal(err)
	}
	keys, err := OpenKeys(filepath.Join(n.dir, "p2p", "rooms.key"))
	if err != nil {
		n.t.Fatal(err)
	}
	n.sql, n.db, n.hub = db, peopledb.New(db), pubsub.New()
	owner := func(string) (string, bool) { return n.user.UserID, true }
	known := func(id string) (sensocto.Sensor, bool) {
		return sensocto.Sensor{ID: id, Name: "Sensor " + id, Type: "ecg"}, true
	}
	stopLive := func() {}
	if n.live != nil {
		stopLive = n.live.start(n, db)
		owner, known = n.live.sensors.Owner, n.live.sensors.Sensor
	}
	own := rights.New(rights.Options{Store: n.db, Owner: owner})
	n.rooms = room.New(room.Options{Store: n.db, Rights: own, Attempts: account.New(account.Options{Store: n.db}), PubSub: n.hub, Sensor: known})
	n.RoomSync = NewRoomSync(SyncOptions{
		Sidecar: SidecarOptions{Program: file, Dir: filepath.Join(n.dir, "p2p"), Bind: bind, FirstPause: 50 * time.Millisecond},
		Keys:    keys, Rooms: n.rooms, Store: n.db, Log: testLog(n.t), Sensor: known, Live: n.live.of(own),
	})
	n.fetchPause = 2 * time.Second
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = n.Run(ctx)
	}()
	n.stop = sync.OnceFunc(func() {
		cancel()
		<-done
		stopLive()
		own.Close()
		if err := db.Close(); err != nil {
			n.t.Error(err)
		}
	})
	n.t.Cleanup(func() { n.stop() })
	eventually(n.t, "sidecar", func() bool { return n.options.Sidecar.State().Running != n.alone })
}

// cutOff takes the server's sidecar away, and back.
func (n *node) cutOff(off bool) {
	n.stop()
	n.alone = off
	n.start()
}

// listen collects what is published on the topic of a room, and of all rooms.
func (n *node) listen(roomID string) {
	for _, topic := range []string{sensocto.RoomTopic(roomID), sensocto.TopicRoomsUpdates} {
		n.t.Cleanup(n.hub.Subscribe(topic, n).Close)
	}
}

// Deliver implements sensocto.Subscriber.
func (n *node) Deliver(m *sensocto.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, m)
}

func (n *node) heard(topic, event string) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.told {
		if m.Topic == topic && m.Event == event {
			count++
		}
	}
	return count
}

func (n *node) create(name string) string {
	n.t.Helper()
	view, err := n.rooms.Create(n.t.Context(), n.user, sensocto.RoomDraft{Name: name})
	if err != nil {
		n.t.Fatal(err)
	}
	return view.ID
}

func (n *node) ticket(roomID string, role sensocto.Role) Ticket {
	n.t.Helper()
	ticket, err := n.Ticket(n.t.Context(), roomID, role)
	if err != nil {
		n.t.Fatal(err)
	}
	ticket, err = ParseTicket(ticket.String())
	if err != nil {
		n.t.Fatal(err)
	}
	return ticket
}

func (n *node) join(ticket Ticket) {
	n.t.Helper()
	if err := n.Join(n.t.Context(), n.user.UserID, ticket); err != nil {
		n.t.Fatalf("%s: %v", n.name, err)
	}
}

// joinAs has another person of a server that has the room already join it, once the ticket
// is known there.
func (n *node) joinAs(userID string, ticket Ticket) {
	n.t.Helper()
	eventually(n.t, "ticket", func() bool { return n.Join(n.t.Context(), userID, ticket) == nil })
}

func (n *node) content(roomID string) sensocto.RoomContent {
	c, _ := n.rooms.Content(n.t.Context(), roomID)
	return c
}

func (n *node) rename(roomID, name string) {
	n.t.Helper()
	if _, err := n.rooms.Update(n.t.Context(), n.user, roomID, 0, sensocto.RoomPatch{Name: &name}); err != nil {
		n.t.Fatalf("%s: %v", n.name, err)
	}
}

// set changes one setting.
func (n *node) setting(roomID, name string, value any) {
	n.t.Helper()
	c := n.content(roomID)
	c.Settings[name], _ = json.Marshal(value)
	all, _ := json.Marshal(c.Settings)
	if _, err := n.rooms.Update(n.t.Context(), n.user, roomID, 0, sensocto.RoomPatch{Settings: all}); err != nil {
		n.t.Fatalf("%s: %v", n.name, err)
	}
}

func (n *node) dropSetting(roomID, name string) {
	n.t.Helper()
	c := n.content(roomID)
	delete(c.Settings, name)
	all, _ := json.Marshal(c.Settings)
	if _, err := n.rooms.Update(n.t.Context(), n.user, roomID, 0, sensocto.RoomPatch{Settings: all}); err != nil {
		n.t.Fatalf("%s: %v", n.name, err)
	}
}

// roleOf returns the role of another server's person.
func (n *node) roleOf(roomID string, other *node) sensocto.Role {
	k := other.options.Keys.Person(other.user.UserID).Key
	return n.content(roomID).Members[n.people.known(k)]
}

// promote makes another server's person an administrator.
func (n *node) promote(roomID string, other *node) {
	n.t.Helper()
	userID := n.people.known(other.options.Keys.Person(other.user.UserID).Key)
	if err := n.rooms.SetRole(n.t.Context(), n.user, roomID, userID, sensocto.RoleAdmin); err != nil {
		n.t.Fatal(err)
	}
	eventually(n.t, "promotion", func() bool { return other.content(roomID).Members[other.user.UserID] == sensocto.RoleAdmin })
}

// two returns two servers that share a room, with the second's person as a member.
func two(t testing.TB) (a, b *node, roomID string) {
	a, b = newNode(t, "a"), newNode(t, "b")
	roomID = a.create("Lab")
	b.join(a.ticket(roomID, sensocto.RoleMember))
	eventually(t, "member", func() bool { return a.roleOf(roomID, b) == sensocto.RoleMember })
	return a, b, roomID
}

func TestRoomSync_WhatOneChangesTheOtherHas(t *testing.T) {
	a, b, roomID := two(t)
	if c := b.content(roomID); c.Name != "Lab" || c.Members[b.user.UserID] != sensocto.RoleMember || b.roleOf(roomID, a) != sensocto.RoleOwner {
		t.Errorf("%+v", c)
	}
	eventually(t, "names", func() bool {
		members, err := b.rooms.Members(t.Context(), b.user, roomID, "", 10)
		return err == nil && slices.ContainsFunc(members, func(m sensocto.MemberView) bool { return m.Name == "Person at a" })
	})
	b.listen(roomID)
	a.listen(roomID)
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
	eventually(t, "events", func() bool {
		return b.heard(sensocto.RoomTopic(roomID), sensocto.EventSettingsUpdated) == 1 && b.heard(sensocto.TopicRoomsUpdates, sensocto.EventRoomUpdated) == 1
	})

	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-strap", sensocto.ShareTerms{AllHistory: true}); err != nil {
		t.Fatal(err)
	}
	id, _ := LocalSensorID(SensorRef{b.options.Keys.Person(b.user.UserID).Key, "b-strap"})
	eventually(t, "sensor", func() bool { return a.content(roomID).Shares[id].AllHistory })
	if s, ok := a.RoomSync.Sensor(id); !ok || s.Name != "Sensor b-strap" || s.Type != "ecg" {
		t.Errorf("%+v", s)
	}
	if err := b.rooms.Unshare(t.Context(), b.user, roomID, "b-strap"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "sensor gone", func() bool { return len(a.content(roomID).Shares) == 0 })

	// Nothing echoes: after a while there are no more events than changes.
	time.Sleep(2 * time.Second)
	if n := b.heard(sensocto.RoomTopic(roomID), sensocto.EventSettingsUpdated); n != 1 {
		t.Errorf("%d events of one change", n)
	}
	if n := a.heard(sensocto.RoomTopic(roomID), sensocto.EventSettingsUpdated); n != 1 {
		t.Errorf("%d events of one change where it was made", n)
	}
	if s := a.Status(t.Context()); len(s.Rooms) != 1 || s.Rooms[0].Pending != 0 || len(s.Rooms[0].Peers) != 1 || s.Rooms[0].SyncedAt == nil {
		t.Errorf("%+v", s)
	}
}

func TestRoomSync_ConcurrentChangesMeet(t *testing.T) {
	a, b, roomID := two(t)
	a.promote(roomID, b)
	a.setting(roomID, "shared", 0)
	eventually(t, "setting", func() bool { return string(b.content(roomID).Settings["shared"]) == "0" })

	b.cutOff(true)
	a.rename(roomID, "Of a")
	a.setting(roomID, "from a", 1)
	a.setting(roomID, "shared", "a")
	b.setting(roomID, "from b", 2)
	b.setting(roomID, "shared", "b")
	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-strap", sensocto.ShareTerms{}); err != nil {
		t.Fatal(err)
	}
	if p := b.Status(t.Context()).Rooms[0].Pending; p == 0 {
		t.Error("nothing is pending")
	}
	b.cutOff(false)
	same := func() bool {
		x, y := a.content(roomID), b.content(roomID)
		return x.Name == "Of a" && y.Name == "Of a" && string(x.Settings["from b"]) == "2" && string(y.Settings["from a"]) == "1" &&
			len(x.Settings) == 3 && len(x.Shares) == 1 && string(x.Settings["shared"]) == string(y.Settings["shared"])
	}
	eventually(t, "the same room at both", same)
}

func TestRoomSync_ARemovedMemberIsOutAndStaysOut(t *testing.T) {
	a, b, roomID := two(t)
	a.setting(roomID, "x", 1)
	eventually(t, "setting", func() bool { return string(b.content(roomID).Settings["x"]) == "1" })
	b.stop()
	userID := a.people.known(b.options.Keys.Person(b.user.UserID).Key)
	if err := a.rooms.Remove(t.Context(), a.user, roomID, userID, false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "sent", func() bool { s := a.Status(t.Context()); return s.Rooms[0].Pending == 0 })
	b.start()
	eventually(t, "out", func() bool { return b.content(roomID).Members[b.user.UserID] == "" })
	time.Sleep(time.Second)
	if r := a.roleOf(roomID, b); r != "" {
		t.Errorf("came back as %s", r)
	}
}

// names returns the names of people that a server's document of a room holds.
func (n *node) names(roomID string) (names []string) {
	n.t.Helper()
	room, _ := n.known(roomID)
	entries, err := n.options.Sidecar.Entries(n.t.Context(), room.Doc)
	if err != nil {
		return []string{err.Error()}
	}
	for _, e := range entries {
		var v personValue
		if f, err := decodeFact(roomID, e); err == nil && strings.HasPrefix(e.Key, prefixPerson) && json.Unmarshal(f.Value, &v) == nil {
			names = append(names, v.Name)
		}
	}
	slices.Sort(names)
	return names
}

// The name of somebody who was erased leaves the document, at all servers.
func TestRoomSync_NamesOfErasedPeopleLeaveTheDocument(t *testing.T) {
	a, b, roomID := two(t)
	have := func(want ...string) func() bool {
		return func() bool { return slices.Equal(a.names(roomID), want) && slices.Equal(b.names(roomID), want) }
	}
	eventually(t, "two names", have("Person at a", "Person at b"))
	b.keeps(roomID)
	if err := b.db.DeleteUser(t.Context(), b.user.UserID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one name", have("Person at a"))
}

// whileAway does something while a server has no sidecar.
func (n *node) whileAway(f func()) {
	n.t.Helper()
	n.cutOff(true)
	f()
	n.cutOff(false)
}

func (n *node) erase(userID string) {
	n.t.Helper()
	if err := n.db.DeleteUser(n.t.Context(), userID); err != nil {
		n.t.Fatal(err)
	}
}

// called reports whether anybody at a server has a name, also as the account of somebody
// else's.
func (n *node) called(name string) bool {
	n.t.Helper()
	all, err := n.db.Users(n.t.Context(), "", 100)
	if err != nil {
		n.t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(u sensocto.User) bool { return u.Name == name })
}

func (n *node) erased(roomID string) int {
	n.t.Helper()
	list, err := n.db.ErasedMembers(n.t.Context(), roomID)
	if err != nil {
		n.t.Fatal(err)
	}
	return len(list)
}

// Who is erased while nothing can be exchanged is out at all servers afterwards, with name
// and sensors, and does not come back.
func TestRoomSync_WhoIsErasedMeanwhileStaysOut(t *testing.T) {
	a, b, roomID := two(t)
	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-strap", sensocto.ShareTerms{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "sensor", func() bool { return len(a.content(roomID).Shares) == 1 })
	a.stop() // nobody hears it at first
	b.whileAway(func() { b.erase(b.user.UserID) })
	eventually(t, "no name at hers", func() bool { return slices.Equal(b.names(roomID), []string{"Person at a"}) })
	if b.erased(roomID) != 1 {
		t.Error("her key was forgotten before anybody else knew")
	}
	b.cutOff(false)
	b.keeps(roomID)
	a.start()
	eventually(t, "she is out", func() bool { return a.roleOf(roomID, b) == "" && len(a.content(roomID).Shares) == 0 })
	eventually(t, "no name", func() bool { return slices.Equal(a.names(roomID), []string{"Person at a"}) })
	eventually(t, "nothing of her is kept", func() bool { return b.erased(roomID) == 0 })
	b.cutOff(false)
	b.keeps(roomID)
	a.rename(roomID, "Gym")
	eventually(t, "exchange", func() bool { return b.content(roomID).Name == "Gym" })
	for _, n := range []*node{a, b} {
		eventually(t, "no sensor at "+n.name, func() bool {
			room, _ := n.known(roomID)
			entries, err := n.options.Sidecar.Entries(t.Context(), room.Doc)
			return err == nil && !slices.ContainsFunc(entries, func(e Entry) bool { return strings.HasPrefix(e.Key, prefixSensor) })
		})
	}
	if b.called("Person at b") || len(b.content(roomID).Members) != 1 || a.roleOf(roomID, b) != "" {
		t.Errorf("she came back: %v, %v", b.content(roomID).Members, a.content(roomID).Members)
	}
}

// The same where her room was made here, and where she had left the room before.
func TestRoomSync_WhoLeftAndWasErasedMeanwhileStaysOut(t *testing.T) {
	a, b, roomID := two(t)
	left, here := b.another("left"), a.another("here")
	ticket := a.ticket(roomID, sensocto.RoleMember)
	b.joinAs(left, ticket)
	eventually(t, "three", func() bool { return len(a.content(roomID).Members) == 3 })
	have := a.content(roomID)
	want := have
	want.Members = maps.Clone(have.Members)
	want.Members[here] = sensocto.RoleMember
	if _, err := a.rooms.Adopt(t.Context(), roomID, have, want); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node{a, b} {
		eventually(t, "four at "+n.name, func() bool { return len(n.content(roomID).Members) == 4 && len(n.names(roomID)) == 4 })
	}
	b.whileAway(func() {
		if err := b.rooms.Leave(t.Context(), sensocto.Identity{UserID: left, OwnerID: left, Scopes: b.user.Scopes}, roomID); err != nil {
			t.Fatal(err)
		}
		b.erase(left)
	})
	a.whileAway(func() { a.erase(here) })
	for _, n := range []*node{a, b} {
		eventually(t, "two at "+n.name, func() bool {
			return len(n.content(roomID).Members) == 2 && slices.Equal(n.names(roomID), []string{"Person at a", "Person at b"})
		})
		eventually(t, "nothing is kept at "+n.name, func() bool { return n.erased(roomID) == 0 })
	}
	if a.called("here") || b.called("left") {
		t.Error("they came back as accounts of others")
	}
}

func TestRoomSync_ChangesSurviveARestart(t *testing.T) {
	a, b, roomID := two(t)
	// The server ends between the change and its exchange.
	a.rename(roomID, "Before the end")
	a.stop()
	if b.content(roomID).Name == "Before the end" {
		t.Fatal("it was exchanged already; the test shows nothing")
	}
	endpoint := a.options.Sidecar.State().Endpoint
	a.start()
	eventually(t, "change", func() bool { return b.content(roomID).Name == "Before the end" })
	if a.options.Sidecar.State().Endpoint != endpoint {
		t.Error("another endpoint")
	}
}

func TestRoomSync_ASidecarThatIsKilledCatchesUp(t *testing.T) {
	a, b, roomID := two(t)
	for i := range 5 {
		a.setting(roomID, "n", i)
		signalProcess(t, pidOf(t, a.options.Sidecar), "-KILL")
		eventually(t, "setting", func() bool { return string(b.content(roomID).Settings["n"]) == string(rune('0'+i)) })
		eventually(t, "restart", func() bool { return a.options.Sidecar.State().Running })
	}
}

func TestRoomSync_ADeletedRoomEndsEverywhere(t *testing.T) {
	a, b, roomID := two(t)
	doc, _ := a.docOf(roomID)
	b.listen(roomID)
	if err := a.rooms.Delete(t.Context(), a.user, roomID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "end", func() bool { return b.content(roomID).Name == "" })
	if b.heard(sensocto.RoomTopic(roomID), sensocto.EventRoomClosed) != 1 {
		t.Error("nobody was told")
	}
	eventually(t, "no name where the document is kept", func() bool {
		entries, err := a.options.Sidecar.Entries(t.Context(), doc)
		return err == nil && len(entries) > 0 && !slices.ContainsFunc(entries, func(e Entry) bool {
			return strings.HasPrefix(e.Key, prefixPerson) || strings.HasPrefix(e.Key, prefixSensor)
		})
	})
}

// A ticket of a room that was deleted brings nothing, and says why.
func TestRoomSync_ATicketOfADeletedRoomSaysSo(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b")
	roomID := a.create("Lab")
	ticket := a.ticket(roomID, sensocto.RoleMember)
	if err := a.rooms.Delete(t.Context(), a.user, roomID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "word of the end", func() bool {
		room, _ := a.known(roomID)
		m, err := a.merged(t.Context(), room)
		return err == nil && m.Closed
	})
	for _, n := range []*node{a, b} {
		if err := n.Join(t.Context(), n.user.UserID, ticket); sensocto.ErrorReason(err) != "room_deleted" {
			t.Errorf("%s: %v", n.name, err)
		}
		if _, err := n.rooms.Content(t.Context(), roomID); !errors.Is(err, sensocto.ErrNotFound) {
			t.Errorf("%s: the room is there: %v", n.name, err)
		}
	}
}

// fails has everything that a server does in documents that the room has left fail, and with
// it the removal of names, or no longer.
func (n *node) fails(roomID string, does bool) {
	n.t.Helper()
	if err := n.change(n.t.Context(), roomID, func(r *sensocto.SharedRoom) {
		if r.Left = nil; does {
			r.Left = []sensocto.LeftDoc{{Doc: "no document", Ticket: "no ticket", At: time.Now()}}
		}
	}); err != nil {
		n.t.Fatal(err)
	}
}

// kept returns what a server has stored of how a room is shared.
func (n *node) kept(roomID string) (kept sensocto.SharedRoom, ok bool) {
	n.t.Helper()
	rooms, err := n.db.SharedRooms(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	i := slices.IndexFunc(rooms, func(r sensocto.SharedRoom) bool { return r.RoomID == roomID })
	if i < 0 {
		return kept, false
	}
	return rooms[i], true
}

// A room that its owner has deleted is gone at other servers as soon as they hear of it, also
// where names cannot be removed from the document, which is tried until it is done.
func TestRoomSync_ADeletedRoomIsGoneWhereNamesCannotBeRemoved(t *testing.T) {
	a, b, roomID := two(t)
	b.fails(roomID, true)
	b.listen(roomID)
	if err := a.rooms.Delete(t.Context(), a.user, roomID); err != nil {
		t.Fatal(err)
	}
	gone := func() bool {
		_, err := b.rooms.Content(t.Context(), roomID)
		return errors.Is(err, sensocto.ErrNotFound)
	}
	eventually(t, "end", gone)
	failure := func() bool {
		b.RoomSync.mu.Lock()
		defer b.RoomSync.mu.Unlock()
		return b.RoomSync.rooms[roomID].failures > 0
	}
	eventually(t, "a failure", failure)
	b.stop()
	b.start()
	eventually(t, "a failure after a restart", failure)
	if room, ok := b.kept(roomID); !ok || room.ClosedAt.IsZero() {
		t.Fatalf("what is left to do was forgotten: %+v", room)
	}
	if s := b.Status(t.Context()); len(s.Rooms) != 0 || !gone() {
		t.Errorf("it is still shown: %+v", s.Rooms)
	}
	b.fails(roomID, false)
	eventually(t, "nothing of it kept", func() bool { _, ok := b.kept(roomID); return !ok })
	if n := b.heard(sensocto.RoomTopic(roomID), sensocto.EventRoomClosed); n != 1 {
		t.Errorf("its members were told %d times", n)
	}
}

// The names go, too, where the server was killed when the room was gone here.
func TestRoomSync_NamesLeaveADeletedRoomAfterARestart(t *testing.T) {
	a, b, roomID := two(t)
	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-strap", sensocto.ShareTerms{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "sensor", func() bool { return len(a.content(roomID).Shares) == 1 })
	doc, _ := a.docOf(roomID)
	ofB := func() (n int) {
		entries, err := a.options.Sidecar.Entries(t.Context(), doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Key, prefixPerson) || strings.HasPrefix(e.Key, prefixSensor) {
				n++
			}
		}
		return n
	}
	r, release, err := b.hold(t.Context(), roomID)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := a.rooms.Delete(t.Context(), a.user, roomID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "word of the end", func() bool {
		m, err := b.merged(t.Context(), r.room)
		return err == nil && m.Closed
	})
	p := &pass{RoomSync: b.RoomSync, r: r, room: r.room}
	if err := p.noteEnd(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.rooms.Erase(t.Context(), roomID); err != nil {
		t.Fatal(err)
	}
	if n := ofB(); n != 2 { // the name and the sensor: those of a have gone
		t.Errorf("%d entries", n)
	}
	b.stop()
	b.start()
	eventually(t, "no name", func() bool { return ofB() == 0 })
	eventually(t, "nothing of it kept", func() bool { _, ok := b.kept(roomID); return !ok })
}

// A server that hears of the end says nothing more in the document, whatever has changed at
// it meanwhile.
func TestRoomSync_NothingIsSaidInARoomThatHasEnded(t *testing.T) {
	a, b, roomID := two(t)
	r, release, err := b.hold(t.Context(), roomID)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.rooms.Delete(t.Context(), a.user, roomID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "word of the end", func() bool {
		m, err := b.merged(t.Context(), r.room)
		return err == nil && m.Closed
	})
	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-strap", sensocto.ShareTerms{}); err != nil {
		t.Fatal(err)
	}
	sent := b.counts.sent.Load()
	release()
	eventually(t, "end", func() bool { return b.content(roomID).Name == "" })
	if n := b.counts.sent.Load() - sent; n > 0 {
		t.Errorf("%d facts were written", n)
	}
}

// Names that are removed from the document are not written again by other servers: that the
// room has ended may be on its way.
func TestRoomSync_NamesOfOthersAreNotWrittenAgain(t *testing.T) {
	a, b, roomID := two(t)
	for _, n := range []*node{a, b} {
		eventually(t, "two names", func() bool { return slices.Equal(n.names(roomID), []string{"Person at a", "Person at b"}) })
	}
	_, release, err := a.hold(t.Context(), roomID) // so that it says nothing else
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := a.docOf(roomID)
	if err := a.options.Sidecar.Delete(t.Context(), doc, prefixPerson); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no name", func() bool { return slices.Equal(b.names(roomID), []string{"Person at b"}) })
	if err := b.rooms.Share(t.Context(), b.user, roomID, "b-strap", sensocto.ShareTerms{}); err != nil {
		t.Fatal(err)
	}
	key := sensorKey(b.options.Keys.Person(b.user.UserID).Key, "b-strap")
	eventually(t, "what the other server writes", func() bool {
		entries, err := a.options.Sidecar.Get(t.Context(), doc, key)
		return err == nil && len(entries) == 1
	})
	for _, n := range []*node{a, b} {
		if names := n.names(roomID); !slices.Equal(names, []string{"Person at b"}) {
			t.Errorf("%s has %v", n.name, names)
		}
	}
	release()
	for _, n := range []*node{a, b} {
		eventually(t, "its own server writes it again", func() bool { return slices.Equal(n.names(roomID), []string{"Person at a", "Person at b"}) })
	}
}

func TestRoomSync_WhoReadsSeesAndIsNotSeen(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b")
	roomID := a.create("Lab")
	b.join(a.ticket(roomID, ""))
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
	if c := b.content(roomID); c.Members[b.user.UserID] != sensocto.RoleGuest {
		t.Errorf("%+v", c.Members)
	}
	if s := b.Room(t.Context(), roomID); !s.ReadOnly || s.Own || !s.Shared {
		t.Errorf("%+v", s)
	}
	if list, err := a.Tickets(t.Context(), roomID); err != nil || len(list) != 0 || !a.Room(t.Context(), roomID).Shared {
		t.Errorf("%+v, %v", list, err)
	}
	if c := a.content(roomID); len(c.Members) != 1 {
		t.Errorf("%+v", c.Members)
	}
}

// A peer that has a write ticket and nothing else.
func TestRoomSync_AHostilePeerChangesNothing(t *testing.T) {
	a, b, roomID := two(t)
	h := running(t, SidecarOptions{Program: program(t)})
	eventually(t, "start", up(h))
	doc, _, err := h.Import(t.Context(), a.ticket(roomID, sensocto.RoleMember).Doc)
	if err != nil {
		t.Fatal(err)
	}
	before := b.content(roomID)
	for i, key := range []string{keyName, keyOwner, memberKey(mallory.Key), settingKey("x"), sensorKey(mallory.Key, "s")} {
		f := Fact{Room: roomID, Version: 1 << 52, Value: json.RawMessage(`"Owned"`)}
		value, err := mallory.Sign(key, f)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Set(t.Context(), doc, map[string][]byte{key: value}); err != nil {
			t.Fatal(i, err)
		}
	}
	eventually(t, "arrival", func() bool {
		s := b.Status(t.Context())
		return len(s.Rooms) == 1 && s.Rooms[0].Refused["not_allowed"] > 0
	})
	if c := b.content(roomID); c.Name != before.Name || len(c.Members) != len(before.Members) || len(c.Settings) != 0 || len(c.Shares) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestRoomSync_TicketsAreChecked(t *testing.T) {
	a, b, roomID := two(t)
	if _, err := b.Ticket(t.Context(), roomID, sensocto.RoleMember); sensocto.ErrorReason(err) != "no_right" {
		t.Error(err)
	}
	if _, err := a.Ticket(t.Context(), roomID, sensocto.RoleOwner); sensocto.ErrorReason(err) != "invalid_role" {
		t.Error(err)
	}
	if err := b.Join(t.Context(), b.user.UserID, a.ticket(roomID, "")); sensocto.ErrorReason(err) != "room_exists" {
		t.Error(err)
	}
	for _, text := range []string{"", "sensocto-room-", "sensocto-room-e30", "docaaaa"} {
		if _, err := ParseTicket(text); sensocto.ErrorCode(err) != sensocto.CodeInvalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// another adds a second person to a server.
func (n *node) another(name string) string {
	n.t.Helper()
	u, err := account.New(account.Options{Store: n.db}).CreateUser(n.t.Context(), sensocto.SignUp{Name: name, Email: name + "@example.org"})
	if err != nil {
		n.t.Fatal(err)
	}
	return u.ID
}

// A second person comes by a ticket to a room that is here already, at the server
// that made it and at others.
func TestRoomSync_ATicketAdmitsToARoomThatIsHere(t *testing.T) {
	a, b, roomID := two(t)
	ticket := a.ticket(roomID, sensocto.RoleMember)
	eventually(t, "ticket", func() bool {
		room, _ := b.known(roomID)
		m, err := b.merged(t.Context(), room)
		return err == nil && len(m.Invites) == 2
	})
	for _, n := range []*node{a, b} {
		second := n.another("second")
		if err := n.Join(t.Context(), second, ticket); err != nil {
			t.Fatalf("%s: %v", n.name, err)
		}
		if err := n.Join(t.Context(), second, ticket); sensocto.ErrorReason(err) != "room_exists" {
			t.Errorf("%s: %v", n.name, err)
		}
		if got := n.content(roomID).Members[second]; got != sensocto.RoleMember {
			t.Errorf("%s: %q", n.name, got)
		}
	}
	everybody := func(n *node) func() bool { return func() bool { return len(n.content(roomID).Members) == 4 } }
	eventually(t, "members at a", everybody(a))
	eventually(t, "members at b", everybody(b))

	for i, ban := range []bool{false, true} {
		out := a.another([]string{"removed", "banned"}[i])
		if err := a.Join(t.Context(), out, ticket); err != nil {
			t.Fatal(err)
		}
		eventually(t, "exchange", func() bool {
			room, _ := a.known(roomID)
			m, err := a.merged(t.Context(), room)
			return err == nil && m.Members[a.options.Keys.Person(out).Key].Role == sensocto.RoleMember
		})
		if err := a.rooms.Remove(t.Context(), a.user, roomID, out, ban); err != nil {
			t.Fatal(err)
		}
		a.refused(out, ticket, map[bool]string{false: "ticket_before_removal", true: "banned"}[ban])
	}

	forged := ticket
	forged.Root = mallory.Key
	_, forged.Invite = NewInvite()
	if err := b.Join(t.Context(), b.another("third"), forged); sensocto.ErrorReason(err) != "room_exists" {
		t.Error(err)
	}
	forged.Root = ticket.Root
	if err := b.Join(t.Context(), b.another("fourth"), forged); sensocto.ErrorReason(err) != "ticket_ended" {
		t.Error(err)
	}
}

func TestRoomSync_ATicketEnds(t *testing.T) {
	a, b, roomID := two(t)
	if s := a.Room(t.Context(), roomID); !s.Own || !s.Shared || s.ReadOnly || !s.Loopback || s.Sidecar != "running" {
		t.Errorf("%+v", s)
	}
	eventually(t, "peer", func() bool {
		peers := a.Room(t.Context(), roomID).Peers
		return len(peers) == 1 && slices.Equal(peers[0].Names, []string{"Person at b"}) && peers[0].Path == "direct"
	})
	late := a.ticket(roomID, sensocto.RoleGuest)
	list, err := a.Tickets(t.Context(), roomID)
	if err != nil || len(list) != 2 || list[0].Role != sensocto.RoleGuest || list[0].MadeAt.Before(list[1].MadeAt) {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, ticket := range list {
		if err := a.EndTicket(t.Context(), roomID, ticket.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.EndTicket(t.Context(), roomID, list[0].ID); sensocto.ErrorReason(err) != "no_ticket" {
		t.Error(err)
	}
	if err := b.EndTicket(t.Context(), roomID, list[0].ID); sensocto.ErrorReason(err) != "no_right" {
		t.Error(err)
	}
	c := newNode(t, "c")
	if err := c.Join(t.Context(), c.user.UserID, late); sensocto.ErrorReason(err) != "ticket_ended" {
		t.Error(err)
	}
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
	if role := a.roleOf(roomID, b); role != sensocto.RoleMember {
		t.Errorf("who came by the ticket is %q now", role)
	}
}

// A ticket that names the document of a room that is here does not end that room.
func TestRoomSync_ATicketDoesNotTakeADocumentAway(t *testing.T) {
	a, b, roomID := two(t)
	forged := a.ticket(roomID, sensocto.RoleMember)
	forged.Room = "01890000-0000-7000-8000-00000000000f"
	for _, n := range []*node{a, b} {
		if err := n.Join(t.Context(), n.user.UserID, forged); sensocto.ErrorReason(err) != "room_exists" {
			t.Errorf("%s: %v", n.name, err)
		}
	}
	a.rename(roomID, "Still here")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Still here" })
}

func TestRoomSync_OfTwoJoinsOneBringsTheRoom(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b")
	roomID := a.create("Lab")
	ticket := a.ticket(roomID, sensocto.RoleMember)
	errs := make(chan error, 2)
	for range 2 {
		go func() { errs <- b.Join(t.Context(), b.user.UserID, ticket) }()
	}
	first, second := <-errs, <-errs
	if (first == nil) == (second == nil) {
		t.Fatalf("%v and %v", first, second)
	}
	a.rename(roomID, "Gym")
	eventually(t, "name", func() bool { return b.content(roomID).Name == "Gym" })
}

// A join that ends on the way leaves nothing behind, and may be tried again.
func TestRoomSync_AJoinThatFailsLeavesNothing(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b")
	roomID := a.create("Lab")
	ticket := a.ticket(roomID, sensocto.RoleMember)
	if err := b.Join(t.Context(), "no such user", ticket); err == nil {
		t.Fatal("somebody who does not exist has joined")
	}
	if c := b.content(roomID); c.Name != "" {
		t.Errorf("%+v", c)
	}
	b.join(ticket)
}

// A ticket that has not arrived yet in the document has not ended.
func TestRoomSync_AJoinWaitsForItsTicket(t *testing.T) {
	a, b := newNode(t, "a"), newNode(t, "b")
	roomID := a.create("Lab")
	ticket := a.ticket(roomID, sensocto.RoleMember)
	invite, seed := NewInvite()
	ticket.Invite = seed
	room, _ := a.known(roomID)
	joined := make(chan error, 1)
	go func() { joined <- b.Join(t.Context(), b.user.UserID, ticket) }()
	eventually(t, "the room's first words", func() bool {
		m, err := b.merged(t.Context(), room)
		return err == nil && m.Owner != "" && m.Name != ""
	})
	select {
	case err := <-joined:
		t.Fatalf("the join did not wait for its invitation: %v", err)
	case <-time.After(4 * awaitEvery): // it has read the first words, too
	}
	if err := a.noteInvite(t.Context(), room, a.options.Keys.Room(roomID), invite.Key, inviteValue{Role: sensocto.RoleMember}); err != nil {
		t.Fatal(err)
	}
	if err := <-joined; err != nil {
		t.Error(err)
	}
}

// A room that is made has its document at once, and its ticket is stored with it.
func TestRoomSync_ARoomIsMadeWithItsDocument(t *testing.T) {
	a := newNode(t, "a")
	roomID := a.create("Lab")
	eventually(t, "document", func() bool {
		rooms, err := a.db.SharedRooms(t.Context())
		return err == nil && len(rooms) == 1 && rooms[0].RoomID == roomID && rooms[0].Ticket != ""
	})
	if err := a.rooms.Delete(t.Context(), a.user, roomID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "end", func() bool { return len(a.Status(t.Context()).Rooms) == 0 })
	eventually(t, "nothing of it kept, as nobody has a ticket", func() bool {
		rooms, err := a.db.SharedRooms(t.Context())
		return err == nil && len(rooms) == 0
	})
}

// Five servers, of which no two have anything in common but the room: whatever they
// change while some are away, they have the same room in the end.
func TestRoomSync_FiveServersMeet(t *testing.T) {
	first := newNode(t, "a")
	roomID := first.create("Lab")
	nodes := []*node{first}
	for i := range 4 {
		n := newNode(t, string(rune('b'+i)))
		n.join(first.ticket(roomID, sensocto.RoleMember))
		nodes = append(nodes, n)
	}
	for _, n := range nodes[1:] {
		eventually(t, "member", func() bool { return first.roleOf(roomID, n) == sensocto.RoleMember })
		first.promote(roomID, n)
	}
	nodes[1].cutOff(true)
	nodes[2].cutOff(true)
	for i, n := range nodes {
		n.setting(roomID, n.name, i)
		if err := n.rooms.Share(t.Context(), n.user, roomID, n.name+"-strap", sensocto.ShareTerms{}); err != nil {
			t.Fatal(err)
		}
	}
	nodes[1].cutOff(false)
	nodes[2].cutOff(false)
	eventually(t, "the same room everywhere", func() bool {
		for _, n := range nodes {
			c := n.content(roomID)
			if len(c.Settings) != 5 || len(c.Shares) != 5 || len(c.Members) != 5 {
				return false
			}
		}
		return true
	})
}
