package web_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(shared.Around(m)) }

// world is a handler with everything real behind it.
type world struct {
	http.Handler
	accounts *account.Accounts
	sensors  *sensor.Registry
	store    sensocto.Store
	log      *syncBuffer

	viewer, ingester, admin string // tokens
}

type setup struct {
	guests []sensocto.Scope
	web    func(*web.Options)
}

func newWorld(t testing.TB, s setup) *world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: st, log: &syncBuffer{}}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.accounts = account.New(account.Options{Store: peopledb.New(db), GuestScopes: s.guests})
	w.sensors = sensor.NewRegistry(sensor.Options{Store: st, PubSub: pubsub.New(), Catalog: db, Log: log})
	start(t, db.Close, st.Run, w.sensors.Run)
	o := web.Options{Auth: w.accounts, Sensors: w.sensors, Store: st, Version: "1.2.3", Log: log}
	if s.web != nil {
		s.web(&o)
	}
	w.Handler = web.New(o)
	w.viewer, w.ingester, w.admin = w.token(t, sensocto.ScopeView), w.token(t, sensocto.ScopeIngest), w.token(t, sensocto.ScopeAdmin)
	return w
}

// start runs the parts bottom-up and stops them top-down with the test.
func start(t testing.TB, last func() error, parts ...func(context.Context) error) {
	t.Cleanup(func() { _ = last() })
	for _, run := range parts {
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { _ = run(ctx) })
		t.Cleanup(func() { cancel(); wg.Wait() })
	}
}

func (w *world) token(t testing.TB, s sensocto.Scope) string {
	t.Helper()
	text, _, err := w.accounts.Create(t.Context(), string(s), []sensocto.Scope{s})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// device is a sensocto.Device that remembers its commands.
type device struct {
	mu       sync.Mutex
	commands []string
}

func (d *device) Replaced() {}
func (d *device) Command(c json.RawMessage) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commands = append(d.commands, string(c))
	return true
}

// connect brings a sensor.
func (w *world) connect(t testing.TB, id string) (sensocto.SensorLink, *device) {
	t.Helper()
	d := &device{}
	owner := sensocto.Identity{ID: "x", OwnerID: sensocto.OperatorID, Scopes: []sensocto.Scope{sensocto.ScopeIngest}}
	link, err := w.sensors.Connect(t.Context(), owner, sensocto.Registration{
		SensorID: id, SensorName: "Sensor " + id, SensorType: "ecg", ConnectorID: "c1", ConnectorName: "Connector", SamplingRate: 512,
		Attributes: []sensocto.Attribute{{ID: "ecg", Name: "ECG", Type: "ecg", Unit: "mV", SamplingRate: 512}},
	}, d)
	if err != nil {
		t.Fatal(err)
	}
	return link, d
}

// push sends samples of one attribute and waits until they are stored.
func push(t testing.TB, link sensocto.SensorLink, attribute string, samples ...sensocto.Sample) {
	t.Helper()
	b := link.Batch()
	for _, s := range samples {
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: attribute, Sample: s})
	}
	done := make(chan error, 1)
	if err := link.Push(t.Context(), b, func(err error) { done <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// call is a request; its zero value is GET without a token from elsewhere.
type call struct {
	method, path, token, body string
	peer, host                string
	header                    map[string]string
}

func (w *world) do(c call) *httptest.ResponseRecorder {
	r := httptest.NewRequest(cmp.Or(c.method, http.MethodGet), c.path, strings.NewReader(c.body))
	r.RemoteAddr = cmp.Or(c.peer, "192.0.2.1:1234")
	r.Host = cmp.Or(c.host, "sensors.example")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for k, v := range c.header {
		r.Header.Set(k, v)
	}
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	return answer
}

// get returns what a viewer gets, which must be there.
func (w *world) get(t testing.TB, path string) *httptest.ResponseRecorder {
	t.Helper()
	answer := w.do(call{path: path, token: w.viewer})
	if answer.Code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, answer.Code, answer.Body)
	}
	return answer
}

func decode[T any](t testing.TB, body io.Reader) T {
	t.Helper()
	var v T
	if err := json.NewDecoder(body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// checkProblem says whether the answer is an RFC 9457 problem of the status.
func checkProblem(t testing.TB, answer *httptest.ResponseRecorder, status int) {
	t.Helper()
	if answer.Code != status || answer.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s %s, want problem %d", answer.Code, answer.Header().Get("Content-Type"), answer.Body, status)
		return
	}
	var p struct {
		Status        int
		Title, Detail string
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil || p.Status != status || p.Title != http.StatusText(status) || p.Detail == "" {
		t.Errorf("problem %s: %v", answer.Body, err)
	}
}

// syncBuffer is a log that several goroutines write.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
