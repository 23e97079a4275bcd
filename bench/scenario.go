package bench

import (
	"fmt"
	"slices"
	"time"
)

// Config says what the driver plays. [Scenarios] holds complete ones.
type Config struct {
	Scenario string  `json:"scenario"`
	Sensors  int     `json:"sensors"`
	Rate     float64 `json:"rate_hz"` // samples a second of each sensor, when paced
	Batch    int     `json:"batch"`   // samples a frame
	Viewers  int     `json:"viewers"` // connections that watch
	Watch    int     `json:"watch"`   // sensors that each viewer joins
	Stalled  int     `json:"stalled"` // further viewers that join everything and then stop reading
	// Tick makes the driver send what is due at whole multiples of it only, as
	// one process with a coarse timer would; 0 sends each batch when it is due.
	Tick     time.Duration `json:"tick,omitempty"`
	Warmup   time.Duration `json:"warmup"`   // sent, not measured
	Duration time.Duration `json:"duration"` // measured
	Encoding string        `json:"encoding"` // json or binary, both ways
	Speed    string        `json:"speed"`    // paced or max
	// Window bounds, at full speed with viewers, the batches of a sensor that
	// some viewer has not received yet. Without viewers TCP is the bound, or
	// what is not acknowledged.
	Window int `json:"window"`
	// Acked has the devices' batches acknowledged: they count once they are on
	// the server's disk, and a device waits while Window of its batches are not.
	Acked bool `json:"acked,omitempty"`
	// Idle measures the memory that joined and silent viewers cost.
	Idle bool `json:"idle,omitempty"`
	// Attention measures how soon a device hears that somebody looks.
	Attention bool `json:"attention,omitempty"`
	// Tiles makes each viewer watch its sensors on one viewer topic, and says how
	// closely: see TilesEach.
	Tiles string `json:"tiles,omitempty"`
	// Follow makes devices send batches of the size and at the pace that the
	// server asks for; Batch then does not matter.
	Follow bool `json:"follow,omitempty"`
	// PerViewer keeps a histogram for each viewer and reports the worst p99.
	PerViewer bool `json:"per_viewer,omitempty"`
}

// Speeds, encodings and ways to look of a Config.
const (
	SpeedPaced     = "paced"
	SpeedMax       = "max"
	EncodingJSON   = "json"
	EncodingBinary = "binary"

	TilesEach = "each" // at one sensor closely, each viewer at another; one in view, the others scrolled away
	TilesOne  = "one"  // the same, all viewers at the same sensor
	TilesHigh = "high" // at all of them closely
)

// ecgRate is what a chest strap sends, in Hz.
const ecgRate = 512

// Scenarios returns the named runs whose figures docs/performance.md states.
func Scenarios() []Config {
	all := []Config{
		{Scenario: "lobby", Sensors: 100, Batch: 5, Viewers: 20, Watch: 10},
		{Scenario: "high-attention", Sensors: 20, Batch: 1, Viewers: 10, Watch: 4},
		{Scenario: "fan-out", Sensors: 4, Batch: 20, Viewers: 500, Watch: 1},
		{Scenario: "ingest", Sensors: 100, Batch: 20, Speed: SpeedMax},
		{Scenario: "ingest-acked", Sensors: 100, Batch: 20, Speed: SpeedMax, Acked: true, Window: 64},
		{Scenario: "fan-out-saturated", Sensors: 1, Batch: 20, Viewers: 200, Watch: 1, Speed: SpeedMax, Window: 16},
		{Scenario: "idle", Sensors: 1, Batch: 20, Viewers: 10_000, Watch: 1, Idle: true, Duration: 25 * time.Second},
		{Scenario: "stalled", Sensors: 100, Batch: 5, Viewers: 20, Watch: 10, Stalled: 1, Duration: 5 * time.Second},
		{Scenario: "tiles", Sensors: 20, Batch: 5, Viewers: 10, Watch: 20, Tiles: TilesEach, Follow: true},
		{Scenario: "attention", Sensors: 100, Rate: 10, Batch: 1, Attention: true, Duration: 25 * time.Second},
	}
	for i := range all {
		c := &all[i]
		if c.Rate == 0 {
			c.Rate = ecgRate
		}
		c.Encoding, c.Warmup, c.Tick = EncodingJSON, 2*time.Second, time.Millisecond
		if c.Window == 0 {
			c.Window = 256
		}
		if c.Speed == "" {
			c.Speed = SpeedPaced
		}
		if c.Duration == 0 {
			c.Duration = 10 * time.Second
		}
	}
	return all
}

// ScenarioNames lists the names of [Scenarios] in order.
func ScenarioNames() []string {
	var names []string
	for _, c := range Scenarios() {
		names = append(names, c.Scenario)
	}
	return names
}

// Scenario returns the named run.
func Scenario(name string) (Config, error) {
	all := Scenarios()
	i := slices.IndexFunc(all, func(c Config) bool { return c.Scenario == name })
	if i < 0 {
		return Config{}, fmt.Errorf("no scenario %q: there are %v", name, ScenarioNames())
	}
	return all[i], nil
}

// check returns what is wrong with the configuration.
func (c Config) check() error {
	switch {
	case c.Sensors < 1 || c.Sensors > maxSensors:
		return fmt.Errorf("sensors must be 1 to %d", maxSensors)
	case c.Batch < 1 || c.Batch > 1000:
		return fmt.Errorf("batch must be 1 to 1000")
	case c.Viewers < 0 || c.Stalled < 0:
		return fmt.Errorf("viewers and stalled must not be negative")
	case c.Viewers > 0 && (c.Watch < 1 || c.Watch > c.Sensors):
		return fmt.Errorf("watch must be 1 to the number of sensors (%d)", c.Sensors)
	case c.Tiles != "" && c.Watch < 2:
		return fmt.Errorf("tiles need at least 2 watched sensors")
	case (c.Tiles != "" || c.Follow) && (c.Encoding != EncodingJSON || c.Speed != SpeedPaced):
		return fmt.Errorf("tiles, and devices that follow, need %s and %s", EncodingJSON, SpeedPaced)
	case c.Rate <= 0 || c.Rate > 1e6:
		return fmt.Errorf("rate must be above 0 and at most a million Hz")
	case c.Duration <= 0 || c.Warmup < 0 || c.Tick < 0:
		return fmt.Errorf("duration must be positive, warmup and tick not negative")
	case c.Encoding != EncodingJSON && c.Encoding != EncodingBinary:
		return fmt.Errorf("encoding must be %s or %s", EncodingJSON, EncodingBinary)
	case c.Speed != SpeedPaced && c.Speed != SpeedMax:
		return fmt.Errorf("speed must be %s or %s", SpeedPaced, SpeedMax)
	case c.Acked && (c.Viewers > 0 || c.Speed != SpeedMax):
		return fmt.Errorf("acknowledged batches are measured at %s and without viewers", SpeedMax)
	case c.Speed == SpeedMax && c.Window < 4:
		return fmt.Errorf("window must be at least 4 batches")
	}
	return nil
}

// period is the time between two batches of one sensor.
func (c Config) period() time.Duration {
	return time.Duration(float64(c.Batch) / c.Rate * float64(time.Second))
}

// unit is how many samples are timed together: those that leave together.
func (c Config) unit() int64 {
	if c.Follow {
		return 1
	}
	return int64(c.Batch)
}

// saturated reports whether a viewer's progress, or TCP, sets the pace.
func (c Config) saturated() bool { return c.Speed == SpeedMax }
