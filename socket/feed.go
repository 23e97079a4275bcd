package socket

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sensocto/sensocto"
)

// maxHeld bounds what a feed holds while its join is answered, in messages;
// Limits.QueueBytes does in bytes. A join that takes so long that more comes
// ends the connection.
const maxHeld = 4096

// maxRecent bounds, per attribute, the samples of a join's history that later
// messages are compared with.
const maxRecent = 64

// feed hands what is published on one topic to a channel. It is the
// sensocto.Subscriber of everything that is pushed to viewers.
//
// It subscribes before the join is answered, so nothing is missed, and holds
// what comes until the answer is on its way, so nothing overtakes it. What the
// answer's history already contains is left out afterwards: a viewer gets every
// sample once.
type feed struct {
	ch       *channel
	kind     kind
	encoding sensocto.Encoding
	sensorID string // of a viewer's fragments
	slot     int    // see batchComposer.sensor

	open   atomic.Bool // nothing is held any more
	recent atomic.Pointer[recent]

	mu        sync.Mutex // guards what follows; taken before the outbox's
	held      []item
	heldBytes int // their frames
	unsure    int // messages from the first on that the history may contain
	sub       sensocto.Subscription
	closed    bool
}

// subscribe begins to hold what is published on the topic.
func (f *feed) subscribe(topic string, kind kind, e sensocto.Encoding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.kind, f.encoding = kind, e
	f.sub = f.ch.conn.srv.pubsub.Subscribe(topic, f)
}

// close ends the subscription. It may be called twice, also while the channel
// is joining.
func (f *feed) close() {
	f.mu.Lock()
	sub := f.sub
	f.closed, f.sub = true, nil
	f.mu.Unlock()
	if sub != nil {
		sub.Close()
	}
}

// Deliver implements sensocto.Subscriber.
func (f *feed) Deliver(m *sensocto.Message) {
	defer f.ch.conn.contain("deliver")
	it := item{ch: f.ch, kind: f.kind, feed: f}
	it.batch, _ = m.Payload.(*sensocto.Batch)
	open := f.open.Load()
	if r := f.recent.Load(); open && r != nil && it.batch != nil {
		f.recent.Store(nil) // see historyRead: the next message is not in it
		if it.batch = r.trim(it.batch); it.batch == nil {
			return
		}
		if it.batch != m.Payload {
			m = private(m, it.batch)
		}
	}
	it.frame = encoded(m, f.encoding)
	switch {
	case open:
		f.ch.conn.out.add(it)
	case !f.hold(it): // release came first
		f.Deliver(m)
	}
}

// historyRead is called when the history has been read. What is held came
// before, and one batch more may have been stored but not yet published: a
// sensor does one after the other. Whatever follows is not in the history,
// however much it may look like a sample there.
func (f *feed) historyRead() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unsure = len(f.held) + 1
}

// hold keeps an item for release. It reports false when that came first.
func (f *feed) hold(it item) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open.Load() {
		return false
	}
	if f.heldBytes += len(it.frame); len(f.held) == maxHeld || len(f.held) > 0 && f.heldBytes > f.ch.conn.srv.limits.QueueBytes {
		f.ch.conn.close(closeTryLater, "too_slow")
		return true
	}
	f.held = append(f.held, it)
	return true
}

// release sends what was held, and opens the feed. The channel's answer has
// been queued before.
func (f *feed) release(history map[string][]sensocto.Sample) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := newRecent(history)
	for i, it := range f.held {
		if r != nil && i < f.unsure && it.batch != nil {
			if it.batch = f.retrim(r, &it); it.batch == nil {
				continue
			}
		}
		f.ch.conn.out.add(it)
	}
	if r != nil && !r.passed() && len(f.held) < f.unsure {
		r.shorten()
		f.recent.Store(r)
	}
	f.held = nil
	f.open.Store(true)
}

// retrim trims an item that was encoded before the history was known.
func (f *feed) retrim(r *recent, it *item) *sensocto.Batch {
	b := r.trim(it.batch)
	if b != nil && b != it.batch {
		m := &sensocto.Message{Topic: sensocto.DataTopic(b.SensorID), Event: sensocto.EventMeasurementsBatch, Payload: b}
		it.frame = encoderOf(f.encoding)(m)
	}
	return b
}

// private returns a message of this viewer's own, with a part of the batch.
func private(m *sensocto.Message, b *sensocto.Batch) *sensocto.Message {
	return &sensocto.Message{Topic: m.Topic, Event: sensocto.EventMeasurementsBatch, Payload: b}
}

// recent is the end of a history, for the messages whose samples may be in it:
// batches are stored before they are published (see historyRead). They come in
// order, so an attribute is through with the first message whose last sample is
// not in the history.
type recent struct {
	attributes map[string][]sensocto.Sample
}

func newRecent(history map[string][]sensocto.Sample) *recent {
	r := &recent{attributes: make(map[string][]sensocto.Sample, len(history))}
	for id, samples := range history {
		if len(samples) > 0 {
			r.attributes[id] = samples
		}
	}
	if r.passed() {
		return nil
	}
	return r
}

func (r *recent) passed() bool { return len(r.attributes) == 0 }

func (r *recent) shorten() {
	for id, samples := range r.attributes {
		if n := len(samples); n > maxRecent {
			r.attributes[id] = slices.Clone(samples[n-maxRecent:])
		}
	}
}

// trim returns the batch without what the history contains: the batch itself,
// a copy of a part, or nil.
func (r *recent) trim(b *sensocto.Batch) *sensocto.Batch {
	known := map[string]bool{}
	for i := len(b.Measurements) - 1; i >= 0; i-- {
		m := &b.Measurements[i]
		if _, looked := known[m.AttributeID]; !looked {
			known[m.AttributeID] = r.contains(m)
		}
	}
	for id, is := range known {
		if !is {
			delete(r.attributes, id)
		}
	}
	drop := func(m sensocto.Measurement) bool { return known[m.AttributeID] }
	if !slices.ContainsFunc(b.Measurements, drop) {
		return b
	}
	rest := slices.DeleteFunc(slices.Clone(b.Measurements), drop)
	if len(rest) == 0 {
		return nil
	}
	return &sensocto.Batch{SensorID: b.SensorID, Measurements: rest}
}

func (r *recent) contains(m *sensocto.Measurement) bool {
	samples := r.attributes[m.AttributeID]
	for i := len(samples) - 1; i >= 0; i-- {
		s := &samples[i]
		if s.Timestamp == m.Timestamp && s.Value == m.Value && string(s.Document) == string(m.Document) {
			return true
		}
	}
	return false
}
