// Package attention knows who looks at which sensor, and tells the sensors'
// devices what that asks of them.
//
// The level of a sensor is the highest over its viewers; a sensor without a
// viewer has the level none. Every change is announced to the sensor's
// watchers at once, in order, and the last word a watcher heard is always the
// present configuration.
package attention

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/sensocto/sensocto"
)

const shardCount = 64

// Options configure a Tracker. The zero value works.
type Options struct{}

// Tracker is a sensocto.Attention. It is safe for concurrent use and has no
// goroutine of its own.
type Tracker struct {
	seed    maphash.Seed
	shards  [shardCount]shard
	changes atomic.Uint64
	configs atomic.Uint64
}

type shard struct {
	mu      sync.Mutex
	sensors map[string]*entry // guarded by mu; only sensors with a viewer or a watcher
}

// entry is what is known of one sensor; its shard's mu guards it.
type entry struct {
	viewers  map[sensocto.ViewerID]sensocto.AttentionLevel
	watchers map[*watcher]struct{}
	level    sensocto.AttentionLevel
}

// watcher is one device that hears of its sensor's configuration. Its mutex
// puts calls in a line; it is taken without the shard's.
type watcher struct {
	mu      sync.Mutex
	f       func(sensocto.Backpressure) // nil once stopped
	told    sensocto.AttentionLevel     // guarded by mu
	started bool                        // guarded by mu
}

// New returns a Tracker that knows of nobody.
func New(Options) *Tracker {
	t := &Tracker{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].sensors = make(map[string]*entry)
	}
	return t
}

func (t *Tracker) shard(sensorID string) *shard {
	return &t.shards[maphash.String(t.seed, sensorID)%shardCount]
}

// entry returns the sensor's entry, making it where there is none. The caller holds mu.
func (s *shard) entry(sensorID string) *entry {
	e := s.sensors[sensorID]
	if e == nil {
		e = &entry{}
		s.sensors[sensorID] = e
	}
	return e
}

// Look implements sensocto.Attention.
func (t *Tracker) Look(viewer sensocto.ViewerID, sensorID string, level sensocto.AttentionLevel) {
	t.update(sensorID, func(e *entry) {
		if e.viewers == nil {
			e.viewers = make(map[sensocto.ViewerID]sensocto.AttentionLevel, 1)
		}
		e.viewers[viewer] = level
	})
}

// Leave implements sensocto.Attention.
func (t *Tracker) Leave(viewer sensocto.ViewerID, sensorID string) {
	t.update(sensorID, func(e *entry) { delete(e.viewers, viewer) })
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

// update changes an entry, and tells its watchers when that changed the level.
func (t *Tracker) update(sensorID string, change func(*entry)) {
	s := t.shard(sensorID)
	s.mu.Lock()
	e := s.entry(sensorID)
	change(e)
	before := e.level
	e.level = highest(e.viewers)
	var tell []*watcher
	if e.level != before {
		t.changes.Add(1)
		for w := range e.watchers {
			tell = append(tell, w)
		}
	}
	s.tidy(sensorID, e)
	s.mu.Unlock()
	for _, w := range tell {
		t.tell(w, sensorID)
	}
}

func highest(viewers map[sensocto.ViewerID]sensocto.AttentionLevel) sensocto.AttentionLevel {
	level := sensocto.AttentionNone
	for _, l := range viewers {
		level = max(level, l)
	}
	return level
}

// tidy forgets a sensor that nobody views or watches. The caller holds mu.
func (s *shard) tidy(sensorID string, e *entry) {
	if len(e.viewers) == 0 && len(e.watchers) == 0 {
		delete(s.sensors, sensorID)
	}
}

// tell brings a watcher up to date. It reads the level after taking the
// watcher's turn: whoever comes last tells the latest, so none stays stale.
func (t *Tracker) tell(w *watcher, sensorID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	level := t.Level(sensorID)
	if w.f == nil || (w.started && w.told == level) {
		return
	}
	w.started, w.told = true, level
	t.configs.Add(1)
	w.f(sensocto.BackpressureFor(level))
}

// Watch implements sensocto.Attention. f must not call the Tracker, nor take
// a lock that a caller of Look or Leave holds.
func (t *Tracker) Watch(sensorID string, f func(sensocto.Backpressure)) (stop func()) {
	w := &watcher{f: f}
	s := t.shard(sensorID)
	s.mu.Lock()
	e := s.entry(sensorID)
	if e.watchers == nil {
		e.watchers = make(map[*watcher]struct{}, 1)
	}
	e.watchers[w] = struct{}{}
	s.mu.Unlock()
	t.tell(w, sensorID)
	return func() { t.stop(sensorID, w) }
}

func (t *Tracker) stop(sensorID string, w *watcher) {
	s := t.shard(sensorID)
	s.mu.Lock()
	if e := s.sensors[sensorID]; e != nil {
		delete(e.watchers, w)
		s.tidy(sensorID, e)
	}
	s.mu.Unlock()
	w.mu.Lock()
	w.f = nil
	w.mu.Unlock()
}

// Metrics implements sensocto.MetricSource.
func (t *Tracker) Metrics(emit func(sensocto.Metric)) {
	var byLevel [sensocto.AttentionHigh + 1]int
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for _, e := range s.sensors {
			byLevel[e.level]++
		}
		s.mu.Unlock()
	}
	for l, n := range byLevel {
		emit(sensocto.Metric{Name: "attention_sensors", Help: "Sensors with a viewer or a device, by attention level.", Kind: sensocto.KindGauge,
			Labels: []string{"level", sensocto.AttentionLevel(l).String()}, Value: float64(n)})
	}
	emit(sensocto.Metric{Name: "attention_changes_total", Help: "Changes of a sensor's attention level.", Value: float64(t.changes.Load())})
	emit(sensocto.Metric{Name: "attention_configs_total", Help: "Backpressure configurations announced to devices.", Value: float64(t.configs.Load())})
}
