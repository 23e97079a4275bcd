package socket_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket"
	"github.com/sensocto/sensocto/wire"
)

func TestDevice_Events(t *testing.T) {
	for _, tt := range []struct{ name, params, script string }{
		{"no reply without ack", "", `
			> ["1","2","sensocto:sensor:s","measurement",{"attribute_id":"a","payload":1,"timestamp":1700000000000,"x":1}]
			> ["1","3","sensocto:sensor:s","measurements_batch",[{"attribute_id":"a","payload":2,"timestamp":1700000000001.5}]]
			> ["1","4","sensocto:sensor:s","ping",{"n":1}]
			< ["1","4","sensocto:sensor:s","phx_reply",{"status":"ok","response":{"n":1}}]
			> ["1","5","sensocto:sensor:s","ping", 7 ]
			< ["1","5","sensocto:sensor:s","phx_reply",{"status":"ok","response":{"payload":7 }}]`},
		{"ack", `,"ack":true`, `
			> ["1","2","sensocto:sensor:s","measurement",{"attribute_id":"a","payload":1,"timestamp":1700000000000}]
			< ["1","2","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]
			> ["1","3","sensocto:sensor:s","measurements_batch",[{"attribute_id":"a","payload":2,"timestamp":1700000000001}]]
			< ["1","3","sensocto:sensor:s","phx_reply",{"status":"ok","response":{"accepted":1}}]
			> ["1","4","sensocto:sensor:s","measurements_batch",[]]
			< ["1","4","sensocto:sensor:s","phx_reply",{"status":"ok","response":{"accepted":0}}]`},
		{"bad measurements", "", `
			> ["1","2","sensocto:sensor:s","measurement",{"attribute_id":"-","payload":1,"timestamp":1700000000000}]
			< ["1","2","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"invalid_attribute_id"}}]
			> ["1","3","sensocto:sensor:s","measurement",{"attribute_id":"a"}]
			< ["1","3","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"missing_fields","fields":["payload","timestamp"]}}]
			> ["1","4","sensocto:sensor:s","measurements_batch",{}]
			< ["1","4","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"invalid_batch","accepted":0,"failed_count":0,"errors":[]}}]
			> ["1","5","sensocto:sensor:s","measurements_batch",[{"attribute_id":"a","payload":1,"timestamp":5},{"attribute_id":"a","payload":1,"timestamp":1700000000000}]]
			< ["1","5","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"invalid_batch","accepted":1,"failed_count":1,"errors":[{"index":0,"reason":"timestamp_too_old"}]}}]
			> ["1","6","sensocto:sensor:s","measurement",3]
			< ["1","6","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"invalid_measurement"}}]`},
		{"attributes", "", `
			> ["1","2","sensocto:sensor:s","update_attributes",{"action":"register","attribute_id":"hr","metadata":{"unit":"bpm"}}]
			< ["1","2","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]
			> ["1","3","sensocto:sensor:s","update_attributes",{"action":"explode","attribute_id":"hr"}]
			< ["1","3","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"invalid_action"}}]
			> ["1","4","sensocto:sensor:s","update_attributes",{"action":"add","attribute_id":"!"}]
			< ["1","4","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"invalid_attribute_id"}}]
			> ["1","7","sensocto:sensor:s","update_attributes",{"metadata":{}}]
			< ["1","7","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"missing_fields","fields":["action","attribute_id"]}}]
			> ["1","8","sensocto:sensor:s","discovery",{}]
			< ["1","8","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"missing_fields","fields":["type"]}}]
			> ["1","5","sensocto:sensor:s","discovery",{"type":"battery","timestamp":1700000000000}]
			< ["1","5","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]
			> ["1","6","sensocto:sensor:s","update_connector",{"connector_name":"Phone"}]
			< ["1","6","sensocto:sensor:s","phx_reply",{"status":"ok","response":{"connector_name":"Phone"}}]`},
		{"acknowledged", "", `
			> ["1","2","sensocto:sensor:s","measurements",{"stream":"01234567-89ab-cdef-0123-456789abcdef","seq":1,"measurements":[{"attribute_id":"a","payload":1,"timestamp":1700000000000}]}]
			< ["1","2","sensocto:sensor:s","phx_reply",{"status":"ok","response":{"seq":1}}]
			> ["1","4","sensocto:sensor:s","measurements",{"stream":"01234567-89ab-cdef-0123-456789abcdef","seq":1,"measurements":[{"attribute_id":"a","payload":1,"timestamp":1700000000000}]}]
			< ["1","4","sensocto:sensor:s","phx_reply",{"status":"ok","response":{"seq":1}}]
			> ["1","5","sensocto:sensor:s","measurements",{"stream":"01234567-89ab-cdef-0123-456789abcdef","seq":3,"measurements":[]}]
			< ["1","5","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"gap","expected":2}}]
			> ["1","6","sensocto:sensor:s","measurements",{"stream":"01234567-89ab-cdef-0123-456789abcdef","seq":2,"measurements":[]}]
			< ["1","6","sensocto:sensor:s","phx_reply",{"status":"ok","response":{"seq":2}}]
			> ["1","3","sensocto:sensor:s","measurements",{"seq":3}]
			< ["1","3","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"missing_fields","fields":["stream","measurements"]}}]`},
	} {
		t.Run(tt.name, func(t *testing.T) { newWorld(t).device("s", tt.params).script(tt.script) })
	}
}

func TestDevice_UnityIsAnswered(t *testing.T) {
	c := newWorld(t).dial("vsn=2.0.0&token=ingest")
	c.join("1", "sensocto:connector:u1", `"connector_type":"unity"`)
	c.join("2", "sensocto:sensor:s", `"connector_id":"u1"`)
	c.expectPrefix(`["2",null,"sensocto:sensor:s","backpressure_config"`)
	c.script(`
		> ["2","3","sensocto:sensor:s","measurement",{"attribute_id":"a","payload":1,"timestamp":1700000000000}]
		< ["2","3","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]`)
}

// Whether a connector waits for replies follows its joins and leaves, however they follow
// each other.
func TestDevice_UnityComesAndGoes(t *testing.T) {
	const (
		topic  = "sensocto:connector:u1"
		answer = `["1","5","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]`
		alive  = `[null,"6","phoenix","phx_reply",{"status":"ok","response":{}}]`
	)
	w := newWorld(t)
	c := w.dial("vsn=2.0.0&token=ingest")
	c.join("1", "sensocto:sensor:s", `"connector_id":"u1"`)
	ref := 10
	for i, kind := range []string{"unity", "Unity", "web", "unity", "leaves", "unity", "leaves", "web", "refused"} {
		switch kind {
		case "leaves":
			c.send(fmt.Sprintf(`["%d","7","%s","phx_leave",{}]`, ref, topic))
		case "refused":
			c.send(`["9","9","` + topic + `","phx_join",{"connector_id":"other","connector_type":"unity"}]`)
		default:
			ref++
			c.send(fmt.Sprintf(`["%d","%[1]d","%s","phx_join",{"connector_type":"%s"}]`, ref, topic, kind))
		}
		c.send(`["1","5","sensocto:sensor:s","measurement",{"attribute_id":"a","payload":1,"timestamp":1700000000000}]`)
		c.send(`[null,"6","phoenix","heartbeat",{}]`)
		answered := false
		for got := c.receive(); got != alive; got = c.receive() {
			answered = answered || got == answer
		}
		want := 0
		if strings.EqualFold(kind, "unity") {
			want = 1
		}
		if got := w.socket.UnityConnectors(); answered != (want == 1) || got != want {
			t.Errorf("step %d, %s: answered %v, and %d connectors count as waiting for replies, want %d", i, kind, answered, got, want)
		}
	}
}

func TestDevice_FormsOfAttributes(t *testing.T) {
	for _, tt := range []struct{ text, ids string }{
		{`["b","a"]`, "a b"},
		{`[{"attribute_id":"a","unit":"mV"},{"id":"b"},{"id":"not good"}]`, "a b"},
		{`{"a":{"attribute_type":"ecg"},"b":{}}`, "a b"},
		{`[]`, ""}, {`{}`, ""}, {`null`, ""},
	} {
		t.Run(tt.text, func(t *testing.T) {
			w := newWorld(t)
			c := w.dial("vsn=2.0.0&token=ingest")
			c.join("1", "sensocto:sensor:s", `"attributes":`+tt.text)
			s, _ := w.reg.Sensor("s")
			var ids []string
			for _, a := range s.Attributes {
				ids = append(ids, a.ID)
			}
			if got := strings.Join(ids, " "); got != tt.ids {
				t.Errorf("attributes %q, want %q", got, tt.ids)
			}
		})
	}
}

func TestDevice_ConfigFollowsTheReplyAndAttention(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Attention = attention.New(attention.Options{Hold: time.Millisecond}) })
	c := w.v2()
	c.join("1", "sensocto:sensor:s", `"bearer_token":"ingest"`)
	config := func(level string, window float64) {
		t.Helper()
		f := c.frame()
		p := f.payload
		if f.event != "backpressure_config" || p["attention_level"] != level || p["recommended_batch_window"] != window ||
			p["load_level"] != "normal" || p["paused"] != false || p["system_load"] != nil {
			t.Fatalf("%+v", f)
		}
	}
	config("none", 5000)
	v := w.dial("vsn=2.0.0&token=view")
	v.join("1", "data:s", "")
	config("high", 50)
	v.send(`["1","2","data:s","attention",{"level":"medium"}]`)
	config("medium", 200)
	v.send(`["1","3","data:s","visibility_changed",{"visible":false}]`)
	config("none", 5000)
	v.send(`["1","4","data:s","visibility_changed",{"visible":true}]`)
	config("high", 50)
	v.ws.Close()
	config("none", 5000)
}

func TestDevice_NewestConnectionWins(t *testing.T) {
	w := newWorld(t)
	first := w.device("s", "")
	status := w.dial("vsn=2.0.0&token=view")
	status.expectOnline("s")
	w.device("s", "")
	first.expect(`["1","1","sensocto:sensor:s","phx_close",{}]`)
	first.send(`["1","2","sensocto:sensor:s","ping",{}]`)
	first.expect(`["1","2","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
	first.ws.Close()
	w.eventually("the first connection ends", func() bool { return w.metric("socket_connections") == 2 })
	status.send(`[null,"9","phoenix","heartbeat",{}]`)
	status.expectPrefix(`[null,"9"`) // nothing was said of s: it stayed online
}

func (c *client) expectOnline(id string) {
	c.t.Helper()
	c.send(`["1","1","sensors:status","phx_join",{}]`)
	c.expect(fmt.Sprintf(`["1","1","sensors:status","phx_reply",{"status":"ok","response":{"online":[%q]}}]`, id))
}

func TestDevice_SecondJoinOnTheSameConnectionStaysOnline(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	status := w.dial("vsn=2.0.0&token=view")
	status.expectOnline("s")
	d.script(`
		> ["2","2","sensocto:sensor:s","phx_join",{}]
		< ["1","1","sensocto:sensor:s","phx_close",{}]
		< ["2","2","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]
		< ["2",null,"sensocto:sensor:s","backpressure_config",…
		> ["1","3","sensocto:sensor:s","phx_leave",{}]
		< ["1","3","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]
		> ["2","4","sensocto:sensor:s","ping",{}]
		< ["2","4","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]
		> ["2","5","sensocto:sensor:s","phx_leave",{}]
		< ["2","5","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]
		< ["2","2","sensocto:sensor:s","phx_close",{}]`)
	if f := status.frame(); f.event != "sensor_disconnected" || f.payload["sensor_id"] != "s" || f.joinRef != nil {
		t.Errorf("got %+v", f)
	}
}

func TestDevice_Command(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	a := w.dial("vsn=2.0.0&token=admin")
	a.join("1", "data:s", "")
	d.expectPrefix(`["1",null,"sensocto:sensor:s","backpressure_config"`)
	a.script(`
		> ["1","2","data:s","command",{"led":"on"}]
		< ["1","2","data:s","phx_reply",{"status":"ok","response":{}}]
		> ["1","3","data:s","command",[1]]
		< ["1","3","data:s","phx_reply",{"status":"error","response":{"reason":"invalid_payload"}}]`)
	d.expect(`["1",null,"sensocto:sensor:s","device_command",{"led":"on"}]`)
	d.ws.Close()
	w.eventually("offline", func() bool { return len(w.reg.Online()) == 0 })
	a.script(`
		> ["1","4","data:s","command",{}]
		< ["1","4","data:s","phx_reply",{"status":"error","response":{"reason":"not_connected"}}]`)
}

func TestDevice_BinaryMeasurements(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	v := w.dial("vsn=2.0.0&token=view")
	v.join("1", "data:s", `"encoding":"binary"`)
	ms := []sensocto.Measurement{{AttributeID: "a", Sample: sensocto.Sample{Timestamp: 1_700_000_000_000_000, Value: 1.5}}}
	id, err := wire.ParseStreamID("01234567-89ab-cdef-0123-456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	body, ok := wire.AppendBatchColumns(nil, wire.Header{Stream: wire.Stream{ID: id, Seq: 1}}, ms)
	if !ok {
		t.Fatal("no columns")
	}
	frame, err := phx.AppendBinaryMessage(nil, phx.NewRef("1"), phx.NewRef("2"), "sensocto:sensor:s", "measurements", body)
	if err != nil {
		t.Fatal(err)
	}
	d.ws.WriteMessage(websocket.BinaryMessage, frame)
	d.expectPrefix(`["1",null,"sensocto:sensor:s","backpressure_config"`)
	d.expect(`["1","2","sensocto:sensor:s","phx_reply",{"status":"ok","response":{"seq":1}}]`)
	f, err := phx.DecodeServerBinary([]byte(v.receive()))
	if err != nil || string(f.Topic) != "data:s" || string(f.Event) != "measurements" {
		t.Fatalf("%+v %v", f, err)
	}
	var b sensocto.Batch
	if _, _, err := wire.NewDecoder(wire.Options{}).Columns(&b, f.Payload); err != nil || len(b.Measurements) != 1 || b.Measurements[0].Value != 1.5 {
		t.Errorf("%+v %v", b, err)
	}
}

func TestDevice_DisconnectInMidBatch(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	d.send(`["1","2","sensocto:sensor:s","measurements_batch",[{"attribute_id":"a","payload":1,"timestamp":1700000000000}]]`)
	// The header of a frame whose payload never comes.
	d.ws.NetConn().Write([]byte{0x81, 0xFE, 0x10, 0x00, 1, 2, 3, 4, 5})
	d.ws.NetConn().Close()
	w.eventually("offline", func() bool { return len(w.reg.Online()) == 0 })
	page, err := w.store.Read(t.Context(), "s", "a", sensocto.Query{})
	if err != nil || len(page.Samples) != 1 {
		t.Errorf("%d samples, %v: what came before is kept", len(page.Samples), err)
	}
}

func TestDevice_RightLost(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", "")
	v := w.dial("vsn=2.0.0&token=view")
	v.join("1", "data:s", "")
	v.join("2", "viewer:x", "")
	w.auth.revoke("view")
	got := map[string]bool{v.receive(): true, v.receive(): true}
	if !got[`["1","1","data:s","phx_close",{}]`] || !got[`["2","2","viewer:x","phx_close",{}]`] {
		t.Errorf("got %v", got)
	}
	d.send(`["1","2","sensocto:sensor:s","measurement",{"attribute_id":"a","payload":1,"timestamp":1700000000000}]`)
	d.sync("sensocto:sensor:s")
	v.script(`
		> ["3","3","data:s","phx_join",{}]
		< ["3","3","data:s","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`)
	w.auth.revoke("ingest")
	d.expect(`["1","1","sensocto:sensor:s","phx_close",{}]`)
	w.eventually("offline", func() bool { return len(w.reg.Online()) == 0 })
}

func TestDevice_HugePayloads(t *testing.T) {
	w := newWorld(t)
	d := w.device("s", `,"ack":true`)
	document, _ := json.Marshal(strings.Repeat("x", 64<<10-2))
	d.send(fmt.Sprintf(`["1","2","sensocto:sensor:s","measurement",{"attribute_id":"a","payload":%s,"timestamp":1700000000000}]`, document))
	d.expect(`["1","2","sensocto:sensor:s","phx_reply",{"status":"ok","response":{}}]`)
	d.send(fmt.Sprintf(`["1","3","sensocto:sensor:s","measurement",{"attribute_id":"a","payload":"%s","timestamp":1700000000000}]`, strings.Repeat("x", 64<<10)))
	d.expect(`["1","3","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"payload_too_large"}}]`)
	// Ten megabytes: refused by the header, without waiting for the rest.
	d.ws.NetConn().Write([]byte{0x81, 0xFF, 0, 0, 0, 0, 0, 0xA0, 0, 0, 1, 2, 3, 4})
	d.expectClose(1009, "frame_too_large")
}
