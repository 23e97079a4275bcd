package sensor_test

import (
	"errors"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sensor"
)

// boundStore takes a number of series, like store.Store.
type boundStore struct {
	*faultyStore
	most int64
}

func (s boundStore) SeriesLeft() (left int64) {
	left = s.most
	for _, attributes := range s.Store.(interface{ Attributes() map[string][]string }).Attributes() {
		left -= int64(len(attributes))
	}
	return left
}

func (s boundStore) HasSeries(sensorID, attributeID string) bool {
	return s.Store.(interface{ HasSeries(_, _ string) bool }).HasSeries(sensorID, attributeID)
}

func TestSensor_WhatExistsGoesOnWhereTheStoreTakesNoNewSeries(t *testing.T) {
	w := newWorld(t, func(o *sensor.Options) { o.Store = boundStore{o.Store.(*faultyStore), 2} })
	l, _ := w.connect(t, "s1")
	defer l.Close()
	for round := range 3 { // the first goes over the bound, the others are at it
		b := l.Batch()
		for _, id := range []string{"a", "b", "c"} {
			fill(b, id, round, 1)
		}
		done := make(chan error, 1)
		if err := l.Push(t.Context(), b, func(err error) { done <- err }); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, sensocto.ErrTooManySeries) {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	if got := len(w.read(t, "s1", "b")); got != 3 {
		t.Errorf("%d measurements of what exists were kept", got)
	}
	if sensor, _ := w.Sensor("s1"); len(sensor.Attributes) != 2 {
		t.Errorf("attributes without a place were registered: %v", sensor.Attributes)
	}
	if got := w.metric("sensor_measurements_refused_total"); got != 3 {
		t.Errorf("refused %v", got)
	}
}
