// Package attention knows who looks at which sensor, and tells the sensors'
// devices what that asks of them (docs/attention.md).
//
// The level of a sensor is the highest that was true of its viewers and
// listeners within the last hold: it rises at once, and falls when nobody
// wanted more for that long. A sensor that nobody looks at has the level none.
// Every change is announced to the sensor's watchers, in order, and the last
// word a watcher heard is always the present configuration. A change of the
// server's load reaches the watchers spread over a moment, not in one burst.
//
// It does not measure load (package load), and does not know what viewers say
// of themselves (sensocto.Gaze): it is told what counts.
package attention

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

const shardCount = 64

// Options configure a Tracker. The zero value works.
type Options struct {
	// Hold is how long a level outlives its last viewer; default 2 s,
	// negative for not at all.
	Hold time.Duration
	// Spread is the time over which devices hear of a change of load; default
	// 1 s, negative for all at once.
	Spread time.Duration
}

// Tracker is a sensocto.Attention. It is safe for concurrent use and has no
// goroutine of its own: what falls due later hangs on one timer.
type Tracker struct {
	hold, spread time.Duration
	started      time.Time
	seed         maphash.Seed
	shards       [shardCount]shard
	agenda       agenda

	load     atomic.Pointer[sensocto.Load]
	loadTurn sync.Mutex // one SetLoad at a time; taken before a shard's mu

	raised, lowered, configs, loads atomic.Uint64
}

// shard holds some of the sensors. Its mu is taken before the agenda's.
type shard struct {
	mu      sync.Mutex
	sensors map[string]*entry // guarded by mu, with all in it; only sensors that somebody looks at or watches
}

// New returns a Tracker that knows of nobody.
func New(o Options) *Tracker {
	t := &Tracker{
		hold: max(0, cmp.Or(o.Hold, 2*time.Second)), spread: max(0, cmp.Or(o.Spread, time.Second)),
		started: time.Now(), seed: maphash.MakeSeed(),
	}
	t.agenda = agenda{wake: t.wake, started: t.started, set: never}
	t.load.Store(&sensocto.Load{Level: sensocto.LoadNormal})
	for i := range t.shards {
		t.shards[i].sensors = make(map[string]*entry)
	}
	return t
}

// now is the time since the start: one cheap number to compare.
func (t *Tracker) now() time.Duration { return time.Since(t.started) }

func (t *Tracker) shard(sensorID string) *shard {
	return &t.shards[maphash.String(t.seed, sensorID)%shardCount]
}

// Look implements sensocto.Attention.
func (t *Tracker) Look(viewer sensocto.ViewerID, sensorID string, level sensocto.AttentionLevel) {
	t.update(sensorID, func(e *entry) {
		if before, ok := e.viewers[viewer]; ok {
			e.count[before]--
		} else if e.viewers == nil {
			e.viewers = make(map[sensocto.ViewerID]sensocto.AttentionLevel, 1)
		}
		e.viewers[viewer] = level
		e.count[level]++
	})
}

// Leave implements sensocto.Attention.
func (t *Tracker) Leave(viewer sensocto.ViewerID, sensorID string) {
	t.update(sensorID, func(e *entry) {
		if before, ok := e.viewers[viewer]; ok {
			e.count[before]--
			delete(e.viewers, viewer)
		}
	})
}

// Listen implements sensocto.Attention.
func (t *Tracker) Listen(sensorID string, d sensocto.Demand) (stop func()) {
	t.update(sensorID, func(e *entry) { e.listen(d, 1) })
	hold := t.hold
	if d.Held {
		hold = 0
	}
	return sync.OnceFunc(func() {
		t.updateHolding(sensorID, hold, func(e *entry) { e.listen(d, -1) })
	})
}

// update changes an entry, and tells its watchers where that changed what is
// asked of them. change must not call the Tracker.
func (t *Tracker) update(sensorID string, change func(*entry)) {
	t.updateHolding(sensorID, t.hold, change)
}

// updateHolding is update where what nobody wants any more is held for a time.
func (t *Tracker) updateHolding(sensorID string, hold time.Duration, change func(*entry)) {
	s := t.shard(sensorID)
	s.mu.Lock()
	e := t.entry(s, sensorID)
	before := e.wanted()
	config := e.config()
	change(e)
	now := t.now()
	e.keep(before, now+hold)
	tell := t.settle(s, e, config, now)
	s.mu.Unlock()
	t.tell(tell, sensorID)
}

// entry returns the sensor's entry, making it where there is none. The caller
// holds mu.
func (t *Tracker) entry(s *shard, sensorID string) *entry {
	e := s.sensors[sensorID]
	if e == nil {
		e = &entry{id: sensorID, load: *t.load.Load(), loadAt: never, wakeAt: never}
		s.sensors[sensorID] = e
	}
	return e
}

// settle brings an entry up to date after something happened to it, or time
// passed: its level, when to look at it again, whether it is worth keeping. It
// returns whom to tell where its configuration is not before any more. The
// caller holds mu.
func (t *Tracker) settle(s *shard, e *entry, before sensocto.Backpressure, now time.Duration) (tell []*watcher) {
	level := e.levelAt(now)
	switch {
	case level > e.level:
		t.raised.Add(1)
	case level < e.level:
		t.lowered.Add(1)
	}
	if level != e.level || e.loadAt <= now {
		e.level, e.load, e.loadAt = level, *t.load.Load(), never
	}
	if e.config() != before {
		tell = e.watchers
	}
	t.plan(e)
	if e.idle() {
		delete(s.sensors, e.id)
	}
	return tell
}

// plan has the entry woken when time alone will change it. The caller holds mu.
func (t *Tracker) plan(e *entry) {
	at := e.loadAt
	if e.level > e.wanted() {
		at = min(at, e.until[e.level])
	}
	if at < e.wakeAt {
		e.wakeAt = t.agenda.add(e, at)
	}
}

// wake looks at an entry again whose time has come.
func (t *Tracker) wake(e *entry, at time.Duration) {
	s := t.shard(e.id)
	s.mu.Lock()
	if s.sensors[e.id] != e || e.wakeAt != at {
		s.mu.Unlock() // gone, or planned anew
		return
	}
	e.wakeAt = never
	tell := t.settle(s, e, e.config(), t.now())
	s.mu.Unlock()
	t.tell(tell, e.id)
}

// Sensors returns the ids of the sensors that somebody looks at, or whose
// device is connected, sorted.
func (t *Tracker) Sensors() []string {
	var ids []string
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		ids = slices.AppendSeq(ids, maps.Keys(s.sensors))
		s.mu.Unlock()
	}
	slices.Sort(ids)
	return ids
}

// Level implements sensocto.Attention.
func (t *Tracker) Level(sensorID string) sensocto.AttentionLevel {
	s := t.shard(sensorID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.sensors[sensorID]; e != nil {
		return e.level
	}
	return sensocto.AttentionNone
}

// Snapshot implements sensocto.Attention.
func (t *Tracker) Snapshot(sensorID string) sensocto.AttentionSnapshot {
	s := t.shard(sensorID)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.sensors[sensorID]
	if e == nil {
		return sensocto.AttentionSnapshot{Config: sensocto.BackpressureFor(sensocto.AttentionNone).Under(*t.load.Load(), false)}
	}
	return sensocto.AttentionSnapshot{
		Level: e.level, Viewers: e.count, Listeners: e.listeners(), NeverPause: e.neverPause > 0, Config: e.config(),
	}
}
