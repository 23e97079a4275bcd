package sensor_test

import (
	"errors"
	"testing"

	"github.com/sensocto/sensocto"
)

func recorded(id string, attributes ...string) sensocto.Registration {
	r := sensocto.Registration{SensorID: id, SensorName: "Night 3", SensorType: "recording", ConnectorName: "import"}
	for _, a := range attributes {
		r.Attributes = append(r.Attributes, sensocto.Attribute{ID: a, Unit: "uV", SamplingRate: 100})
	}
	return r
}

func TestRegister_MakesASensorKnownWithoutADevice(t *testing.T) {
	c := newCatalog()
	t.Run("before", func(t *testing.T) {
		w := openWorld(t, c)
		if err := w.Register(t.Context(), operator, recorded("s1", "ecg", "eeg")); err != nil {
			t.Fatal(err)
		}
		if s, ok := w.Sensor("s1"); !ok || s.Activity != sensocto.ActivityOffline || s.Name != "Night 3" {
			t.Fatalf("%v %+v", ok, s)
		}
		stranger := sensocto.Identity{ID: "x", OwnerID: "somebody", Scopes: []sensocto.Scope{sensocto.ScopeIngest}}
		if err := w.Register(t.Context(), stranger, recorded("s1")); !errors.Is(err, sensocto.ErrUnauthorized) {
			t.Errorf("somebody else's: %v", err)
		}
	})
	if s, ok := openWorld(t, c).Sensor("s1"); !ok || len(s.Attributes) != 2 || s.Attributes[1].Unit != "uV" {
		t.Fatalf("after a restart: %v %+v", ok, s)
	}
}

func TestRegister_LeavesAConnectedDeviceAlone(t *testing.T) {
	w := newWorld(t)
	l, d := w.connect(t, "s1")
	defer l.Close()
	if err := w.Register(t.Context(), operator, recorded("s1", "ecg", "temp")); err != nil {
		t.Fatal(err)
	}
	if err := push(t, l, "ecg", 0, 3); err != nil || d.wasReplaced() != 0 {
		t.Fatalf("push: %v; replaced %d times", err, d.wasReplaced())
	}
	if s, _ := w.Sensor("s1"); s.Name != "Strap" || s.Type != "ecg" || len(s.Attributes) != 2 {
		t.Errorf("%+v", s)
	}
	if err := w.Refresh(t.Context(), "s1"); err != nil {
		t.Fatal(err)
	}
	if err := w.Refresh(t.Context(), "never"); !errors.Is(err, sensocto.ErrNotFound) {
		t.Errorf("an unknown sensor: %v", err)
	}
}

// What people note is a measurement like any other, also while no device is
// connected.
func TestPut_AddsAMeasurementThatNoDeviceSent(t *testing.T) {
	w := newWorld(t)
	l, d := w.connect(t, "s1")
	note := func(text string) sensocto.Measurement {
		return sensocto.Measurement{AttributeID: "annotations", Sample: sensocto.Sample{Timestamp: 1767225600000000, Document: []byte(`{"text":"` + text + `"}`)}}
	}
	if err := w.Put(t.Context(), "s1", note("one")); err != nil || d.wasReplaced() != 0 {
		t.Fatalf("%v; replaced %d times", err, d.wasReplaced())
	}
	l.Close()
	if err := w.Put(t.Context(), "s1", note("two")); err != nil {
		t.Fatal(err)
	}
	page, err := w.store.Read(t.Context(), "s1", "annotations", sensocto.Query{Limit: 10})
	if err != nil || len(page.Samples) != 2 || string(page.Samples[1].Document) != `{"text":"two"}` {
		t.Errorf("%v %+v", err, page.Samples)
	}
	if err := w.Put(t.Context(), "never", note("x")); !errors.Is(err, sensocto.ErrNotFound) {
		t.Errorf("an unknown sensor: %v", err)
	}
}
