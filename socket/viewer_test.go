package socket_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/socket"
)

func measurement(topic string, value, ts any) string {
	return fmt.Sprintf(`["1",null,%q,"measurement",{"attribute_id":"a","payload":%v,"timestamp":%v}]`, topic, value, ts)
}

func TestViewer_EveryFormOfTheSameMeasurement(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	v1 := w.dial("token=view")
	v1.send(`{"topic":"data:s","event":"phx_join","payload":{},"ref":"1"}`)
	v1.expectPrefix(`{"topic":"data:s","event":"phx_reply"`)
	v2 := w.dial("vsn=2.0.0&token=view")
	v2.join("1", "data:s", "")
	receiver := w.dial("vsn=2.0.0&token=view")
	receiver.join("1", "sensocto:sensor:s", `"connector_id":"c","connector_name":"n","sensor_id":"s","sensor_type":"receiver"`)
	many := w.dial("vsn=2.0.0&token=view")
	many.join("5", "viewer:x", "")
	many.send(`["5","6","viewer:x","watch",{"sensor_ids":["s"]}]`)
	many.expectPrefix(`["5","6","viewer:x","phx_reply",{"status":"ok"`)

	d.send(measurement("sensocto:sensor:s", 1.25, "1700000000000.5"))
	v1.expect(`{"topic":"data:s","event":"measurement","payload":{"sensor_id":"s","attribute_id":"a","payload":1.25,"timestamp":1700000000000.5},"ref":null}`)
	v2.expect(`[null,null,"data:s","measurement",{"sensor_id":"s","attribute_id":"a","payload":1.25,"timestamp":1700000000000.5}]`)
	receiver.expect(`[null,null,"sensocto:sensor:s","measurement",{"sensor_id":"s","attribute_id":"a","payload":1.25,"timestamp":1700000000000.5}]`)
	many.expect(`["5",null,"viewer:x","sensor_batch",{"batch":{"s":{"a":[{"payload":1.25,"timestamp":1700000000000.5}]}}}]`)

	d.send(`["1",null,"sensocto:sensor:s","measurements_batch",[{"attribute_id":"a","payload":1,"timestamp":1700000000001},{"attribute_id":"b","payload":{"x":[1,2]},"timestamp":1700000000001},{"attribute_id":"a","payload":2,"timestamp":1700000000001}]]`)
	v2.expect(`[null,null,"data:s","measurements_batch",{"sensor_id":"s","measurements":[{"attribute_id":"a","payload":1,"timestamp":1700000000001},{"attribute_id":"b","payload":{"x":[1,2]},"timestamp":1700000000001},{"attribute_id":"a","payload":2,"timestamp":1700000000001}]}]`)
	many.expect(`["5",null,"viewer:x","sensor_batch",{"batch":{"s":{"a":[{"payload":1,"timestamp":1700000000001},{"payload":2,"timestamp":1700000000001}],"b":[{"payload":{"x":[1,2]},"timestamp":1700000000001}]}}}]`)
	receiver.send(`["1","7","sensocto:sensor:s","ping",{}]`)
	receiver.expectPrefix(`[null,null,"sensocto:sensor:s","measurements_batch"`)
	receiver.expectPrefix(`["1","7","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"unknown event"}}]`)
}

func TestViewer_DocumentsOfABinaryViewerAreJSON(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	v := w.dial("vsn=2.0.0&token=view")
	v.join("1", "data:s", `"encoding":"binary"`)
	d.send(`["1",null,"sensocto:sensor:s","measurements_batch",[{"attribute_id":"a","payload":1,"timestamp":1700000000001},{"attribute_id":"b","payload":true,"timestamp":1700000000001}]]`)
	if got := v.receive(); got[0] != 2 {
		t.Errorf("not a broadcast in binary: %q", got)
	}
	v.expect(`[null,null,"data:s","measurements_batch",{"sensor_id":"s","measurements":[{"attribute_id":"b","payload":true,"timestamp":1700000000001}]}]`)
}

func TestViewer_SensorBatchOfManySensorsIsOneFrame(t *testing.T) {
	w := newWorld(t)
	v := w.dial("vsn=2.0.0&token=view")
	v.join("1", "viewer:x", "")
	v.send(`["1","2","viewer:x","watch",{"sensor_ids":["s0","s1","s2"]}]`)
	v.expectPrefix(`["1","2"`)
	d := w.v2()
	for i := range 3 {
		d.join("1", fmt.Sprintf("sensocto:sensor:s%d", i), `"bearer_token":"ingest"`)
	}
	const each = 200
	for n := range each {
		for i := range 3 {
			d.send(measurement(fmt.Sprintf("sensocto:sensor:s%d", i), n, 1700000000000+n))
		}
	}
	next := map[string]float64{}
	frames := 0
	for total := 0; total < 3*each; frames++ {
		f := v.frame()
		if f.event != "sensor_batch" || f.payload["lagged"] != nil {
			t.Fatalf("%+v", f)
		}
		for id, attributes := range f.payload["batch"].(map[string]any) {
			for _, item := range attributes.(map[string]any)["a"].([]any) {
				if got := item.(map[string]any)["payload"]; got != next[id] {
					t.Fatalf("%s: got %v, want %v", id, got, next[id])
				}
				next[id]++
				total++
			}
		}
	}
	t.Logf("%d measurements in %d frames", 3*each, frames)
}

func TestViewer_HistoryThenLiveEverySampleOnce(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	const n = 3000
	go func() {
		for i := range n {
			d.ws.WriteMessage(1, []byte(measurement("sensocto:sensor:s", i, 1700000000000+i)))
		}
	}()
	for round := range 5 {
		v := w.dial("vsn=2.0.0&token=view")
		text := v.join("1", "data:s", `"history":10000`)
		var reply []json.RawMessage
		json.Unmarshal([]byte(text), &reply)
		var body struct {
			Response struct {
				History struct{ A []struct{ Payload int } }
			}
		}
		if err := json.Unmarshal(reply[4], &body); err != nil {
			t.Fatal(err)
		}
		next := 0
		see := func(got int) {
			if got != next {
				t.Fatalf("round %d: got %d, want %d", round, got, next)
			}
			next++
		}
		for _, s := range body.Response.History.A {
			see(s.Payload)
		}
		live := func(m map[string]any) {
			if count, merged := m["count"].(float64); merged { // the machine stalled: a bucket stands for samples
				see(int(m["first"].(float64)))
				next += int(count) - 1
				if last := int(m["last"].(float64)); last != next-1 {
					t.Fatalf("round %d: a bucket of %v ends with %d, want %d", round, count, last, next-1)
				}
				return
			}
			see(int(m["payload"].(float64)))
		}
		for next < n {
			f := v.frame()
			list, ok := f.payload["measurements"].([]any)
			if !ok {
				live(f.payload)
			}
			for _, m := range list {
				live(m.(map[string]any))
			}
		}
		v.ws.Close()
	}
}

func TestViewer_StateOfSensors(t *testing.T) {
	w := newWorld(t)
	v := w.dial("vsn=2.0.0&token=view")
	v.script(`
		> ["1","1","sensors:status","phx_join",{}]
		< ["1","1","sensors:status","phx_reply",{"status":"ok","response":{"online":[]}}]
		> ["2","2","sensors:all","phx_join",{}]
		< ["2","2","sensors:all","phx_reply",{"status":"ok","response":{"sensors":[]}}]
		> ["3","3","signal:s","phx_join",{}]
		< ["3","3","signal:s","phx_reply",{"status":"ok","response":{"sensor":{"sensor_id":"s",…`)
	d := w.device("s", "")
	d.send(measurement("sensocto:sensor:s", 1, 1700000000000))
	seen := map[string]string{}
	for len(seen) < 3 {
		f := v.frame()
		if f.joinRef != nil || f.ref != nil {
			t.Errorf("a broadcast with refs: %+v", f)
		}
		seen[f.event] = f.topic
		switch f.event {
		case "new_state":
			if s := f.payload["sensor"].(map[string]any); s["sensor_id"] != "s" {
				t.Errorf("%+v", f)
			}
		case "sensor_list_updated":
			for _, key := range []string{"added", "removed", "changed"} {
				if _, ok := f.payload[key].([]any); !ok {
					t.Errorf("%s is no list in %v", key, f.payload)
				}
			}
		}
	}
	if seen["sensor_connected"] != "sensors:status" || seen["new_state"] != "signal:s" || seen["sensor_list_updated"] != "sensors:all" {
		t.Errorf("%v", seen)
	}
	if strings.Contains(fmt.Sprint(seen), "null") {
		t.Error(seen)
	}
}

// Samples of equal time and value are distinct, also from one in the history:
// of those that come afterwards only the first batch could be in it.
func TestViewer_EqualSamplesAfterTheHistoryArrive(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	beat := `["1",null,"sensocto:sensor:s","measurement",{"attribute_id":"rr","payload":800,"timestamp":1767225600000}]`
	d.send(beat)
	d.sync("sensocto:sensor:s")
	v := w.dial("vsn=2.0.0&token=view")
	v.join("1", "data:s", `"history":10`)
	for range 3 {
		d.send(beat)
	}
	for range 3 {
		v.expect(`[null,null,"data:s","measurement",{"sensor_id":"s","attribute_id":"rr","payload":800,"timestamp":1767225600000}]`)
	}
}

// racingLook is an Attention in which a look at low takes until the viewer has left.
type racingLook struct {
	sensocto.Attention
	looking, left, looked chan struct{} // left has one slot: Leave does not wait
}

func (a racingLook) Look(v sensocto.ViewerID, sensorID string, level sensocto.AttentionLevel) {
	if level == sensocto.AttentionLow {
		close(a.looking)
		<-a.left
		defer close(a.looked)
	}
	a.Attention.Look(v, sensorID, level)
}

func (a racingLook) Leave(v sensocto.ViewerID, sensorID string) {
	a.Attention.Leave(v, sensorID)
	select {
	case a.left <- struct{}{}:
	default:
	}
}

// Who loses the right while saying how closely it looks does not look for ever.
func TestDataViewer_RevokedWhileItLooks(t *testing.T) {
	looks := racingLook{attention.New(attention.Options{}), make(chan struct{}), make(chan struct{}, 1), make(chan struct{})}
	w := newWorld(t, func(o *socket.Options) { o.Attention = looks })
	v := w.dial("vsn=2.0.0&token=view")
	v.join("1", "data:s", "")
	v.send(`["1","2","data:s","attention",{"level":"low"}]`)
	<-looks.looking
	w.auth.revoke("view")
	v.expect(`["1","1","data:s","phx_close",{}]`)
	<-looks.looked
	w.eventually("nobody looks", func() bool {
		return looks.Snapshot("s").Viewers == [sensocto.AttentionHigh + 1]int{}
	})
}
