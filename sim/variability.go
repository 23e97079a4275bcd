package sim

import (
	"math"
	"math/rand/v2"
)

// Heart-rate variability after McSharry et al.: the power spectrum of the RR
// intervals is the sum of two Gaussians, one at the rhythm of blood pressure
// (Mayer waves) and one at that of the breath.
const (
	mayerFrequency  = 0.1  // Hz
	breathFrequency = 0.25 // Hz
	peakWidth       = 0.01 // Hz, standard deviation of both peaks
	lfhf            = 0.5  // power of the first over power of the second
	// variability is the standard deviation of RR over its mean.
	variability  = 0.04
	wavesPerPeak = 24
)

// newVariability draws sinusoids of random phase that together have the
// spectrum. Unlike the inverse Fourier transform of the paper they are
// endless, and RR at any time costs the same.
func newVariability(r *rand.Rand, meanRR float64) []wave {
	total := variability * meanRR * variability * meanRR
	high := total / (1 + lfhf)
	return append(peak(r, mayerFrequency, total-high), peak(r, breathFrequency, high)...)
}

// peak returns waves around a frequency with the given power in all.
func peak(r *rand.Rand, centre, power float64) []wave {
	waves := make([]wave, wavesPerPeak)
	var sum float64
	for i := range waves {
		// Evenly spread over ±3 standard deviations, each jittered in its own
		// interval so that the sum does not repeat.
		x := 6*(float64(i)+r.Float64())/wavesPerPeak - 3
		weight := math.Exp(-x * x / 2)
		waves[i] = wave{math.Sqrt(weight), centre + x*peakWidth, 2 * math.Pi * r.Float64()}
		sum += weight / 2
	}
	for i := range waves {
		waves[i].amplitude *= math.Sqrt(power / sum)
	}
	return waves
}
