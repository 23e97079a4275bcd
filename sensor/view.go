package sensor

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// onlineFor is how long after its last measurement a sensor counts as online.
const onlineFor = 5 * time.Second

// view is what others may read of a sensor. Its goroutine alone writes it.
type view struct {
	mu           sync.Mutex      // guards what follows
	sensor       sensocto.Sensor // without attributes and activity
	attributes   map[string]*attribute
	connected    bool
	lastSeen     time.Time
	measurements meter
	batches      meter
}

// attribute is an attribute with its last value and its rate.
type attribute struct {
	sensocto.Attribute
	last  sensocto.Sample
	seen  bool // last is set
	meter meter
}

// snapshot returns the sensor as clients see it.
func (v *view) snapshot(now time.Time) sensocto.Sensor {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.sensor
	s.Activity = v.activity(now)
	s.Attributes = make([]sensocto.Attribute, 0, len(v.attributes))
	for _, a := range v.attributes {
		out := a.Attribute
		if a.seen {
			last := a.last
			out.LastValue = &last
		}
		s.Attributes = append(s.Attributes, out)
	}
	slices.SortFunc(s.Attributes, func(a, b sensocto.Attribute) int { return cmp.Compare(a.ID, b.ID) })
	return s
}

func (v *view) activity(now time.Time) sensocto.ActivityStatus {
	switch {
	case !v.connected:
		return sensocto.ActivityOffline
	case !v.lastSeen.IsZero() && now.Sub(v.lastSeen) < onlineFor:
		return sensocto.ActivityOnline
	}
	return sensocto.ActivityIdle
}

func (v *view) rates(now time.Time) sensocto.Rates {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := sensocto.Rates{
		MeasurementsPerSecond: v.measurements.rate(now),
		BatchesPerSecond:      v.batches.rate(now),
		Attributes:            make(map[string]float64, len(v.attributes)),
		LastSeen:              v.lastSeen,
	}
	for id, a := range v.attributes {
		r.Attributes[id] = a.meter.rate(now)
	}
	return r
}

// took notes a batch whose attributes are all registered.
func (v *view) took(b *sensocto.Batch, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lastSeen = now
	v.measurements.add(now, len(b.Measurements))
	v.batches.add(now, 1)
	var a *attribute
	run := 0 // measurements of a in a row: one count for all
	for i := range b.Measurements {
		m := &b.Measurements[i]
		if a == nil || a.ID != m.AttributeID {
			if a != nil {
				a.meter.add(now, run)
			}
			a, run = v.attributes[m.AttributeID], 0
		}
		run++
		if !a.seen || m.Timestamp >= a.last.Timestamp { // a late sample is not the last value
			a.last, a.seen = m.Sample, true
		}
	}
	if a != nil {
		a.meter.add(now, run)
	}
}

// describe merges what is said of an attribute: what is not said stays as it
// is. It reports whether that changed anything.
func (v *view) describe(said sensocto.Attribute) (changed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	a := v.attributes[said.ID]
	if a == nil {
		a = &attribute{Attribute: sensocto.Attribute{ID: said.ID, Name: said.ID}}
		a.Type = inferType(said.ID, sensocto.Sample{})
		v.attributes[said.ID] = a
		changed = true
	}
	before := a.Attribute
	a.Name = cmp.Or(said.Name, a.Name)
	a.Type = cmp.Or(said.Type, a.Type)
	a.Unit = cmp.Or(said.Unit, a.Unit)
	a.SamplingRate = cmp.Or(said.SamplingRate, a.SamplingRate)
	return changed || a.Attribute != before
}

func (v *view) has(attributeID string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.attributes[attributeID] != nil
}

func (v *view) remove(attributeID string) (changed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, changed = v.attributes[attributeID]
	delete(v.attributes, attributeID)
	return changed
}

// claim returns to whom the sensor belongs: to id, if it was nobody's.
func (v *view) claim(id string) (owner string, taken bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	taken = v.sensor.OwnerID == ""
	v.sensor.OwnerID = cmp.Or(v.sensor.OwnerID, id)
	return v.sensor.OwnerID, taken
}

// change edits the sensor's own fields and reports whether that changed them.
func (v *view) change(edit func(*sensocto.Sensor)) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.sensor
	edit(&v.sensor)
	return !sameSensor(before, v.sensor)
}

func sameSensor(a, b sensocto.Sensor) bool {
	return a.Name == b.Name && a.Type == b.Type && a.ConnectorID == b.ConnectorID &&
		a.ConnectorName == b.ConnectorName && a.SamplingRate == b.SamplingRate && a.OwnerID == b.OwnerID
}
