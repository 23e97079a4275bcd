package attention

import (
	"math/rand/v2"
	"time"

	"github.com/sensocto/sensocto"
)

// SetLoad says how busy the server is. Devices hear of it spread at random
// over a moment (Options.Spread), so that thousands of them are not told, and
// do not answer, in one burst; a device whose level changes meanwhile hears of
// both at once.
func (t *Tracker) SetLoad(l sensocto.Load) {
	t.loadTurn.Lock()
	defer t.loadTurn.Unlock()
	if *t.load.Load() == l {
		return
	}
	t.loads.Add(1)
	t.load.Store(&l)
	for i := range t.shards {
		t.announce(&t.shards[i], l)
	}
}

// announce plans when the sensors of a shard adopt a load.
func (t *Tracker) announce(s *shard, l sensocto.Load) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := t.now()
	for _, e := range s.sensors {
		switch {
		case len(e.watchers) == 0:
			e.load, e.loadAt = l, never
		case e.load == l:
			e.loadAt = never // back before the sensor heard of the change
		case e.loadAt == never:
			e.loadAt = now + t.jitter()
			t.plan(e)
		}
	}
}

// jitter is never zero: all are told by the agenda.
func (t *Tracker) jitter() time.Duration { return 1 + rand.N(t.spread+1) }
