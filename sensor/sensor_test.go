package sensor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sensor"
)

func TestSensor_StoresAndPublishesInOrder(t *testing.T) {
	w := newWorld(t)
	data := w.listen(sensocto.DataTopic("s1"))
	l, _ := w.connect(t, "s1")
	defer l.Close()
	for i := range 100 {
		if err := push(t, l, "ecg", i*3, 3); err != nil {
			t.Fatal(err)
		}
	}
	samples := w.read(t, "s1", "ecg")
	if len(samples) != 300 {
		t.Fatalf("%d samples stored, want 300", len(samples))
	}
	settle(t, l)
	next := 0
	for _, m := range data.messages {
		for _, x := range m.Payload.(*sensocto.Batch).Measurements {
			if x.Value != float64(next) || samples[next].Value != x.Value {
				t.Fatalf("measurement %d published as %v, stored as %v", next, x.Value, samples[next].Value)
			}
			next++
		}
	}
	if next != 300 {
		t.Fatalf("%d measurements published, want 300", next)
	}
}

func TestSensor_PublishedBatchesAreNeverReused(t *testing.T) {
	w := newWorld(t)
	data := w.listen(sensocto.DataTopic("s1"))
	l, _ := w.connect(t, "s1")
	defer l.Close()
	for i := range 50 {
		if err := push(t, l, "ecg", i, 1); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, l)
	for i, m := range data.messages {
		if v := m.Payload.(*sensocto.Batch).Measurements[0].Value; v != float64(i) {
			t.Fatalf("batch %d now holds %v: it was recycled while a viewer had it", i, v)
		}
	}
}

// A message is used again: nothing of the one before is left in it.
func TestSensor_EachMessageIsEncodedAnew(t *testing.T) {
	w := newWorld(t)
	var got []string
	encode := func(m *sensocto.Message) []byte {
		return fmt.Append(nil, m.Payload.(*sensocto.Batch).Measurements[0].Value)
	}
	defer w.pubsub.Subscribe(sensocto.DataTopic("s1"), deliver(func(m *sensocto.Message) {
		got = append(got, string(m.Encoded(0, encode)))
	})).Close()
	l, _ := w.connect(t, "s1")
	defer l.Close()
	for i := range 3 {
		if err := push(t, l, "ecg", i, 1); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, l)
	if want := []string{"0", "1", "2"}; !slices.Equal(got, want) {
		t.Errorf("%v were encoded, want %v", got, want)
	}
}

type deliver func(*sensocto.Message)

func (d deliver) Deliver(m *sensocto.Message) { d(m) }

// An attribute that was unregistered is found no more, also by a name that was found last.
func TestSensor_AnAttributeComesBack(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	defer l.Close()
	for i, name := range []string{"ecg", strings.Clone("ecg"), "hr", "ecg"} {
		if err := push(t, l, name, i, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.UpdateAttribute(t.Context(), sensocto.AttributeRemove, sensocto.Attribute{ID: "ecg"}); err != nil {
		t.Fatal(err)
	}
	if s, _ := w.Sensor("s1"); len(s.Attributes) != 1 || s.Attributes[0].ID != "hr" {
		t.Errorf("after its end: %+v", s.Attributes)
	}
	if err := push(t, l, "ecg", 4, 1); err != nil {
		t.Fatal(err)
	}
	settle(t, l)
	if s, _ := w.Sensor("s1"); len(s.Attributes) != 2 || s.Attributes[0].LastValue.Value != 4 || s.Attributes[1].LastValue.Value != 2 {
		t.Errorf("when it has come back: %+v", s.Attributes)
	}
	if ecg, hr := w.read(t, "s1", "ecg"), w.read(t, "s1", "hr"); len(ecg) != 4 || len(hr) != 1 {
		t.Errorf("%d samples of ecg and %d of hr are stored, want 4 and 1", len(ecg), len(hr))
	}
}

func TestSensor_OneMeasurementIsAMeasurementEvent(t *testing.T) {
	w := newWorld(t)
	data := w.listen(sensocto.DataTopic("s1"))
	l, _ := w.connect(t, "s1")
	defer l.Close()
	for _, n := range []int{1, 2} {
		if err := push(t, l, "ecg", 0, n); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, l)
	if want := []string{sensocto.EventMeasurement, sensocto.EventMeasurementsBatch}; !slices.Equal(data.events(), want) {
		t.Fatalf("events %v, want %v", data.events(), want)
	}
}

func TestSensor_RegistersUnknownAttributesAndSaysSo(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	defer l.Close()
	settle(t, l)
	signal, all := w.listen(sensocto.SignalTopic("s1")), w.listen(sensocto.TopicSensorsAll)
	b := l.Batch()
	for id, s := range map[string]sensocto.Sample{
		"ECG":     {Value: 1},
		"sensor7": {Value: 2},
		"where":   {Document: []byte(`{"latitude":1,"longitude":2}`)},
		"flag":    {Document: []byte(`true`)},
		"note":    {Document: []byte(`"hello"`)},
		"list":    {Document: []byte(`[1]`)},
		"nothing": {Document: []byte(`null`)},
	} {
		s.Timestamp = epoch
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: id, Sample: s})
	}
	if err := l.Push(t.Context(), b, nil); err != nil {
		t.Fatal(err)
	}
	settle(t, l)
	if got := signal.events(); !slices.Equal(got, []string{sensocto.EventNewState}) {
		t.Fatalf("events on signal: %v, want one new_state for the whole batch", got)
	}
	if got := all.events(); !slices.Equal(got, []string{sensocto.EventSensorListUpdated}) {
		t.Fatalf("events on sensors:all: %v", got)
	}
	types := map[string]string{}
	for _, a := range signal.last().Payload.(sensocto.Sensor).Attributes {
		types[a.ID] = a.Type
	}
	for id, want := range map[string]string{"ECG": "ecg", "sensor7": "number", "where": "geolocation", "flag": "boolean", "note": "string", "list": "array", "nothing": "json"} {
		if types[id] != want {
			t.Errorf("attribute %s has type %q, want %q", id, types[id], want)
		}
	}
}

func TestSensor_AttributeActions(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	defer l.Close()
	a := sensocto.Attribute{ID: "ecg", Type: "ecg", Unit: "mV", SamplingRate: 512}
	steps := []struct {
		action sensocto.AttributeAction
		a      sensocto.Attribute
		reason string
		want   int
	}{
		{sensocto.AttributeRegister, a, "", 1},
		{sensocto.AttributeUpdate, sensocto.Attribute{ID: "ecg", Unit: "µV"}, "", 1},
		{sensocto.AttributeAdd, sensocto.Attribute{ID: "hr"}, "", 2},
		{sensocto.AttributeRemove, sensocto.Attribute{ID: "hr"}, "", 1},
		{sensocto.AttributeUnregister, sensocto.Attribute{ID: "never"}, "", 1},
		{"explode", a, "invalid_action", 1},
		{sensocto.AttributeRegister, sensocto.Attribute{ID: "no good"}, "invalid_attribute_id", 1},
	}
	for i, s := range steps {
		if got := sensocto.ErrorReason(l.UpdateAttribute(t.Context(), s.action, s.a)); got != s.reason {
			t.Errorf("step %d: reason %q, want %q", i, got, s.reason)
		}
		state, _ := w.Sensor("s1")
		if len(state.Attributes) != s.want {
			t.Errorf("step %d: attributes %v, want %d", i, state.Attributes, s.want)
		}
	}
	state, _ := w.Sensor("s1")
	if got := state.Attributes[0]; got.Unit != "µV" || got.SamplingRate != 512 || got.Type != "ecg" {
		t.Errorf("after an update of the unit alone: %+v", got)
	}
}

func TestSensor_ReconnectKeepsDataAndTheNewestWins(t *testing.T) {
	w := newWorld(t)
	status := w.listen(sensocto.TopicSensorsStatus)
	first, oldDevice := w.connect(t, "s1")
	if err := push(t, first, "ecg", 0, 5); err != nil {
		t.Fatal(err)
	}
	second, newDevice := w.connect(t, "s1")
	if oldDevice.wasReplaced() != 1 || newDevice.wasReplaced() != 0 {
		t.Fatal("the second join did not replace exactly the first")
	}
	if err := push(t, first, "ecg", 5, 1); sensocto.ErrorCode(err) != sensocto.CodeConflict {
		t.Fatalf("a push on the replaced link: %v", err)
	}
	first.Close() // must not take the sensor offline
	if err := push(t, second, "ecg", 5, 5); err != nil {
		t.Fatal(err)
	}
	if got := w.Online(); !slices.Equal(got, []string{"s1"}) {
		t.Fatalf("online: %v", got)
	}
	second.Close()
	second.Close()
	third, _ := w.connect(t, "s1")
	defer third.Close()
	settle(t, third)
	if got := len(w.read(t, "s1", "ecg")); got != 10 {
		t.Fatalf("%d samples after two reconnects, want 10", got)
	}
	want := []string{sensocto.EventSensorConnected, sensocto.EventSensorDisconnected, sensocto.EventSensorConnected}
	if got := status.events(); !slices.Equal(got, want) {
		t.Fatalf("status events %v, want %v", got, want)
	}
}

func TestSensor_WhatWasPushedBeforeTheDeviceLeftIsTaken(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	for i := range 50 {
		if err := l.Push(t.Context(), fill(l.Batch(), "ecg", i, 1), nil); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	again, _ := w.connect(t, "s1")
	defer again.Close()
	if got := len(w.read(t, "s1", "ecg")); got != 50 {
		t.Fatalf("%d samples, want 50", got)
	}
}

func TestSensor_BelongsToWhoJoinedItFirst(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	defer l.Close()
	guest := sensocto.Identity{ID: sensocto.GuestID, OwnerID: sensocto.GuestID, Scopes: []sensocto.Scope{sensocto.ScopeIngest}}
	_, err := w.Connect(t.Context(), guest, sensocto.Registration{SensorID: "s1"}, &device{})
	if !errors.Is(err, sensocto.ErrUnauthorized) {
		t.Fatalf("a guest took an operator's sensor: %v", err)
	}
}

func TestSensor_PanicIsContainedCountedAndSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.store.plant(func(b *sensocto.Batch) error {
			if b.SensorID == "bad" && b.Measurements[0].Value == 1 {
				panic("planted")
			}
			return nil
		})
		bad, _ := w.connect(t, "bad")
		good, _ := w.connect(t, "good")
		for i := range 4 {
			err := push(t, bad, "ecg", i, 1)
			if failed := sensocto.ErrorCode(err) == sensocto.CodeInternal; failed != (i == 1) {
				t.Fatalf("push %d: %v", i, err)
			}
			if err := push(t, good, "ecg", i, 1); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(w.read(t, "bad", "ecg")); got != 3 {
			t.Errorf("%d samples of the sensor that panicked, want the 3 others", got)
		}
		if got := w.metric("sensor_panics_total"); got != 1 {
			t.Errorf("sensor_panics_total is %v", got)
		}
		if got := w.metric("sensor_restarts_total"); got != 1 {
			t.Errorf("sensor_restarts_total is %v", got)
		}
		bad.Close()
		good.Close()
	})
}

// brokenPubSub panics when measurements are published.
type brokenPubSub struct{ sensocto.PubSub }

func (p brokenPubSub) Publish(m *sensocto.Message) bool {
	if m.Event == sensocto.EventMeasurement {
		panic("planted")
	}
	return p.PubSub.Publish(m)
}

func (p brokenPubSub) Publisher(string) sensocto.Publisher { return p }

// What is stored has been answered: a panic afterwards must not call it failed,
// or its device would send it again.
func TestSensor_PanicAfterTheAnswerAnswersNothing(t *testing.T) {
	w := newWorld(t, func(o *sensor.Options) { o.PubSub = brokenPubSub{o.PubSub} })
	l, _ := w.connect(t, "s1")
	defer l.Close()
	answers := make(chan error, 4)
	done := func(err error) { answers <- err }
	if err := l.Push(t.Context(), fill(l.Batch(), "ecg", 0, 1), done); err != nil {
		t.Fatal(err)
	}
	if err := l.PushDurable(t.Context(), fill(l.Batch(), "ecg", 1, 1), done); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	settle(t, l)
	if n := len(answers); n > 0 || w.metric("sensor_panics_total") != 2 {
		t.Errorf("%d answers too many, %v panics", n, w.metric("sensor_panics_total"))
	}
}

func TestSensor_StoreThatRefusesIsReportedAndCounted(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	defer l.Close()
	w.store.plant(func(*sensocto.Batch) error { return sensocto.ErrUnavailable })
	if err := push(t, l, "ecg", 0, 7); !errors.Is(err, sensocto.ErrUnavailable) {
		t.Fatalf("push into a full store: %v", err)
	}
	w.store.plant(nil)
	if err := push(t, l, "ecg", 7, 1); err != nil {
		t.Fatal(err)
	}
	if got := w.metric("sensor_measurements_refused_total"); got != 7 {
		t.Errorf("refused %v, want 7", got)
	}
}

func TestSensor_FullMailboxMakesTheSenderWaitAndLosesNothing(t *testing.T) {
	w := newWorld(t, func(o *sensor.Options) { o.Mailbox = 10 })
	gate := make(chan struct{})
	w.store.plant(func(*sensocto.Batch) error { <-gate; return nil })
	l, _ := w.connect(t, "s1")
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	pushed := 0
	var full sync.WaitGroup
	full.Go(func() {
		for l.Push(ctx, fill(l.Batch(), "ecg", pushed*5, 5), nil) == nil {
			pushed++
		}
	})
	for w.metric("sensor_mailbox_measurements") < 10 { // it fills, and no more than that
	}
	cancel()
	full.Wait()
	if pushed > 4 {
		t.Fatalf("%d batches of 5 went into a mailbox of 10 and one in the sensor's hands", pushed)
	}
	close(gate)
	settle(t, l)
	if got := len(w.read(t, "s1", "ecg")); got != pushed*5 {
		t.Fatalf("%d samples stored, %d pushed", got, pushed*5)
	}
}

func TestSensor_TakesABatchLargerThanItsMailbox(t *testing.T) {
	w := newWorld(t, func(o *sensor.Options) { o.Mailbox = 10 })
	l, _ := w.connect(t, "s1")
	defer l.Close()
	if err := push(t, l, "ecg", 0, 1000); err != nil {
		t.Fatal(err)
	}
}

func TestSensor_BoundsItsAttributes(t *testing.T) {
	w := newWorld(t, func(o *sensor.Options) { o.MaxAttributes = 3 })
	l, _ := w.connect(t, "s1")
	defer l.Close()
	b := l.Batch()
	for i := range 5 {
		fill(b, fmt.Sprintf("a%d", i), i, 1)
	}
	done := make(chan error, 1)
	if err := l.Push(t.Context(), b, func(err error) { done <- err }); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, sensocto.ErrTooManyAttributes) {
		t.Fatalf("five attributes where three are allowed: %v", err)
	}
	if got := len(w.read(t, "s1", "a2")); got != 1 {
		t.Fatalf("the good measurements were not kept: %d", got)
	}
	if got := w.metric("sensor_measurements_refused_total"); got != 2 {
		t.Errorf("refused %v, want 2", got)
	}
}

func TestSensor_LateSamplesAreKeptAndAreNotTheLastValue(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	defer l.Close()
	for _, first := range []int{10, 0, 5} {
		if err := push(t, l, "ecg", first, 1); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, l)
	var values []float64
	for _, s := range w.read(t, "s1", "ecg") {
		values = append(values, s.Value)
	}
	if !slices.Equal(values, []float64{0, 5, 10}) {
		t.Errorf("read back %v", values)
	}
	state, _ := w.Sensor("s1")
	if got := state.Attributes[0].LastValue.Value; got != 10 {
		t.Errorf("last value %v, want 10", got)
	}
}

func TestSensor_ActivityAndRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		activity := func() sensocto.ActivityStatus { s, _ := w.Sensor("s1"); return s.Activity }
		if activity() != sensocto.ActivityUnknown {
			t.Fatalf("before: %v", activity())
		}
		l, _ := w.connect(t, "s1")
		if activity() != sensocto.ActivityIdle {
			t.Fatalf("connected: %v", activity())
		}
		for i := range 80 {
			if err := push(t, l, "ecg", i*10, 10); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if activity() != sensocto.ActivityOnline {
			t.Fatalf("sending: %v", activity())
		}
		if r := w.Rates("s1"); r.MeasurementsPerSecond != 100 || r.BatchesPerSecond != 10 || r.Attributes["ecg"] != 100 {
			t.Fatalf("rates %+v, want 100 measurements and 10 batches a second", r)
		}
		time.Sleep(5 * time.Second)
		if activity() != sensocto.ActivityIdle {
			t.Fatalf("silent for 5 s: %v", activity())
		}
		time.Sleep(5 * time.Second)
		if r := w.Rates("s1"); r.MeasurementsPerSecond != 0 {
			t.Fatalf("rates after silence %+v", r)
		}
		l.Close()
		synctest.Wait()
		if activity() != sensocto.ActivityOffline {
			t.Fatalf("left: %v", activity())
		}
	})
}

// metric returns the sum of a metric's values.
func (w *world) metric(name string) (sum float64) {
	w.Metrics(func(m sensocto.Metric) {
		if m.Name == name {
			sum += m.Value
		}
	})
	return sum
}
