package sensor_test

import (
	"errors"
	"testing"

	"github.com/sensocto/sensocto"
)

const farSensor = sensocto.RemoteSensorPrefix + "abcdefghijklmnopqrst:strap"

var farRegistration = sensocto.Registration{SensorID: farSensor, SensorName: "Strap", SensorType: "ecg", Attributes: []sensocto.Attribute{{ID: "ecg", Unit: "mV"}}}

// take hands over n samples that have other numbers at their own server.
func (w *world) take(t *testing.T, first, n int, keep bool) {
	t.Helper()
	b := fill(&sensocto.Batch{SensorID: farSensor}, "ecg", first, n)
	for i := range b.Measurements {
		b.Measurements[i].Number = 1000 + int64(first+i)
	}
	if err := w.TakeRemote(t.Context(), b, keep); err != nil {
		t.Fatal(err)
	}
	if err := w.SyncRemote(t.Context(), farSensor); err != nil {
		t.Fatal(err)
	}
}

func TestRemote_IsWatchedLikeAnyAndNotStored(t *testing.T) {
	w := newWorld(t)
	if err := w.AddRemote(t.Context(), "far-user", farRegistration); err != nil {
		t.Fatal(err)
	}
	if s, ok := w.Sensor(farSensor); !ok || s.OwnerID != "far-user" || s.Activity != sensocto.ActivityOffline || s.Attributes[0].Unit != "mV" {
		t.Errorf("%v %+v", ok, s)
	}
	link, err := w.ConnectRemote(t.Context(), "far-user", farRegistration, &device{})
	if err != nil {
		t.Fatal(err)
	}
	viewer := w.listen(sensocto.DataTopic(farSensor))
	w.take(t, 0, 3, false)
	got := viewer.last().Payload.(*sensocto.Batch).Measurements
	if len(got) != 3 || got[2].Number != 1002 || got[2].Value != 2 {
		t.Errorf("%+v", got)
	}
	if s, _ := w.Sensor(farSensor); s.Activity != sensocto.ActivityOnline || s.Attributes[0].LastValue.Value != 2 {
		t.Errorf("%+v", s)
	}
	if stored := w.read(t, farSensor, "ecg"); len(stored) > 0 {
		t.Errorf("%d samples were stored", len(stored))
	}
	if _, saved := w.catalog.row(farSensor); saved {
		t.Error("the catalog has it")
	}
	link.Close()
	_ = w.SyncRemote(t.Context(), farSensor)
	if s, _ := w.Sensor(farSensor); s.Activity != sensocto.ActivityOffline {
		t.Errorf("%v", s.Activity)
	}
	if err := w.DropRemote(t.Context(), farSensor); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.Sensor(farSensor); ok {
		t.Error("it is still there")
	}
	if err := w.TakeRemote(t.Context(), &sensocto.Batch{SensorID: farSensor}, false); !errors.Is(err, sensocto.ErrNotFound) {
		t.Errorf("measurements of a sensor that is gone: %v", err)
	}
}

func TestRemote_WhatIsKeptStays(t *testing.T) {
	c := newCatalog()
	w := openWorld(t, c)
	if err := w.AddRemote(t.Context(), "far-user", farRegistration); err != nil {
		t.Fatal(err)
	}
	viewer := w.listen(sensocto.DataTopic(farSensor))
	if err := w.KeepRemote(t.Context(), farSensor); err != nil {
		t.Fatal(err)
	}
	w.take(t, 0, 3, true)
	if got := viewer.last().Payload.(*sensocto.Batch).Measurements; got[0].Number != 1000 {
		t.Errorf("published with number %d: those of its server count", got[0].Number)
	}
	if stored := w.read(t, farSensor, "ecg"); len(stored) != 3 || stored[2].Value != 2 {
		t.Errorf("%v", stored)
	}
	if err := w.DropRemote(t.Context(), farSensor); err != nil {
		t.Fatal(err)
	}
	if row, saved := c.row(farSensor); !saved || row.OwnerID != "far-user" {
		t.Errorf("%v %+v", saved, row)
	}
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	again := openWorld(t, c)
	if err := again.AddRemote(t.Context(), "far-user", farRegistration); err != nil {
		t.Fatal(err)
	}
	if owner, _ := again.Owner(farSensor); owner != "far-user" {
		t.Errorf("owner %q after a restart", owner)
	}
}

func TestRemote_IsBroughtByNobodyHere(t *testing.T) {
	w := newWorld(t)
	mine := farRegistration
	mine.SensorID = "strap"
	if err := w.AddRemote(t.Context(), "far-user", mine); sensocto.ErrorReason(err) != "reserved_sensor_id" {
		t.Errorf("an id of this server: %v", err)
	}
	if _, err := w.Connect(t.Context(), operator, farRegistration, &device{}); !errors.Is(err, sensocto.ErrReservedSensorID) {
		t.Errorf("a device here: %v", err)
	}
	if err := w.AddRemote(t.Context(), "far-user", farRegistration); err != nil {
		t.Fatal(err)
	}
	if err := w.Put(t.Context(), farSensor, sensocto.Measurement{AttributeID: "notes"}); sensocto.ErrorReason(err) != "remote_sensor" {
		t.Errorf("a note here: %v", err)
	}
	link, _ := w.connect(t, "strap")
	if err := push(t, link, "ecg", 0, 1); err != nil {
		t.Fatal(err)
	}
	if err := w.TakeRemote(t.Context(), &sensocto.Batch{SensorID: "strap"}, false); !errors.Is(err, sensocto.ErrNotFound) {
		t.Errorf("measurements for a sensor of this server: %v", err)
	}
}
