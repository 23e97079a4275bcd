package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/sensocto/sensocto"
)

// referenceClock is the clock that timestamps are checked against: the wall
// clock, unless that is behind the latest time that the server has seen by more
// than a sample may be ahead. Then the wall clock is wrong, and the latest time,
// which runs on, is nearer to the truth: devices whose clocks are right are not
// refused. Devices cannot move it: it is what was known at the start.
type referenceClock struct {
	latest  time.Time // at the start: that of the wall clock, or of the newest sample stored
	started time.Time // with the monotonic clock
	stored  bool      // latest is the time of a sample
	skew    time.Duration
	wall    func() time.Time
}

// newReferenceClock takes the time of the newest sample stored, zero where there
// is none, and how far a sample may be ahead.
func newReferenceClock(newest time.Time, skew time.Duration, log *slog.Logger) *referenceClock {
	now := time.Now()
	c := &referenceClock{latest: now.Round(0), started: now, skew: skew, wall: time.Now}
	if newest.After(now) {
		c.latest, c.stored = newest, true
	}
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

// behind returns how far the wall clock is behind the latest time, 0 where that
// may be so.
func (c *referenceClock) behind(now time.Time) time.Duration {
	if behind := c.latest.Add(time.Since(c.started)).Sub(now.Round(0)); behind > c.skew {
		return behind
	}
	return 0
}

// trouble says that the clock is behind, "" where it is not.
func (c *referenceClock) trouble() string {
	behind := c.behind(c.wall()).Round(time.Second)
	switch {
	case behind == 0:
		return ""
	case c.stored:
		return fmt.Sprintf("the machine's clock is %v behind the newest sample that is stored: set it; until then timestamps are accepted as if it were right. "+
			"If it is right now, it was ahead when those samples came: this ends when their time has come, or once their sensors are deleted and the server is restarted", behind)
	}
	return fmt.Sprintf("the machine's clock was set back by %v since the server was started: set it; until then timestamps are accepted as if it were right. "+
		"If it is right now, it was ahead at the start: restart the server", behind)
}

// Metrics implements sensocto.MetricSource.
func (c *referenceClock) Metrics(emit func(sensocto.Metric)) {
	emit(sensocto.Metric{Name: "clock_behind_seconds", Help: "How far the machine's clock is behind the newest sample stored before the start, or was set back since; 0 where that may be so.",
		Kind: sensocto.KindGauge, Value: c.behind(c.wall()).Seconds()})
}
