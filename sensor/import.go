package sensor

import (
	"cmp"
	"context"
	"time"

	"github.com/sensocto/sensocto"
)

// Register makes a sensor known, with its attributes, without connecting a
// device: recordings of it are imported. What is known of a sensor already
// stays; a device that is connected does not notice. When Register returns,
// the sensor outlives a kill.
func (r *Registry) Register(ctx context.Context, id sensocto.Identity, reg sensocto.Registration) error {
	p, added, err := r.claim(id, reg)
	if err != nil {
		return err
	}
	err = p.call(ctx, func() error {
		p.bringer = quotaKey(id)
		p.change(func(s *sensocto.Sensor) {
			s.Name = cmp.Or(s.Name, reg.SensorName, reg.SensorID)
			s.Type = cmp.Or(s.Type, reg.SensorType)
			s.ConnectorID, s.ConnectorName = cmp.Or(s.ConnectorID, reg.ConnectorID), cmp.Or(s.ConnectorName, reg.ConnectorName)
			s.SamplingRate = cmp.Or(s.SamplingRate, reg.SamplingRate)
		})
		p.dirty, p.unsaved = true, true
		for _, a := range reg.Attributes {
			if err := p.describe(a); err != nil {
				return err
			}
		}
		if added {
			r.listChanged(sensocto.SensorListUpdate{Added: []sensocto.Sensor{p.view.snapshot(time.Now())}})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.catalog.write(ctx, p)
}

// Refresh takes over last values that came into the store past the sensor, and
// tells who watches. It returns sensocto.ErrNotFound if the sensor was deleted
// meanwhile.
func (r *Registry) Refresh(ctx context.Context, sensorID string) error {
	p := r.lookup(sensorID)
	if p == nil {
		return sensocto.ErrNotFound
	}
	last, err := r.options.Store.Latest(ctx, sensorID, sensocto.LatestQuery{Limit: 1})
	if err != nil {
		return err
	}
	return p.call(ctx, func() error {
		for id, l := range last {
			p.dirty = p.view.sawLast(id, l.Samples[len(l.Samples)-1]) || p.dirty
		}
		return nil
	})
}

// TypeOf returns the type that an attribute has by its id alone, where nothing
// was said of it.
func TypeOf(attributeID string) string { return inferType(attributeID, sensocto.Sample{}) }

// sawLast takes over the last value of an attribute unless there is a later
// one, and reports whether that changed anything.
func (v *view) sawLast(attributeID string, s sensocto.Sample) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.attributes[attributeID]
	if a == nil || a.seen && a.last.Timestamp >= s.Timestamp {
		return false
	}
	a.setLast(s)
	return true
}
