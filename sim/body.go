package sim

import (
	"math"
	"math/rand/v2"
)

// body is the simulated person that all signals of a device are derived from.
type body struct {
	options Options
	meanRR  float64 // s
	hrv     []wave  // heart-rate variability: RR(t) = meanRR + Σ waves
}

// wave is one sinusoid.
type wave struct{ amplitude, frequency, phase float64 }

func (w wave) at(t float64) float64 {
	return w.amplitude * math.Cos(2*math.Pi*math.Mod(w.frequency*t, 1)+w.phase)
}

// random returns the source of one signal's randomness: its own, so that
// signals do not depend on each other's progress.
func (b *body) random(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(b.options.Seed, stream))
}

func newBody(o Options) *body {
	b := &body{options: o}
	r := b.random(streamBody)
	drawn := 55 + 30*r.Float64()
	if o.HeartRate == 0 {
		o.HeartRate = drawn
	}
	b.meanRR = 60 / o.HeartRate
	b.hrv = newVariability(r, b.meanRR)
	return b
}

// rr returns the length of the heartbeat that begins at t, in s.
func (b *body) rr(t float64) float64 {
	rr := b.meanRR
	for _, w := range b.hrv {
		rr += w.at(t)
	}
	return max(rr, b.meanRR/3)
}

// The random streams of the signals.
const (
	streamBody uint64 = iota
	streamECG
	streamRespiration
	streamPPG
	streamSpO2
	streamTemperature
	streamIMU
	streamAccelerometer
	streamGyroscope
	streamPosition
	streamBattery
	streamGaze
)
