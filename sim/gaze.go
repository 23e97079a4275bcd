package sim

// gazeRate is how often eye tracking glasses measure, in Hz.
const gazeRate = 60

// gazeSignal is where somebody looks, as parts of the width and the height of
// what the scene camera sees: the eye rests on a point for about a third of a
// second, trembles there, and jumps to the next one.
func gazeSignal(b *body) *Signal {
	r := b.random(streamGaze)
	const tremor = 0.004
	var x, y float64
	rest := 0
	jump := func() {
		x, y = clamp01(0.5+0.2*r.NormFloat64()), clamp01(0.5+0.15*r.NormFloat64())
		rest = int(gazeRate * (0.15 + 0.2*r.ExpFloat64()))
	}
	return &Signal{ID: "gaze", Name: "Gaze", Type: "gaze", Rate: gazeRate, document: func(dst []byte) []byte {
		if rest--; rest <= 0 {
			jump()
		}
		dst = appendField(append(dst, '{'), "x", clamp01(x+tremor*r.NormFloat64()), 4)
		dst = appendField(append(dst, ','), "y", clamp01(y+tremor*r.NormFloat64()), 4)
		dst = appendField(append(dst, ','), "confidence", clamp01(0.97+0.02*r.NormFloat64()), 3)
		return append(dst, '}')
	}}
}

func clamp01(v float64) float64 { return min(max(v, 0), 1) }
