// Package visible stands between a topic about all sensors and a viewer who sees some
// of them.
package visible

import (
	"context"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// Filter lets pass what concerns the sensors that one viewer sees. What these are is
// asked of the database at the join and when rights change, never while events pass.
// Events keep their order. It blocks for the database alone, in Open and Recheck.
type Filter struct {
	rights   sensocto.Rights
	sensors  sensocto.SensorRegistry
	identity sensocto.Identity
	to       sensocto.Subscriber

	asking  sync.Mutex // held from a question to its answer: an older one must not come last
	mu      sync.Mutex // guards what follows, and keeps events in order
	visible sensocto.Visible
	shown   map[string]struct{} // of a list: the sensors in it; nil where the viewer sees all
}

// New returns a Filter for a viewer.
func New(rights sensocto.Rights, sensors sensocto.SensorRegistry, viewer sensocto.Identity) *Filter {
	return &Filter{rights: rights, sensors: sensors, identity: viewer}
}

// Feed is where a Filter gets its events from, and brings them to;
// *outbound.Feed is one.
type Feed interface {
	sensocto.Subscriber
	// SubscribeVia subscribes s to the topic, which hands what is to be delivered
	// to Deliver.
	SubscribeVia(topic string, s sensocto.Subscriber)
}

// Open asks what the viewer sees, and subscribes.
func (f *Filter) Open(ctx context.Context, to Feed, topic string) error {
	f.asking.Lock()
	defer f.asking.Unlock()
	visible, err := f.rights.Visible(ctx, f.identity)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.to, f.visible = to, visible
	f.mu.Unlock()
	to.SubscribeVia(topic, f)
	return nil
}

// Of returns those of the sensors that the viewer sees.
func (f *Filter) Of(ids []string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.visibleOf(ids)
}

// Show is Of for a list, and adds the sensors to those that the list shows.
func (f *Filter) Show(ids []string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids = f.visibleOf(ids)
	if !f.visible.All {
		f.note(ids...) // also none: a right may come later
	}
	return ids
}

// visibleOf is Of for who holds mu.
func (f *Filter) visibleOf(ids []string) []string {
	if f.visible.All {
		return ids
	}
	seen := []string{}
	for _, id := range ids {
		if f.isVisible(id) {
			seen = append(seen, id)
		}
	}
	return seen
}

// Sensor returns a sensor as the viewer sees it now, false where that is not at
// all: rights may have changed since it was listed.
func (f *Filter) Sensor(id string) (sensocto.Sensor, bool) {
	sensor, there := f.sensors.Sensor(id)
	if !there {
		return sensor, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	since, sees := f.visible.Sees(id, sensor.OwnerID)
	return sensor.Since(since), sees
}

// Sees reports whether the viewer sees a sensor now.
func (f *Filter) Sees(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.visible.All || f.isVisible(id)
}

func (f *Filter) isVisible(id string) bool {
	owner, known := f.sensors.Owner(id)
	if !known {
		return false
	}
	_, sees := f.visible.Sees(id, owner)
	return sees
}

// Deliver implements sensocto.Subscriber.
func (f *Filter) Deliver(m *sensocto.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.visible.All {
		f.to.Deliver(m)
		return
	}
	switch p := m.Payload.(type) {
	case sensocto.Sensor:
		if since, sees := f.visible.Sees(p.ID, p.OwnerID); sees {
			f.to.Deliver(Since(m, p, since))
		}
	case sensocto.SensorListUpdate:
		if update := f.filtered(p); update != nil {
			f.to.Deliver(&sensocto.Message{Topic: m.Topic, Event: m.Event, Payload: *update})
		}
	}
}

// Since is a message about a sensor without what is of before a time.
func Since(m *sensocto.Message, p sensocto.Sensor, since time.Time) *sensocto.Message {
	if since.IsZero() {
		return m
	}
	return &sensocto.Message{Topic: m.Topic, Event: m.Event, Payload: p.Since(since)}
}

// filtered returns what of an update concerns the viewer, nil where that is nothing.
// A sensor that has another owner may come into the list, or leave it.
func (f *Filter) filtered(all sensocto.SensorListUpdate) *sensocto.SensorListUpdate {
	var u sensocto.SensorListUpdate
	for _, list := range [][]sensocto.Sensor{all.Added, all.Changed} {
		for _, sensor := range list {
			_, shown := f.shown[sensor.ID]
			since, sees := f.visible.Sees(sensor.ID, sensor.OwnerID)
			sensor = sensor.Since(since)
			switch {
			case sees && shown:
				u.Changed = append(u.Changed, sensor)
			case sees:
				u.Added = append(u.Added, sensor)
				f.note(sensor.ID)
			case shown:
				u.Removed = append(u.Removed, sensor.ID)
				delete(f.shown, sensor.ID)
			}
		}
	}
	for _, id := range all.Removed {
		if _, shown := f.shown[id]; shown {
			u.Removed = append(u.Removed, id)
			delete(f.shown, id)
		}
	}
	return orNil(u)
}

// note adds sensors to those that the list shows.
func (f *Filter) note(ids ...string) {
	if f.shown == nil {
		f.shown = make(map[string]struct{})
	}
	for _, id := range ids {
		f.shown[id] = struct{}{}
	}
}

func orNil(u sensocto.SensorListUpdate) *sensocto.SensorListUpdate {
	if len(u.Added)+len(u.Changed)+len(u.Removed) == 0 {
		return nil
	}
	return &u
}

// Recheck asks again what the viewer sees. A list shows what is new, and no more
// what is not seen any more. It reports whether the database answered.
func (f *Filter) Recheck(ctx context.Context) (ok bool) {
	f.asking.Lock()
	defer f.asking.Unlock()
	visible, err := f.rights.Visible(ctx, f.identity)
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.visible = visible; visible.All || f.shown == nil {
		return true
	}
	var u sensocto.SensorListUpdate
	for id := range f.shown {
		if !f.isVisible(id) {
			u.Removed = append(u.Removed, id)
			delete(f.shown, id)
		}
	}
	for id := range visible.SensorIDs {
		if _, shown := f.shown[id]; shown || !f.isVisible(id) {
			continue
		}
		if sensor, there := f.sensors.Sensor(id); there {
			since, _ := visible.Sees(id, sensor.OwnerID)
			u.Added = append(u.Added, sensor.Since(since))
			f.note(id)
		}
	}
	if update := orNil(u); update != nil {
		f.to.Deliver(&sensocto.Message{Topic: sensocto.TopicSensorsAll, Event: sensocto.EventSensorListUpdated, Payload: *update})
	}
	return true
}
