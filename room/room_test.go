package room_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/room"
	"github.com/sensocto/sensocto/sqlite"
)

var shared postgrestest.Shared

func TestMain(m *testing.M) { goleak.VerifyTestMain(shared.Around(m)) }

// world is rooms with what is around them.
type world struct {
	*room.Rooms
	t      testing.TB
	db     *peopledb.DB
	rights *rights.Rights
	hub    *pubsub.Local
	users  map[string]sensocto.Identity
}

// owners of the sensors that there are.
var owners = map[string]string{"strap": "ada", "belt": "bob"}

func newWorld(t testing.TB, db *peopledb.DB, limits room.Limits) *world {
	t.Helper()
	w := &world{t: t, db: db, hub: pubsub.New(), users: map[string]sensocto.Identity{}}
	w.rights = rights.New(rights.Options{Store: db, Owner: func(id string) (string, bool) {
		owner, ok := owners[id]
		return w.users[owner].UserID, ok
	}})
	t.Cleanup(w.rights.Close)
	w.Rooms = room.New(room.Options{
		Store: db, Rights: w.rights, Attempts: account.New(account.Options{Store: db}), PubSub: w.hub, Limits: limits,
		Sensor: func(id string) (sensocto.Sensor, bool) {
			_, ok := owners[id]
			return sensocto.Sensor{ID: id, Name: "Sensor " + id}, ok
		},
	})
	accounts := account.New(account.Options{Store: db})
	for _, name := range []string{"ada", "bob", "eve"} {
		u, err := accounts.CreateUser(t.Context(), sensocto.SignUp{Name: name, Email: name + "@example.org"})
		w.must(err)
		w.users[name] = sensocto.Identity{ID: "session-" + name, UserID: u.ID, OwnerID: u.ID, Scopes: []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}}
	}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) refused(err error, reason string) {
	w.t.Helper()
	if sensocto.ErrorReason(err) != reason {
		w.t.Errorf("%v, want %s", err, reason)
	}
}

// ada makes a room that bob joins by its code.
func (w *world) room(public bool) (ada, bob sensocto.Identity, r sensocto.RoomView) {
	w.t.Helper()
	ada, bob = w.users["ada"], w.users["bob"]
	r, err := w.Create(w.t.Context(), ada, sensocto.RoomDraft{Name: "Lab", IsPublic: public, Settings: json.RawMessage(`{ "theme": "dark" }`)})
	w.must(err)
	_, err = w.JoinByCode(w.t.Context(), bob, r.JoinCode, "192.0.2.1")
	w.must(err)
	return ada, bob, r
}

func each(t *testing.T, f func(t *testing.T, db *peopledb.DB)) {
	t.Run("sqlite", func(t *testing.T) { f(t, openSQLite(t)) })
	t.Run("postgres", func(t *testing.T) {
		db, err := postgres.Open(t.Context(), shared.Database(t), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		f(t, peopledb.New(db))
	})
}

func openSQLite(t testing.TB) *peopledb.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "sensocto.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return peopledb.New(db)
}

// listener collects what is published on a topic, as "event user-or-sensor …".
type listener struct {
	mu     sync.Mutex
	events []string
}

func (l *listener) Deliver(m *sensocto.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := m.Event
	switch p := m.Payload.(type) {
	case sensocto.MemberEvent:
		text += fmt.Sprintf(" %s %s online=%v member=%v", p.Name, p.Role, p.Online, p.Member)
	case sensocto.RoomSensorEvent:
		text += " " + p.SensorID
	case sensocto.RoomView:
		if p.JoinCode != "" || p.Role != nil {
			text += " with what is not for everybody"
		}
		text += fmt.Sprintf(" %s members=%d sensors=%d", p.Name, p.MemberCount, len(p.Sensors))
	}
	l.events = append(l.events, text)
}

func (l *listener) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}

func (w *world) listen(topic string) *listener {
	l := &listener{}
	sub := w.hub.Subscribe(topic, l)
	w.t.Cleanup(sub.Close)
	return l
}

func (w *world) heard(l *listener, want ...string) {
	w.t.Helper()
	if got := l.take(); !slices.Equal(got, want) {
		w.t.Errorf("heard %q, want %q", got, want)
	}
}

func TestRoom_ALife(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db, room.Limits{})
		updates := w.listen(sensocto.TopicRoomsUpdates)
		ctx := t.Context()
		ada, bob, r := w.room(false)
		if r.OwnerID != ada.UserID || *r.Role != sensocto.RoleOwner || r.MemberCount != 1 || r.Sensors == nil || string(r.Settings) != `{"theme":"dark"}` || r.Version != 1 || r.IsPublic {
			t.Errorf("%+v", r)
		}
		if !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$`).MatchString(r.JoinCode) {
			t.Errorf("join code %q", r.JoinCode)
		}
		w.heard(updates, "room_created Lab members=1 sensors=0", "room_updated Lab members=2 sensors=0")
		inside := w.listen(sensocto.RoomTopic(r.ID))

		name := "Ward"
		_, err := w.Update(ctx, bob, r.ID, r.Version, sensocto.RoomPatch{Name: &name})
		w.refused(err, "no_right")
		_, err = w.Update(ctx, ada, r.ID, r.Version+1, sensocto.RoomPatch{Name: &name})
		w.refused(err, "version_mismatch")
		got, err := w.Update(ctx, ada, r.ID, r.Version, sensocto.RoomPatch{Name: &name})
		w.must(err)
		if got.Name != "Ward" || got.Version != r.Version+1 || string(got.Settings) != `{"theme":"dark"}` {
			t.Errorf("%+v", got)
		}
		w.heard(inside, "settings_updated Ward members=2 sensors=0")

		w.must(w.Share(ctx, ada, r.ID, "strap", sensocto.ShareTerms{}))
		w.heard(inside, "sensor_added strap")
		state, err := w.State(ctx, bob, r.ID)
		w.must(err)
		if len(state.Sensors) != 1 || state.Sensors[0].Name != "Sensor strap" || len(state.Members) != 2 || state.MemberCount != 2 {
			t.Errorf("%+v", state)
		}
		w.refused(w.Delete(ctx, bob, r.ID), "no_right")
		w.must(w.Delete(ctx, ada, r.ID))
		w.heard(inside, "room_closed")
		_, err = w.Room(ctx, ada, r.ID)
		w.refused(err, "no_room")
	})
}

func TestRoom_RefusesWhatCannotBe(t *testing.T) {
	w := newWorld(t, openSQLite(t), room.Limits{RoomsOfUser: 1})
	ada := w.users["ada"]
	for reason, d := range map[string]sensocto.RoomDraft{
		"invalid_name":        {Name: "a\x00"},
		"invalid_description": {Name: "a", Description: strings.Repeat("x", 1001)},
		"invalid_settings":    {Name: "a", Settings: json.RawMessage(`[1]`)},
	} {
		_, err := w.Create(t.Context(), ada, d)
		w.refused(err, reason)
	}
	_, err := w.Create(t.Context(), sensocto.Identity{ID: sensocto.GuestID, OwnerID: sensocto.GuestID}, sensocto.RoomDraft{Name: "a"})
	w.refused(err, "account_needed")
	_, err = w.Create(t.Context(), ada, sensocto.RoomDraft{Name: "a"})
	w.must(err)
	_, err = w.Create(t.Context(), ada, sensocto.RoomDraft{Name: "b"})
	w.refused(err, "too_many_rooms")
}

// A private room does not exist for a stranger, whatever is asked of it.
func TestRoom_IsHiddenFromStrangers(t *testing.T) {
	w := newWorld(t, openSQLite(t), room.Limits{})
	ctx, eve := t.Context(), w.users["eve"]
	_, bob, r := w.room(false)
	name := "mine"
	for what, do := range map[string]func() error{
		"read":    func() error { _, err := w.Room(ctx, eve, r.ID); return err },
		"join":    func() error { _, err := w.Join(ctx, eve, r.ID); return err },
		"edit":    func() error { _, err := w.Update(ctx, eve, r.ID, 0, sensocto.RoomPatch{Name: &name}); return err },
		"delete":  func() error { return w.Delete(ctx, eve, r.ID) },
		"members": func() error { _, err := w.Members(ctx, eve, r.ID, "", 10); return err },
		"kick":    func() error { return w.Remove(ctx, eve, r.ID, bob.UserID, false) },
		"role":    func() error { return w.SetRole(ctx, eve, r.ID, eve.UserID, sensocto.RoleOwner) },
		"share":   func() error { return w.Share(ctx, eve, r.ID, "strap", sensocto.ShareTerms{}) },
		"unshare": func() error { return w.Unshare(ctx, eve, r.ID, "strap") },
		"invite":  func() error { _, err := w.Invite(ctx, eve, r.ID, eve.UserID, "", ""); return err },
		"code":    func() error { _, _, err := w.NewCode(ctx, eve, r.ID); return err },
		"leave":   func() error { return w.Leave(ctx, eve, r.ID) },
		"state":   func() error { _, err := w.State(ctx, eve, r.ID); return err },
	} {
		if err := do(); sensocto.ErrorReason(err) != "no_room" {
			t.Errorf("%s: %v", what, err)
		}
	}
	list, err := w.List(ctx, eve, true, "", 10)
	if err != nil || len(list) != 0 {
		t.Error(list, err)
	}
}

func TestRoom_PublicShowsItsCardAlone(t *testing.T) {
	w := newWorld(t, openSQLite(t), room.Limits{})
	ctx, eve := t.Context(), w.users["eve"]
	ada, _, r := w.room(true)
	w.must(w.Share(ctx, ada, r.ID, "strap", sensocto.ShareTerms{}))
	card, err := w.Room(ctx, eve, r.ID)
	w.must(err)
	if card.JoinCode != "" || len(card.Sensors) != 0 || card.Role != nil || string(card.Settings) != "{}" || card.MemberCount != 2 {
		t.Errorf("%+v", card)
	}
	_, err = w.State(ctx, eve, r.ID)
	w.refused(err, "no_right")
	joined, err := w.Join(ctx, eve, r.ID)
	w.must(err)
	again, err := w.Join(ctx, eve, r.ID)
	if err != nil || *joined.Role != sensocto.RoleMember || again.MemberCount != 3 || len(joined.Sensors) != 1 {
		t.Errorf("%+v %v", again, err)
	}
}

func TestJoinCode(t *testing.T) {
	w := newWorld(t, openSQLite(t), room.Limits{Members: 2})
	ctx, eve := t.Context(), w.users["eve"]
	ada, bob, r := w.room(false)
	_, err := w.JoinByCode(ctx, eve, r.JoinCode, "192.0.2.2")
	w.refused(err, "room_full")
	w.must(w.Leave(ctx, bob, r.ID))
	_, _, err = w.NewCode(ctx, bob, r.ID)
	w.refused(err, "no_room")
	code, _, err := w.NewCode(ctx, ada, r.ID)
	w.must(err)
	_, err = w.JoinByCode(ctx, eve, r.JoinCode, "192.0.2.2")
	w.refused(err, "invalid_code")
	typed := strings.ToLower(strings.ReplaceAll(code, "-", " "))
	if _, err = w.JoinByCode(ctx, eve, typed, "192.0.2.2"); err != nil {
		t.Errorf("%q typed as %q: %v", code, typed, err)
	}
}

func TestJoinCode_GuessingIsLimited(t *testing.T) {
	w := newWorld(t, openSQLite(t), room.Limits{})
	_, _, r := w.room(false)
	var limited bool
	for i := range 20 {
		_, err := w.JoinByCode(t.Context(), w.users["eve"], fmt.Sprintf("AAAAA-%05d", i), "192.0.2.9")
		if limited = sensocto.ErrorReason(err) == "too_many_attempts"; limited {
			break
		}
		w.refused(err, "invalid_code")
	}
	if !limited {
		t.Error("codes may be guessed without end")
	}
	if _, err := w.JoinByCode(t.Context(), w.users["bob"], r.JoinCode, "192.0.2.1"); err != nil {
		t.Errorf("somebody else has to wait: %v", err)
	}
}

func TestMembers_RolesAndRemoval(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db, room.Limits{})
		ctx, eve := t.Context(), w.users["eve"]
		ada, bob, r := w.room(false)
		_, err := w.JoinByCode(ctx, eve, r.JoinCode, "192.0.2.1")
		w.must(err)
		inside := w.listen(sensocto.RoomTopic(r.ID))

		w.refused(w.SetRole(ctx, bob, r.ID, bob.UserID, sensocto.RoleAdmin), "no_right")
		w.refused(w.SetRole(ctx, ada, r.ID, bob.UserID, "king"), "invalid_role")
		w.must(w.SetRole(ctx, ada, r.ID, bob.UserID, sensocto.RoleAdmin))
		w.must(w.SetRole(ctx, bob, r.ID, eve.UserID, sensocto.RoleGuest))
		w.refused(w.SetRole(ctx, bob, r.ID, eve.UserID, sensocto.RoleAdmin), "no_right")
		w.refused(w.SetRole(ctx, bob, r.ID, ada.UserID, sensocto.RoleGuest), "no_right")
		w.refused(w.SetRole(ctx, ada, r.ID, ada.UserID, sensocto.RoleGuest), "owner_stays")
		w.refused(w.Remove(ctx, bob, r.ID, ada.UserID, false), "no_right")
		w.refused(w.Leave(ctx, ada, r.ID), "owner_stays")
		inside.take()

		w.must(w.Share(ctx, bob, r.ID, "belt", sensocto.ShareTerms{}))
		w.must(w.SetRole(ctx, ada, r.ID, bob.UserID, sensocto.RoleOwner)) // hands the room over
		if got := strings.Join(inside.take(), "; "); !strings.Contains(got, "member_joined bob owner") || !strings.Contains(got, "member_joined ada admin") {
			t.Errorf("the room heard of a hand-over: %s", got)
		}
		w.refused(w.Remove(ctx, ada, r.ID, bob.UserID, false), "no_right")
		w.must(w.Remove(ctx, bob, r.ID, eve.UserID, true))
		w.heard(inside, "member_left eve guest online=false member=false")
		_, err = w.JoinByCode(ctx, eve, r.JoinCode, "192.0.2.1")
		w.refused(err, "banned")
		w.must(w.Unban(ctx, bob, r.ID, eve.UserID))
		_, err = w.JoinByCode(ctx, eve, r.JoinCode, "192.0.2.1")
		w.must(err)
		w.must(w.SetRole(ctx, bob, r.ID, ada.UserID, sensocto.RoleMember))
		w.must(w.SetRole(ctx, bob, r.ID, ada.UserID, sensocto.RoleOwner))
		inside.take()
		w.must(w.Leave(ctx, bob, r.ID))
		w.heard(inside, "sensor_removed belt", "member_left bob admin online=false member=false")
	})
}

func TestShare_IsTheOwnersBusiness(t *testing.T) {
	w := newWorld(t, openSQLite(t), room.Limits{Sensors: 1})
	ctx, eve := t.Context(), w.users["eve"]
	ada, bob, r := w.room(false)
	w.refused(w.Share(ctx, bob, r.ID, "strap", sensocto.ShareTerms{}), "no_sensor") // of which bob knows nothing
	w.must(w.Share(ctx, ada, r.ID, "strap", sensocto.ShareTerms{Control: true}))
	w.refused(w.Share(ctx, bob, r.ID, "strap", sensocto.ShareTerms{AllHistory: true}), "no_right")
	w.refused(w.Share(ctx, bob, r.ID, "belt", sensocto.ShareTerms{}), "too_many_sensors")
	w.refused(w.Unshare(ctx, bob, r.ID, "strap"), "no_right")
	w.refused(w.Grant(ctx, bob, "strap", eve.UserID, sensocto.ShareTerms{}), "no_right")
	sees := func(id sensocto.Identity) bool {
		got, err := w.rights.Sensor(ctx, id, "strap")
		w.must(err)
		return got.Live
	}
	if !sees(bob) || sees(eve) {
		t.Error("the wrong people see the sensor")
	}
	w.must(w.Grant(ctx, ada, "strap", eve.UserID, sensocto.ShareTerms{}))
	if !sees(eve) {
		t.Error("a grant does not count")
	}
	w.must(w.Revoke(ctx, ada, "strap", eve.UserID))
	w.must(w.Unshare(ctx, ada, r.ID, "strap"))
	if sees(bob) || sees(eve) {
		t.Error("who lost the right sees it still")
	}
}

func TestShareWhileConnected_EndsByItself(t *testing.T) {
	w := newWorld(t, openSQLite(t), room.Limits{})
	ada, _, r := w.room(false)
	w.must(w.ShareWhileConnected(t.Context(), ada, r.ID, "strap"))
	inside := w.listen(sensocto.RoomTopic(r.ID))
	w.must(w.EndTransient(t.Context(), "strap"))
	w.must(w.EndTransient(t.Context(), "strap"))
	w.heard(inside, "sensor_removed strap")
}

// The others hear once of a person who comes with several devices, and once when
// the last of them has gone.
func TestPresence_CountsPersons(t *testing.T) {
	w := newWorld(t, openSQLite(t), room.Limits{})
	ctx := t.Context()
	ada, bob, r := w.room(false)
	inside := w.listen(sensocto.RoomTopic(r.ID))
	first := w.Come(ctx, r.ID, bob.UserID)
	second := w.Come(ctx, r.ID, bob.UserID)
	w.heard(inside, "member_joined bob member online=true member=true")
	members, err := w.Members(ctx, ada, r.ID, "", 10)
	w.must(err)
	for _, m := range members {
		if m.Online != (m.UserID == bob.UserID) {
			t.Errorf("%s is online: %v", m.Name, m.Online)
		}
	}
	first()
	w.heard(inside)
	second()
	w.heard(inside, "member_left bob member online=false member=true")
	third := w.Come(ctx, r.ID, bob.UserID)
	inside.take()
	w.must(w.Remove(ctx, ada, r.ID, bob.UserID, false))
	w.heard(inside, "member_left bob member online=true member=false")
	third()
	w.heard(inside) // it was told already
}

func TestInvitations(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db, room.Limits{})
		ctx, eve := t.Context(), w.users["eve"]
		ada, bob, r := w.room(false)
		hers := w.listen(sensocto.UserTopic(eve.UserID))

		_, err := w.Invite(ctx, bob, r.ID, eve.UserID, "", "")
		w.refused(err, "no_right")
		_, err = w.Invite(ctx, ada, r.ID, "", "", "")
		w.refused(err, "invalid_invitation")
		_, err = w.Invite(ctx, ada, r.ID, eve.UserID, "", sensocto.RoleOwner)
		w.refused(err, "invalid_role")
		_, err = w.Invite(ctx, ada, r.ID, bob.UserID, "", "")
		w.refused(err, "already_member")
		at := time.Now().UTC().Truncate(time.Microsecond)
		far, err := db.PutPerson(ctx, "key", sensocto.User{ID: "far", Name: "Far", CreatedAt: at, DisabledAt: at, Version: 1})
		w.must(err)
		_, err = w.Invite(ctx, ada, r.ID, far, "", "")
		w.refused(err, "other_server")
		if waiting, err := w.RoomInvitations(ctx, ada, r.ID, "", 10); err != nil || len(waiting) != 0 {
			t.Errorf("%+v, %v", waiting, err)
		}
		stranger, err := w.Invite(ctx, ada, r.ID, "", "nobody@example.org", "") // may sign up later
		w.must(err)
		i, err := w.Invite(ctx, ada, r.ID, eve.UserID, "", sensocto.RoleGuest)
		w.must(err)
		if got := hers.take(); !slices.Equal(got, []string{"invitation", "notification"}) {
			t.Errorf("heard %q", got)
		}
		mine, err := w.Invitations(ctx, eve)
		if err != nil || len(mine) != 1 || mine[0].ID != i.ID || mine[0].RoomName != "Lab" {
			t.Errorf("%+v, %v", mine, err)
		}
		_, err = w.Accept(ctx, bob, i.ID)
		w.refused(err, "not_found") // somebody else's
		w.refused(w.Decline(ctx, eve, stranger.ID), "not_found")
		joined, err := w.Accept(ctx, eve, i.ID)
		if err != nil || *joined.Role != sensocto.RoleGuest || joined.JoinCode != "" {
			t.Errorf("%+v, %v", joined, err)
		}
		_, err = w.Accept(ctx, eve, i.ID)
		w.refused(err, "not_found")

		list, err := w.Notifications(ctx, eve, "", 10)
		if err != nil || len(list) != 1 || list[0].Kind != "invitation" || list[0].ReadAt != nil {
			t.Fatalf("%+v, %v", list, err)
		}
		w.refused(w.ReadNotification(ctx, bob, list[0].ID), "not_found")
		w.must(w.ReadNotification(ctx, eve, list[0].ID))
		if list, err = w.Notifications(ctx, eve, "", 10); err != nil || list[0].ReadAt == nil {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
