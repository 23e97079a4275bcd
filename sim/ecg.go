package sim

import (
	"math"
	"math/rand/v2"
)

// The waves of one heartbeat as McSharry et al. give them for 60 beats a
// minute: where on the circle (radians, the R peak at 0), how strong, how wide.
type deflection struct{ angle, strength, width float64 }

func deflections(heartRate float64) [5]deflection {
	// Faster hearts have the same waves closer together in angle terms:
	// P and T scale with the fourth root, Q and S with the square root
	// (after the authors' program).
	f := math.Sqrt(heartRate / 60)
	ff := math.Sqrt(f)
	return [5]deflection{
		{-math.Pi / 3 * ff, 1.2, 0.25 * f},
		{-math.Pi / 12 * f, -5, 0.1 * f},
		{0, 30, 0.1 * f},
		{math.Pi / 12 * f, -7.5, 0.1 * f},
		{math.Pi / 2 * ff, 0.75, 0.4 * f},
	}
}

const (
	pullSteps   = 2048 // size of the table of the pull around the circle
	minimalRate = 256  // Hz: below it several steps make one sample
	wander      = 0.15 // mV in the paper's units: baseline that follows the breath
)

// ecg integrates the model's height z. The circle (x, y) of the paper is kept
// as its angle: on the limit cycle nothing else of it is left.
type ecg struct {
	body  *body
	pull  *[pullSteps + 1]float64
	noise *rand.Rand

	step, scale float64
	substeps    int
	turn        float64 // angle as part of a turn, 0 at the R peak
	speed       float64 // turns per step
	z           float64
	n           int64 // steps done
	beats       int64
}
