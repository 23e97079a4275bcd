package sim

import (
	"math"
	"math/rand/v2"
)

// drift is a value that wanders around a mean: an Ornstein–Uhlenbeck process
// with the given standard deviation, which forgets over memory steps.
type drift struct {
	random               *rand.Rand
	mean, spread, memory float64
	x                    float64
}

func (d *drift) next() float64 {
	keep := math.Exp(-1 / d.memory)
	d.x = keep*d.x + d.spread*math.Sqrt(1-keep*keep)*d.random.NormFloat64()
	return d.mean + d.x
}

func roundTo(v, step float64) float64 { return math.Round(v/step) / math.Round(1/step) }

// respirationSignal is the girth of the chest, around 0, at the frequency that
// also moves the heart rate. Breathing in is quicker than out.
func respirationSignal(b *body) *Signal {
	const rate = 25
	depth := &drift{random: b.random(streamRespiration), mean: 1, spread: 0.1, memory: 10 * rate}
	i := 0
	return &Signal{ID: "respiration", Name: "Respiration", Type: "respiration", Unit: "a.u.", Rate: rate, number: func() float64 {
		phase := 2 * math.Pi * breathFrequency * float64(i) / rate
		i++
		return depth.next() * math.Sin(phase+0.3*math.Sin(phase))
	}}
}

func spo2Signal(b *body) *Signal {
	d := &drift{random: b.random(streamSpO2), mean: 97.5, spread: 0.6, memory: 60}
	return &Signal{ID: "spo2", Name: "Oxygen saturation", Type: "spo2", Unit: "%", Rate: 1, number: func() float64 {
		return min(math.Round(d.next()), 100)
	}}
}

func temperatureSignal(b *body) *Signal {
	r := b.random(streamTemperature)
	d := &drift{random: r, mean: 36.3 + 0.6*r.Float64(), spread: 0.15, memory: 600}
	return &Signal{ID: "temperature", Name: "Temperature", Type: "temperature", Unit: "°C", Rate: 1, number: func() float64 {
		return roundTo(d.next(), 0.01)
	}}
}
