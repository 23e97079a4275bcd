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

// view is what others may read of a sensor. Only who has the turn writes it.
type view struct {
	mu           sync.Mutex // guards all but recent and recentName
	connected    bool
	lastSeen     time.Time
	measurements meter
	batches      meter
	attributes   map[string]*attribute

	// The attribute that was found last, nil where it was removed, and the name by which it
	// was asked for: a device's decoder gives the same string each time, which is compared
	// without a look at its bytes. Both are of who has the turn.
	recent     *attribute
	recentName string

	sensor sensocto.Sensor // without attributes and activity
}

// attribute is an attribute with its last value and its rate.
type attribute struct {
	meter meter
	last  sensocto.Sample
	seen  bool // last is set
	large bool // the last value was too large to be kept here: last has its time alone
	sensocto.Attribute
}

// maxLastDocument bounds the documents that are shown as a last value, in
// bytes: they are part of every list and announcement of the sensor.
const maxLastDocument = 256

// setLast keeps the last value. A large document is not kept: it would stay in
// memory beside the store, and lists do not show it.
func (a *attribute) setLast(s sensocto.Sample) {
	if a.large = len(s.Document) > maxLastDocument; a.large {
		s.Document = nil
	}
	a.last, a.seen = s, true
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
		if a.seen && !a.large {
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
	for rest := b.Measurements; len(rest) > 0; {
		run := 1 // measurements of one attribute in a row
		last := &rest[0].Sample
		for run < len(rest) && rest[run].AttributeID == rest[0].AttributeID {
			if m := &rest[run].Sample; m.Timestamp >= last.Timestamp {
				last = m
			}
			run++
		}
		a := v.find(rest[0].AttributeID)
		a.meter.add(now, run)
		if !a.seen || last.Timestamp >= a.last.Timestamp { // a late sample is not the last value
			a.setLast(*last)
		}
		rest = rest[run:]
	}
}

// find returns an attribute, nil where there is none. It is for who has the turn.
func (v *view) find(id string) *attribute {
	if v.recent != nil && v.recentName == id { // as nearly always
		return v.recent
	}
	a := v.attributes[id]
	if a != nil {
		v.recent, v.recentName = a, id
	}
	return a
}

// set puts an attribute in the place of what was known of it.
func (v *view) set(said sensocto.Attribute) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if a := v.attributes[said.ID]; a != nil {
		a.Attribute = said
		return
	}
	v.attributes[said.ID] = &attribute{Attribute: said}
}

func (v *view) remove(attributeID string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.attributes, attributeID)
	v.recent, v.recentName = nil, ""
}

func (v *view) owner() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sensor.OwnerID
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
		a.ConnectorName == b.ConnectorName && a.SamplingRate == b.SamplingRate &&
		a.OwnerID == b.OwnerID && a.OwnerName == b.OwnerName
}
