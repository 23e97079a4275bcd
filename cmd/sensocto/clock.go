package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/sensocto/sensocto"
)

// referenceClock is the clock that timestamps are checked against: the wall
// clock, unless that is behind what the server itself has stored by more than a
// sample may be ahead. Then it is wrong, and the time of the newest sample, which
// runs on, is nearer to the truth: devices whose clocks are right are not
// refused. Devices cannot move it: what they may store is within the tolerance.
type referenceClock struct {
	newest  time.Time // of the samples that were stored before the start; zero where there is none
	started time.Time // with the monotonic clock
	skew    time.Duration
	wall    func() time.Time
}

func newReferenceClock(newest time.Time, skew time.Duration, log *slog.Logger) *referenceClock {
	c := &referenceClock{newest: newest, started: time.Now(), skew: skew, wall: time.Now}
	if text := c.trouble(); text != "" {
		log.Warn(text)
	}
	return c
}

// Now is the time against which timestamps are checked.
func (c *referenceClock) Now() time.Time {
	now := c.wall()
	if behind := c.behind(now); behind > 0 {
		return now.Add(behind)
	}
	return now
}

// behind returns how far the wall clock is behind what was stored, 0 where that
// may be so.
func (c *referenceClock) behind(now time.Time) time.Duration {
	if c.newest.IsZero() {
		return 0
	}
	if behind := c.newest.Add(time.Since(c.started)).Sub(now); behind > c.skew {
		return behind
	}
	return 0
}

// trouble says that the clock is behind, "" where it is not.
func (c *referenceClock) trouble() string {
	behind := c.behind(c.wall())
	if behind == 0 {
		return ""
	}
	return fmt.Sprintf("the machine's clock is %v behind the newest sample that is stored: set it; until then timestamps are accepted as if it were right. If it is right now, it was ahead when those samples came: this ends when their time has come, or once their sensors are deleted and the server is restarted", behind.Round(time.Second))
}

// Metrics implements sensocto.MetricSource.
func (c *referenceClock) Metrics(emit func(sensocto.Metric)) {
	emit(sensocto.Metric{Name: "clock_behind_seconds", Help: "How far the machine's clock is behind the newest sample stored before the start; 0 where that may be so.",
		Kind: sensocto.KindGauge, Value: c.behind(c.wall()).Seconds()})
}
