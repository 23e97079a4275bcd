package socket_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket"
)

// deaf is a viewer that watches sensors and does not read.
func (w *world) deaf(sensors []string) *client {
	w.t.Helper()
	c := w.dial("vsn=2.0.0&token=view")
	c.ws.NetConn().(interface{ SetReadBuffer(int) error }).SetReadBuffer(4096)
	c.join("1", "viewer:x", "")
	ids, _ := json.Marshal(sensors)
	c.send(fmt.Sprintf(`["1","2","viewer:x","watch",{"sensor_ids":%s}]`, ids))
	c.expectPrefix(`["1","2"`)
	return c
}

// publishOn publishes measurements of a sensor.
func (w *world) publishOn(sensor string, ms ...sensocto.Measurement) {
	w.pubsub.Publish(&sensocto.Message{Topic: sensocto.DataTopic(sensor), Event: sensocto.EventMeasurementsBatch, Payload: &sensocto.Batch{SensorID: sensor, Measurements: ms}})
}

// One sensor of many attributes among many sensors is not too much.
func TestOutbox_BoundsAttributesTogether(t *testing.T) {
	w := newWorld(t)
	sensors := []string{"big"}
	for i := range 300 {
		sensors = append(sensors, fmt.Sprintf("s%d", i))
	}
	var many []sensocto.Measurement
	for i := range 150 {
		many = append(many, sensocto.Measurement{AttributeID: fmt.Sprintf("a%d", i), Sample: sensocto.Sample{Timestamp: 1_700_000_000_000_000}})
	}
	w.deaf(sensors)
	round := func() {
		for _, s := range sensors[1:] {
			w.publishOn(s, many[0])
		}
		w.publishOn("big", many...)
	}
	for w.metric("socket_overflows_total") == 0 {
		round()
	}
	for range 3 {
		round()
	}
	if n := w.metric("socket_closes_total", "reason", "too_slow"); n > 0 {
		t.Error("closed for being slow, with 450 attributes")
	}
}

// Documents cannot be merged, so those of all sensors together are bounded.
func TestOutbox_BoundsDocumentsTogether(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.QueueBytes = 16 << 10 })
	var sensors []string
	for i := range 40 {
		sensors = append(sensors, fmt.Sprintf("s%d", i))
	}
	w.deaf(sensors)
	document := sensocto.Sample{Timestamp: 1_700_000_000_000_000, Document: []byte(`"` + strings.Repeat("d", 10_000) + `"`)}
	w.eventually("too slow", func() bool {
		for _, s := range sensors {
			w.publishOn(s, sensocto.Measurement{AttributeID: "a", Sample: document})
		}
		return w.metric("socket_closes_total", "reason", "too_slow") > 0
	})
}
