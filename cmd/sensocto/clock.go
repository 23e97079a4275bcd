package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/sensocto/sensocto"
)

// clockCheckEvery is the time between two looks at the wall clock.
const clockCheckEvery = 10 * time.Second

// referenceClock is the clock that timestamps are checked against: the wall
// clock, unless that is behind the latest time that the server has seen by more
// than a sample may be ahead. Then the wall clock is wrong, and the latest time,
// which runs on, is nearer to the truth: devices whose clocks are right are not
// refused. Devices cannot move it: it is what was known at the start.
type referenceClock struct {
	latest  time.Time // at the start: the latest of the wall clock and of what was known
	source  string    // where latest is from, "" for the wall clock
	remedy  string    // if the wall clock is right after all
	started time.Time // with the monotonic clock
	skew    time.Duration
	wall    func() time.Time
	log     *slog.Logger
	told    bool // only Run and the constructor use it
}

// newReferenceClock takes the time of the newest sample stored and the time when
// the server was last seen running, both zero where there is none, and how far a
// sample may be ahead.
func newReferenceClock(newest, lastRun time.Time, skew time.Duration, log *slog.Logger) *referenceClock {
	now := time.Now()
	c := &referenceClock{latest: now.Round(0), started: now, skew: skew, wall: time.Now, log: log}
	if newest.After(c.latest) {
		c.latest, c.source = newest, "the newest sample that is stored"
		c.remedy = "it was ahead when those samples came: this ends when their time has come, or once their sensors are deleted and the server is restarted"
	}
	if lastRun.After(c.latest) {
		c.latest, c.source = lastRun, "the time when the server ran last"
		c.remedy = "it was ahead then: stop the server, delete clock.json in its data directory, and start it again"
	}
	c.tell()
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

// Run logs when the wall clock falls behind and when it is right again, until ctx ends.
func (c *referenceClock) Run(ctx context.Context) error {
	ticker := time.NewTicker(clockCheckEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			c.tell()
		}
	}
}

// tell logs a change.
func (c *referenceClock) tell() {
	text := c.trouble()
	switch wrong := text != ""; {
	case wrong == c.told:
		return
	case wrong:
		c.log.Warn(text)
	default:
		c.log.Info("the machine's clock is right again")
	}
	c.told = !c.told
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
	case c.source != "":
		return fmt.Sprintf("the machine's clock is %v behind %s: set it; until then timestamps are accepted as if it were right. "+
			"If it is right now, %s", behind, c.source, c.remedy)
	}
	return fmt.Sprintf("the machine's clock was set back by %v since the server was started: set it; until then timestamps are accepted as if it were right. "+
		"If it is right now, it was ahead at the start: restart the server", behind)
}

// Metrics implements sensocto.MetricSource.
func (c *referenceClock) Metrics(emit func(sensocto.Metric)) {
	emit(sensocto.Metric{Name: "clock_behind_seconds", Help: "How far the machine's clock is behind the newest sample and the last run known at the start, or was set back since; 0 where that may be so.",
		Kind: sensocto.KindGauge, Value: c.behind(c.wall()).Seconds()})
}
