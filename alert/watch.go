package alert

import (
	"slices"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// watched is a sensor that has rules. It subscribes to the sensor's measurements
// and holds its device's attention while a rule of it is active.
type watched struct {
	alerts   *Alerts
	sensorID string

	mu    sync.Mutex // guards rules and what they point to; held for short calculations only
	rules []*rule

	attached sync.Mutex // guards what follows; taken before mu
	stops    []func()
	closed   bool
}

var _ sensocto.Subscriber = (*watched)(nil)

// firing is an alert on its way.
type firing struct {
	watched *watched
	ruleID  string
	at      time.Time
	value   float64
	before  time.Time // when the rule had fired last
}

// Deliver implements sensocto.Subscriber.
func (w *watched) Deliver(m *sensocto.Message) {
	b, ok := m.Payload.(*sensocto.Batch)
	if !ok {
		return
	}
	at := now()
	looks := uint64(0)
	w.mu.Lock()
	for _, r := range w.rules {
		if !r.active() {
			continue
		}
		for i := range b.Measurements {
			if s := &b.Measurements[i]; r.looksAt(s.AttributeID) {
				r.take(s, at)
				w.fire(r, at)
				looks++
			}
		}
	}
	w.mu.Unlock()
	w.alerts.evaluated.Add(looks)
}

// fire queues an alert that is due. The caller holds mu.
func (w *watched) fire(r *rule, at time.Time) {
	switch {
	case r.due(at):
	case r.pausing(at):
		w.alerts.delayed.Add(1)
		return
	default:
		return
	}
	select {
	case w.alerts.fired <- firing{w, r.ID, at, r.value, r.state.FiredAt}:
		r.told(at)
	default:
		w.alerts.queueFull.Add(1)
	}
}

// untold takes back that people are told: the rule tries again.
func (w *watched) untold(f firing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.find(f.ruleID); r != nil && r.state.FiredAt.Equal(f.at) {
		r.state.FiredAt, r.dirty = f.before, true
	}
}

// look notices what time alone brings about.
func (w *watched) look(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.rules {
		if r.active() {
			r.look(at)
			w.fire(r, at)
		}
	}
}

// takeUnsaved appends the states that are to be stored.
func (w *watched) takeUnsaved(states []sensocto.AlertState) []sensocto.AlertState {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.rules {
		if r.dirty {
			r.dirty = false
			states = append(states, r.state)
		}
	}
	return states
}

// unsaved notes that a state could not be stored.
func (w *watched) unsaved(ruleID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.find(ruleID); r != nil {
		r.dirty = true
	}
}

// find returns a rule, or nil. The caller holds mu.
func (w *watched) find(ruleID string) *rule {
	i := slices.IndexFunc(w.rules, func(r *rule) bool { return r.ID == ruleID })
	if i < 0 {
		return nil
	}
	return w.rules[i]
}

// snapshot returns a rule with its state.
func (w *watched) snapshot(ruleID string) (sensocto.AlertInfo, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.find(ruleID)
	if r == nil {
		return sensocto.AlertInfo{}, false
	}
	return sensocto.AlertInfo{Rule: r.AlertRule, State: r.state, Silent: r.silent}, true
}

// put adds a rule, or replaces the one with its id.
func (w *watched) put(i sensocto.AlertInfo) {
	fresh := &rule{AlertRule: i.Rule, state: i.State, silent: i.Silent, arrived: now()}
	w.mu.Lock()
	if at := slices.IndexFunc(w.rules, func(r *rule) bool { return r.ID == fresh.ID }); at >= 0 {
		w.rules[at] = fresh
	} else {
		w.rules = append(w.rules, fresh)
	}
	w.mu.Unlock()
	w.attach()
}

// drop removes a rule, and reports whether it was the last.
func (w *watched) drop(ruleID string) (empty bool) {
	w.mu.Lock()
	w.rules = slices.DeleteFunc(w.rules, func(r *rule) bool { return r.ID == ruleID })
	empty = len(w.rules) == 0
	w.mu.Unlock()
	w.attach()
	return empty
}

// setSilent notes whether the owner of a rule may see the sensor.
func (w *watched) setSilent(ruleID string, silent bool) {
	w.mu.Lock()
	if r := w.find(ruleID); r != nil && r.silent != silent {
		r.silent, r.arrived = silent, now() // what came meanwhile was not seen
	}
	w.mu.Unlock()
	w.attach()
}

// attach subscribes while a rule is active, and ends that otherwise.
func (w *watched) attach() {
	w.attached.Lock()
	defer w.attached.Unlock()
	w.mu.Lock()
	active := slices.ContainsFunc(w.rules, (*rule).active)
	w.mu.Unlock()
	switch {
	case active && !w.closed && w.stops == nil:
		// At a low level the device sends everything, in larger batches.
		listening := w.alerts.options.Attention.Listen(w.sensorID, sensocto.Demand{Level: sensocto.AttentionLow, NeverPause: true})
		w.stops = []func(){w.alerts.options.PubSub.Subscribe(sensocto.DataTopic(w.sensorID), w).Close, listening}
	case !active || w.closed:
		for _, stop := range w.stops {
			stop()
		}
		w.stops = nil
	}
}
