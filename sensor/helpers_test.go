package sensor_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// catalog is a sensor.Catalog in memory.
type catalog struct {
	mu      sync.Mutex
	sensors map[string]sensocto.Sensor
	fail    error
	saves   int // transactions
	rows    int // sensors in these
}

func newCatalog() *catalog { return &catalog{sensors: map[string]sensocto.Sensor{}} }

func (c *catalog) SaveSensors(_ context.Context, sensors []sensocto.Sensor) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	c.saves++
	for _, s := range sensors {
		c.rows++
		c.sensors[s.ID] = s
	}
	return nil
}

func (c *catalog) LoadSensors(context.Context) ([]sensocto.Sensor, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.sensors)), nil
}

func (c *catalog) DeleteSensor(_ context.Context, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sensors, id)
	return nil
}

func (c *catalog) row(id string) (s sensocto.Sensor, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok = c.sensors[id]
	return s, ok
}

func (c *catalog) setFail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = err
}

// faultyStore is a store in which one can plant faults.
type faultyStore struct {
	sensocto.Store
	mu  sync.Mutex
	put func(*sensocto.Batch) error // called before the batch is put
}

func (s *faultyStore) Put(ctx context.Context, b *sensocto.Batch) error {
	s.mu.Lock()
	put := s.put
	s.mu.Unlock()
	if put != nil {
		if err := put(b); err != nil {
			return err
		}
	}
	return s.Store.Put(ctx, b)
}

func (s *faultyStore) plant(put func(*sensocto.Batch) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put = put
}

// world is a registry with everything around it, running.
type world struct {
	*sensor.Registry
	pubsub  *pubsub.Local
	store   *faultyStore
	catalog *catalog
	stop    func() error // ends the registry, and returns what Run did
}

func newWorld(t *testing.T, change ...func(*sensor.Options)) *world {
	t.Helper()
	return openWorld(t, newCatalog(), change...)
}

func openWorld(t *testing.T, c *catalog, change ...func(*sensor.Options)) *world {
	t.Helper()
	st, err := store.Open(context.Background(), storetest.NewMemory(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{pubsub: pubsub.New(), store: &faultyStore{Store: st}, catalog: c}
	o := sensor.Options{Store: w.store, PubSub: w.pubsub, Catalog: c, Log: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&o)
	}
	w.Registry = sensor.NewRegistry(o)
	if err := w.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = st.Run(ctx) })
	registryCtx, stopRegistry := context.WithCancel(context.Background())
	var registry sync.WaitGroup
	var ended error
	registry.Go(func() { ended = w.Run(registryCtx) })
	w.stop = func() error {
		stopRegistry()
		registry.Wait()
		return ended
	}
	t.Cleanup(func() {
		stopRegistry()
		registry.Wait()
		cancel()
		running.Wait()
	})
	return w
}

// device is a sensocto.Device that remembers what it was told.
type device struct {
	mu       sync.Mutex
	replaced int
	commands []string
}

func (d *device) Replaced() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.replaced++
}

func (d *device) Command(c json.RawMessage) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commands = append(d.commands, string(c))
	return true
}

func (d *device) wasReplaced() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.replaced
}

// listener is a subscriber that remembers events.
type listener struct {
	mu       sync.Mutex
	messages []*sensocto.Message
}

func (l *listener) Deliver(m *sensocto.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := *m // m is the publisher's again afterwards
	l.messages = append(l.messages, &kept)
}

func (l *listener) events() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var events []string
	for _, m := range l.messages {
		events = append(events, m.Event)
	}
	return events
}

func (l *listener) last() *sensocto.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.messages) == 0 {
		return nil
	}
	return l.messages[len(l.messages)-1]
}

func (w *world) listen(topic string) *listener {
	l := &listener{}
	w.pubsub.Subscribe(topic, l)
	return l
}

var operator = sensocto.Identity{ID: "t1", OwnerID: sensocto.OperatorID, Scopes: []sensocto.Scope{sensocto.ScopeIngest}}

func (w *world) connect(t *testing.T, id string) (sensocto.SensorLink, *device) {
	t.Helper()
	d := &device{}
	l, err := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: id, SensorName: "Strap", SensorType: "ecg", ConnectorID: "phone", ConnectorName: "Phone"}, d)
	if err != nil {
		t.Fatal(err)
	}
	return l, d
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func fill(b *sensocto.Batch, attribute string, first, n int) *sensocto.Batch {
	for i := range n {
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: attribute, Sample: sensocto.Sample{Timestamp: epoch + int64(first+i)*1000, Value: float64(first + i)}})
	}
	return b
}

// push pushes n measurements and waits until they are in the store.
func push(t *testing.T, l sensocto.SensorLink, attribute string, first, n int) error {
	t.Helper()
	done := make(chan error, 1)
	if err := l.Push(t.Context(), fill(l.Batch(), attribute, first, n), func(err error) { done <- err }); err != nil {
		return err
	}
	return <-done
}

// settle waits until everything pushed before has been done, state announced.
func settle(t *testing.T, l sensocto.SensorLink) {
	t.Helper()
	for range 2 { // the second is handled after the first was announced
		done := make(chan struct{})
		if err := l.Sync(t.Context(), func() { close(done) }); err != nil {
			t.Fatal(err)
		}
		<-done
	}
}

func (w *world) read(t *testing.T, sensorID, attribute string) []sensocto.Sample {
	t.Helper()
	page, err := w.store.Read(t.Context(), sensorID, attribute, sensocto.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return page.Samples
}
