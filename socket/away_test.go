package socket_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket"
)

// awayStore is a store whose sensors are of a server that cannot be reached.
type awayStore struct{ sensocto.Store }

var errAway = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "sensor_away", Message: "away"}

func (awayStore) Latest(context.Context, string, sensocto.LatestQuery) (map[string]sensocto.Latest, error) {
	return nil, errAway
}

func (awayStore) History(context.Context, string, string, sensocto.HistoryQuery) (h sensocto.History, err error) {
	return h, errAway
}

// Who watches a sensor whose server is away is in the channel, and gets what comes.
func TestHistory_OfAServerThatIsAway(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Store = awayStore{o.Store} })
	device := w.device("s", "")
	viewer := w.dial("vsn=2.0.0&token=view")
	viewer.send(`["1","1","data:s","phx_join",{"history":10}]`)
	viewer.expectPrefix(`["1","1","data:s","phx_reply",{"status":"ok","response":{"sensor":{"sensor_id":"s"`)
	viewer.send(`["1","2","data:s","history",{"attribute_id":"a"}]`)
	viewer.expectPrefix(`["1","2","data:s","phx_reply",{"status":"error","response":{"reason":"sensor_away"`)
	device.send(`["1",null,"sensocto:sensor:s","measurement",{"attribute_id":"a","payload":1,"timestamp":1700000000000}]`)
	viewer.expectPrefix(`[null,null,"data:s","measurement",`)
}

// slowStore is a store whose histories take as long as the test likes.
type slowStore struct {
	sensocto.Store
	asked   chan struct{}
	proceed chan struct{}
}

func (s *slowStore) Latest(ctx context.Context, _ string, _ sensocto.LatestQuery) (map[string]sensocto.Latest, error) {
	_, err := s.History(ctx, "", "", sensocto.HistoryQuery{})
	return nil, err
}

func (s *slowStore) History(ctx context.Context, sensorID, attributeID string, q sensocto.HistoryQuery) (h sensocto.History, err error) {
	select {
	case s.asked <- struct{}{}:
	case <-ctx.Done():
		return h, context.Cause(ctx)
	}
	select {
	case <-s.proceed:
		return sensocto.History{From: q.From, Points: sensocto.PointsAll}, nil
	case <-ctx.Done():
		return h, context.Cause(ctx)
	}
}

// While another server takes its time, the connection goes on with four requests for
// history beside; with a fifth it waits.
func TestHistory_OfAnotherServerDoesNotHoldTheConnection(t *testing.T) {
	slow := &slowStore{asked: make(chan struct{}), proceed: make(chan struct{})}
	w := newWorld(t, func(o *socket.Options) {
		slow.Store = o.Store
		o.Store = slow
	})
	viewer := w.dial("vsn=2.0.0&token=view")
	viewer.send(`["1","1","viewer:v","phx_join",{}]`)
	viewer.expectPrefix(`["1","1","viewer:v","phx_reply",{"status":"ok"`)
	ask := func(ref string) {
		viewer.send(`["1","` + ref + `","viewer:v","history",{"sensor_id":"p2p:aaaaaaaaaaaaaaaaaaaa:s","attribute_id":"a"}]`)
		<-slow.asked
	}
	for _, ref := range []string{"2", "3", "4", "5"} {
		ask(ref)
	}
	viewer.send(`[null,"6","phoenix","heartbeat",{}]`)
	viewer.expectPrefix(`[null,"6","phoenix","phx_reply",{"status":"ok"`)
	ask("7") // by the reader itself
	viewer.send(`[null,"8","phoenix","heartbeat",{}]`)
	answered := map[string]bool{}
	for range 5 {
		slow.proceed <- struct{}{}
	}
	for range 6 {
		var frame []any
		if err := json.Unmarshal([]byte(viewer.receive()), &frame); err != nil {
			t.Fatal(err)
		}
		answered[frame[1].(string)] = true
	}
	for _, ref := range []string{"2", "3", "4", "5", "7", "8"} {
		if !answered[ref] {
			t.Errorf("%s was not answered: %v", ref, answered)
		}
	}
	ask("9") // its connection ends before the answer
}

// A join that asks another server for the newest measurements is answered beside the
// reader, too. Other topics go on; what is pushed to its own waits for the answer, and it can be left.
func TestJoin_WithHistoryOfAnotherServerDoesNotHoldTheConnection(t *testing.T) {
	slow := &slowStore{asked: make(chan struct{}), proceed: make(chan struct{})}
	w := newWorld(t, func(o *socket.Options) {
		slow.Store = o.Store
		o.Store = slow
	})
	viewer := w.dial("vsn=2.0.0&token=view")
	const topic = `"data:p2p:aaaaaaaaaaaaaaaaaaaa:s"`
	viewer.send(`["1","1",` + topic + `,"phx_join",{"history":10}]`)
	<-slow.asked
	viewer.send(`[null,"2","phoenix","heartbeat",{}]`)
	viewer.expectPrefix(`[null,"2","phoenix","phx_reply",{"status":"ok"`)
	viewer.send(`["1","3",` + topic + `,"attention",{"level":"low"}]`)
	slow.proceed <- struct{}{}
	viewer.expectPrefix(`["1","1",` + topic + `,"phx_reply",{"status":"ok","response":{"sensor":`)
	viewer.expectPrefix(`["1","3",` + topic + `,"phx_reply",{"status":"ok"`)

	viewer.send(`["4","4",` + topic + `,"phx_join",{"history":10}]`)
	viewer.expectPrefix(`["1","1",` + topic + `,"phx_close",`)
	<-slow.asked
	viewer.send(`["4","5",` + topic + `,"phx_leave",{}]`)
	viewer.expectPrefix(`["4","5",` + topic + `,"phx_reply",{"status":"ok"`)
	viewer.expectPrefix(`["4","4",` + topic + `,"phx_close",`)
	slow.proceed <- struct{}{} // nobody is answered
	viewer.send(`[null,"6","phoenix","heartbeat",{}]`)
	viewer.expectPrefix(`[null,"6","phoenix","phx_reply",{"status":"ok"`)
}

// endingRights lets everybody see everything until the rights end, of which the
// connections are not told.
type endingRights struct {
	sensocto.Rights
	ended atomic.Bool
}

func (r *endingRights) Sensor(context.Context, sensocto.Identity, string) (sensocto.SensorRights, error) {
	return sensocto.SensorRights{Live: true, History: !r.ended.Load()}, nil
}

func (*endingRights) OnChanged(func([]string)) (stop func()) { return func() {} }

// Who may not see the history any more when another server has answered does not get it.
func TestHistory_OfAnotherServerEndsWithTheRight(t *testing.T) {
	slow := &slowStore{asked: make(chan struct{}), proceed: make(chan struct{})}
	rights := &endingRights{}
	w := newWorld(t, func(o *socket.Options) {
		slow.Store = o.Store
		o.Store, o.Rights = slow, rights
	})
	viewer := w.dial("vsn=2.0.0&token=view")
	const topic = `"data:p2p:aaaaaaaaaaaaaaaaaaaa:s"`
	for n, join := range []string{`{}`, `{"history":10}`} {
		rights.ended.Store(false)
		viewer.send(`["1","1",` + topic + `,"phx_join",` + join + `]`)
		if n == 0 {
			viewer.expectPrefix(`["1","1",` + topic + `,"phx_reply",{"status":"ok"`)
			viewer.send(`["1","1",` + topic + `,"history",{"attribute_id":"a"}]`)
		} else {
			viewer.expectPrefix(`["1","1",` + topic + `,"phx_close"`)
		}
		<-slow.asked
		rights.ended.Store(true)
		slow.proceed <- struct{}{}
		viewer.expectPrefix(`["1","1",` + topic + `,"phx_reply",{"status":"error","response":{"reason":"unauthorized"`)
	}
}

// largeStore is a store whose newest samples are large documents.
type largeStore struct{ sensocto.Store }

func (largeStore) Latest(context.Context, string, sensocto.LatestQuery) (map[string]sensocto.Latest, error) {
	document := []byte(`"` + strings.Repeat("x", 60_000) + `"`)
	samples := make([]sensocto.Sample, 30)
	for i := range samples {
		samples[i] = sensocto.Sample{Timestamp: 1_700_000_000_000_000 + int64(i), Document: document}
	}
	return map[string]sensocto.Latest{"a": {Samples: samples, End: 30}}, nil
}

// Large answers that other servers give at the same time come one after the other, also to
// a viewer that listens slowly.
func TestJoin_LargeAnswersAtOnceDoNotCloseTheConnection(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Store = largeStore{o.Store} })
	viewer := w.dial("vsn=2.0.0&token=view")
	viewer.ws.NetConn().(interface{ SetReadBuffer(int) error }).SetReadBuffer(4096)
	const n = 6
	for i := range n { // some beside the reader, some by itself
		server := ""
		if i < n-2 {
			server = "p2p:aaaaaaaaaaaaaaaaaaaa:"
		}
		viewer.send(fmt.Sprintf(`["%d","%d","data:%ss%d","phx_join",{"history":100}]`, i, i, server, i))
	}
	w.eventually("an answer waits", func() bool { return w.metric("socket_queue_bytes") > 1<<20 })
	answered := map[string]bool{}
	for range n {
		frame := viewer.receive()
		if len(frame) < 1<<20 || !strings.Contains(frame[:120], `"status":"ok"`) {
			t.Fatalf("%d bytes: %.120s", len(frame), frame)
		}
		answered[strings.Split(frame, ",")[1]] = true
	}
	if len(answered) != n || w.metric("socket_closes_total", "reason", "too_slow") != 0 {
		t.Errorf("%v were answered", answered)
	}
}
