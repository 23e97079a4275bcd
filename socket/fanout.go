package socket

import (
	"sync"
	"sync/atomic"

	"github.com/sensocto/sensocto"
)

// sources are the sensors that somebody on this server joined for their
// measurements.
type fanouts struct {
	srv *Server

	mu       sync.Mutex // guards what follows; taken before a source's
	bySensor map[string]*fanout
}

// source hands the measurements of one sensor to those who watch it here, each
// by the level at which it looks: high at once, medium and low when their
// window ends, none not at all.
//
// Whatever changes who gets what happens between two messages, under mu: so
// every sample takes exactly one of these ways to a viewer, in order.
type fanout struct {
	srv      *Server
	sensorID string
	users    int // guarded by sources.mu

	delivered atomic.Uint64 // samples to viewers, those in buckets too

	mu       sync.Mutex            // guards what follows, and where the feeds are; taken before a wheel's, a feed's and an outbox's
	sub      sensocto.Subscription // nil while nobody looks
	live     []*feed
	windows  [sensocto.AttentionHigh]window // by level
	unplaced []*feed                        // to be moved after the message that is being delivered
}

// Delivered returns how many samples of a sensor went to viewers since the
// first of those came that watch it now. One that went to two counts twice, and
// one in a bucket as well.
func (s *Server) Delivered(sensorID string) uint64 {
	s.fanouts.mu.Lock()
	defer s.fanouts.mu.Unlock()
	if src := s.fanouts.bySensor[sensorID]; src != nil {
		return src.delivered.Load()
	}
	return 0
}

// acquire returns the sensor's source, making it for the first who asks.
func (all *fanouts) acquire(sensorID string) *fanout {
	all.mu.Lock()
	defer all.mu.Unlock()
	s := all.bySensor[sensorID]
	if s == nil {
		s = &fanout{srv: all.srv, sensorID: sensorID}
		all.bySensor[sensorID] = s
	}
	s.users++
	return s
}

// has reports whether somebody joined a sensor for its measurements.
func (all *fanouts) has(sensorID string) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.bySensor[sensorID] != nil
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

// gather puts a batch into a window.
func (s *fanout) addToWindow(w *window, level sensocto.AttentionLevel, b *sensocto.Batch) {
	w.add(b, level)
	if !w.scheduled {
		w.scheduled = true
		s.srv.windowTimers[level].add(s)
	}
}

// look moves a feed to the place that a level has. What its window holds so
// far comes first.
func (s *fanout) setLevel(f *feed, level sensocto.AttentionLevel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.wanted = level
	s.place(f)
}

// opened is called when a feed holds nothing back any more. While it waits for
// the message that its history may contain, it stays live, whatever its level.
func (s *fanout) feedOpened(f *feed, waits bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.pinnedLive = waits && f.historyEnd.Load() != nil // that message may have come already
	s.place(f)
}

// settle puts a feed where it belongs. The caller holds mu.
func (s *fanout) place(f *feed) {
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
func (s *fanout) leave(f *feed) {
	switch f.current {
	case sensocto.AttentionNone:
	case sensocto.AttentionHigh:
		s.live = without(s.live, f)
	default:
		s.windows[f.current].leave(f)
	}
}

// without removes a feed; the last one takes its place.
func without(feeds []*feed, f *feed) []*feed {
	n := len(feeds) - 1
	feeds[f.index] = feeds[n]
	feeds[f.index].index = f.index
	feeds[n] = nil
	return feeds[:n]
}

// subscribe keeps the source subscribed exactly while somebody looks.
func (s *fanout) subscribe() {
	looked := len(s.live) > 0
	for level := range s.windows {
		looked = looked || len(s.windows[level].feeds) > 0
	}
	switch {
	case looked && s.sub == nil:
		s.sub = s.srv.pubsub.Subscribe(sensocto.DataTopic(s.sensorID), s)
	case !looked && s.sub != nil:
		s.sub.Close()
		s.sub = nil
	}
}

// drop removes a feed for good. It may be called before the feed came.
func (s *fanout) remove(f *feed) {
	s.mu.Lock()
	f.removed = true
	s.place(f)
	s.mu.Unlock()
	s.srv.fanouts.release(s)
}

// turn hands over what a window has gathered. It returns the connections that
// are to be told when all windows of this beat have been handed over.
func (s *fanout) flushWindow(level sensocto.AttentionLevel, parked []*outbox) []*outbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.windows[level].flush(parked)
}
