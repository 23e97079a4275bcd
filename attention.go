package sensocto

import "fmt"

// AttentionLevel says how closely something is watched. Higher is closer.
type AttentionLevel uint8

// The attention levels, lowest first.
const (
	AttentionNone   AttentionLevel = iota // no viewer, or tabs hidden
	AttentionLow                          // scrolled out of view
	AttentionMedium                       // visible, not focused
	AttentionHigh                         // somebody is actively viewing
)

var attentionNames = [...]string{"none", "low", "medium", "high"}

// String returns the wire name.
func (l AttentionLevel) String() string { return attentionNames[l] }

// ParseAttentionLevel returns the level with the given wire name.
func ParseAttentionLevel(name string) (AttentionLevel, error) {
	for i, n := range attentionNames {
		if n == name {
			return AttentionLevel(i), nil
		}
	}
	return 0, &Error{Code: CodeInvalid, Reason: "invalid_level", Message: fmt.Sprintf("%q is not one of none, low, medium, high", name)}
}

// Backpressure is what a device is asked to do: flush a batch at BatchSize
// measurements or after BatchWindowMS, whichever comes first, and send nothing
// while Paused. It is the payload of the event "backpressure_config".
type Backpressure struct {
	AttentionLevel AttentionLevel
	BatchWindowMS  int
	BatchSize      int
	Paused         bool
	LoadLevel      LoadLevel
}

// BackpressureFor returns the configuration of a level at normal load
// (protocol section 3).
func BackpressureFor(l AttentionLevel) Backpressure {
	b := Backpressure{AttentionLevel: l, LoadLevel: LoadNormal}
	switch l {
	case AttentionHigh:
		b.BatchSize, b.BatchWindowMS = 1, 50
	case AttentionMedium:
		b.BatchSize, b.BatchWindowMS = 5, 200
	case AttentionLow:
		b.BatchSize, b.BatchWindowMS = 10, 1000
	default:
		b.BatchSize, b.BatchWindowMS = 20, 5000
	}
	return b
}

// Gaze is what a viewer said of itself rather than of a sensor. With it, what
// the viewer asked for becomes what counts. The zero value is a viewer in
// sight, with a full battery.
type Gaze struct {
	Hidden  bool // its tab is
	Battery Battery
}

// Level returns what counts of the level that the viewer asked for: nothing
// while it is hidden, and no more than its battery allows. It decides what the
// viewer is sent as well as what the device is asked for.
func (g Gaze) Level(asked AttentionLevel) AttentionLevel {
	if g.Hidden {
		return AttentionNone
	}
	return min(asked, g.Battery.Cap())
}

// Battery is the state of a viewer's battery. The zero value is one of which
// nothing is known.
type Battery struct {
	Known    bool
	Level    float64 // 0 to 1
	Charging bool
}

// Cap returns the highest level that the battery allows: medium below 30 %,
// low below 15 %, unless it is charging.
func (b Battery) Cap() AttentionLevel {
	switch {
	case !b.Known || b.Charging || b.Level >= 0.30:
		return AttentionHigh
	case b.Level >= 0.15:
		return AttentionMedium
	}
	return AttentionLow
}

// Demand is what a part of the server that needs a sensor's measurements asks
// for: a room that records, a rule, another server that watches.
type Demand struct {
	Level AttentionLevel // counts like that of a viewer
	// NeverPause forbids that the device is paused.
	NeverPause bool
	// Held says that the level has been held where it comes from: another server. It
	// falls at once here.
	Held bool
}

// Attention knows who looks at what (docs/attention.md). A sensor's level is
// the highest that was true within a short hold: it rises at once and falls
// when nobody wanted more for that long.
type Attention interface {
	// Look says that a viewer looks at a sensor at a level, replacing what it
	// said before. AttentionNone is remembered as well: the viewer is there,
	// but does not look. The level is what counts (Gaze.Level).
	Look(viewer ViewerID, sensorID string, level AttentionLevel)
	// Leave ends what the viewer said of the sensor.
	Leave(viewer ViewerID, sensorID string)
	// Listen adds a listener inside the server, until stop is called. Who
	// wants to change its demand listens anew, and stops what was before.
	Listen(sensorID string, d Demand) (stop func())
	// Watch calls f with the sensor's configuration, and again at every
	// change until stop is called. Calls for one watcher never overlap, and f
	// must not block. The first call happens before Watch returns.
	Watch(sensorID string, f func(Backpressure)) (stop func())
	// Level returns the sensor's level.
	Level(sensorID string) AttentionLevel
	// Snapshot returns what is known of a sensor at this moment.
	Snapshot(sensorID string) AttentionSnapshot
}

// AttentionSnapshot is who looks at a sensor, and what its device is asked for.
type AttentionSnapshot struct {
	Level      AttentionLevel
	Viewers    [AttentionHigh + 1]int // number of viewers by the level that counts
	Listeners  int
	NeverPause bool // a listener forbids it
	Config     Backpressure
}

// ViewerID names one channel of one connection that looks at sensors. It is
// unique for the life of the process.
type ViewerID uint64
