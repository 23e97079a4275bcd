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

// LoadLevel says how busy the server is.
type LoadLevel string

// The load levels, least first.
const (
	LoadNormal   LoadLevel = "normal"
	LoadElevated LoadLevel = "elevated"
	LoadHigh     LoadLevel = "high"
	LoadCritical LoadLevel = "critical"
)

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

// Attention knows who looks at what.
type Attention interface {
	// Look says that a viewer looks at a sensor at a level, replacing what it
	// said before. AttentionNone is remembered as well: the viewer is there,
	// but does not look.
	Look(viewer ViewerID, sensorID string, level AttentionLevel)
	// Leave ends what the viewer said of the sensor.
	Leave(viewer ViewerID, sensorID string)
	// Watch calls f with the sensor's configuration, and again at every
	// change until stop is called. Calls for one watcher never overlap, and f
	// must not block. The first call happens before Watch returns.
	Watch(sensorID string, f func(Backpressure)) (stop func())
	// Level returns the highest level of the sensor's viewers.
	Level(sensorID string) AttentionLevel
}

// ViewerID names one channel of one connection that looks at sensors. It is
// unique for the life of the process.
type ViewerID uint64
