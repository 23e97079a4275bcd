package attention

import (
	"slices"
	"sync"

	"github.com/sensocto/sensocto"
)

// watcher is one device that hears of its sensor's configuration. Its mutex
// puts calls in a line; it is taken without the shard's.
type watcher struct {
	mu   sync.Mutex
	f    func(sensocto.Backpressure) // nil once stopped
	told sensocto.Backpressure       // guarded by mu; its zero value is no configuration
}

// Watch implements sensocto.Attention. f must not call the Tracker, nor take
// a lock that a caller of Look or Leave holds.
func (t *Tracker) Watch(sensorID string, f func(sensocto.Backpressure)) (stop func()) {
	w := &watcher{f: f}
	s := t.shard(sensorID)
	s.mu.Lock()
	e := t.entry(s, sensorID)
	e.watchers = append(slices.Clip(e.watchers), w)
	s.mu.Unlock()
	t.tell([]*watcher{w}, sensorID)
	return func() { t.stop(sensorID, w) }
}

func (t *Tracker) stop(sensorID string, w *watcher) {
	s := t.shard(sensorID)
	s.mu.Lock()
	if e := s.sensors[sensorID]; e != nil {
		e.watchers = slices.DeleteFunc(slices.Clone(e.watchers), func(other *watcher) bool { return other == w })
		if e.idle() {
			delete(s.sensors, sensorID)
		}
	}
	s.mu.Unlock()
	w.mu.Lock()
	w.f = nil
	w.mu.Unlock()
}

// tell brings watchers up to date. It reads the configuration after taking
// each watcher's turn: whoever comes last tells the latest, so none stays stale.
func (t *Tracker) tell(watchers []*watcher, sensorID string) {
	for _, w := range watchers {
		t.tellOne(w, sensorID)
	}
}

func (t *Tracker) tellOne(w *watcher, sensorID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	config := t.Snapshot(sensorID).Config
	if w.f == nil || w.told == config {
		return
	}
	w.told = config
	t.configs.Add(1)
	w.f(config)
}
