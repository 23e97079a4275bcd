package sensor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sensor"
)

// A sensor is shown with what its owner is called: as soon as it is there, after a
// restart, and after a change of name or of owner, of which the live list tells.
func TestRegistry_SaysWhatOwnersAreCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names, reads := map[string]string{"u1": "Ada", "u2": "Bob"}, 0
		withNames := func(o *sensor.Options) {
			o.OwnerName = func(_ context.Context, id string) (string, error) {
				reads++
				return names[id], nil
			}
		}
		c := newCatalog()
		w := openWorld(t, c, withNames)
		defer w.stop()
		ada := sensocto.Identity{ID: "t1", UserID: "u1", OwnerID: "u1", Scopes: []sensocto.Scope{sensocto.ScopeIngest}}
		for _, id := range []string{"s1", "s2"} {
			if _, err := w.Connect(t.Context(), ada, sensocto.Registration{SensorID: id, SensorName: "Strap"}, &device{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Connect(t.Context(), sensocto.Identity{ID: "t2", OwnerID: sensocto.OperatorID, Scopes: ada.Scopes}, sensocto.Registration{SensorID: "s3"}, &device{}); err != nil {
			t.Fatal(err)
		}
		called := func(w *world, id, want string) {
			t.Helper()
			if s, _ := w.Sensor(id); s.OwnerName != want {
				t.Errorf("%s is of %q, want %q", id, s.OwnerName, want)
			}
		}
		called(w, "s1", "Ada")
		called(w, "s3", "")
		if reads != 1 {
			t.Errorf("%d reads of one name", reads)
		}
		list := &listener{}
		defer w.pubsub.Subscribe(sensocto.TopicSensorsAll, list).Close()
		w.OwnerRenamed("u1", "Countess")
		synctest.Wait()
		called(w, "s1", "Countess")
		called(w, "s2", "Countess")
		if !list.said("s1", "Countess") || !list.said("s2", "Countess") {
			t.Error("the list does not tell of the new name")
		}
		if err := w.SetOwner(t.Context(), "s1", "u2", true); err != nil {
			t.Fatal(err)
		}
		called(w, "s1", "Bob")
		names["u1"] = "Countess"
		again := openWorld(t, c, withNames)
		defer again.stop()
		called(again, "s1", "Bob")
	})
}

// A change of name while the name is read for a join is what the sensor shows, and
// the next ones too.
func TestRegistry_ANewNameIsNotReplacedByAnOlderRead(t *testing.T) {
	var w *world
	w = newWorld(t, func(o *sensor.Options) {
		o.OwnerName = func(_ context.Context, id string) (string, error) {
			w.OwnerRenamed(id, "Countess")
			return "Ada", nil
		}
	})
	ada := sensocto.Identity{ID: "t1", UserID: "u1", OwnerID: "u1", Scopes: []sensocto.Scope{sensocto.ScopeIngest}}
	for _, id := range []string{"s1", "s2"} {
		if _, err := w.Connect(t.Context(), ada, sensocto.Registration{SensorID: id}, &device{}); err != nil {
			t.Fatal(err)
		}
		if s, _ := w.Sensor(id); s.OwnerName != "Countess" {
			t.Errorf("%s is of %q", id, s.OwnerName)
		}
	}
}

// Where a name cannot be read, the sensor is there without it.
func TestRegistry_TakesSensorsWhoseOwnersNameCannotBeRead(t *testing.T) {
	w := newWorld(t, func(o *sensor.Options) {
		o.OwnerName = func(context.Context, string) (string, error) { return "", errors.New("away") }
	})
	if _, err := w.Connect(t.Context(), sensocto.Identity{ID: "t1", UserID: "u1", OwnerID: "u1", Scopes: []sensocto.Scope{sensocto.ScopeIngest}}, sensocto.Registration{SensorID: "s1"}, &device{}); err != nil {
		t.Fatal(err)
	}
}

// said reports whether the list said that a sensor's owner is called so.
func (l *listener) said(id, owner string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.messages {
		if u, ok := m.Payload.(sensocto.SensorListUpdate); ok {
			for _, s := range u.Changed {
				if s.ID == id && s.OwnerName == owner {
					return true
				}
			}
		}
	}
	return false
}
