package alert_test

import (
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/alert"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/pubsub"
)

// watchedStrap returns a topic with ten rules, and a batch of 64 samples that
// fires none of them.
func watchedStrap(t testing.TB) (*pubsub.Local, *sensocto.Message) {
	hub := pubsub.New()
	a := alert.New(alert.Options{Store: &memory{rules: map[string]sensocto.AlertInfo{}}, Rights: sensocto.ScopeRights{}, Notifier: newNotifications(),
		PubSub: hub, Attention: attention.New(attention.Options{})})
	for range 9 {
		_, err := a.Create(t.Context(), identity("ada"), high())
		must(t, err)
	}
	_, err := a.Create(t.Context(), identity("ada"), sensocto.AlertRule{SensorID: "strap", Name: "Battery", Condition: sensocto.AlertBattery, Low: 20, Enabled: true})
	must(t, err)
	b := &sensocto.Batch{SensorID: "strap"}
	at := time.Now().UnixMicro()
	for i := range 63 {
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "hr", Sample: sensocto.Sample{Timestamp: at + int64(i), Value: 70}})
	}
	b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "battery", Sample: sensocto.Sample{Timestamp: at, Document: []byte(`{"level":55.5,"charging":false}`)}})
	return hub, &sensocto.Message{Topic: sensocto.DataTopic("strap"), Event: sensocto.EventMeasurementsBatch, Payload: b}
}

func TestDeliver_DoesNotAllocate(t *testing.T) {
	hub, m := watchedStrap(t)
	if n := testing.AllocsPerRun(100, func() { hub.Publish(m) }); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func BenchmarkDeliver(b *testing.B) {
	hub, m := watchedStrap(b)
	b.ReportAllocs()
	for b.Loop() {
		hub.Publish(m)
	}
}
