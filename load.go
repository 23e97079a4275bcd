package sensocto

// LoadLevel says how busy the server is.
type LoadLevel string

// The load levels, least first.
const (
	LoadNormal   LoadLevel = "normal"
	LoadElevated LoadLevel = "elevated"
	LoadHigh     LoadLevel = "high"
	LoadCritical LoadLevel = "critical"
)

// LoadLevels are all of them, least first.
var LoadLevels = [...]LoadLevel{LoadNormal, LoadElevated, LoadHigh, LoadCritical}

// Factor is what the batch windows of devices are multiplied with.
func (l LoadLevel) Factor() float64 {
	switch l {
	case LoadElevated:
		return 1.5
	case LoadHigh:
		return 3
	case LoadCritical:
		return 5
	}
	return 1
}

// Load is how busy the server is, and whether memory is the reason. The zero
// value is an idle server.
type Load struct {
	Level LoadLevel // "" is LoadNormal
	// MemoryCritical lets devices that are hardly watched be paused.
	MemoryCritical bool
}

// LoadReading is one thing that the load is measured by.
type LoadReading struct {
	Name  string    // cpu, memory, or that of a queue
	Ratio float64   // smoothed: 0 is idle, 1 is all there is
	Level LoadLevel // that it alone would give
}

// Under returns the configuration as a server under load asks for it: with a
// longer window, and paused where memory is critical, nobody looks closely
// and nobody forbids it.
func (b Backpressure) Under(l Load, neverPause bool) Backpressure {
	b.BatchWindowMS = int(float64(b.BatchWindowMS) * l.Level.Factor())
	if l.Level != "" {
		b.LoadLevel = l.Level
	}
	b.Paused = l.MemoryCritical && b.AttentionLevel <= AttentionLow && !neverPause
	return b
}
