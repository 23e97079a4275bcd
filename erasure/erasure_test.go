package erasure_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/erasure"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/room"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connected is a device that does nothing.
type connected struct{}

func (connected) Replaced()                    {}
func (connected) Command(json.RawMessage) bool { return false }

// world is the parts that hold something of a person, on one data directory.
type world struct {
	t        *testing.T
	db       *peopledb.DB
	accounts *account.Accounts
	sensors  *sensor.Registry
	rooms    *room.Rooms
	eraser   *erasure.Eraser
	store    *store.Store
}

func open(t *testing.T, dir string) (w *world, stop func()) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "test.db"), sqlite.Options{})
	must(t, err)
	st, err := store.Open(t.Context(), db, store.Options{Journal: journal.OS(filepath.Join(dir, "journal"))})
	must(t, err)
	w = &world{t: t, db: peopledb.New(db), store: st}
	hub := pubsub.New()
	w.accounts = account.New(account.Options{Store: w.db, Guests: true})
	w.sensors = sensor.NewRegistry(sensor.Options{Store: st, PubSub: hub, Catalog: db, Forget: w.db.RemoveSensor})
	must(t, w.sensors.Load(t.Context()))
	r := rights.New(rights.Options{Store: w.db, Owner: w.sensors.Owner})
	w.rooms = room.New(room.Options{Store: w.db, Rights: r, Attempts: w.accounts, Sensor: w.sensors.Sensor, PubSub: hub})
	w.eraser = erasure.New(erasure.Options{Store: w.db, Sensors: w.sensors, Rooms: w.rooms})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- st.Run(ctx) }()
	go func() { ended <- w.sensors.Run(ctx) }()
	return w, func() {
		cancel()
		if err := errors.Join(<-ended, <-ended, db.Close()); err != nil {
			t.Error(err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) person(name string, admin bool) (sensocto.User, sensocto.Identity) {
	w.t.Helper()
	u, err := w.accounts.CreateUser(w.t.Context(), sensocto.SignUp{Name: name, Email: name + "@example.org", Admin: admin})
	must(w.t, err)
	session, err := w.accounts.Begin(w.t.Context(), u, sensocto.Client{})
	must(w.t, err)
	id, err := w.accounts.Authenticate(w.t.Context(), session.Secret)
	must(w.t, err)
	return u, id
}

// bring stores a sample of a sensor.
func (w *world) bring(id sensocto.Identity, sensorID string) {
	w.t.Helper()
	link, err := w.sensors.Connect(w.t.Context(), id, sensocto.Registration{SensorID: sensorID, SensorName: sensorID, SensorType: "ecg"}, connected{})
	must(w.t, err)
	b := link.Batch()
	b.SensorID = sensorID
	b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "ecg", Sample: sensocto.Sample{Timestamp: time.Now().UnixMicro(), Value: 1}})
	done := make(chan error, 1)
	must(w.t, link.PushDurable(w.t.Context(), b, func(err error) { done <- err }))
	must(w.t, <-done)
}

func (w *world) ids() (ids []string) {
	for _, s := range w.sensors.Sensors() {
		ids = append(ids, s.ID)
	}
	return ids
}

// Nothing of somebody who asked for it is left, also where the server ended in
// between; what is others' stays.
func TestEraser_RemovesEverythingOfAPerson(t *testing.T) {
	dir := t.TempDir()
	w, stop := open(t, dir)
	ada, adaID := w.person("ada", false)
	_, bobID := w.person("bob", true)
	w.bring(adaID, "strap")
	w.bring(adaID, "belt")
	w.bring(bobID, "clock")
	hers, err := w.rooms.Create(t.Context(), adaID, sensocto.RoomDraft{Name: "hers"})
	must(t, err)
	his, err := w.rooms.Create(t.Context(), bobID, sensocto.RoomDraft{Name: "his"})
	must(t, err)
	must(t, w.db.AddMember(t.Context(), sensocto.Member{RoomID: his.ID, UserID: ada.ID, Role: sensocto.RoleMember, JoinedAt: time.Now()}, 10))
	must(t, w.rooms.Share(t.Context(), adaID, his.ID, "strap", sensocto.ShareTerms{}))
	must(t, w.rooms.Grant(t.Context(), bobID, "clock", ada.ID, sensocto.ShareTerms{}))
	must(t, w.rooms.Notify(t.Context(), ada.ID, "test", map[string]int{"n": 1}))
	ada, err = w.accounts.User(t.Context(), ada.ID)
	must(t, err)
	must(t, w.accounts.Erase(t.Context(), ada))
	stop() // before anything was removed

	w, stop = open(t, dir)
	defer stop()
	must(t, w.eraser.All(t.Context()))
	if got := w.ids(); !slices.Equal(got, []string{"clock"}) {
		t.Errorf("sensors: %v", got)
	}
	for _, sensorID := range []string{"strap", "belt"} {
		if page, err := w.store.Read(t.Context(), sensorID, "ecg", sensocto.Query{}); err != nil || len(page.Samples) != 0 {
			t.Errorf("%s still has samples: %v %v", sensorID, page.Samples, err)
		}
	}
	if _, err := w.accounts.User(t.Context(), ada.ID); !errors.Is(err, sensocto.ErrNotFound) {
		t.Errorf("the account: %v", err)
	}
	if _, err := w.db.Room(t.Context(), hers.ID); !errors.Is(err, sensocto.ErrNotFound) {
		t.Errorf("her room: %v", err)
	}
	room, err := w.rooms.Room(t.Context(), bobID, his.ID)
	if err != nil || room.MemberCount != 1 || len(room.Sensors) != 0 {
		t.Errorf("his room: %+v %v", room, err)
	}
	if grants, err := w.db.Grants(t.Context(), "clock"); err != nil || len(grants) != 0 {
		t.Errorf("grants: %v %v", grants, err)
	}
	must(t, w.eraser.User(t.Context(), ada.ID)) // again: nothing is left to do
}

// A mark ends the sessions at once; the last administrator stays.
func TestErase_TheLastAdministratorStays(t *testing.T) {
	w, stop := open(t, t.TempDir())
	defer stop()
	ada, _ := w.person("ada", true)
	if err := w.accounts.Erase(t.Context(), ada); sensocto.ErrorReason(err) != "last_administrator" {
		t.Errorf("%v", err)
	}
	w.person("bob", true)
	must(t, w.accounts.Erase(t.Context(), ada))
	if sessions, err := w.accounts.Sessions(t.Context(), ada.ID); err != nil || len(sessions) != 0 {
		t.Errorf("%v %v", sessions, err)
	}
	if _, err := w.accounts.SignIn(t.Context(), ada.Email, "whatever", sensocto.Client{Address: "192.0.2.1:1"}); err == nil {
		t.Error("signed in")
	}
}

// orphan makes sensors that somebody without an account owns.
func (w *world) orphan(n int, of string) (ids []string) {
	w.t.Helper()
	nobody := sensocto.Identity{ID: "s-" + of, UserID: of, OwnerID: of, Scopes: []sensocto.Scope{sensocto.ScopeIngest}}
	for i := range n {
		id := fmt.Sprintf("%s-%d", of, i)
		w.bring(nobody, id)
		ids = append(ids, id)
	}
	return ids
}

// A sensor whose owner has no account goes, with its samples, at the second look;
// those of people, of the operator and of callers without a credential stay.
func TestOrphans_AreRemoved(t *testing.T) {
	w, stop := open(t, t.TempDir())
	defer stop()
	_, adaID := w.person("ada", false)
	w.bring(adaID, "strap")
	w.bring(sensocto.Identity{ID: "token", OwnerID: sensocto.OperatorID, Scopes: []sensocto.Scope{sensocto.ScopeIngest}}, "clock")
	w.bring(sensocto.Identity{ID: sensocto.GuestID, OwnerID: sensocto.GuestID, Scopes: []sensocto.Scope{sensocto.ScopeIngest}}, "kiosk")
	w.orphan(2, "gone")
	must(t, w.eraser.Orphans(t.Context()))
	if n := len(w.ids()); n != 5 {
		t.Fatalf("%d sensors after one look", n)
	}
	w.orphan(1, "gone-since")
	must(t, w.eraser.Orphans(t.Context()))
	got := w.ids()
	if slices.Sort(got); !slices.Equal(got, []string{"clock", "gone-since-0", "kiosk", "strap"}) {
		t.Errorf("sensors: %v", got)
	}
	if page, err := w.store.Read(t.Context(), "gone-0", "ecg", sensocto.Query{}); err != nil || len(page.Samples) != 0 {
		t.Errorf("its samples: %v %v", page.Samples, err)
	}
	if n := metric(w.eraser, "erasure_orphans_removed_total"); n != 2 {
		t.Errorf("%v were counted", n)
	}
}

// A database without its accounts does not lose its measurements.
func TestOrphans_ManyAreHeld(t *testing.T) {
	w, stop := open(t, t.TempDir())
	defer stop()
	w.orphan(11, "gone")
	w.person("ada", false)
	for range 3 {
		must(t, w.eraser.Orphans(t.Context()))
	}
	if n := len(w.ids()); n != 11 || metric(w.eraser, "erasure_orphans_held") != 11 {
		t.Errorf("%d sensors, %v held", n, metric(w.eraser, "erasure_orphans_held"))
	}
	_, err := w.sensors.Delete(t.Context(), "gone-0") // the operator decides
	must(t, err)
	must(t, w.eraser.Orphans(t.Context()))
	if n := len(w.ids()); n != 0 || metric(w.eraser, "erasure_orphans_held") != 0 {
		t.Errorf("%d sensors, %v held", n, metric(w.eraser, "erasure_orphans_held"))
	}
}

func TestOrphans_AreHeldWhereNobodyHasAnAccount(t *testing.T) {
	w, stop := open(t, t.TempDir())
	defer stop()
	w.orphan(1, "gone")
	for range 3 {
		must(t, w.eraser.Orphans(t.Context()))
	}
	if n := len(w.ids()); n != 1 || metric(w.eraser, "erasure_orphans_held") != 1 {
		t.Errorf("%d sensors, %v held", n, metric(w.eraser, "erasure_orphans_held"))
	}
}

func metric(e *erasure.Eraser, name string) (v float64) {
	e.Metrics(func(m sensocto.Metric) {
		if m.Name == name {
			v = m.Value
		}
	})
	return v
}

// one is a Store and Sensors with one sensor, whose owner is gone.
type one struct{ deleted chan string }

func (one) UsersToErase(context.Context, time.Time, int) ([]string, error) { return nil, nil }
func (one) RoomsOwnedBy(context.Context, string) ([]string, error)         { return nil, nil }
func (one) DeleteUser(context.Context, string) error                       { return nil }
func (one) User(context.Context, string) (sensocto.User, error) {
	return sensocto.User{}, sensocto.ErrNotFound
}
func (one) Users(context.Context, string, int) ([]sensocto.User, error) {
	return make([]sensocto.User, 1), nil
}
func (o one) Sensors() []sensocto.Sensor { return []sensocto.Sensor{{ID: "strap", OwnerID: "gone"}} }
func (o one) Delete(_ context.Context, id string) (sensocto.Removed, error) {
	o.deleted <- id
	return sensocto.Removed{}, sensocto.ErrNotFound
}

// Run looks for sensors of nobody each hour.
func TestRun_LooksForOrphans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := one{make(chan string, 10)}
		e := erasure.New(erasure.Options{Store: o, Sensors: o})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		time.Sleep(90 * time.Minute)
		if synctest.Wait(); len(o.deleted) != 0 {
			t.Error("deleted at the first look")
		}
		time.Sleep(time.Hour)
		if synctest.Wait(); len(o.deleted) != 1 {
			t.Errorf("%d deletions after the second look", len(o.deleted))
		}
		cancel()
		must(t, <-ended)
	})
}
