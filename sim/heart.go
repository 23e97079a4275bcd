package sim

import "math"

// heart walks from beat to beat, in the same rhythm as the ECG of the body.
type heart struct {
	body   *body
	start  float64 // of the present beat (its R peak), s
	length float64 // of the present beat, s
}

func newHeart(b *body) *heart {
	// As in the ECG, time 0 is half a beat before the first R peak.
	rr := b.rr(0)
	return &heart{body: b, start: -rr / 2, length: rr}
}

// at moves on to a time, and returns how much of its beat has passed. Times
// must not go back.
func (h *heart) at(t float64) (part float64) {
	for t >= h.start+h.length {
		h.start += h.length
		h.length = h.body.rr(h.start)
	}
	return max((t-h.start)/h.length, 0)
}

// transit is how long the pulse takes from the heart to the finger, s.
const transit = 0.25

// ppgSignal is the light that the finger swallows: a systolic wave, a smaller
// one reflected, and the breath in amplitude and baseline.
func ppgSignal(b *body) *Signal {
	const rate = 100
	h, noise := newHeart(b), b.random(streamPPG)
	var shape [512]float64
	for i := range shape {
		x := float64(i) / float64(len(shape))
		shape[i] = bump(x, 0.20, 0.09) + 0.45*bump(x, 0.47, 0.13)
	}
	i := 0
	return &Signal{ID: "ppg", Name: "Photoplethysmogram", Type: "ppg", Unit: "a.u.", Rate: rate, number: func() float64 {
		t := float64(i) / rate
		i++
		breath := math.Sin(2 * math.Pi * breathFrequency * t)
		var pulse float64
		if t > transit {
			pulse = shape[int(h.at(t-transit)*float64(len(shape)))%len(shape)]
		}
		return pulse*(1+0.05*breath) + 0.05*breath + 0.003*noise.NormFloat64()
	}}
}

// bump is a Gaussian on a circle of length 1.
func bump(x, centre, width float64) float64 {
	d := math.Remainder(x-centre, 1)
	return math.Exp(-d * d / (2 * width * width))
}

// heartRateSignal is the rate by the mean of the last beats, once a second,
// in whole beats a minute as straps send it.
func heartRateSignal(b *body) *Signal {
	h := newHeart(b)
	mean, t := b.meanRR, 0.0
	var counted float64 // start of the beat counted last
	return &Signal{ID: "heartrate", Name: "Heart rate", Type: "heartrate", Unit: "bpm", Rate: 1, number: func() float64 {
		for at := t; at < t+1; at += 0.2 {
			h.at(at)
			if h.start != counted {
				counted = h.start
				mean += (h.length - mean) / 4
			}
		}
		t++
		return math.Round(60 / mean)
	}}
}
