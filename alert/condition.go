package alert

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// rule is a rule in memory with its state. The mutex of its sensor guards it.
type rule struct {
	sensocto.AlertRule
	state  sensocto.AlertState
	silent bool // its owner may not see the sensor

	newest  int64     // µs; of the newest sample that was looked at
	arrived time.Time // when data came last
	value   float64   // of the newest sample
	waits   bool      // fires at the end of the pause
	dirty   bool      // the state is not stored
}

func (r *rule) active() bool { return r.Enabled && !r.silent }

// looksAt reports whether the rule is about an attribute.
func (r *rule) looksAt(attributeID string) bool {
	if r.Condition == sensocto.AlertBattery {
		return attributeID == "battery" || attributeID == "battery_level"
	}
	return r.AttributeID == "" || r.AttributeID == attributeID
}

// take looks at a sample. What is older than what the rule has seen, such as what
// a device stored and sends afterwards, does not count for values.
func (r *rule) take(m *sensocto.Measurement, at time.Time) {
	r.arrived = at
	if r.Condition == sensocto.AlertNoData {
		r.set(false, at)
		return
	}
	value, ok := valueOf(m)
	if !ok || m.Timestamp < r.newest {
		return
	}
	// A clock that is fast must not hide what comes later.
	r.newest, r.value = min(m.Timestamp, at.UnixMicro()), value
	if r.state.Firing {
		r.set(!r.inside(value), at)
	} else {
		r.set(r.beyond(value), at)
	}
}

// beyond reports whether a value is what the rule looks for.
func (r *rule) beyond(v float64) bool {
	switch r.Condition {
	case sensocto.AlertAbove:
		return v > r.High
	case sensocto.AlertBelow, sensocto.AlertBattery:
		return v < r.Low
	case sensocto.AlertOutside:
		return v < r.Low || v > r.High
	}
	return false
}

// inside reports whether a value is back by the hysteresis.
func (r *rule) inside(v float64) bool {
	switch r.Condition {
	case sensocto.AlertAbove:
		return v <= r.High-r.Hysteresis
	case sensocto.AlertBelow, sensocto.AlertBattery:
		return v >= r.Low+r.Hysteresis
	case sensocto.AlertOutside:
		return v >= r.Low+r.Hysteresis && v <= r.High-r.Hysteresis
	}
	return true
}

// look notices that nothing came for too long.
func (r *rule) look(at time.Time) {
	if r.Condition == sensocto.AlertNoData && at.Sub(r.arrived) > r.After {
		r.set(true, at)
	}
}

func (r *rule) set(firing bool, at time.Time) {
	if r.state.Firing != firing {
		r.state.Firing, r.state.ChangedAt, r.dirty, r.waits = firing, at, true, false
	}
}

// due reports whether somebody is to be told: the condition holds, that was not
// told yet, and the pause is over.
func (r *rule) due(at time.Time) bool {
	return r.state.Firing && r.state.FiredAt.Before(r.state.ChangedAt) && at.Sub(r.state.FiredAt) >= r.Pause
}

// pausing reports whether only the pause keeps the rule from telling, the first
// time that this is so.
func (r *rule) pausing(at time.Time) bool {
	first := r.state.Firing && r.state.FiredAt.Before(r.state.ChangedAt) && at.Sub(r.state.FiredAt) < r.Pause && !r.waits
	r.waits = r.waits || first
	return first
}

// told notes that an alert is on its way.
func (r *rule) told(at time.Time) {
	r.state.FiredAt, r.state.Value, r.dirty = at, r.value, true
}

var levelKey = []byte(`"level":`)

// valueOf returns the number that a sample holds: its payload, or the level of a
// battery's document.
func valueOf(m *sensocto.Measurement) (float64, bool) {
	if !m.IsDocument() {
		return m.Value, true
	}
	_, rest, ok := bytes.Cut(m.Document, levelKey)
	if !ok || m.AttributeID != "battery" && m.AttributeID != "battery_level" {
		return 0, false
	}
	rest = bytes.TrimLeft(rest, " \t\r\n")
	end := 0
	for end < len(rest) && strings.IndexByte("+-.0123456789eE", rest[end]) >= 0 {
		end++
	}
	v, err := strconv.ParseFloat(string(rest[:end]), 64)
	return v, err == nil
}
