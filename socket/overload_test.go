package socket_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket"
)

// publish publishes a batch of consecutive numbers on data:s.
func (w *world) publish(from, n int) {
	b := &sensocto.Batch{SensorID: "s"}
	for i := from; i < from+n; i++ {
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "a", Sample: sensocto.Sample{
			Timestamp: 1_700_000_000_000_000 + int64(i)*1000, Value: float64(i)}})
	}
	w.pubsub.Publish(&sensocto.Message{Topic: "data:s", Event: sensocto.EventMeasurementsBatch, Payload: b})
}

// account is what a viewer has seen of consecutive numbers.
type account struct {
	t              *testing.T
	next           float64
	merged, lagged int
}

// take checks that the items follow one another without a gap.
func (a *account) take(items []any) {
	for _, it := range items {
		m := it.(map[string]any)
		if count, ok := m["count"].(float64); ok {
			if m["first"] != a.next || m["min"] != a.next || m["last"] != a.next+count-1 || m["mean"] != a.next+(count-1)/2 {
				a.t.Fatalf("at %v: bucket %v", a.next, m)
			}
			a.next += count
			a.merged += int(count)
			continue
		}
		if m["payload"] != a.next {
			a.t.Fatalf("got %v, want %v", m["payload"], a.next)
		}
		a.next++
	}
}

func (a *account) frame(f v2frame, viewer bool) {
	if n, ok := f.payload["lagged"].(float64); ok {
		a.lagged += int(n)
	}
	if viewer {
		a.take(f.payload["batch"].(map[string]any)["s"].(map[string]any)["a"].([]any))
		return
	}
	a.take(f.payload["measurements"].([]any))
}

func TestOutbox_SlowViewerIsThinnedAndRecovers(t *testing.T) {
	for _, topic := range []string{"data:s", "viewer:x"} {
		t.Run(topic, func(t *testing.T) {
			w := newWorld(t, func(o *socket.Options) { o.Limits.QueueBytes = 64 << 10 })
			slow, quick := w.dial("vsn=2.0.0&token=view"), w.dial("vsn=2.0.0&token=view")
			slow.ws.NetConn().(interface{ SetReadBuffer(int) error }).SetReadBuffer(4096)
			for _, c := range []*client{slow, quick} {
				c.join("1", topic, "")
				if topic == "viewer:x" {
					c.send(`["1","2","viewer:x","watch",{"sensor_ids":["s"]}]`)
					c.expectPrefix(`["1","2"`)
				}
			}
			const each = 20
			n := 0
			q := &account{t: t}
			for w.metric("socket_overflows_total") == 0 {
				w.publish(n, each)
				n += each
				for q.next < float64(n) {
					q.frame(quick.frame(), topic == "viewer:x")
				}
			}
			for range 5000 { // far beyond: buckets of buckets
				w.publish(n, each)
				n += each
			}
			for q.next < float64(n) {
				q.frame(quick.frame(), topic == "viewer:x")
			}
			s := &account{t: t}
			for s.next < float64(n) {
				s.frame(slow.frame(), topic == "viewer:x")
			}
			if s.merged == 0 || s.lagged != s.merged {
				t.Errorf("merged %d, lagged says %d", s.merged, s.lagged)
			}
			if got := w.metric("measurements_merged_total"); got < float64(s.merged) {
				t.Errorf("counted %v merged, saw %d", got, s.merged)
			}
			merged := s.merged
			w.publish(n, each)
			s.frame(slow.frame(), topic == "viewer:x")
			if s.next != float64(n+each) || s.merged != merged {
				t.Errorf("not recovered: %+v", s)
			}
		})
	}
}

func TestOutbox_OverflowOfOtherEventsCloses(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.QueueBytes = 16 << 10 })
	c := w.dial("vsn=2.0.0&token=view")
	c.ws.NetConn().(interface{ SetReadBuffer(int) error }).SetReadBuffer(4096)
	c.join("1", "signal:s", "")
	s := sensocto.Sensor{ID: "s", Name: strings.Repeat("n", 10_000)}
	for w.metric("socket_closes_total", "reason", "too_slow") == 0 {
		w.pubsub.Publish(&sensocto.Message{Topic: "signal:s", Event: sensocto.EventNewState, Payload: s})
	}
	w.eventually("the connection ends", func() bool { return w.metric("socket_connections") == 0 })
}

func TestOutbox_AnswersOfAClientThatDoesNotListenAreBounded(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.QueueBytes = 32 << 10 })
	c := w.dial("vsn=2.0.0")
	c.ws.NetConn().(interface{ SetReadBuffer(int) error }).SetReadBuffer(64 << 10)
	topic := strings.Repeat("t", 10_000)
	const n = 100
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range n {
			c.ws.WriteMessage(1, fmt.Appendf(nil, `[null,"1","%s","x",{}]`, topic))
		}
	}()
	w.eventually("the reader waits", func() bool { return w.metric("socket_queue_bytes") > 16<<10 })
	for range n {
		c.expectPrefix(`[null,"1","ttt`)
	}
	<-done
}

func TestLimits_Flood(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.FramesPerSecond = 100 })
	c := w.v2()
	for range 1000 {
		if c.ws.WriteMessage(1, []byte(`[null,"1","phoenix","heartbeat",{}]`)) != nil {
			break
		}
	}
	for i := 0; ; i++ {
		_, _, err := c.ws.ReadMessage()
		if err == nil {
			continue
		}
		if !websocket.IsCloseError(err, 1008) || i > 200 {
			t.Errorf("after %d frames: %v", i, err)
		}
		break
	}
}

func TestLimits_Topics(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.Topics = 2 })
	c := w.dial("vsn=2.0.0&token=view")
	c.join("1", "viewer:1", "")
	c.join("2", "viewer:2", "")
	c.script(`
		> ["3","3","viewer:3","phx_join",{}]
		< ["3","3","viewer:3","phx_reply",{"status":"error","response":{"reason":"too_many_topics"}}]
		> ["4","4","viewer:2","phx_join",{}]
		< ["2","2","viewer:2","phx_close",{}]
		< ["4","4","viewer:2","phx_reply",{"status":"ok","response":{}}]`)
}

func TestLimits_Silence(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.Idle = 50 * time.Millisecond })
	w.v2().expectClose(1001, "silent")
}

func TestLimits_UnauthorizedJoins(t *testing.T) {
	w := newWorld(t)
	c := w.v2()
	for range 100 {
		c.send(`["1","1","viewer:1","phx_join",{"token":"guess"}]`)
		c.expectPrefix(`["1","1","viewer:1","phx_reply",{"status":"error"`)
	}
	c.expectClose(1008, "unauthorized")
}

// explosive panics when it is asked for a sensor called bomb.
type explosive struct{ sensocto.SensorRegistry }

func (e explosive) Sensor(id string) (sensocto.Sensor, bool) {
	if id == "bomb" {
		panic("boom")
	}
	return e.SensorRegistry.Sensor(id)
}

func TestConn_PanicCostsOneConnection(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Sensors = explosive{o.Sensors} })
	other := w.dial("vsn=2.0.0&token=view")
	other.join("1", "data:s", "")
	c := w.dial("vsn=2.0.0&token=view")
	c.join("1", "data:s", "")
	c.send(`["2","2","data:bomb","phx_join",{}]`)
	c.expectClose(1013, "internal_error")
	// One that comes while something is published.
	d := w.dial("vsn=2.0.0&token=view")
	d.join("1", "signal:s", "")
	w.pubsub.Publish(&sensocto.Message{Topic: "signal:s", Event: "new_state", Payload: make(chan int)})
	d.expectClose(1013, "internal_error")
	w.publish(0, 1)
	other.expectPrefix(`[null,null,"data:s","measurements_batch"`)
	if n := w.metric("socket_panics_total"); n != 2 {
		t.Errorf("%v panics counted", n)
	}
}

func TestServer_Shutdown(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	v := w.dial("vsn=2.0.0&token=view")
	v.join("1", "data:s", "")
	var stopped atomic.Bool
	done := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err := w.socket.Shutdown(ctx)
		stopped.Store(true)
		done <- err
	}()
	v.expectClose(1001, "shutdown")
	d.expectClose(1001, "shutdown")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, r, err := websocket.DefaultDialer.Dial(w.url(""), nil); err == nil || r.StatusCode != 503 {
		t.Errorf("dial after the shutdown: %v %v", r, err)
	}
}

// What a device has sent when it hears of the shutdown is taken: most devices
// never ask whether their samples arrived.
func TestServer_ShutdownTakesWhatWasSent(t *testing.T) {
	const n = 5000
	w := newWorld(t)
	d := w.device("s", "")
	for i := range n {
		d.send(fmt.Sprintf(`["1",null,"sensocto:sensor:s","measurement",{"attribute_id":"ecg","payload":%d,"timestamp":%d}]`, i, 1767225600000+i))
	}
	done := make(chan error)
	go func() { done <- w.socket.Shutdown(context.Background()) }()
	d.expectClose(1001, "shutdown")
	if err := <-done; err != nil {
		t.Error(err)
	}
	stored := func() int {
		page, err := w.store.Read(t.Context(), "s", "ecg", sensocto.Query{})
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Samples)
	}
	w.eventually("every sample is stored", func() bool { return stored() == n })
}

func TestServer_ShutdownCutsWhoDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	v := w.dial("vsn=2.0.0&token=view")
	v.join("1", "data:s", "")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := w.socket.Shutdown(ctx); err == nil {
		t.Error("the peer never answered the close")
	}
}

func TestConn_DeadPeerEnds(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.Write = 50 * time.Millisecond })
	c := w.dial("vsn=2.0.0&token=view")
	c.ws.NetConn().(interface{ SetReadBuffer(int) error }).SetReadBuffer(4096)
	c.join("1", "data:s", "")
	for i := 0; w.metric("socket_closes_total", "reason", "write_timeout") == 0; i++ {
		w.publish(i*100, 100)
	}
	w.eventually("the connection ends", func() bool { return w.metric("socket_connections") == 0 })
}
