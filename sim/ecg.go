package sim

import (
	"math"
	"math/rand/v2"
)

// deflection is one wave of the heartbeat as McSharry et al. give it: where
// on the circle (radians, the R peak at 0), how strong, how wide.
type deflection struct{ angle, strength, width float64 }

// deflections returns P, Q, R, S and T. The paper's figures are for 60 beats
// a minute; with the rate the waves come to take a larger part of the circle,
// as the square root, P and T move as its fourth root (after the authors'
// program).
func deflections(heartRate float64) [5]deflection {
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
	pullSteps   = 2048  // of the table of the pull around the circle
	minimalRate = 256   // Hz: below it several steps make one sample
	wander      = 0.005 // amplitude of the baseline, which follows the breath, in the paper's units
)

// ecg integrates the model's height z with Runge–Kutta steps of fixed length.
// The circle (x, y) of the paper is kept as its angle: on the limit cycle
// nothing else of it is left. What the angle adds to dz/dt, the sum of five
// Gaussians, is looked up in a table.
type ecg struct {
	body  *body
	noise *rand.Rand
	pull  *[pullSteps + 2]float64

	length float64 // of a step, s
	steps  int     // per sample
	scale  float64 // mV per unit of z
	turn   float64 // angle as a part of the circle, 0 at the R peak
	speed  float64 // circles per step
	z      float64
	done   int64 // steps
	// The baseline is a sine, made by rotating (sin, cos) a little each half step.
	sin, cos, dsin, dcos float64
}

func newECG(b *body) *ecg {
	e := &ecg{body: b, noise: b.random(streamECG), pull: pullTable(60 / b.meanRR), scale: 1}
	e.steps = int(math.Ceil(minimalRate / b.options.Rate))
	e.length = 1 / (b.options.Rate * float64(e.steps))
	half := math.Pi * breathFrequency * e.length
	e.dsin, e.dcos, e.cos = math.Sin(half), math.Cos(half), 1
	e.settle()
	return e
}

// pullTable returns dz/dt without the spring to the baseline, by angle.
func pullTable(heartRate float64) *[pullSteps + 2]float64 {
	var table [pullSteps + 2]float64
	waves := deflections(heartRate)
	for i := range table {
		angle := 2 * math.Pi * float64(i) / pullSteps
		for _, w := range waves {
			d := math.Remainder(angle-w.angle, 2*math.Pi)
			table[i] -= w.strength * d * math.Exp(-d*d/(2*w.width*w.width))
		}
	}
	return &table
}

// settle runs a few even beats from the T-P pause, to leave the start behind
// and to find the height of R, which becomes 1 mV.
func (e *ecg) settle() {
	e.speed = e.length / e.body.meanRR
	steady := *e
	steady.turn, steady.sin, steady.cos = 0.5, 0, 0
	var peak float64
	beat := int(1 / e.speed)
	for i := range 5 * beat {
		if steady.advance(); steady.turn >= 1 {
			steady.turn--
		}
		if i >= 4*beat {
			peak = max(peak, steady.z)
		}
	}
	e.scale, e.turn, e.z = 1/peak, 0.5, steady.z
	// The first R peak is half a beat after the start.
	e.speed = e.length / e.body.rr(0)
}

// at looks up the pull at an angle, which may exceed the circle by a step.
func (e *ecg) at(turn float64) float64 {
	if turn >= 1 {
		turn--
	}
	x := turn * pullSteps
	i := int(x)
	low := e.pull[i]
	return low + (x-float64(i))*(e.pull[i+1]-low)
}

// advance makes one Runge–Kutta step: dz/dt = pull(angle) − (z − baseline).
func (e *ecg) advance() {
	h := e.length
	base0 := wander * e.sin
	e.sin, e.cos = e.sin*e.dcos+e.cos*e.dsin, e.cos*e.dcos-e.sin*e.dsin
	base1 := wander * e.sin
	e.sin, e.cos = e.sin*e.dcos+e.cos*e.dsin, e.cos*e.dcos-e.sin*e.dsin
	base2 := wander * e.sin
	f0 := e.at(e.turn) + base0
	f1 := e.at(e.turn+e.speed/2) + base1
	f2 := e.at(e.turn+e.speed) + base2
	k1 := f0 - e.z
	k2 := f1 - (e.z + h/2*k1)
	k3 := f1 - (e.z + h/2*k2)
	k4 := f2 - (e.z + h*k3)
	e.z += h / 6 * (k1 + 2*k2 + 2*k3 + k4)
	e.turn += e.speed
	e.done++
}

// beat starts a new heartbeat: at the R peak the speed becomes that of the
// next RR interval.
func (e *ecg) beat() {
	over := (e.turn - 1) / e.speed // part of a step since the peak
	now := (float64(e.done) - over) * e.length
	e.speed = e.length / e.body.rr(now)
	e.turn = over * e.speed
	// Rotating lets the length drift in the last digits.
	norm := math.Hypot(e.sin, e.cos)
	e.sin, e.cos = e.sin/norm, e.cos/norm
}

func (e *ecg) next() float64 {
	v := e.z * e.scale
	for range e.steps {
		if e.advance(); e.turn >= 1 {
			e.beat()
		}
	}
	if e.body.options.Noise > 0 {
		v += e.body.options.Noise * e.noise.NormFloat64()
	}
	return v
}

func ecgSignal(b *body) *Signal {
	return &Signal{ID: "ecg", Name: "ECG", Type: "ecg", Unit: "mV", Rate: b.options.Rate, number: newECG(b).next}
}
