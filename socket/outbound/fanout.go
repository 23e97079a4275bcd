package outbound

import (
	"sync"
	"sync/atomic"

	"github.com/sensocto/sensocto"
)

// fanouts are the sensors that somebody on this server joined for their
// measurements.
type fanouts struct {
	hub *Hub

	mu       sync.Mutex // guards what follows; taken before a fanout's
	bySensor map[string]*fanout
}

// fanout hands the measurements of one sensor to those who watch it here, each
// by the level at which it looks: high at once, medium and low when their
// window ends, none not at all.
//
// Whatever changes who gets what happens between two messages, under mu: so
// every sample takes exactly one of these ways to a viewer, in order.
type fanout struct {
	hub      *Hub
	sensorID string
	users    int // guarded by fanouts.mu

	delivered atomic.Uint64 // samples to viewers, those in buckets too

	mu       sync.Mutex            // guards what follows, and where the feeds are; taken before a window timer's, a feed's and an outbox's
	sub      sensocto.Subscription // nil while nobody looks
	live     []*Feed
	windows  [sensocto.AttentionHigh]window // by level
	unplaced []*Feed                        // to be moved after the message that is being delivered
}

// Delivered returns how many samples of a sensor went to viewers since the
// first of those came that watch it now. One that went to two counts twice, and
// one in a bucket as well.
func (h *Hub) Delivered(sensorID string) uint64 {
	h.fanouts.mu.Lock()
	defer h.fanouts.mu.Unlock()
	if src := h.fanouts.bySensor[sensorID]; src != nil {
		return src.delivered.Load()
	}
	return 0
}

// acquire returns the sensor's fanout, making it for the first who asks.
func (all *fanouts) acquire(sensorID string) *fanout {
	all.mu.Lock()
	defer all.mu.Unlock()
	s := all.bySensor[sensorID]
	if s == nil {
		s = &fanout{hub: all.hub, sensorID: sensorID}
		all.bySensor[sensorID] = s
	}
	s.users++
	return s
}

// Watched reports whether somebody joined a sensor for its measurements.
func (h *Hub) Watched(sensorID string) bool {
	h.fanouts.mu.Lock()
	defer h.fanouts.mu.Unlock()
	return h.fanouts.bySensor[sensorID] != nil
}

// release is called once for each acquire, when its feed has left.
func (all *fanouts) release(s *fanout) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(all.bySensor, s.sensorID)
	}
}

// Deliver implements sensocto.Subscriber.
func (s *fanout) Deliver(m *sensocto.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.live {
		f.Deliver(m)
	}
	if b, ok := m.Payload.(*sensocto.Batch); ok {
		viewers := len(s.live)
		for level := range s.windows {
			if w := &s.windows[level]; len(w.feeds) > 0 {
				viewers += len(w.feeds)
				s.addToWindow(w, sensocto.AttentionLevel(level), b)
			}
		}
		s.delivered.Add(uint64(viewers * len(b.Measurements)))
	}
	for _, f := range s.unplaced {
		s.place(f)
	}
	s.unplaced = s.unplaced[:0]
}

// addToWindow puts a batch into a window.
func (s *fanout) addToWindow(w *window, level sensocto.AttentionLevel, b *sensocto.Batch) {
	w.add(b, level)
	if !w.scheduled {
		w.scheduled = true
		s.hub.windowTimers[level].Add(s)
	}
}

// setLevel moves a feed to where a level has it. What its window holds so far comes
// first.
func (s *fanout) setLevel(f *Feed, level sensocto.AttentionLevel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.wanted = level
	s.place(f)
}

// feedOpened is called when a feed holds nothing back any more. While it waits for
// the message that its history may contain, it stays live, whatever its level.
func (s *fanout) feedOpened(f *Feed, waits bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.pinnedLive = waits && f.historyEnd.Load() != nil // that message may have come already
	s.place(f)
}

// place puts a feed where it belongs. The caller holds mu.
func (s *fanout) place(f *Feed) {
	level := f.wanted
	switch {
	case f.removed:
		level = sensocto.AttentionNone
	case level == sensocto.AttentionNone && f.open.Load():
		f.pinnedLive = false // what comes when it looks again is not in its history
		f.historyEnd.Store(nil)
	case f.pinnedLive && level > sensocto.AttentionNone:
		level = sensocto.AttentionHigh
	}
	if level == f.current {
		return
	}
	s.leave(f)
	f.current = level
	switch level {
	case sensocto.AttentionNone:
	case sensocto.AttentionHigh:
		f.index = len(s.live)
		s.live = append(s.live, f)
	default:
		s.windows[level].enter(f)
	}
	s.subscribe()
}

// leave takes a feed from its place.
func (s *fanout) leave(f *Feed) {
	switch f.current {
	case sensocto.AttentionNone:
	case sensocto.AttentionHigh:
		s.live = without(s.live, f)
	default:
		s.windows[f.current].leave(f)
	}
}

// without removes a feed; the last one takes its place.
func without(feeds []*Feed, f *Feed) []*Feed {
	n := len(feeds) - 1
	feeds[f.index] = feeds[n]
	feeds[f.index].index = f.index
	feeds[n] = nil
	return feeds[:n]
}

// subscribe keeps the fanout subscribed exactly while somebody looks.
func (s *fanout) subscribe() {
	looked := len(s.live) > 0
	for level := range s.windows {
		looked = looked || len(s.windows[level].feeds) > 0
	}
	switch {
	case looked && s.sub == nil:
		s.sub = s.hub.pubsub.Subscribe(sensocto.DataTopic(s.sensorID), s)
	case !looked && s.sub != nil:
		s.sub.Close()
		s.sub = nil
	}
}

// remove removes a feed for good. It may be called before the feed came.
func (s *fanout) remove(f *Feed) {
	s.mu.Lock()
	f.removed = true
	s.place(f)
	s.mu.Unlock()
	s.hub.fanouts.release(s)
}

// flushWindow hands over what a window has gathered. It returns the outboxes on
// which flushStaged has to be called when all windows of this tick are handed over.
func (s *fanout) flushWindow(level sensocto.AttentionLevel, staged []*Outbox) []*Outbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.windows[level].flush(staged)
}
