package sensor_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sensor"
)

func TestRegistry_KnowsItsSensorsAfterARestart(t *testing.T) {
	c := newCatalog()
	t.Run("before", func(t *testing.T) {
		w := openWorld(t, c)
		l, _ := w.connect(t, "s1")
		if err := push(t, l, "ecg", 0, 3); err != nil {
			t.Fatal(err)
		}
		l.Close()
	})
	w := openWorld(t, c)
	s, ok := w.Sensor("s1")
	if !ok || s.Name != "Strap" || s.Type != "ecg" || s.Activity != sensocto.ActivityOffline || len(s.Attributes) != 1 {
		t.Fatalf("after a restart: %v %+v", ok, s)
	}
}

// A sensor that was killed before the catalog had it is known by its samples,
// and belongs to the operator: whoever comes first does not get it. One that is
// known stays as it is.
func TestRegistry_AdoptsWhatHasSamples(t *testing.T) {
	w := newWorld(t)
	known, _ := w.connect(t, "known")
	known.Close()
	w.Adopt("known", []string{"more"})
	w.Adopt("lost", []string{"ecg", "note"})
	if s, _ := w.Sensor("known"); s.Name != "Strap" || len(s.Attributes) != 0 {
		t.Errorf("the known sensor is now %+v", s)
	}
	if s, ok := w.Sensor("lost"); !ok || s.Name != "lost" || len(s.Attributes) != 2 || s.Attributes[0].Type != "ecg" {
		t.Errorf("the lost sensor: %v %+v", ok, s)
	}
	guest := sensocto.Identity{ID: sensocto.GuestID, OwnerID: sensocto.GuestID, Scopes: []sensocto.Scope{sensocto.ScopeIngest}}
	if _, err := w.Connect(t.Context(), guest, sensocto.Registration{SensorID: "lost"}, &device{}); !errors.Is(err, sensocto.ErrUnauthorized) {
		t.Errorf("a guest joins the sensor first: %v", err)
	}
	l, _ := w.connect(t, "lost")
	if s, _ := w.Sensor("lost"); s.Name != "Strap" {
		t.Errorf("the lost sensor, whose device is back, is called %q", s.Name)
	}
	l.Close()
}

func TestRegistry_RenameOutlivesAReconnect(t *testing.T) {
	w := newWorld(t)
	l, _ := w.connect(t, "s1")
	if err := w.Rename(t.Context(), "s1", "Ada's strap"); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l, _ = w.connect(t, "s1")
	defer l.Close()
	if s, _ := w.Sensor("s1"); s.Name != "Ada's strap" {
		t.Fatalf("name after a reconnect: %q", s.Name)
	}
	again, err := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: "s1", SensorName: "New firmware"}, &device{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if s, _ := w.Sensor("s1"); s.Name != "New firmware" {
		t.Fatalf("name after the device gave itself another: %q", s.Name)
	}
	if err := w.Rename(t.Context(), "never", "x"); !errors.Is(err, sensocto.ErrNotFound) {
		t.Fatalf("rename of an unknown sensor: %v", err)
	}
}

func TestRegistry_DeleteRemovesEverythingAndDropsTheDevice(t *testing.T) {
	w := newWorld(t)
	all := w.listen(sensocto.TopicSensorsAll)
	l, d := w.connect(t, "s1")
	if err := push(t, l, "ecg", 0, 10); err != nil {
		t.Fatal(err)
	}
	removed, err := w.Delete(t.Context(), "s1")
	if err != nil || removed.Samples != 10 || removed.Series != 1 {
		t.Fatalf("removed %+v, %v", removed, err)
	}
	if d.wasReplaced() != 1 {
		t.Error("the device was not dropped")
	}
	if err := push(t, l, "ecg", 10, 1); err == nil {
		t.Error("a push to a deleted sensor was taken")
	}
	if _, ok := w.Sensor("s1"); ok || len(w.read(t, "s1", "ecg")) != 0 {
		t.Error("the sensor is still there")
	}
	if u := all.last().Payload.(sensocto.SensorListUpdate); !slices.Equal(u.Removed, []string{"s1"}) {
		t.Errorf("last update of the list: %+v", u)
	}
	l.Close()
	again, _ := w.connect(t, "s1")
	defer again.Close()
	if err := push(t, again, "ecg", 0, 1); err != nil {
		t.Fatal(err)
	}
	if got := len(w.read(t, "s1", "ecg")); got != 1 {
		t.Errorf("%d samples after the sensor came back, want 1", got)
	}
}

func TestRegistry_DeleteWhileTheDeviceKeepsPushing(t *testing.T) {
	w := newWorld(t)
	for round := range 20 {
		id := fmt.Sprintf("s%d", round)
		l, _ := w.connect(t, id)
		var pushing sync.WaitGroup
		started := make(chan struct{})
		var once sync.Once
		pushing.Go(func() {
			for i := 0; push(t, l, "ecg", i, 5) == nil; i += 5 {
				once.Do(func() { close(started) })
			}
		})
		<-started
		if _, err := w.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		pushing.Wait()
		if got := len(w.read(t, id, "ecg")); got != 0 {
			t.Fatalf("%d samples came back after the sensor was deleted", got)
		}
		l.Close()
	}
}

func TestRegistry_Command(t *testing.T) {
	w := newWorld(t)
	l, d := w.connect(t, "s1")
	if err := w.Command(t.Context(), "s1", json.RawMessage(`{"led":true}`)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.commands, []string{`{"led":true}`}) {
		t.Errorf("commands %v", d.commands)
	}
	l.Close()
	if err := w.Command(t.Context(), "s1", json.RawMessage(`{}`)); sensocto.ErrorReason(err) != "not_connected" {
		t.Errorf("command to a sensor that is offline: %v", err)
	}
	if err := w.Command(t.Context(), "never", json.RawMessage(`{}`)); !errors.Is(err, sensocto.ErrNotFound) {
		t.Errorf("command to an unknown sensor: %v", err)
	}
}

func TestRegistry_BoundsItsSensors(t *testing.T) {
	w := newWorld(t, func(o *sensor.Options) { o.MaxSensors = 1 })
	l, _ := w.connect(t, "s1")
	defer l.Close()
	_, err := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: "s2"}, &device{})
	if sensocto.ErrorReason(err) != "too_many_sensors" {
		t.Fatalf("a second sensor where one is allowed: %v", err)
	}
}

func TestRegistry_ACatalogThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.catalog.setFail(errors.New("disk full"))
		l, _ := w.connect(t, "s1")
		synctest.Wait()
		if got := w.metric("catalog_failures_total"); got == 0 {
			t.Error("the failure was not counted")
		}
		w.catalog.setFail(nil)
		time.Sleep(5 * time.Second)
		if saved, _ := w.catalog.LoadSensors(t.Context()); len(saved) != 1 {
			t.Errorf("saved after the catalog recovered: %v", saved)
		}
		l.Close()
	})
}

func TestRegistry_ManyDevicesComeAndGoAtOnce(t *testing.T) {
	w := newWorld(t)
	var devices sync.WaitGroup
	for d := range 8 {
		devices.Go(func() {
			for i := range 30 {
				l, err := w.Connect(t.Context(), operator, sensocto.Registration{SensorID: "shared"}, &device{})
				if err != nil {
					t.Error(err)
					return
				}
				_ = push(t, l, "ecg", d*1000+i, 1) // another device may have replaced this one
				l.Close()
			}
		})
	}
	devices.Wait()
	l, _ := w.connect(t, "shared")
	l.Close()
	final, _ := w.connect(t, "shared")
	settle(t, final)
	if got := w.Online(); !slices.Equal(got, []string{"shared"}) {
		t.Fatalf("online: %v", got)
	}
	final.Close()
}
