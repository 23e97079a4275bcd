package seclog

import (
	"context"
	"time"

	"github.com/sensocto/sensocto"
)

// sweepInterval is how often Run forgets addresses that are quiet, and reports
// what it suppressed of them.
const sweepInterval = time.Minute

// Run reports what was suppressed and no line has told of, until ctx ends.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.report(l.sweep(time.Now(), false))
		case <-ctx.Done():
			l.report(l.sweep(time.Now(), true))
			return nil
		}
	}
}

// sweep forgets quiet addresses, or all, and returns what was suppressed of them.
func (l *Log) sweep(now time.Time, all bool) map[sensocto.SecurityEvent]uint64 {
	suppressed := map[sensocto.SecurityEvent]uint64{}
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, b := range l.sources {
		if all || b.Full(now) {
			suppressed[key.event] += b.suppressed
			delete(l.sources, key)
		}
	}
	for e, t := range l.events {
		suppressed[e] += t.suppressed
		t.suppressed = 0
	}
	return suppressed
}

func (l *Log) report(suppressed map[sensocto.SecurityEvent]uint64) {
	for e, n := range suppressed {
		if n > 0 {
			l.log.Log(context.Background(), levelOf(e), "refusals without a line of their own", "event", string(e), "suppressed", n)
		}
	}
}
