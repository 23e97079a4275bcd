package alert_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/alert"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/sqlite"
)

var shared postgrestest.Shared

func TestMain(m *testing.M) { goleak.VerifyTestMain(shared.Around(m)) }

// each runs a test on both databases.
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
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return peopledb.New(db)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// notifications is a Notifier that remembers; each is on told as well.
type notifications struct {
	told chan string // "user kind text"

	mu   sync.Mutex
	list []string
}

func newNotifications() *notifications { return &notifications{told: make(chan string, 1000)} }

func (n *notifications) Notify(_ context.Context, userID, kind string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	var d struct{ Text string }
	if err := json.Unmarshal(raw, &d); err != nil {
		return err
	}
	line := userID + " " + kind + " " + d.Text
	n.mu.Lock()
	n.list = append(n.list, line)
	n.mu.Unlock()
	n.told <- line
	return nil
}

// take returns what was told since the last call.
func (n *notifications) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.list
	n.list = nil
	return list
}

// wait returns the next that is told, in real time.
func (n *notifications) wait(t *testing.T) string {
	t.Helper()
	select {
	case line := <-n.told:
		return line
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told")
		return ""
	}
}

func identity(userID string) sensocto.Identity {
	return sensocto.Identity{ID: "s-" + userID, UserID: userID, OwnerID: userID, Kind: sensocto.KindSession, Scopes: []sensocto.Scope{sensocto.ScopeIngest, sensocto.ScopeView}}
}

// world is Alerts with everything real around it: the sensor strap is ada's.
type world struct {
	*alert.Alerts
	db     *peopledb.DB
	rights *rights.Rights
	hub    *pubsub.Local
	looks  *attention.Tracker
	told   *notifications
}

func newWorld(t *testing.T, db *peopledb.DB, change func(*alert.Options)) *world {
	t.Helper()
	w := &world{db: db, hub: pubsub.New(), looks: attention.New(attention.Options{}), told: newNotifications()}
	w.rights = rights.New(rights.Options{Store: db, Owner: func(id string) (string, bool) { return "ada", id == "strap" }})
	t.Cleanup(w.rights.Close)
	o := alert.Options{Store: db, Rights: w.rights, Notifier: w.told, PubSub: w.hub, Attention: w.looks}
	if change != nil {
		change(&o)
	}
	w.Alerts = alert.New(o)
	must(t, w.Load(t.Context()))
	return w
}

// run runs the alerts until stop is called.
func run(a *alert.Alerts) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = a.Run(ctx) })
	return sync.OnceFunc(func() { cancel(); work.Wait() })
}

func addUsers(t *testing.T, db *peopledb.DB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		must(t, db.InsertUser(t.Context(), sensocto.User{ID: id, Name: id, Email: id + "@example.org", EmailProven: true, CreatedAt: time.Now(), Version: 1}))
	}
}

// publish sends numbers of an attribute as a device would.
func publish(hub sensocto.PubSub, sensorID, attributeID string, values ...float64) {
	b := &sensocto.Batch{SensorID: sensorID}
	for _, v := range values {
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: attributeID, Sample: sensocto.Sample{Timestamp: time.Now().UnixMicro(), Value: v}})
	}
	hub.Publish(&sensocto.Message{Topic: sensocto.DataTopic(sensorID), Event: sensocto.EventMeasurementsBatch, Payload: b})
}

func metric(a sensocto.MetricSource, name string, labels ...string) (v float64) {
	a.Metrics(func(m sensocto.Metric) {
		if m.Name == name && slices.Equal(m.Labels, labels) {
			v = m.Value
		}
	})
	return v
}

func wantReason(t *testing.T, err error, reason string) {
	t.Helper()
	if sensocto.ErrorReason(err) != reason {
		t.Errorf("%v is not %s", err, reason)
	}
}
