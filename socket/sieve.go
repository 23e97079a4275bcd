package socket

import (
	"context"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/outbound"
)

// sieve stands between a topic about all sensors and a viewer who sees some of
// them. What is visible is asked of the database at the join and when rights
// change, never while events pass.
type sieve struct {
	srv      *Server
	identity sensocto.Identity
	to       *outbound.Feed

	asking  sync.Mutex // held from a question to its answer: an older one must not come last
	mu      sync.Mutex // guards what follows, and keeps events in order
	visible sensocto.Visible
	shown   map[string]struct{} // of a list: the sensors in it; nil where the viewer sees all
}

// open looks what the viewer sees, and subscribes.
func (s *sieve) open(ctx context.Context, f *outbound.Feed, topic string) error {
	s.asking.Lock()
	defer s.asking.Unlock()
	visible, err := s.srv.rights.Visible(ctx, s.identity)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.to, s.visible = f, visible
	s.mu.Unlock()
	f.SubscribeVia(topic, s)
	return nil
}

// sees returns those of the sensors that the viewer sees.
func (s *sieve) sees(ids []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.visibleOf(ids)
}

// show is sees for a list, and adds the sensors to those that the list shows.
func (s *sieve) show(ids []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids = s.visibleOf(ids)
	if !s.visible.All {
		for _, id := range ids {
			s.note(id)
		}
	}
	return ids
}

// visibleOf is sees with the lock held.
func (s *sieve) visibleOf(ids []string) []string {
	if s.visible.All {
		return ids
	}
	seen := []string{}
	for _, id := range ids {
		if s.isVisible(id) {
			seen = append(seen, id)
		}
	}
	return seen
}

// sensor returns a sensor as the viewer sees it now, false where that is not at
// all: rights may have changed since it was listed.
func (s *sieve) sensor(id string) (sensocto.Sensor, bool) {
	sensor, there := s.srv.sensors.Sensor(id)
	if !there {
		return sensor, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	since, sees := s.visible.Sees(id, sensor.OwnerID)
	return sensor.Since(since), sees
}

// stillSees reports whether the viewer sees a sensor now.
func (s *sieve) stillSees(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.visible.All || s.isVisible(id)
}

func (s *sieve) isVisible(id string) bool {
	owner, known := s.srv.sensors.Owner(id)
	if !known {
		return false
	}
	_, sees := s.visible.Sees(id, owner)
	return sees
}

// Deliver implements sensocto.Subscriber.
func (s *sieve) Deliver(m *sensocto.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visible.All {
		s.to.Deliver(m)
		return
	}
	switch p := m.Payload.(type) {
	case sensocto.Sensor:
		if since, sees := s.visible.Sees(p.ID, p.OwnerID); sees {
			s.to.Deliver(trimmed(m, p, since))
		}
	case sensocto.SensorListUpdate:
		if update := s.sift(p); update != nil {
			s.to.Deliver(&sensocto.Message{Topic: m.Topic, Event: m.Event, Payload: *update})
		}
	}
}

// trimmed is a message about a sensor without what is of before a time.
func trimmed(m *sensocto.Message, p sensocto.Sensor, since time.Time) *sensocto.Message {
	if since.IsZero() {
		return m
	}
	return &sensocto.Message{Topic: m.Topic, Event: m.Event, Payload: p.Since(since)}
}

// sift returns what of an update concerns the viewer, nil where that is nothing.
// A sensor that has another owner may come into the list, or leave it.
func (s *sieve) sift(all sensocto.SensorListUpdate) *sensocto.SensorListUpdate {
	var u sensocto.SensorListUpdate
	for _, list := range [][]sensocto.Sensor{all.Added, all.Changed} {
		for _, sensor := range list {
			_, shown := s.shown[sensor.ID]
			since, sees := s.visible.Sees(sensor.ID, sensor.OwnerID)
			sensor = sensor.Since(since)
			switch {
			case sees && shown:
				u.Changed = append(u.Changed, sensor)
			case sees:
				u.Added = append(u.Added, sensor)
				s.note(sensor.ID)
			case shown:
				u.Removed = append(u.Removed, sensor.ID)
				delete(s.shown, sensor.ID)
			}
		}
	}
	for _, id := range all.Removed {
		if _, shown := s.shown[id]; shown {
			u.Removed = append(u.Removed, id)
			delete(s.shown, id)
		}
	}
	return orNil(u)
}

func (s *sieve) note(id string) {
	if s.shown == nil {
		s.shown = make(map[string]struct{})
	}
	s.shown[id] = struct{}{}
}

func orNil(u sensocto.SensorListUpdate) *sensocto.SensorListUpdate {
	if len(u.Added)+len(u.Changed)+len(u.Removed) == 0 {
		return nil
	}
	return &u
}

// recheck asks again what the viewer sees. A list shows what is new, and no more
// what is not seen any more.
func (s *sieve) recheck(ctx context.Context, _ string) (stays bool) {
	s.asking.Lock()
	defer s.asking.Unlock()
	visible, err := s.srv.rights.Visible(ctx, s.identity)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visible = visible; visible.All || s.shown == nil {
		return true
	}
	var u sensocto.SensorListUpdate
	for id := range s.shown {
		if !s.isVisible(id) {
			u.Removed = append(u.Removed, id)
			delete(s.shown, id)
		}
	}
	for id := range visible.SensorIDs {
		if _, shown := s.shown[id]; shown || !s.isVisible(id) {
			continue
		}
		if sensor, there := s.srv.sensors.Sensor(id); there {
			since, _ := visible.Sees(id, sensor.OwnerID)
			u.Added = append(u.Added, sensor.Since(since))
			s.note(id)
		}
	}
	if update := orNil(u); update != nil {
		s.to.Deliver(&sensocto.Message{Topic: sensocto.TopicSensorsAll, Event: sensocto.EventSensorListUpdated, Payload: *update})
	}
	return true
}
