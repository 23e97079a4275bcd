package load

import (
	"math"
	"strconv"
	"time"
)

// ladder says from which value on a level counts, and over how long a value is
// smoothed. A level is left only gap below where it is entered.
type ladder struct {
	enter  [3]float64 // elevated, high, critical
	smooth time.Duration
}

const gap = 0.10

var (
	cpuLadder    = ladder{[3]float64{0.70, 0.85, 0.95}, 3 * time.Second}
	memoryLadder = ladder{[3]float64{0.75, 0.85, 0.92}, time.Second}
	queueLadder  = ladder{[3]float64{0.50, 0.75, 0.90}, time.Second}
)

// gauge is one thing that is measured: smoothed, and as a level.
type gauge struct {
	name   string
	ladder ladder
	value  float64
	level  int
	lower  time.Time // since when the value is below the level; zero while it is not
}

func newGauge(name string, l ladder) *gauge { return &gauge{name: name, ladder: l} }

// take smooths a value exponentially. The level rises at once, and falls by
// one each time that the value was low enough for as long as calm.
func (g *gauge) take(value float64, elapsed time.Duration, now time.Time, calm time.Duration) {
	weight := 1 - math.Exp(-elapsed.Seconds()/g.ladder.smooth.Seconds())
	g.value += weight * (value - g.value)
	switch {
	case g.above(0) > g.level:
		g.level = g.above(0)
		g.lower = time.Time{}
	case g.above(gap) >= g.level:
		g.lower = time.Time{}
	case g.lower.IsZero():
		g.lower = now
	case now.Sub(g.lower) >= calm:
		g.level--
		g.lower = now
	}
}

// above returns the level whose threshold, less a margin, the value has reached.
func (g *gauge) above(margin float64) (level int) {
	for _, threshold := range g.ladder.enter {
		if g.value >= threshold-margin {
			level++
		}
	}
	return level
}

// ceiling bounds what counts as used: what is far beyond all there is would
// weigh on the mean for long after it ended.
const ceiling = 1.25

// ratio is 0 where what there is is not known.
func ratio(used, all float64) float64 {
	if all <= 0 {
		return 0
	}
	return min(ceiling, max(0, used/all))
}

func percent(v float64) string { return strconv.Itoa(int(math.Round(v*100))) + "%" }
