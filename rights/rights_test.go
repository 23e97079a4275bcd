package rights_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/sqlite"
)

var shared postgrestest.Shared

func TestMain(m *testing.M) { goleak.VerifyTestMain(shared.Around(m)) }

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is a database with people, and rights on it.
type world struct {
	*rights.Rights
	db     *peopledb.DB
	owners map[string]string // of sensors
}

func newWorld(t testing.TB, db *peopledb.DB) *world {
	t.Helper()
	w := &world{db: db, owners: map[string]string{"strap": "ada", "theirs": sensocto.OperatorID, "found": sensocto.GuestID}}
	for _, id := range []string{"ada", "bob", "eve", "gus"} {
		must(t, db.InsertUser(t.Context(), sensocto.User{ID: id, Name: id, CreatedAt: at}))
	}
	w.Rights = newRights(t, w)
	return w
}

func newRights(t testing.TB, w *world) *rights.Rights {
	r := rights.New(rights.Options{Store: w.db, Owner: func(id string) (string, bool) { owner, ok := w.owners[id]; return owner, ok }})
	t.Cleanup(r.Close)
	return r
}

func openSQLite(t testing.TB) *peopledb.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "sensocto.db"), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return peopledb.New(db)
}

func each(t *testing.T, f func(t *testing.T, db *peopledb.DB)) {
	t.Run("sqlite", func(t *testing.T) { f(t, openSQLite(t)) })
	t.Run("postgres", func(t *testing.T) {
		db, err := postgres.Open(t.Context(), shared.Database(t), postgres.Options{})
		must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		f(t, peopledb.New(db))
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// user is the identity of a session.
func user(id string, extra ...sensocto.Scope) sensocto.Identity {
	return sensocto.Identity{ID: "session-" + id, UserID: id, OwnerID: id, Scopes: append([]sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}, extra...)}
}

var anonymous = sensocto.Identity{ID: sensocto.GuestID, OwnerID: sensocto.GuestID, Scopes: []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}}

func (w *world) room(t testing.TB, id, owner string, public bool) {
	t.Helper()
	must(t, w.db.InsertRoom(t.Context(), sensocto.Room{ID: id, Name: id, OwnerID: owner, IsPublic: public, CreatedAt: at, Settings: json.RawMessage("{}")}))
}

func (w *world) member(t testing.TB, room, id string, role sensocto.Role) {
	t.Helper()
	must(t, w.db.AddMember(t.Context(), sensocto.Member{RoomID: room, UserID: id, Role: role, JoinedAt: at}, 1000))
}

// table reads a table of docs/rights.md: by row and column.
func table(t testing.TB, heading string) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/rights.md")
	must(t, err)
	_, section, ok := strings.Cut(string(text), "## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/rights.md has no section %s", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var columns []string
	rows := map[string]map[string]string{}
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if columns == nil {
			columns = cells
			continue
		}
		rows[cells[0]] = map[string]string{}
		for i, cell := range cells[1:] {
			rows[cells[0]][columns[i+1]] = cell
		}
	}
	return rows
}

// asTable shows rights as the table does: what depends on how the sensor is
// shared is found out by sharing it in both ways.
func asTable(plain, full sensocto.SensorRights) map[string]string {
	cell := func(plain, full bool, conditional string) string {
		switch {
		case plain && full && conditional == "":
			return "yes"
		case full:
			return conditional
		}
		return "no"
	}
	history := ""
	if !plain.Since.IsZero() && full.Since.IsZero() {
		history = "since shared"
	}
	control := ""
	if !plain.Command && full.Command {
		control = "with control"
	}
	return map[string]string{
		"live": cell(plain.Live, full.Live, ""), "history": cell(plain.History, full.History, history), "export": cell(plain.Export, full.Export, history),
		"command": cell(plain.Command, full.Command, control), "ingest": cell(plain.Ingest, full.Ingest, ""), "share": cell(plain.Share, full.Share, ""),
		"edit": cell(plain.Edit, full.Edit, ""), "delete": cell(plain.Delete, full.Delete, ""),
	}
}

func TestSensorRights_AreThoseOfTheTable(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db)
		w.room(t, "room", "eve", false)
		inRoom := func(role sensocto.Role) func(t *testing.T, open bool) sensocto.Identity {
			return func(t *testing.T, open bool) sensocto.Identity {
				must(t, w.db.PutShare(t.Context(), sensocto.Share{RoomID: "room", SensorID: "strap", SharedBy: "ada", SharedAt: at, Control: open, AllHistory: open}, 10))
				if role == sensocto.RoleOwner {
					return user("eve")
				}
				_ = w.db.RemoveMember(t.Context(), "room", "bob", false, at)
				w.member(t, "room", "bob", role)
				return user("bob")
			}
		}
		grant := func(userID string, id sensocto.Identity) func(t *testing.T, open bool) sensocto.Identity {
			return func(t *testing.T, open bool) sensocto.Identity {
				must(t, w.db.PutGrant(t.Context(), sensocto.Grant{SensorID: "strap", UserID: userID, GrantedAt: at, Control: open, AllHistory: open}))
				return id
			}
		}
		is := map[string]func(t *testing.T, open bool) sensocto.Identity{
			"owner":         func(*testing.T, bool) sensocto.Identity { return user("ada") },
			"grantee":       grant("gus", user("gus")),
			"room owner":    inRoom(sensocto.RoleOwner),
			"room admin":    inRoom(sensocto.RoleAdmin),
			"room member":   inRoom(sensocto.RoleMember),
			"room guest":    inRoom(sensocto.RoleGuest),
			"public":        grant("", anonymous),
			"administrator": func(*testing.T, bool) sensocto.Identity { return user("gus", sensocto.ScopeAdmin) },
		}
		rows := table(t, "Sensors")
		for who, want := range rows {
			share, ok := is[who]
			if !ok {
				t.Errorf("the test does not know what %q is", who)
				continue
			}
			var got [2]sensocto.SensorRights
			for i, open := range []bool{false, true} {
				must(t, w.db.RemoveSensor(t.Context(), "strap"))
				var err error
				got[i], err = w.Sensor(t.Context(), share(t, open), "strap")
				must(t, err)
			}
			if diff := cmp.Diff(want, asTable(got[0], got[1])); diff != "" {
				t.Errorf("%s:\n%s", who, diff)
			}
		}
		if len(rows) != len(is) {
			t.Errorf("the table has %d rows, the test %d", len(rows), len(is))
		}
	})
}

func TestRoomRights_AreThoseOfTheTable(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db)
		w.room(t, "private", "ada", false)
		w.room(t, "public", "ada", true)
		is := map[string]func() (sensocto.Identity, string){
			"public":        func() (sensocto.Identity, string) { return user("bob"), "public" },
			"stranger":      func() (sensocto.Identity, string) { return user("eve"), "private" },
			"administrator": func() (sensocto.Identity, string) { return user("gus", sensocto.ScopeAdmin), "private" },
			"room owner":    func() (sensocto.Identity, string) { return user("ada"), "private" },
		}
		for _, role := range []sensocto.Role{sensocto.RoleAdmin, sensocto.RoleMember, sensocto.RoleGuest} {
			is["room "+string(role)] = func() (sensocto.Identity, string) {
				_ = w.db.RemoveMember(t.Context(), "private", "bob", false, at)
				w.member(t, "private", "bob", role)
				return user("bob"), "private"
			}
		}
		rows := table(t, "Rooms")
		for who, want := range rows {
			id, room := is[who]()
			got, _, err := w.Room(t.Context(), id, room)
			if err != nil && !(errors.Is(err, sensocto.ErrNotFound) && want["see"] == "no") {
				t.Errorf("%s: %v", who, err)
			}
			cells := map[string]string{}
			for what, allowed := range map[string]bool{"see": got.See, "enter": got.Enter, "join": got.Join, "call": got.Call, "share": got.Share, "invite": got.Invite,
				"edit": got.Edit, "record": got.Record, "kick": got.Kick, "manage": got.Manage, "delete": got.Delete} {
				cells[what] = map[bool]string{true: "yes", false: "no"}[allowed]
			}
			if diff := cmp.Diff(want, cells); diff != "" {
				t.Errorf("%s:\n%s", who, diff)
			}
		}
		if len(rows) != len(is) {
			t.Errorf("the table has %d rows, the test %d", len(rows), len(is))
		}
	})
}

func TestSensor_Credentials(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	all := sensocto.SensorRights{Live: true, History: true, Export: true, Command: true, Ingest: true, Share: true, Edit: true, Delete: true}
	limited := user("ada")
	limited.SensorIDs = []string{"other"}
	operator := func(scopes ...sensocto.Scope) sensocto.Identity {
		return sensocto.Identity{ID: "token", OwnerID: sensocto.OperatorID, Scopes: scopes}
	}
	for name, test := range map[string]struct {
		id     sensocto.Identity
		sensor string
		want   sensocto.SensorRights
	}{
		"a token for another sensor":                    {limited, "strap", sensocto.SensorRights{}},
		"a token that views":                            {sensocto.Identity{UserID: "ada", OwnerID: "ada", Scopes: []sensocto.Scope{sensocto.ScopeView}}, "strap", sensocto.SensorRights{Live: true, History: true, Export: true}},
		"a device's token":                              {sensocto.Identity{UserID: "ada", OwnerID: "ada", Scopes: []sensocto.Scope{sensocto.ScopeIngest}}, "strap", sensocto.SensorRights{Ingest: true}},
		"the operator's token":                          {operator(sensocto.ScopeView), "strap", sensocto.SensorRights{Live: true, History: true, Export: true}},
		"the operator's token for everything":           {operator(sensocto.ScopeAdmin), "strap", all},
		"an administrator and a sensor of the operator": {user("eve", sensocto.ScopeAdmin), "theirs", all},
		"a user and a sensor of the operator":           {user("eve"), "theirs", sensocto.SensorRights{}},
		"a sensor of nobody":                            {user("eve"), "found", sensocto.SensorRights{Live: true, History: true}},
		"a sensor of nobody, without a credential":      {anonymous, "found", sensocto.SensorRights{Live: true, History: true, Export: true, Ingest: true}},
		"a sensor that was never seen":                  {user("eve"), "new", sensocto.SensorRights{Ingest: true}},
		"somebody else's, without a credential":         {anonymous, "strap", sensocto.SensorRights{}},
	} {
		got, err := w.Sensor(t.Context(), test.id, test.sensor)
		must(t, err)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// Several ways to a sensor add up, and the longest history counts.
func TestSensor_RightsAddUp(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	w.room(t, "early", "bob", false)
	w.room(t, "late", "bob", false)
	for room, when := range map[string]time.Time{"early": at, "late": at.Add(time.Hour)} {
		must(t, w.db.PutShare(t.Context(), sensocto.Share{RoomID: room, SensorID: "strap", SharedBy: "ada", SharedAt: when, Control: room == "late"}, 10))
	}
	got, err := w.Sensor(t.Context(), user("bob"), "strap")
	must(t, err)
	if !got.Since.Equal(at) || !got.Command {
		t.Errorf("%+v", got)
	}
	must(t, w.db.RemoveShare(t.Context(), "late", "strap"))
	if got, err = w.Sensor(t.Context(), user("bob"), "strap"); err != nil || got.Command || !got.Live {
		t.Errorf("%+v, %v", got, err)
	}
}

// An answer follows what was changed before it, and those concerned are told
// before the change returns; by another process, soon.
func TestChanges_CountAtOnceAndAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "sensocto.db")
		open := func() *peopledb.DB {
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
			must(t, err)
			t.Cleanup(func() { _ = db.Close() })
			return peopledb.New(db)
		}
		w, elsewhere := newWorld(t, open()), open()
		w.room(t, "room", "ada", false)
		must(t, w.db.PutShare(t.Context(), sensocto.Share{RoomID: "room", SensorID: "strap", SharedBy: "ada", SharedAt: at}, 10))
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = w.Run(ctx) })
		defer running.Wait()
		defer cancel()
		time.Sleep(2 * rights.PollInterval)

		var mu sync.Mutex
		told := map[string]bool{}
		defer w.OnChanged(func(ids []string) {
			mu.Lock()
			defer mu.Unlock()
			if ids == nil {
				told["everybody"] = true
			}
			for _, id := range ids {
				told[id] = true
			}
		})()
		check := func(what string, live bool, who ...string) {
			t.Helper()
			mu.Lock()
			missing := slices.DeleteFunc(slices.Clone(who), func(id string) bool { return told[id] })
			clear(told)
			mu.Unlock()
			if len(missing) > 0 {
				t.Errorf("%s: %q were not told", what, missing)
			}
			got, err := w.Sensor(t.Context(), user("bob"), "strap")
			if must(t, err); got.Live != live {
				t.Errorf("%s: live is %v", what, got.Live)
			}
		}
		steps := []struct {
			what string
			do   func(db *peopledb.DB) error
			live bool
			told []string
		}{
			{"a member comes", func(db *peopledb.DB) error {
				return db.AddMember(t.Context(), sensocto.Member{RoomID: "room", UserID: "bob", Role: sensocto.RoleMember, JoinedAt: at}, 9)
			}, true, []string{"bob"}},
			{"a member is kicked", func(db *peopledb.DB) error { return db.RemoveMember(t.Context(), "room", "bob", false, at) }, false, []string{"bob"}},
			{"a grant", func(db *peopledb.DB) error {
				return db.PutGrant(t.Context(), sensocto.Grant{SensorID: "strap", UserID: "bob", GrantedAt: at})
			}, true, []string{"bob"}},
			{"its end", func(db *peopledb.DB) error { return db.RemoveGrant(t.Context(), "strap", "bob") }, false, []string{"bob"}},
			{"public", func(db *peopledb.DB) error {
				return db.PutGrant(t.Context(), sensocto.Grant{SensorID: "strap", GrantedAt: at})
			}, true, []string{"everybody"}},
			{"private again", func(db *peopledb.DB) error { return db.RemoveGrant(t.Context(), "strap", "") }, false, []string{"everybody"}},
			{"a member comes again", func(db *peopledb.DB) error {
				return db.AddMember(t.Context(), sensocto.Member{RoomID: "room", UserID: "bob", Role: sensocto.RoleMember, JoinedAt: at}, 9)
			}, true, []string{"bob"}},
			{"the sensor leaves", func(db *peopledb.DB) error { return db.RemoveShare(t.Context(), "room", "strap") }, false, []string{"bob"}},
			{"the sensor comes", func(db *peopledb.DB) error {
				return db.PutShare(t.Context(), sensocto.Share{RoomID: "room", SensorID: "strap", SharedBy: "ada", SharedAt: at}, 9)
			}, true, []string{"bob"}},
			{"the room is deleted", func(db *peopledb.DB) error { return db.DeleteRoom(t.Context(), "room") }, false, []string{"bob"}},
		}
		for round, db := range []*peopledb.DB{w.db, elsewhere} {
			if round == 1 {
				w.room(t, "room", "ada", false)
				must(t, w.db.PutShare(t.Context(), sensocto.Share{RoomID: "room", SensorID: "strap", SharedBy: "ada", SharedAt: at}, 10))
			}
			for _, s := range steps {
				must(t, s.do(db))
				if round == 1 {
					time.Sleep(2 * rights.PollInterval)
					synctest.Wait()
				}
				check(fmt.Sprint(s.what, " ", round), s.live, s.told...)
			}
		}
	})
}

func TestVisible(t *testing.T) {
	w := newWorld(t, openSQLite(t))
	w.room(t, "room", "bob", false)
	must(t, w.db.PutShare(t.Context(), sensocto.Share{RoomID: "room", SensorID: "strap", SharedBy: "ada", SharedAt: at}, 10))
	must(t, w.db.PutGrant(t.Context(), sensocto.Grant{SensorID: "belt", UserID: "bob", GrantedAt: at}))
	must(t, w.db.PutGrant(t.Context(), sensocto.Grant{SensorID: "clock", GrantedAt: at}))
	narrow := user("bob")
	narrow.SensorIDs = []string{"belt"}
	for name, test := range map[string]struct {
		id   sensocto.Identity
		want []string
	}{
		"owner":           {user("ada"), []string{"belt", "clock", "found", "other", "strap"}},
		"member":          {user("bob"), []string{"belt", "clock", "found", "strap"}},
		"stranger":        {user("eve"), []string{"clock", "found"}},
		"administrator":   {user("eve", sensocto.ScopeAdmin), []string{"clock", "found", "theirs"}},
		"nobody":          {anonymous, []string{"clock", "found"}},
		"a token for one": {narrow, []string{"belt"}},
		"a device":        {sensocto.Identity{UserID: "ada", OwnerID: "ada", Scopes: []sensocto.Scope{sensocto.ScopeIngest}}, nil},
	} {
		seen, err := w.Visible(t.Context(), test.id)
		must(t, err)
		var got []string
		for sensorID, owner := range map[string]string{"strap": "ada", "belt": "ada", "clock": "ada", "other": "ada", "found": sensocto.GuestID, "theirs": sensocto.OperatorID} {
			since, sees := seen.Sees(sensorID, owner)
			if sees {
				got = append(got, sensorID)
			}
			one, err := w.Sensor(t.Context(), test.id, sensorID)
			must(t, err)
			if _, known := w.owners[sensorID]; known && (one.Live != sees || !one.LiveSince.Equal(since)) {
				t.Errorf("%s: the list and the right to %s differ", name, sensorID)
			}
		}
		if slices.Sort(got); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// An answer for what was asked before costs no query.
func BenchmarkSensor(b *testing.B) {
	w := newWorld(b, openSQLite(b))
	for i := range 100 {
		id := fmt.Sprint("room", i)
		w.room(b, id, "bob", false)
		if i < 3 {
			must(b, w.db.PutShare(b.Context(), sensocto.Share{RoomID: id, SensorID: "strap", SharedBy: "ada", SharedAt: at}, 10))
		}
	}
	id := user("bob")
	b.ReportAllocs()
	for b.Loop() {
		if got, err := w.Sensor(b.Context(), id, "strap"); err != nil || !got.Live {
			b.Fatal(got, err)
		}
	}
}

// To accept an invitation lifts a ban: whoever may invite has to have the right to.
func TestTable_WhoeverMayInviteMayUnban(t *testing.T) {
	for who, row := range table(t, "Rooms") {
		if row["invite"] == "yes" && row["kick"] != "yes" {
			t.Errorf("%s may invite, and not kick", who)
		}
	}
}
