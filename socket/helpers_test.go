package socket_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/socket"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(shared.Around(closing{m})) }

// closing ends what tests share, before goroutines are looked for.
type closing struct{ *testing.M }

func (c closing) Run() int {
	defer func() { fuzzCleanup() }()
	return c.M.Run()
}

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// catalog keeps sensors in memory.
type catalog struct {
	mu      sync.Mutex
	sensors map[string]sensocto.Sensor
}

func (c *catalog) SaveSensors(_ context.Context, sensors []sensocto.Sensor) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range sensors {
		c.sensors[s.ID] = s
	}
	return nil
}

func (c *catalog) LoadSensors(context.Context) ([]sensocto.Sensor, error) { return nil, nil }
func (c *catalog) DeleteSensor(context.Context, string) error             { return nil }

// auth knows tokens by their text, which is the identity's id as well.
type auth struct {
	mu        sync.Mutex
	tokens    map[string][]sensocto.Scope
	listeners map[int]func(string)
	next      int
	userID    string       // whose tokens they are; "": those of the server itself
	checks    atomic.Int64 // credentials that were looked up
}

func (a *auth) Authenticate(_ context.Context, credential string) (sensocto.Identity, error) {
	a.checks.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	scopes, ok := a.tokens[credential]
	if !ok {
		return sensocto.Identity{}, sensocto.ErrUnauthorized
	}
	id := sensocto.Identity{ID: "id-" + credential, OwnerID: sensocto.OperatorID, Scopes: scopes}
	if a.userID != "" {
		id.UserID, id.OwnerID = a.userID, a.userID
	}
	return id, nil
}

func (a *auth) OnRevoked(f func(string)) (stop func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next++
	id := a.next
	a.listeners[id] = f
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.listeners, id)
	}
}

func (a *auth) revoke(credential string) {
	a.mu.Lock()
	delete(a.tokens, credential)
	var tell []func(string)
	for _, f := range a.listeners {
		tell = append(tell, f)
	}
	a.mu.Unlock()
	for _, f := range tell {
		f("id-" + credential)
	}
}

// tightListener gives connections a small buffer in the kernel, so that a peer
// that does not read is felt soon.
type tightListener struct{ net.Listener }

func (l tightListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(8 << 10)
	}
	return c, err
}

// world is a whole server with real parts.
type world struct {
	t      testing.TB
	socket *socket.Server
	http   *httptest.Server
	dialer *websocket.Dialer
	pubsub *pubsub.Local
	store  *store.Store
	reg    *sensor.Registry
	auth   *auth
}

func newWorld(t testing.TB, change ...func(*socket.Options)) *world {
	t.Helper()
	w := assemble(t, change)
	w.http.Listener = tightListener{w.http.Listener}
	w.http.Start()
	w.run()
	return w
}

// newOpenWorld is a world that other hosts can reach.
func newOpenWorld(t testing.TB) *world {
	t.Helper()
	w := assemble(t, nil)
	w.http.Listener.Close()
	var err error
	if w.http.Listener, err = net.Listen("tcp4", ":0"); err != nil {
		t.Fatal(err)
	}
	w.http.Start()
	w.run()
	return w
}

// newPipeWorld is a world whose connections are pipes in memory, so that it
// lives in virtual time.
func newPipeWorld(t testing.TB, change ...func(*socket.Options)) *world {
	t.Helper()
	w := assemble(t, change)
	w.http.Listener.Close()
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	w.http.Listener = l
	w.dialer = &websocket.Dialer{NetDial: func(string, string) (net.Conn, error) {
		near, far := net.Pipe()
		l.conns <- far
		return near, nil
	}}
	w.http.Start()
	w.run()
	return w
}

func assemble(t testing.TB, change []func(*socket.Options)) *world {
	t.Helper()
	w := &world{t: t, dialer: websocket.DefaultDialer, pubsub: pubsub.New(), auth: &auth{listeners: map[int]func(string){}, tokens: map[string][]sensocto.Scope{
		"admin":  {sensocto.ScopeAdmin},
		"ingest": {sensocto.ScopeIngest},
		"view":   {sensocto.ScopeView},
		"view2":  {sensocto.ScopeView},
		"none":   {},
	}}}
	var err error
	if w.store, err = store.Open(t.Context(), storetest.NewMemory(), store.Options{}); err != nil {
		t.Fatal(err)
	}
	w.reg = sensor.NewRegistry(sensor.Options{Store: w.store, PubSub: w.pubsub, Catalog: &catalog{sensors: map[string]sensocto.Sensor{}}, Log: slog.New(slog.DiscardHandler),
		OwnerChanged: func(id string) { w.socket.Recheck(id) }})
	o := socket.Options{Auth: w.auth, Sensors: w.reg, Store: w.store, PubSub: w.pubsub, Attention: attention.New(attention.Options{})}
	for _, f := range change {
		f(&o)
	}
	w.socket = socket.New(o)
	w.http = httptest.NewUnstartedServer(http.HandlerFunc(w.socket.ServeHTTP))
	return w
}

// run starts what has a Run, and stops it in order when the test ends.
func (w *world) run() {
	start := func(run func(context.Context) error) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- run(ctx) }()
		return func() {
			cancel()
			if err := <-done; err != nil {
				w.t.Errorf("Run: %v", err)
			}
		}
	}
	stops := []func(){start(w.store.Run), start(w.reg.Run), start(w.socket.Run)}
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.socket.Shutdown(ctx); err != nil {
			w.t.Errorf("Shutdown: %v", err)
		}
		w.http.Close()
		for _, stop := range slices.Backward(stops) {
			stop()
		}
	})
}

// metric returns a metric's value; labels are name, value, ….
func (w *world) metric(name string, labels ...string) float64 {
	var sum float64
	w.socket.Metrics(func(m sensocto.Metric) {
		if m.Name == name && (len(labels) == 0 || slices.Equal(m.Labels, labels)) {
			sum += m.Value
		}
	})
	return sum
}

// eventually waits for a condition that nothing announces.
func (w *world) eventually(what string, is func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		if is() {
			return
		}
	}
	w.t.Fatalf("never: %s", what)
}

// client is a raw WebSocket.
type client struct {
	t  testing.TB
	ws *websocket.Conn
}

func (w *world) url(query string) string {
	return "ws" + strings.TrimPrefix(w.http.URL, "http") + "/socket/websocket?" + query
}

func (w *world) dial(query string) *client {
	w.t.Helper()
	return w.dialWith(query, nil)
}

func (w *world) dialWith(query string, h http.Header) *client {
	w.t.Helper()
	ws, _, err := w.dialer.Dial(w.url(query), h)
	if err != nil {
		w.t.Fatalf("dial %s: %v", query, err)
	}
	w.t.Cleanup(func() { ws.Close() })
	return &client{t: w.t, ws: ws}
}

// v2 returns a V2 client.
func (w *world) v2() *client { return w.dial("vsn=2.0.0") }

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

func (c *client) receive() string {
	c.t.Helper()
	c.ws.SetReadDeadline(time.Now().Add(patience))
	_, b, err := c.ws.ReadMessage()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return string(b)
}

// expect wants exactly this frame next.
func (c *client) expect(want string) {
	c.t.Helper()
	if got := c.receive(); got != want {
		c.t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// expectPrefix wants a frame that begins like this, and returns it.
func (c *client) expectPrefix(want string) string {
	c.t.Helper()
	got := c.receive()
	if !strings.HasPrefix(got, want) {
		c.t.Fatalf("got  %s\nwant %s…", got, want)
	}
	return got
}

// expectClose wants the connection to be closed with code and reason, after
// any other frames.
func (c *client) expectClose(code int, reason string) {
	c.t.Helper()
	c.ws.SetReadDeadline(time.Now().Add(patience))
	for {
		_, b, err := c.ws.ReadMessage()
		if err == nil {
			c.t.Logf("before the close: %.200s", b)
			continue
		}
		e, ok := err.(*websocket.CloseError)
		if !ok || e.Code != code || e.Text != reason {
			c.t.Fatalf("got %v, want close %d %s", err, code, reason)
		}
		return
	}
}

// script sends the lines that begin with > and expects those that begin with <;
// one that ends in … is a prefix.
func (c *client) script(text string) {
	c.t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "> "):
			c.send(line[2:])
		case strings.HasPrefix(line, "< ") && strings.HasSuffix(line, "…"):
			c.expectPrefix(strings.TrimSuffix(line[2:], "…"))
		case strings.HasPrefix(line, "< "):
			c.expect(line[2:])
		case line != "":
			c.t.Fatalf("bad line %q", line)
		}
	}
}

// v2frame is a decoded V2 text frame.
type v2frame struct {
	joinRef, ref any
	topic, event string
	payload      map[string]any
}

func (c *client) frame() v2frame {
	c.t.Helper()
	text := c.receive()
	var parts []json.RawMessage
	if err := json.Unmarshal([]byte(text), &parts); err != nil || len(parts) != 5 {
		c.t.Fatalf("not a V2 frame: %.200s", text)
	}
	var f v2frame
	for i, into := range []any{&f.joinRef, &f.ref, &f.topic, &f.event, &f.payload} {
		if err := json.Unmarshal(parts[i], into); err != nil {
			c.t.Fatalf("%v in %.200s", err, text)
		}
	}

	return f
}

// device joins a sensor and waits for its first configuration.
func (w *world) device(id string, params string) *client {
	w.t.Helper()
	c := w.v2()
	c.join("1", "sensocto:sensor:"+id, `"bearer_token":"ingest","sensor_name":"S","sensor_type":"ecg","connector_id":"c1","connector_name":"C","attributes":[],"sampling_rate":10,"batch_size":1`+params)
	c.expectPrefix(`["1",null,"sensocto:sensor:` + id + `","backpressure_config",{"attention_level":`)
	return c
}

// join joins a topic and wants ok.
func (c *client) join(ref, topic, params string) string {
	c.t.Helper()
	c.send(fmt.Sprintf(`[%q,%q,%q,"phx_join",{%s}]`, ref, ref, topic, params))
	return c.expectPrefix(fmt.Sprintf(`[%q,%q,%q,"phx_reply",{"status":"ok","response":{`, ref, ref, topic))
}

// sync waits until all that was pushed is with the store and the viewers.
func (c *client) sync(topic string) {
	c.t.Helper()
	c.send(fmt.Sprintf(`["1","sync",%q,"ping",{}]`, topic))
	for {
		if strings.HasPrefix(c.receive(), `["1","sync"`) {
			return
		}
	}
}
