package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/wire"
)

var both = []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}

func device(t *testing.T, c *client.Client, o client.DeviceOptions) *client.Device {
	t.Helper()
	d, err := c.Device(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func options(id string) client.DeviceOptions {
	return client.DeviceOptions{Registration: sensocto.Registration{SensorID: id, SensorType: "ecg", SamplingRate: 512,
		Attributes: []sensocto.Attribute{{ID: "ecg", Unit: "mV", SamplingRate: 512}}}}
}

func numbers(from, n int) []sensocto.Measurement {
	start := time.Now().UnixMicro()
	list := make([]sensocto.Measurement, n)
	for i := range list {
		list[i] = sensocto.Measurement{AttributeID: "ecg", Sample: sensocto.Sample{Timestamp: start + int64(i), Value: float64(from+i) / 3}}
	}
	return list
}

// collector gathers what a view delivers.
type collector struct {
	mu    sync.Mutex
	items []client.Item
}

func (c *collector) update(u client.Update) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, item := range u.Items {
		item.Document = slices.Clone(item.Document)
		c.items = append(c.items, item)
	}
}

func (c *collector) samples() []sensocto.Sample {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []sensocto.Sample
	for _, item := range c.items {
		list = append(list, item.Sample)
	}
	return list
}

func TestDevice_ReachesViewersInEveryEncoding(t *testing.T) {
	for _, tc := range []struct {
		name           string
		version        phx.Version
		deviceIsBinary bool
		viewIsBinary   bool
	}{
		{"V2 JSON", phx.V2, false, false},
		{"V1", phx.V1, false, false},
		{"columns to JSON", phx.V2, true, false},
		{"JSON to columns", phx.V2, false, true},
		{"columns", phx.V2, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, both...)
			var seen collector
			viewer := w.dial(client.Options{Version: tc.version})
			if _, err := viewer.View(t.Context(), "s1", client.ViewOptions{Binary: tc.viewIsBinary, OnUpdate: seen.update}); err != nil {
				t.Fatal(err)
			}
			o := options("s1")
			o.Binary = tc.deviceIsBinary
			d := device(t, w.dial(client.Options{Version: tc.version}), o)
			sent := numbers(0, 100)
			for _, m := range sent {
				if err := d.Add(m); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			stored := w.stored("s1", "ecg", 100)
			eventually(t, func() bool { return len(seen.samples()) >= 100 })
			got := seen.samples()
			for i, m := range sent {
				if got[i].Timestamp != m.Timestamp || math.Float64bits(got[i].Value) != math.Float64bits(m.Value) || stored[i].Value != m.Value {
					t.Fatalf("sample %d: sent %v, seen %v, stored %v", i, m.Sample, got[i], stored[i])
				}
			}
		})
	}
}

func TestDevice_SendsDocumentsBesideColumns(t *testing.T) {
	w := newWorld(t, both...)
	o := options("s1")
	o.Binary = true
	d := device(t, w.dial(client.Options{}), o)
	now := time.Now().UnixMicro()
	err := d.Add(numbers(1, 1)[0], sensocto.Measurement{AttributeID: "imu", Sample: sensocto.Sample{Timestamp: now, Document: []byte(`{"x":1}`)}})
	if err == nil {
		err = d.Sync(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := w.stored("s1", "imu", 1); string(got[0].Document) != `{"x":1}` {
		t.Errorf("document %s", got[0].Document)
	}
	w.stored("s1", "ecg", 1)
}

// Documents and numbers of one attribute and one time stay in order.
func TestDevice_KeepsTheOrderOfDocumentsAndNumbers(t *testing.T) {
	w := newWorld(t, both...)
	o := options("s1")
	o.Binary = true
	d := device(t, w.dial(client.Options{}), o)
	now := time.Now().UnixMicro()
	for i := range 40 {
		m := sensocto.Measurement{AttributeID: "note", Sample: sensocto.Sample{Timestamp: now, Value: float64(i)}}
		if i%3 == 0 {
			m.Value, m.Document = 0, fmt.Appendf(nil, `{"n":%d}`, i)
		}
		if err := d.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, s := range w.stored("s1", "note", 40) {
		if s.Document == nil && s.Value != float64(i) || s.Document != nil && string(s.Document) != fmt.Sprintf(`{"n":%d}`, i) {
			t.Fatalf("sample %d is %v %s", i, s.Value, s.Document)
		}
	}
}

func TestDevice_FollowsBackpressure(t *testing.T) {
	w := newWorld(t, both...)
	levels := make(chan sensocto.Backpressure, 10)
	o := options("s1")
	o.OnBackpressure = func(b sensocto.Backpressure) { levels <- b }
	d := device(t, w.dial(client.Options{}), o)
	if b := <-levels; b.AttentionLevel != sensocto.AttentionNone || b.BatchSize != 20 || b.BatchWindowMS != 5000 {
		t.Errorf("at first %+v", b)
	}
	// One measurement waits for the window of 5 s, until somebody looks.
	if err := d.Add(numbers(0, 1)...); err != nil {
		t.Fatal(err)
	}
	if _, err := w.dial(client.Options{}).View(t.Context(), "s1", client.ViewOptions{}); err != nil {
		t.Fatal(err)
	}
	if b := <-levels; b.AttentionLevel != sensocto.AttentionHigh || b.BatchSize != 1 {
		t.Errorf("watched %+v", b)
	}
	w.stored("s1", "ecg", 1)
}

// What does not fit into one frame follows at once, also where it is less than
// a batch.
func TestDevice_ABacklogDoesNotWaitForAnotherWindow(t *testing.T) {
	peer := newPeer(t)
	o := options("s1")
	asked := make(chan sensocto.Backpressure, 1)
	o.OnBackpressure = func(b sensocto.Backpressure) { asked <- b }
	d := device(t, peer.dial(client.Options{}), o)
	peer.send(`[null,null,"sensocto:sensor:s1","backpressure_config",{"attention_level":"none","recommended_batch_window":600000,"recommended_batch_size":20,"paused":false,"load_level":"normal"}]`)
	<-asked
	if err := d.Add(numbers(0, 1003)...); err != nil {
		t.Fatal(err)
	}
	for got := 0; got < 1003; {
		got += strings.Count(string(peer.next("measurements_batch")), "attribute_id")
	}
	eventually(t, func() bool { return d.Queued() == 0 })
}

func TestDevice_RefusesWhatDoesNotFitItsQueue(t *testing.T) {
	peer := newPeer(t)
	c := peer.dial(client.Options{})
	o := options("s1")
	o.QueueLimit = 10
	paused := make(chan sensocto.Backpressure, 1)
	o.OnBackpressure = func(b sensocto.Backpressure) { paused <- b }
	d := device(t, c, o)
	peer.send(`[null,null,"sensocto:sensor:s1","backpressure_config",{"attention_level":"none","recommended_batch_window":10,"recommended_batch_size":1,"paused":true,"load_level":"critical"}]`)
	if b := <-paused; !b.Paused || b.LoadLevel != sensocto.LoadCritical {
		t.Fatalf("%+v", b)
	}
	if err := d.Add(numbers(0, 10)...); err != nil {
		t.Fatal(err)
	}
	if err := d.Add(numbers(0, 1)...); !errors.Is(err, client.ErrQueueFull) {
		t.Errorf("err = %v, want ErrQueueFull", err)
	}
	if s := c.Stats(); s.Added != 10 || s.Refused != 1 || d.Queued() != 10 {
		t.Errorf("stats %+v", s)
	}
	peer.send(`[null,null,"sensocto:sensor:s1","backpressure_config",{"attention_level":"high","recommended_batch_window":50,"recommended_batch_size":1,"paused":false,"load_level":"normal"}]`)
	if f := peer.next("measurements_batch"); strings.Count(string(f), "attribute_id") != 10 {
		t.Errorf("after the pause came %s", f)
	}
}

func TestDevice_KeepsMeasurementsWhileDisconnected(t *testing.T) {
	w := newWorld(t, both...)
	up, down := make(chan struct{}, 10), make(chan struct{}, 10)
	c := w.dial(client.Options{OnUp: func() { up <- struct{}{} }, OnDown: func(error, time.Duration) { down <- struct{}{} }})
	<-up
	d := device(t, c, options("s1"))
	w.proxy.cut()
	<-down
	if err := d.Add(numbers(0, 50)...); err != nil {
		t.Fatal(err)
	}
	<-up
	eventually(t, func() bool { return d.Sync(t.Context()) == nil })
	w.stored("s1", "ecg", 50)
}

func TestDevice_EndsWhenJoinedElsewhere(t *testing.T) {
	w := newWorld(t, both...)
	first := device(t, w.dial(client.Options{}), options("s1"))
	device(t, w.dial(client.Options{}), options("s1"))
	<-first.Done()
	if err := first.Add(numbers(0, 1)...); !errors.Is(err, client.ErrChannelClosed) {
		t.Errorf("err = %v, want ErrChannelClosed", err)
	}
}

func TestStream_LosesNothingWhenTheConnectionIsCut(t *testing.T) {
	w := newWorld(t, both...)
	d := device(t, w.dial(client.Options{}), options("s1"))
	s, err := d.Stream(client.StreamOptions{Batches: 8})
	if err != nil {
		t.Fatal(err)
	}
	origin := time.Now().UnixMicro()
	const batches, size = 60, 20
	for i := range batches {
		column := wire.Column{AttributeID: "ecg", Origin: origin, First: uint64(i * size), Rate: 512, Int16: make([]int16, size), Baseline: 10, Gain: 3}
		for k := range column.Int16 {
			column.Int16[k] = int16(i*size + k)
		}
		if err := s.SendColumns(t.Context(), column); err != nil {
			t.Fatal(err)
		}
		if i%20 == 10 {
			w.proxy.cut()
		}
	}
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Acknowledged() != batches || s.Unacknowledged() != 0 {
		t.Errorf("%d acknowledged, %d not", s.Acknowledged(), s.Unacknowledged())
	}
	values := make(map[float64]int64)
	for _, sample := range w.stored("s1", "ecg", batches*size) {
		values[sample.Value] = sample.Timestamp
	}
	for i := range batches * size {
		v := (float64(i) - 10) / 3
		if values[v] != wire.RegularTime(origin, uint64(i), 512) {
			t.Fatalf("sample %d is missing or has the time %d", i, values[v])
		}
	}
}

func TestStream_EndsWhenABatchIsRefused(t *testing.T) {
	w := newWorld(t, both...)
	d := device(t, w.dial(client.Options{}), options("s1"))
	s, err := d.Stream(client.StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bad := []sensocto.Measurement{{AttributeID: "ecg", Sample: sensocto.Sample{Timestamp: 1, Value: 1}}}
	if err := s.SendMeasurements(t.Context(), bad); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(t.Context()); client.Reason(err) != "invalid_batch" {
		t.Errorf("err = %v", err)
	}
}

func TestStream_SendsAgainFromAGap(t *testing.T) {
	peer := newPeer(t)
	peer.auto = false
	c := peer.dial(client.Options{})
	go peer.acceptJoins(2)
	d := device(t, c, options("s1"))
	s, err := d.Stream(client.StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.SendMeasurements(t.Context(), numbers(0, 1)); err != nil {
			t.Fatal(err)
		}
	}
	first, second := peer.read(), peer.read()
	peer.reply(first, "error", `{"reason":"unavailable"}`)
	peer.reply(second, "error", `{"reason":"gap","expected":1}`)
	for range 2 {
		peer.reply(peer.read(), "ok", `{}`)
	}
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { // the answer may come before the sending is counted
		got := c.Stats()
		return got.Acknowledged == 2 && got.Resent == 2
	})
}

func TestViewer_WatchesManySensorsAndAgainAfterAReconnect(t *testing.T) {
	w := newWorld(t, both...)
	var mu sync.Mutex
	seen := make(map[string]int)
	up := make(chan struct{}, 10)
	c := w.dial(client.Options{OnUp: func() { up <- struct{}{} }})
	<-up
	v, err := c.Viewer(t.Context(), "me", client.ViewOptions{OnUpdate: func(u client.Update) {
		mu.Lock()
		defer mu.Unlock()
		seen[u.SensorID] += len(u.Items)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, refused, err := v.Watch(t.Context(), sensocto.AttentionHigh, "a", "b"); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	sensors := w.dial(client.Options{})
	for _, id := range []string{"a", "b"} {
		d := device(t, sensors, options(id))
		eventually(t, func() bool {
			d.Add(numbers(0, 1)...)
			mu.Lock()
			defer mu.Unlock()
			return seen[id] > 0
		})
	}
	sensors.Close()
	w.proxy.cut()
	<-up
	mu.Lock()
	clear(seen)
	mu.Unlock()
	other := device(t, w.dial(client.Options{}), options("b"))
	eventually(t, func() bool {
		other.Add(numbers(0, 1)...)
		mu.Lock()
		defer mu.Unlock()
		return seen["b"] > 0
	})
}

// Else a viewer whose connection breaks would look closely again at what it
// had turned away from.
func TestView_LooksAsItSaidLastAfterAReconnect(t *testing.T) {
	w := newWorld(t, both...)
	joined := make(chan client.Joined, 10)
	v, err := w.dial(client.Options{}).View(t.Context(), "s1", client.ViewOptions{OnJoined: func(j client.Joined) { joined <- j }})
	if err != nil {
		t.Fatal(err)
	}
	<-joined
	if n := w.looks.Snapshot("s1").Viewers; n[sensocto.AttentionHigh] != 1 {
		t.Fatalf("viewers by level: %v", n)
	}
	if err := v.SetAttention(t.Context(), sensocto.AttentionLow); err != nil {
		t.Fatal(err)
	}
	w.proxy.cut()
	<-joined
	eventually(t, func() bool { // until the server has seen the end of the old connection too
		return w.looks.Snapshot("s1").Viewers == [sensocto.AttentionHigh + 1]int{sensocto.AttentionLow: 1}
	})
}

func TestView_ReadsHistoryBucketsAndLagged(t *testing.T) {
	peer := newPeer(t)
	peer.response = `{"sensor":{"sensor_id":"s1","activity_status":"online","attributes":[{"id":"ecg","unit":"mV","last_value":{"payload":0.5,"timestamp":1000.5}}]},` +
		`"history":{"ecg":[{"payload":0.25,"timestamp":1767225600000.125},{"payload":true,"timestamp":1767225600001}]}}`
	joined := make(chan client.Joined, 1)
	updates := make(chan client.Update, 10)
	_, err := peer.dial(client.Options{}).View(t.Context(), "s1", client.ViewOptions{
		OnJoined: func(j client.Joined) { joined <- j },
		OnUpdate: func(u client.Update) { u.Items = slices.Clone(u.Items); updates <- u },
	})
	if err != nil {
		t.Fatal(err)
	}
	j := <-joined
	if h := j.History["ecg"]; len(h) != 2 || h[0].Timestamp != 1767225600000125 || h[0].Value != 0.25 || string(h[1].Document) != "true" {
		t.Errorf("history %+v", h)
	}
	if a := j.Sensor.Attributes[0]; a.Unit != "mV" || a.LastValue.Value != 0.5 || a.LastValue.Timestamp != 1000500 {
		t.Errorf("attribute %+v", a)
	}
	peer.send(`[null,null,"data:s1","measurements_batch",{"sensor_id":"s1","lagged":7,"measurements":[{"attribute_id":"ecg","min":-1,"max":2,"mean":0.5,"first":0,"last":1,"count":4,"from":1767225600000,"to":1767225600003.5},{"attribute_id":"ecg","payload":3,"timestamp":1767225600004}]}]`)
	u := <-updates
	want := sensocto.Bucket{Count: 4, Min: -1, Max: 2, Sum: 2, First: 0, Last: 1, From: 1767225600000000, To: 1767225600003500}
	if u.SensorID != "s1" || u.Lagged != 7 || len(u.Items) != 2 || *u.Items[0].Bucket != want || u.Items[1].Value != 3 {
		t.Errorf("update %+v", u)
	}
	peer.send(`[null,null,"data:s1","measurement",{"sensor_id":"s1","attribute_id":"ecg","payload":"x","timestamp":1767225600005,"lagged":2}]`)
	if u = <-updates; u.Lagged != 2 || string(u.Items[0].Document) != `"x"` {
		t.Errorf("update %+v", u)
	}
}

func TestJoin_IsRefusedWithoutARight(t *testing.T) {
	w := newWorld(t)
	token, _, err := w.accounts.Create(t.Context(), "viewer", []sensocto.Scope{sensocto.ScopeView})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []client.Options{{Token: token}, {Token: token, TokenAsSubprotocol: true}} {
		c := w.dial(o)
		if _, err := c.View(t.Context(), "s1", client.ViewOptions{}); err != nil {
			t.Errorf("view with a token: %v", err)
		}
		if _, err := c.Device(t.Context(), options("s1")); client.Reason(err) != "unauthorized" {
			t.Errorf("device: err = %v, want unauthorized", err)
		}
	}
	if _, err := w.dial(client.Options{}).View(t.Context(), "s1", client.ViewOptions{}); client.Reason(err) != "unauthorized" {
		t.Errorf("without a token: err = %v", err)
	}
}

func TestView_EndsWhenTheTokenIsRevoked(t *testing.T) {
	w := newWorld(t)
	token, _, err := w.accounts.Create(t.Context(), "viewer", []sensocto.Scope{sensocto.ScopeView})
	if err != nil {
		t.Fatal(err)
	}
	v, err := w.dial(client.Options{Token: token}).View(t.Context(), "s1", client.ViewOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.accounts.Revoke(t.Context(), "viewer"); err != nil {
		t.Fatal(err)
	}
	<-v.Done()
	if v.Err() == nil {
		t.Error("no reason")
	}
}

func TestChannel_PushLeaveAndUnknownEvent(t *testing.T) {
	w := newWorld(t, both...)
	c := w.dial(client.Options{})
	ch, err := c.Join(t.Context(), "signal:s1", client.ChannelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.Push(t.Context(), "nonsense", nil); client.Reason(err) != "unknown event" {
		t.Errorf("err = %v", err)
	}
	if _, err := c.Join(t.Context(), "signal:s1", client.ChannelOptions{}); err == nil {
		t.Error("joined twice")
	}
	if err := ch.Leave(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := ch.Push(t.Context(), "ping", nil); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after leaving: %v", err)
	}
	if _, err := c.Join(t.Context(), "no:such", client.ChannelOptions{}); client.Reason(err) != "unmatched topic" {
		t.Errorf("unknown topic: %v", err)
	}
}

// fullAtFirst answers some attempts as a server does that has no place.
func fullAtFirst(p *peer, attempts int32, reason string) *httptest.Server {
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > attempts {
			p.serve(w, r)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, `{"status":503,"reason":%q}`, reason)
	}))
	p.t.Cleanup(s.Close)
	return s
}

func TestDial_WaitsForAPlace(t *testing.T) {
	for _, reason := range []string{"too_many_connections", "too_many_anonymous"} {
		p := newPeer(t)
		var refusals []error
		var attempts []int
		c, err := client.Dial(t.Context(), fullAtFirst(p, 3, reason).URL, client.Options{
			Backoff: func(attempt, _ int) time.Duration { attempts = append(attempts, attempt); return 0 },
			OnDown:  func(err error, _ time.Duration) { refusals = append(refusals, err) },
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		if !slices.Equal(attempts, []int{0, 1, 2}) || len(refusals) != 3 || !strings.Contains(refusals[0].Error(), reason) {
			t.Errorf("%s: attempts %v, told of %v", reason, attempts, refusals)
		}
	}
}

func TestDial_WaitsForAPlaceUntilItsContextEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	server := fullAtFirst(newPeer(t), math.MaxInt32, "too_many_connections")
	_, err := client.Dial(ctx, server.URL, client.Options{Backoff: func(int, int) time.Duration { return time.Hour }})
	if refused, ok := errors.AsType[*client.HandshakeError](err); !ok || !refused.Full() || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestDial_ReturnsEveryOtherRefusalAtOnce(t *testing.T) {
	server := fullAtFirst(newPeer(t), 1, "shutdown")
	if _, err := client.Dial(t.Context(), server.URL, client.Options{}); err == nil || !strings.Contains(err.Error(), "shutdown") {
		t.Errorf("%v", err)
	}
}

func TestClient_ComesBackAfterEveryCloseCode(t *testing.T) {
	for _, code := range []int{1000, 1001, 1006, 1008, 1013} {
		peer := newPeer(t)
		codes := make(chan int, 10)
		c := peer.dial(client.Options{Backoff: func(_, code int) time.Duration { codes <- code; return 0 }})
		if _, err := c.View(t.Context(), "s1", client.ViewOptions{}); err != nil {
			t.Fatal(err)
		}
		peer.closeWith(code)
		if f := peer.next("phx_join"); !strings.Contains(string(f), "data:s1") {
			t.Errorf("%d: joined %s", code, f)
		}
		if got := <-codes; code != 1006 && got != code {
			t.Errorf("backoff was asked for %d, want %d", got, code)
		}
		c.Close()
	}
}

func TestClient_CloseEndsEverythingThatWaits(t *testing.T) {
	peer := newPeer(t)
	c := peer.dial(client.Options{})
	ch, err := c.Join(t.Context(), "data:s1", client.ChannelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	peer.auto = false
	result := make(chan error, 1)
	go func() {
		_, err := ch.Push(context.Background(), "visibility_changed", map[string]bool{"visible": true})
		result <- err
	}()
	peer.next("visibility_changed")
	c.Close()
	c.Close()
	if err := <-result; !errors.Is(err, client.ErrClosed) && !errors.Is(err, client.ErrDisconnected) {
		t.Errorf("err = %v", err)
	}
	if _, err := c.Join(t.Context(), "data:s2", client.ChannelOptions{}); !errors.Is(err, client.ErrClosed) {
		t.Errorf("join: %v", err)
	}
}

func TestClient_SendsHeartbeatsAndGivesUpASilentServer(t *testing.T) {
	peer := newPeer(t)
	down := make(chan error, 10)
	peer.dial(client.Options{Heartbeat: 5 * time.Millisecond, OnDown: func(err error, _ time.Duration) { down <- err }})
	peer.next("heartbeat")
	peer.silent.Store(true)
	if err := <-down; !errors.Is(err, client.ErrDisconnected) {
		t.Errorf("err = %v", err)
	}
}

func TestDial_SaysWhatIsWrong(t *testing.T) {
	for url, want := range map[string]string{
		"ftp://example.org":   "scheme",
		"http://":             "no host",
		"http://127.0.0.1:1":  "connect to ws://127.0.0.1:1/socket/websocket",
		"http://127.0.0.1:1/": "connection refused",
	} {
		if _, err := client.Dial(t.Context(), url, client.Options{Token: "secret"}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: err = %v, want %q", url, err, want)
		}
	}
}

func TestBackoff_GrowsAndIsLongerForTheRefused(t *testing.T) {
	for attempt := range 100 {
		d, refused := client.Backoff(attempt, websocket.CloseGoingAway), client.Backoff(attempt, websocket.ClosePolicyViolation)
		if d < 50*time.Millisecond || d > 30*time.Second || refused < 5*time.Second || refused > 30*time.Second {
			t.Errorf("attempt %d: %v, refused %v", attempt, d, refused)
		}
	}
}

func TestParseSensor(t *testing.T) {
	s, err := client.ParseSensor(json.RawMessage(`{"sensor_id":"a","attributes":[{"id":"x","last_value":null}]}`))
	if err != nil || s.ID != "a" || s.Attributes[0].LastValue != nil {
		t.Errorf("%+v %v", s, err)
	}
}
