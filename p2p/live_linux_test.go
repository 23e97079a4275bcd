package p2p

import (
	"context"
	"encoding/json"
	"reflect"
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

// A sensor that nobody has looked at is listed with what it measures, and no sample flows
// and its device is asked for nothing for that.
func TestLive_ASensorIsDescribedBeforeAnybodyLooks(t *testing.T) {
	a, b, _, d, id := twoLive(t)
	eventually(t, "attributes", func() bool {
		s, _ := b.live.sensors.Sensor(id)
		return len(s.Attributes) == 1 && s.Attributes[0].ID == "ecg" && s.Attributes[0].Unit == "mV"
	})
	d.send(10)
	a.noStreams()
	if s, _ := b.live.sensors.Sensor(id); s.Activity != sensocto.ActivityOffline {
		t.Errorf("it is %s", s.Activity)
	}
	if n := a.RoomSync.live.count.sent.Load() + b.RoomSync.live.count.received.Load(); n != 0 || d.level() != sensocto.AttentionNone {
		t.Errorf("%d samples flowed, the device is asked for %v", n, d.level())
	}

	// Once is enough.
	r := b.RoomSync.live.remote(id)
	if _, due := r.mayDescribe(time.Now().Add(time.Hour)); due {
		t.Error("it is asked again")
	}
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

// pause of a network: the stream ends, and goes on where it was.
func TestLive_AStreamThatEndsGoesOnWhereItWas(t *testing.T) {
	_, b, _, d, id := twoLive(t)
	o := b.watch(id, sensocto.AttentionHigh)
	eventually(t, "level at the device", func() bool { return d.level() == sensocto.AttentionHigh })
	for range 3 {
		d.send(100)
		eventually(t, "samples", func() bool { n := o.counts(); return n > 0 && n%100 == 0 && n == d.count-1 })
		signalProcess(t, pidOf(t, b.options.Sidecar), "-KILL")
		for range 50 { // more than what a queue holds would be in memory, too
			d.send(100)
		}
		eventually(t, "samples that came meanwhile", func() bool { return o.counts() == d.count-1 })
	}
	if lost := b.RoomSync.live.count.lost.Load(); lost != 0 {
		t.Errorf("%d samples lost", lost)
	}
}

// A peer that does not take what is sent holds up nobody, and gets all of it later.
func TestLive_ASlowPeerGetsAllFromMemory(t *testing.T) {
	a, b, _, d, id := twoLive(t)
	o := b.watch(id, sensocto.AttentionHigh)
	eventually(t, "level at the device", func() bool { return d.level() == sensocto.AttentionHigh })
	lagged := func() bool { return a.RoomSync.live.count.lagged.Load() > 0 }
	for range 5 { // a busy machine may not fill the queue in time
		pid := pidOf(t, b.options.Sidecar)
		signalProcess(t, pid, "-STOP")
		for began := time.Now(); !lagged() && time.Since(began) < 3*time.Second; { // the sidecar is killed where it answers no ping
			d.send(2000)
		}
		signalProcess(t, pid, "-CONT")
		if lagged() {
			break
		}
	}
	if !lagged() {
		t.Fatal("the queue did not fill")
	}
	d.send(1)
	eventually(t, "all samples", func() bool { return o.counts() == d.count-1 })
}

func TestLive_ARightThatEndsEndsTheStream(t *testing.T) {
	end := map[string]func(t *testing.T, a, b *node, roomID string){
		"the sensor is taken out": func(t *testing.T, a, _ *node, roomID string) {
			if err := a.rooms.Unshare(t.Context(), a.user, roomID, "strap"); err != nil {
				t.Fatal(err)
			}
		},
		"the member is removed": func(t *testing.T, a, b *node, roomID string) {
			if err := a.rooms.Remove(t.Context(), a.user, roomID, a.people.known(b.options.Keys.Person(b.user.UserID).Key), false); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, revoke := range end {
		t.Run(name, func(t *testing.T) {
			a, b, roomID, d, id := twoLive(t)
			o := b.watch(id, sensocto.AttentionHigh)
			eventually(t, "level at the device", func() bool { return d.level() == sensocto.AttentionHigh })
			d.send(10)
			eventually(t, "samples", func() bool { return o.counts() == 10 })
			revoke(t, a, b, roomID)
			sent := a.RoomSync.live.count.sent.Load()
			d.send(10)
			a.noStreams()
			eventually(t, "none at the device", func() bool { return d.level() == sensocto.AttentionNone })
			if n := a.RoomSync.live.count.sent.Load(); n != sent || o.counts() != 10 {
				t.Errorf("%d samples were sent after the right had ended", n-sent)
			}
			if a.RoomSync.live.count.revoked.Load() == 0 {
				t.Error("nothing was counted")
			}
		})
	}
}

// stranger is a peer with an endpoint of its own that opens streams as it likes.
func stranger(t *testing.T, a *node) *Sidecar {
	eve := running(t, SidecarOptions{Program: program(t)})
	eventually(t, "start", up(eve))
	// It knows where the server is from a ticket that only reads.
	ticket := a.ticket(a.create("Open house"), "")
	if _, _, err := eve.Import(t.Context(), ticket.Doc); err != nil {
		t.Fatal(err)
	}
	return eve
}

// speak opens a stream, writes bytes, and returns the first answer that is a failure.
func speak(t *testing.T, from *Sidecar, to *node, text []byte) failedFrame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	var stream *Stream
	eventually(t, "stream", func() (ok bool) {
		var err error
		stream, err = from.OpenStream(ctx, to.options.Sidecar.State().Endpoint, sensorProtocol)
		return err == nil
	})
	defer func() { _ = stream.Close(context.WithoutCancel(ctx)) }()
	if err := stream.Write(ctx, text); err != nil {
		return failedFrame{Reason: "not_taken"}
	}
	in := &frames{read: stream.Read, most: maxDataFrame}
	for {
		kind, body, err := in.next(ctx)
		if err != nil {
			return failedFrame{Reason: "ended", Message: err.Error()}
		}
		switch kind {
		case frameFailed:
			var f failedFrame
			if err := json.Unmarshal(body, &f); err != nil {
				t.Fatal(err)
			}
			return f
		case frameState, framePing, frameBegin:
		default:
			t.Fatalf("a peer without a right got a frame of kind %d", kind)
		}
	}
}

func jsonFrame(t *testing.T, kind byte, v any) []byte {
	t.Helper()
	frame, err := appendJSONFrame(nil, kind, v)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func TestLive_WhoHasNoRightSeesNothing(t *testing.T) {
	a, b, roomID, d, _ := twoLive(t)
	a.connect("secret")
	eve := stranger(t, a)
	owner, bob := a.options.Keys.Person(a.user.UserID).Key, b.options.Keys.Person(b.user.UserID).Key
	open := func(room string, as, owner Key, sensor string) []byte {
		return append(jsonFrame(t, frameOpen, openFrame{room, as, owner, sensor}), jsonFrame(t, frameWatch, watchFrame{Level: "high"})...)
	}
	mine, _ := NewInvite()
	for name, try := range map[string]struct {
		from *Sidecar
		text []byte
	}{
		"as a member of another server": {eve, open(roomID, bob, owner, "strap")},
		"as the owner":                  {eve, open(roomID, owner, owner, "strap")},
		"as nobody":                     {eve, open(roomID, mine.Key, owner, "strap")},
		"a room that is not there":      {b.options.Sidecar, open("nowhere", bob, owner, "strap")},
		"a sensor that is not shared":   {b.options.Sidecar, open(roomID, bob, owner, "secret")},
		"a sensor of somebody else":     {b.options.Sidecar, open(roomID, bob, bob, "strap")},
		"as the owner, from a member":   {b.options.Sidecar, open(roomID, owner, owner, "strap")},
	} {
		if f := speak(t, try.from, a, try.text); f.Reason != errNoSensor.Reason || f.ID != 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if d.level() != sensocto.AttentionNone {
		t.Errorf("the device was asked for %v", d.level())
	}
	if n := a.RoomSync.live.count.refused.Load(); n < 7 {
		t.Errorf("%d refused", n)
	}
	a.noStreams()
}

func TestLive_GarbageEndsTheStream(t *testing.T) {
	a, b, roomID, d, id := twoLive(t)
	owner, bob := a.options.Keys.Person(a.user.UserID).Key, b.options.Keys.Person(b.user.UserID).Key
	open := jsonFrame(t, frameOpen, openFrame{roomID, bob, owner, "strap"})
	for name, text := range map[string][]byte{
		"no frame":                     []byte("GET / HTTP/1.1\r\n\r\n"),
		"another first frame":          jsonFrame(t, frameWatch, watchFrame{Level: "high"}),
		"no JSON":                      appendFrame(nil, frameOpen, []byte("{")),
		"a level that is none":         append(slices.Clone(open), jsonFrame(t, frameWatch, watchFrame{Level: "utmost"})...),
		"a kind that is none":          append(slices.Clone(open), appendFrame(nil, 99, nil)...),
		"a frame that is too large":    append(slices.Clone(open), 2, 0xff, 0xff, 0xff, 0x7f),
		"a negative length":            append(slices.Clone(open), 2, 0xff, 0xff, 0xff, 0xff),
		"a question that asks nothing": append(slices.Clone(open), jsonFrame(t, frameAsk, question{ID: 7, AttributeID: "ecg"})...),
	} {
		if f := speak(t, b.options.Sidecar, a, text); f.Code != sensocto.CodeInvalid || (f.ID == 7) != (name == "a question that asks nothing") {
			t.Errorf("%s: %+v", name, f)
		}
	}
	a.noStreams()
	if a.RoomSync.live.count.broken.Load() < 5 {
		t.Error("garbage was not counted")
	}
	// Who behaves is not affected.
	o := b.watch(id, sensocto.AttentionHigh)
	eventually(t, "level at the device", func() bool { return d.level() == sensocto.AttentionHigh })
	d.send(2)
	eventually(t, "samples", func() bool { return o.counts() == 2 })
}

func TestLive_HistoryComesFromTheSensorsServer(t *testing.T) {
	a, b, _, d, id := twoLiveWith(t, sensocto.ShareTerms{AllHistory: true})
	for range 6 {
		d.send(1000)
	}
	here, there := b.Reader(b.live.samples), a.live.samples
	ctx := t.Context()

	latest, err := here.Latest(ctx, id, sensocto.LatestQuery{Limit: 100})
	want, _ := there.Latest(ctx, "strap", sensocto.LatestQuery{Limit: 100})
	if err != nil || !reflect.DeepEqual(latest, want) || len(latest["ecg"].Samples) != 100 {
		t.Errorf("latest: %v, %d samples", err, len(latest["ecg"].Samples))
	}
	for _, q := range []sensocto.Query{{}, {Limit: 10}, {Limit: 5500, Order: sensocto.Descending}, {From: latest["ecg"].Samples[50].Timestamp}} {
		got, err := here.Read(ctx, id, "ecg", q)
		want, _ := there.Read(ctx, "strap", "ecg", q)
		if err != nil || !reflect.DeepEqual(got.Samples, want.Samples) || (got.Next == nil) != (want.Next == nil) {
			t.Errorf("read %+v: %v, %d samples of %d", q, err, len(got.Samples), len(want.Samples))
		}
	}
	for _, q := range []sensocto.HistoryQuery{{}, {MaxBuckets: 50}, {Samples: true, MaxBuckets: 10_000}, {LTTB: true, MaxBuckets: 30}} {
		got, err := here.History(ctx, id, "ecg", q)
		want, _ := there.History(ctx, "strap", "ecg", q)
		got.Buckets, got.Samples = slices.Clip(got.Buckets), slices.Clip(got.Samples)
		if err != nil || got.Width != want.Width || !slices.Equal(got.Buckets, want.Buckets) || len(got.Samples) != len(want.Samples) {
			t.Errorf("history %+v: %v, %d buckets of %d", q, err, len(got.Buckets), len(want.Buckets))
		}
	}
	if got, err := here.Read(ctx, id, "nothing", sensocto.Query{Limit: 10}); err != nil || len(got.Samples) > 0 {
		t.Errorf("an attribute that is not there: %v %v", got, err)
	}
	if d.level() != sensocto.AttentionNone {
		t.Errorf("questions alone asked the device for %v", d.level())
	}
	if got, err := here.Read(ctx, "unknown", "ecg", sensocto.Query{}); err != nil || len(got.Samples) > 0 {
		t.Errorf("a sensor of this server: %v %v", got, err)
	}

	// Its server goes away: a clear error, soon, and the answer when it is back.
	a.cutOff(true)
	eventually(t, "away", func() bool {
		_, err := here.Read(ctx, id, "ecg", sensocto.Query{Limit: 10})
		return sensocto.ErrorReason(err) == ErrSensorAway.Reason
	})
	began := time.Now()
	if _, err := here.Latest(ctx, id, sensocto.LatestQuery{Limit: 1}); sensocto.ErrorReason(err) != ErrSensorAway.Reason || time.Since(began) > 2*connectTime {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	a.cutOff(false)
	eventually(t, "history of a server that is back", func() bool {
		page, err := here.Read(ctx, id, "ecg", sensocto.Query{Limit: 10})
		return err == nil && len(page.Samples) == 10
	})
}

func TestLive_WhatWasBeforeTheSharingIsNotShown(t *testing.T) {
	_, b, _, d, id := twoLive(t)
	d.send(100)
	here := b.Reader(b.live.samples)
	page, err := here.Read(t.Context(), id, "ecg", sensocto.Query{})
	if err != nil || len(page.Samples) != 100 || page.Samples[0].Value != 1 {
		t.Errorf("%v, %d samples", err, len(page.Samples))
	}
	latest, err := here.Latest(t.Context(), id, sensocto.LatestQuery{Limit: 1000})
	if err != nil || len(latest["ecg"].Samples) != 100 {
		t.Errorf("%v, %d samples", err, len(latest["ecg"].Samples))
	}
	h, err := here.History(t.Context(), id, "ecg", sensocto.HistoryQuery{Samples: true})
	if err != nil || len(h.Samples) != 100 {
		t.Errorf("%v, %d samples", err, len(h.Samples))
	}
}

// Notes and markers are measurements that are documents.
func TestLive_MarksComeTheSameWay(t *testing.T) {
	a, b, _, d, id := twoLive(t)
	o := b.watch(id, sensocto.AttentionHigh)
	eventually(t, "level at the device", func() bool { return d.level() == sensocto.AttentionHigh })
	mark := sensocto.Measurement{AttributeID: "notes", Sample: sensocto.Sample{Timestamp: time.Now().UnixMicro(), Document: []byte(`{"id":"1","text":"lay down"}`)}}
	if err := a.live.sensors.Put(t.Context(), "strap", mark); err != nil {
		t.Fatal(err)
	}
	eventually(t, "mark", func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.got) == 1 && o.got[0].AttributeID == "notes" && string(o.got[0].Document) == `{"id":"1","text":"lay down"}`
	})
	page, err := b.Reader(b.live.samples).Read(t.Context(), id, "notes", sensocto.Query{})
	if err != nil || len(page.Samples) != 1 || string(page.Samples[0].Document) != string(mark.Document) {
		t.Errorf("%v %v", page, err)
	}
	if err := b.live.sensors.Put(t.Context(), id, mark); sensocto.ErrorReason(err) != "remote_sensor" {
		t.Errorf("a note that is made at the other server: %v", err)
	}
}

func TestLive_WhatIsWatchedIsKept(t *testing.T) {
	a, b, roomID, d, id := twoLive(t)
	a.setting(roomID, KeepSetting, true)
	eventually(t, "switch", func() bool { r := b.RoomSync.live.remote(id); r.mu.Lock(); defer r.mu.Unlock(); return r.place.keep })
	o := b.watch(id, sensocto.AttentionHigh)
	eventually(t, "level at the device", func() bool { return d.level() == sensocto.AttentionHigh })
	d.send(500)
	eventually(t, "samples", func() bool { return o.counts() == 500 })
	signalProcess(t, pidOf(t, b.options.Sidecar), "-KILL")
	d.send(500)
	eventually(t, "samples that came meanwhile", func() bool { return o.counts() == 1000 })
	stored := func() []float64 {
		page, err := b.live.samples.Read(t.Context(), id, "ecg", sensocto.Query{})
		if err != nil {
			t.Fatal(err)
		}
		var values []float64
		for _, s := range page.Samples {
			values = append(values, s.Value)
		}
		return values
	}
	if got := stored(); !slices.Equal(got, o.values()) {
		t.Errorf("%d samples are stored", len(got))
	}
	o.leave()
	a.noStreams()
	d.send(10)

	// Without its server, what was kept is the history; also after a restart.
	a.cutOff(true)
	b.cutOff(false)
	eventually(t, "sensor after a restart", func() bool { return b.RoomSync.live.remote(id) != nil })
	if s, known := b.live.sensors.Sensor(id); !known || s.OwnerID != b.people.known(a.options.Keys.Person(a.user.UserID).Key) {
		t.Errorf("%+v after a restart", s)
	}
	if got := stored(); len(got) != 1000 {
		t.Errorf("%d samples are stored after a restart", len(got))
	}
	eventually(t, "what was kept", func() bool {
		page, err := b.Reader(b.live.samples).Read(t.Context(), id, "ecg", sensocto.Query{})
		return err == nil && len(page.Samples) == 1000
	})
}

// What the server of a sensor sends is checked as what a device sends.
func TestLive_AHostileServerIsNotBelieved(t *testing.T) {
	_, b, _, _, id := twoLive(t)
	r := b.RoomSync.live.remote(id)
	newSession := func() *session {
		return &session{remote: r, place: r.place, sent: map[uint64]bool{}, names: map[string]string{}, ahead: map[string]int64{}}
	}
	now := time.Now().UnixMicro()
	sample := []sensocto.Sample{{Timestamp: now, Value: 1}}
	for name, f := range map[string]struct {
		kind byte
		body []byte
	}{
		"a kind that is none":       {99, nil},
		"a question":                {frameAsk, []byte(`{"id":1}`)},
		"a state that is no JSON":   {frameState, []byte(`{`)},
		"a begin that is no JSON":   {frameBegin, []byte(`[]`)},
		"half a run":                {frameData, appendRun(nil, "ecg", 0, sample)[:9]},
		"a number beyond all":       {frameData, appendRun(nil, "ecg", maxCount+1, sample)},
		"no attribute":              {frameData, appendRun(nil, "", 0, sample)},
		"a time in the future":      {frameData, appendRun(nil, "ecg", 0, []sensocto.Sample{{Timestamp: now + time.Hour.Microseconds()}})},
		"fewer lost than none":      {frameLost, []byte(`{"samples":-1}`)},
		"an answer without an id":   {frameAnswer, nil},
		"a failure that is no JSON": {frameFailed, []byte(`x`)},
	} {
		if err := newSession().handle(t.Context(), f.kind, f.body); err != errFrame {
			t.Errorf("%s: %v", name, err)
		}
	}

	o := b.watch(id, sensocto.AttentionNone)
	s := newSession()
	data := func(first int64, n int) {
		t.Helper()
		var samples []sensocto.Sample
		for i := range n {
			samples = append(samples, sensocto.Sample{Timestamp: now, Value: float64(first) + float64(i)})
		}
		if err := s.handle(t.Context(), frameData, appendRun(nil, "ecg", first, samples)); err != nil {
			t.Fatal(err)
		}
	}
	data(5, 5) // nothing was asked for
	if err := s.handle(t.Context(), frameBegin, []byte(`{"ecg":10}`)); err != nil {
		t.Fatal(err)
	}
	data(8, 4)
	data(8, 4)
	data(11, 2)
	if err := s.handle(t.Context(), frameAnswer, []byte{77, 1}); err != nil { // to nobody's question
		t.Error(err)
	}
	if err := b.live.sensors.SyncRemote(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := o.values(); !slices.Equal(got, []float64{10, 11, 12}) {
		t.Errorf("%v: each sample comes once", got)
	}
}
