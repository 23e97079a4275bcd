package p2p

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

// testHold is how long attention outlives its last viewer in these tests.
const testHold = 300 * time.Millisecond

// liveParts are the sensors of a server, with their samples and who looks at them.
type liveParts struct {
	sensors *sensor.Registry
	samples *store.Store
	looks   *attention.Tracker
	hub     *pubsub.Local
}

func (l *liveParts) start(n *node, db *sqlite.DB) (stop func()) {
	var err error
	l.hub, l.looks = n.hub, attention.New(attention.Options{Hold: testHold, Spread: -1})
	if l.samples, err = store.Open(n.t.Context(), db, store.Options{}); err != nil {
		n.t.Fatal(err)
	}
	l.sensors = sensor.NewRegistry(sensor.Options{Store: l.samples, PubSub: n.hub, Catalog: db, Forget: n.db.RemoveSensor, Log: testLog(n.t)})
	if err := l.sensors.Load(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	storing, stopStore := context.WithCancel(context.Background())
	sensing, stopSensors := context.WithCancel(context.Background())
	stored, sensed := make(chan struct{}), make(chan struct{})
	go func() { defer close(stored); _ = l.samples.Run(storing) }()
	go func() { defer close(sensed); _ = l.sensors.Run(sensing) }()
	return func() {
		stopSensors()
		<-sensed
		stopStore()
		<-stored
	}
}

// of returns what RoomSync needs; nil for a server without sensors.
func (l *liveParts) of(r sensocto.Rights) *Live {
	if l == nil {
		return nil
	}
	return &Live{Sensors: l.sensors, Samples: l.samples, Attention: l.looks, Rights: r, PubSub: l.hub}
}

// device is the device of a sensor.
type device struct {
	n     *node
	id    string
	link  sensocto.SensorLink
	stop  func()
	count int

	mu     sync.Mutex
	config sensocto.Backpressure
}

func (d *device) Replaced()                    {}
func (d *device) Command(json.RawMessage) bool { return false }

func (n *node) connect(id string) *device {
	n.t.Helper()
	d := &device{n: n, id: id}
	var err error
	d.link, err = n.live.sensors.Connect(n.t.Context(), n.user, sensocto.Registration{SensorID: id, SensorName: "Strap", SensorType: "ecg", ConnectorID: "c", ConnectorName: "Connector",
		Attributes: []sensocto.Attribute{{ID: "ecg", Unit: "mV", SamplingRate: 512}}}, d)
	if err != nil {
		n.t.Fatal(err)
	}
	d.stop = n.live.looks.Watch(id, func(b sensocto.Backpressure) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.config = b
	})
	return d
}

// level returns what the device is asked for.
func (d *device) level() sensocto.AttentionLevel {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.config.AttentionLevel
}

// send sends measurements whose values count up.
func (d *device) send(n int) {
	d.n.t.Helper()
	b := d.link.Batch()
	for range n {
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "ecg", Sample: sensocto.Sample{Timestamp: time.Now().UnixMicro(), Value: float64(d.count)}})
		d.count++
	}
	done := make(chan error, 1)
	if err := d.link.Push(d.n.t.Context(), b, func(err error) { done <- err }); err != nil {
		d.n.t.Fatal(err)
	}
	if err := <-done; err != nil {
		d.n.t.Fatal(err)
	}
}

func (d *device) leave() {
	d.stop()
	d.link.Close()
}

// onlooker watches a sensor like somebody with a browser.
type onlooker struct {
	n   *node
	id  string
	sub sensocto.Subscription

	mu   sync.Mutex
	got  []sensocto.Measurement
	late []time.Duration
}

func (n *node) watch(id string, level sensocto.AttentionLevel) *onlooker {
	o := &onlooker{n: n, id: id}
	o.sub = n.hub.Subscribe(sensocto.DataTopic(id), o)
	n.live.looks.Look(1, id, level)
	n.t.Cleanup(o.leave)
	return o
}

func (o *onlooker) look(level sensocto.AttentionLevel) { o.n.live.looks.Look(1, o.id, level) }

func (o *onlooker) leave() {
	o.n.live.looks.Leave(1, o.id)
	o.sub.Close()
}

// Deliver implements sensocto.Subscriber.
func (o *onlooker) Deliver(m *sensocto.Message) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range m.Payload.(*sensocto.Batch).Measurements {
		o.got = append(o.got, one)
		o.late = append(o.late, now.Sub(time.UnixMicro(one.Timestamp)))
	}
}

func (o *onlooker) values() (all []float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.got {
		all = append(all, m.Value)
	}
	return all
}

// counts checks that the values are consecutive, and returns how many there are.
func (o *onlooker) counts() int {
	o.n.t.Helper()
	all := o.values()
	for i := range all {
		if all[i] != all[0]+float64(i) {
			o.n.t.Fatalf("value %v at place %d of values from %v on", all[i], i, all[0])
		}
	}
	return len(all)
}

// twoLive returns two servers that share a room in which the first has a sensor, its
// device, and the sensor's id at the second.
func twoLive(t testing.TB) (a, b *node, roomID string, d *device, id string) {
	return twoLiveWith(t, sensocto.ShareTerms{})
}

func twoLiveWith(t testing.TB, terms sensocto.ShareTerms) (a, b *node, roomID string, d *device, id string) {
	t.Helper()
	a = (&node{t: t, name: "a", dir: t.TempDir(), live: &liveParts{}}).begin()
	b = (&node{t: t, name: "b", dir: t.TempDir(), live: &liveParts{}}).begin()
	roomID = a.create("Lab")
	d = a.connect("strap")
	d.send(1)
	if err := a.rooms.Share(t.Context(), a.user, roomID, "strap", terms); err != nil {
		t.Fatal(err)
	}
	b.join(a.ticket(roomID, sensocto.RoleMember))
	id, _ = LocalSensorID(SensorRef{a.options.Keys.Person(a.user.UserID).Key, "strap"})
	eventually(t, "sensor at the other server", func() bool { _, ok := b.live.sensors.Sensor(id); return ok })
	eventually(t, "member at the sensor's server", func() bool {
		m, _ := a.showing(roomID, b.options.Keys.Person(b.user.UserID).Key, SensorRef{})
		return m.Endpoint != ""
	})
	return a, b, roomID, d, id
}

// noStreams waits until nobody sees a sensor of the server any more.
func (n *node) noStreams() {
	n.t.Helper()
	eventually(n.t, "end of streams", func() bool {
		n.RoomSync.live.mu.Lock()
		defer n.RoomSync.live.mu.Unlock()
		return len(n.RoomSync.live.served) == 0
	})
}

func TestLive_WhatSomebodyLooksAtFlows(t *testing.T) {
	a, b, _, d, id := twoLive(t)
	s, _ := b.live.sensors.Sensor(id)
	if s.Name != "Strap" || s.Activity != sensocto.ActivityOffline || s.OwnerID == "" || s.OwnerID == b.user.UserID {
		t.Errorf("before anybody looks: %+v", s)
	}
	if n := a.RoomSync.live.count.sent.Load(); n != 0 || d.level() != sensocto.AttentionNone {
		t.Errorf("%d samples were sent, level %v, and nobody looks", n, d.level())
	}

	o := b.watch(id, sensocto.AttentionMedium)
	eventually(t, "level at the device", func() bool { return d.level() == sensocto.AttentionMedium })
	eventually(t, "online", func() bool { s, _ := b.live.sensors.Sensor(id); return s.Activity != sensocto.ActivityOffline })
	if s, _ := b.live.sensors.Sensor(id); len(s.Attributes) != 1 || s.Attributes[0].Unit != "mV" {
		t.Errorf("%+v", s)
	}
	for range 200 {
		d.send(5)
	}
	eventually(t, "samples", func() bool { return o.counts() == 1000 })
	if first := o.values()[0]; first != 1 {
		t.Errorf("the first value is %v: what was before somebody looked does not come", first)
	}
	if l, err := b.live.samples.Latest(t.Context(), id, sensocto.LatestQuery{Limit: 1}); err != nil || len(l) > 0 {
		t.Errorf("stored at the viewer's server: %v %v", l, err)
	}
	o.look(sensocto.AttentionHigh)
	eventually(t, "higher level at the device", func() bool { return d.level() == sensocto.AttentionHigh })
	o.look(sensocto.AttentionLow)
	eventually(t, "lower level at the device", func() bool { return d.level() == sensocto.AttentionLow })

	left := time.Now()
	o.leave()
	eventually(t, "none at the device", func() bool { return d.level() == sensocto.AttentionNone })
	if took := time.Since(left); took < testHold {
		t.Errorf("the level fell after %v, before the hold was over", took)
	}
	sent := a.RoomSync.live.count.sent.Load()
	d.send(10)
	a.noStreams()
	if n := a.RoomSync.live.count.sent.Load(); n != sent {
		t.Errorf("%d samples were sent that nobody watched", n-sent)
	}
	if s, _ := b.live.sensors.Sensor(id); s.Activity != sensocto.ActivityOffline {
		t.Errorf("%v after the stream ended", s.Activity)
	}

	// Somebody looks again: from then on.
	o = b.watch(id, sensocto.AttentionHigh)
	eventually(t, "level at the device", func() bool { return d.level() == sensocto.AttentionHigh })
	d.send(3)
	eventually(t, "samples", func() bool { return slices.Equal(o.values(), []float64{1011, 1012, 1013}) })

	d.leave()
	eventually(t, "offline with its device", func() bool { s, _ := b.live.sensors.Sensor(id); return s.Activity == sensocto.ActivityOffline })
}
