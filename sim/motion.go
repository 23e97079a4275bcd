package sim

import (
	"math"
	"math/rand/v2"
	"strconv"
)

// gait is somebody who stands and walks by turns, each for some seconds.
type gait struct {
	random  *rand.Rand
	rate    float64
	left    int     // samples until the next change
	walking float64 // 0 or 1
	effort  float64 // follows walking with a delay
	phase   float64 // of the step, radians
}

func newGait(b *body, rate float64) *gait {
	// Both sensors of an IMU draw from the same stream, so that they agree.
	return &gait{random: b.random(streamIMU), rate: rate}
}

func (g *gait) next() {
	if g.left == 0 {
		g.walking = 1 - g.walking
		g.left = int((5 + 20*g.random.Float64()) * g.rate)
	}
	g.left--
	g.effort += (g.walking - g.effort) / (0.8 * g.rate)
	g.phase = math.Mod(g.phase+2*math.Pi*1.8/g.rate, 4*math.Pi) // 1.8 steps a second
}

// appendVector appends {"x":…,"y":…,"z":…}.
func appendVector(dst []byte, x, y, z float64) []byte {
	dst = appendField(append(dst, '{'), "x", x, 3)
	dst = appendField(append(dst, ','), "y", y, 3)
	dst = appendField(append(dst, ','), "z", z, 3)
	return append(dst, '}')
}

func appendField(dst []byte, name string, v float64, decimals int) []byte {
	dst = append(append(append(dst, '"'), name...), '"', ':')
	return strconv.AppendFloat(dst, v, 'f', decimals, 64)
}

const imuRate = 50

// accelerometerSignal is worn at the hip: gravity, steps and a tremor.
func accelerometerSignal(b *body) *Signal {
	const gravity = 9.80665
	g, noise := newGait(b, imuRate), b.random(streamAccelerometer)
	return &Signal{ID: "accelerometer", Name: "Accelerometer", Type: "accelerometer", Unit: "m/s²", Rate: imuRate, document: func(dst []byte) []byte {
		g.next()
		tremor := func() float64 { return 0.05 * noise.NormFloat64() }
		return appendVector(dst,
			g.effort*0.8*math.Sin(g.phase/2)+tremor(),
			g.effort*1.2*math.Cos(g.phase)+tremor(),
			gravity+g.effort*(2.5*math.Sin(g.phase)+0.8*math.Sin(2*g.phase))+tremor())
	}}
}

func gyroscopeSignal(b *body) *Signal {
	g, noise := newGait(b, imuRate), b.random(streamGyroscope)
	return &Signal{ID: "gyroscope", Name: "Gyroscope", Type: "gyroscope", Unit: "rad/s", Rate: imuRate, document: func(dst []byte) []byte {
		g.next()
		tremor := func() float64 { return 0.01 * noise.NormFloat64() }
		return appendVector(dst,
			g.effort*0.6*math.Sin(g.phase)+tremor(),
			g.effort*0.3*math.Sin(g.phase/2)+tremor(),
			g.effort*0.9*math.Cos(g.phase/2)+tremor())
	}}
}
