package attention

import (
	"math"
	"time"

	"github.com/sensocto/sensocto"
)

// never is a time that does not come.
const never time.Duration = math.MaxInt64

// levels has a place for each attention level.
type levels [sensocto.AttentionHigh + 1]int

// entry is what is known of one sensor; its shard's mu guards it.
type entry struct {
	id         string
	viewers    map[sensocto.ViewerID]sensocto.AttentionLevel
	count      levels     // viewers by level
	listening  levels     // listeners by level
	neverPause int        // listeners that forbid a pause
	watchers   []*watcher // replaced, never changed: tell reads it without mu

	// until says for each level that nobody wants any more how long it
	// outlives that.
	until [sensocto.AttentionHigh + 1]time.Duration
	level sensocto.AttentionLevel // as announced

	load   sensocto.Load // that the watchers know of
	loadAt time.Duration // when they hear of the present one; never where they know
	wakeAt time.Duration // when the agenda wakes the entry; never where it does not
}

// wanted is the highest level that is true now.
func (e *entry) wanted() sensocto.AttentionLevel {
	for l := sensocto.AttentionHigh; l > sensocto.AttentionNone; l-- {
		if e.count[l]+e.listening[l] > 0 {
			return l
		}
	}
	return sensocto.AttentionNone
}

// keep lets the levels that were true before and are not now live until then.
func (e *entry) keep(before sensocto.AttentionLevel, until time.Duration) {
	for l := before; l > e.wanted(); l-- {
		e.until[l] = max(e.until[l], until)
	}
}

// levelAt is the highest level that is true or is held at a time.
func (e *entry) levelAt(now time.Duration) sensocto.AttentionLevel {
	wanted := e.wanted()
	for l := sensocto.AttentionHigh; l > wanted; l-- {
		if e.until[l] > now {
			return l
		}
	}
	return wanted
}

// listen adds (n = 1) or removes (n = -1) a listener.
func (e *entry) listen(d sensocto.Demand, n int) {
	e.listening[d.Level] += n
	if d.NeverPause {
		e.neverPause += n
	}
}

func (e *entry) listeners() (n int) {
	for _, c := range e.listening {
		n += c
	}
	return n
}

// config is what the sensor's device is asked for.
func (e *entry) config() sensocto.Backpressure {
	return sensocto.BackpressureFor(e.level).Under(e.load, e.neverPause > 0)
}

// idle reports whether there is nothing to remember.
func (e *entry) idle() bool {
	return len(e.viewers) == 0 && len(e.watchers) == 0 && e.level == sensocto.AttentionNone && e.listeners() == 0
}
