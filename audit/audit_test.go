package audit_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/audit"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/sqlite"
)

var shared postgrestest.Shared

func TestMain(m *testing.M) { goleak.VerifyTestMain(shared.Around(m)) }

// each runs a test on both databases.
func each(t *testing.T, f func(t *testing.T, db *peopledb.DB, sql peopledb.SQL)) {
	t.Run("sqlite", func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		f(t, peopledb.New(db), db)
	})
	t.Run("postgres", func(t *testing.T) {
		db, err := postgres.Open(t.Context(), shared.Database(t), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		f(t, peopledb.New(db), db)
	})
}

var (
	ada   = sensocto.Identity{ID: "s-ada", UserID: "ada", OwnerID: "ada", Scopes: []sensocto.Scope{sensocto.ScopeView}}
	bob   = sensocto.Identity{ID: "s-bob", UserID: "bob", OwnerID: "bob", Scopes: []sensocto.Scope{sensocto.ScopeView}}
	admin = sensocto.Identity{ID: "s-eve", UserID: "eve", OwnerID: "eve", Scopes: []sensocto.Scope{sensocto.ScopeAdmin}}
)

// run runs the log until stop is called, which returns when all is written.
func run(log *audit.Log) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = log.Run(ctx) })
	return func() { cancel(); work.Wait() }
}

func text(events []sensocto.AuditEvent) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%s:%s>%s@%s ", e.Action, e.ActorID, e.UserID, e.Address)
	}
	return strings.TrimSpace(b.String())
}

func TestLog_ShowsPeopleWhatConcernsThem(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB, _ peopledb.SQL) {
		log := audit.New(audit.Options{Store: db})
		stop := run(log)
		as := func(id sensocto.Identity, address string) context.Context {
			return sensocto.WithCaller(t.Context(), sensocto.Caller{Identity: id, Address: address})
		}
		log.Record(as(ada, "192.0.2.1:99"), sensocto.AuditEvent{Action: sensocto.AuditRoomCreated, RoomID: "r"})
		log.Record(as(ada, "192.0.2.1:99"), sensocto.AuditEvent{Action: sensocto.AuditMemberKicked, UserID: "bob", RoomID: "r"})
		log.Record(as(sensocto.Identity{OwnerID: sensocto.GuestID}, "192.0.2.7:1"), sensocto.AuditEvent{Action: sensocto.AuditSignInRefused, UserID: "bob"})
		log.Record(as(bob, "[2001:db8::1]:5"), sensocto.AuditEvent{Action: sensocto.AuditSignedIn, ActorID: "bob", UserID: "bob"})
		stop() // writes what is queued

		list := func(id sensocto.Identity, q sensocto.AuditQuery) []sensocto.AuditEvent {
			t.Helper()
			events, err := log.List(t.Context(), id, q)
			if err != nil {
				t.Fatal(err)
			}
			return events
		}
		want := "signed_in:bob>bob@2001:db8::1 sign_in_refused:>bob@192.0.2.7 member_kicked:ada>bob@"
		mine := list(bob, sensocto.AuditQuery{Limit: 10})
		if got := text(mine); got != want {
			t.Errorf("bob sees %s", got)
		}
		if got := text(list(bob, sensocto.AuditQuery{Before: mine[0].ID, Limit: 1})); got != "sign_in_refused:>bob@192.0.2.7" {
			t.Errorf("the next page is %s", got)
		}
		if got := text(list(ada, sensocto.AuditQuery{Limit: 10})); got != "member_kicked:ada>bob@192.0.2.1 room_created:ada>@192.0.2.1" {
			t.Errorf("ada sees %s", got)
		}
		if got := text(list(admin, sensocto.AuditQuery{Limit: 2})); got != "signed_in:bob>bob@2001:db8::1 sign_in_refused:>bob@192.0.2.7" {
			t.Errorf("an administrator sees %s", got)
		}
		if got := text(list(admin, sensocto.AuditQuery{UserID: "bob", Limit: 10})); !strings.Contains(got, "member_kicked:ada>bob@192.0.2.1") {
			t.Errorf("an administrator sees %s", got)
		}
		for _, e := range list(admin, sensocto.AuditQuery{Limit: 10}) {
			if named := e.CredentialID != ""; named != (e.Action != sensocto.AuditSignInRefused) {
				t.Errorf("%s with credential %q", e.Action, e.CredentialID)
			}
		}
		if _, err := log.List(t.Context(), bob, sensocto.AuditQuery{UserID: "ada", Limit: 10}); sensocto.ErrorReason(err) != "no_right" {
			t.Errorf("bob sees ada's: %v", err)
		}
		if _, err := log.List(t.Context(), sensocto.Identity{}, sensocto.AuditQuery{Limit: 10}); sensocto.ErrorCode(err) != sensocto.CodeUnauthorized {
			t.Errorf("nobody sees: %v", err)
		}
		// The administrator's reading is an event, too.
		if err := log.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := text(list(bob, sensocto.AuditQuery{Limit: 1})); got != "audit_read:eve>bob@" {
			t.Errorf("bob does not see who looked: %s", got)
		}
	})
}

func TestLog_IsAppendOnly(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB, sql peopledb.SQL) {
		log := audit.New(audit.Options{Store: db})
		log.Record(t.Context(), sensocto.AuditEvent{Action: sensocto.AuditSignedIn, ActorID: "ada", Detail: "a\x00b\x1b\xff" + strings.Repeat("x", 500)})
		if err := log.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := update(t.Context(), sql, "UPDATE audit SET actor_id = 'bob'"); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("an event was changed: %v", err)
		}
	})
}

func TestLog_ForgetsWhatIsOld(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB, _ peopledb.SQL) {
		log := audit.New(audit.Options{Store: db})
		log.Record(t.Context(), sensocto.AuditEvent{Action: sensocto.AuditSignedIn, ActorID: "ada"})
		if err := log.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			before        time.Time
			removed, left int
		}{{time.Now().Add(-time.Hour), 0, 1}, {time.Now().Add(time.Hour), 1, 0}} {
			n, err := db.ForgetAudit(t.Context(), step.before, 10)
			events, e := db.Audit(t.Context(), sensocto.AuditQuery{Limit: 10})
			if err != nil || e != nil || n != int64(step.removed) || len(events) != step.left {
				t.Errorf("removed %d, left %d: %v %v", n, len(events), err, e)
			}
		}
	})
}

// memory is a store that can be away.
type memory struct {
	mu     sync.Mutex
	away   bool
	events []sensocto.AuditEvent
}

func (m *memory) InsertAudit(_ context.Context, events []sensocto.AuditEvent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return errors.New("away")
	}
	m.events = append(m.events, events...)
	return nil
}

func (m *memory) Audit(context.Context, sensocto.AuditQuery) ([]sensocto.AuditEvent, error) {
	return nil, nil
}
func (m *memory) ForgetAudit(context.Context, time.Time, int) (int64, error) { return 0, nil }

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.events)
}

func (m *memory) setAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

func metric(log *audit.Log, name string) (v float64) {
	log.Metrics(func(m sensocto.Metric) {
		if m.Name == name {
			v = m.Value
		}
	})
	return v
}

// While the database is away nobody waits; what exceeds the queue is counted.
func TestLog_DropsAndCountsWhatExceedsTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{away: true}
		log := audit.New(audit.Options{Store: store, Queue: 10})
		stop := run(log)
		log.Record(t.Context(), sensocto.AuditEvent{Action: sensocto.AuditSignedIn, ActorID: "ada"})
		time.Sleep(5 * time.Second) // Run holds that one, and tries
		for range 15 {
			log.Record(t.Context(), sensocto.AuditEvent{Action: sensocto.AuditSignedIn, ActorID: "ada"})
		}
		if n := metric(log, "audit_dropped_total"); n != 5 {
			t.Errorf("%v dropped", n)
		}
		store.setAway(false)
		time.Sleep(time.Minute)
		if n := store.count(); n != 11 || metric(log, "audit_written_total") != 11 {
			t.Errorf("%d written", n)
		}
		store.setAway(true)
		log.Record(t.Context(), sensocto.AuditEvent{Action: sensocto.AuditSignedIn, ActorID: "ada"})
		began := time.Now()
		stop()
		if took := time.Since(began); took > 6*time.Second || metric(log, "audit_dropped_total") != 6 {
			t.Errorf("the end took %v, dropped %v", took, metric(log, "audit_dropped_total"))
		}
	})
}

// Commands that are sent again and again have an event for the first and one for
// the others: they push out nobody's.
func TestLog_GathersCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		log := audit.New(audit.Options{Store: store})
		stop := run(log)
		send := func(id sensocto.Identity, sensorID string, times int) {
			for range times {
				log.Record(sensocto.WithCaller(t.Context(), sensocto.Caller{Identity: id}), sensocto.AuditEvent{Action: sensocto.AuditCommanded, SensorID: sensorID, UserID: "owner"})
			}
		}
		send(ada, "strap", 10_000)
		send(bob, "strap", 1)
		send(ada, "belt", 1)
		time.Sleep(3 * time.Minute)
		send(ada, "strap", 3)
		stop()
		var got []string
		for _, e := range store.events {
			detail, _, _ := strings.Cut(e.Detail, " since")
			got = append(got, fmt.Sprintf("%s %s>%s %s", e.SensorID, e.ActorID, e.UserID, detail))
		}
		want := []string{"strap ada>owner ", "strap bob>owner ", "belt ada>owner ", "strap ada>owner 9999 more", "strap ada>owner ", "strap ada>owner 2 more"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if n := metric(log, "audit_dropped_total"); n != 0 {
			t.Errorf("%v dropped", n)
		}
	})
}
