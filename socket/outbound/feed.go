package outbound

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sensocto/sensocto"
)

// maxHeld bounds what a feed holds while its join is answered, in messages;
// Options.QueueBytes does in bytes. A join that takes so long that more comes
// ends the connection.
const maxHeld = 4096

// Feed hands what is published on one topic to a channel. It is the
// sensocto.Subscriber of everything that is pushed to viewers.
//
// It subscribes before the join is answered, so nothing is missed, and holds
// what comes until the answer is on its way, so nothing overtakes it. What the
// answer's history already contains is left out afterwards: a viewer gets every
// sample once.
type Feed struct {
	// What each message needs is together: a sensor's feeds are scattered over the memory
	// of its viewers, and each cache line of them is a miss.
	ch         *Channel
	outbox     *Outbox // of ch
	kind       kind
	open       atomic.Bool // nothing is held any more
	revoked    bool        // what waits is not sent; guarded by the outbox's mu
	encoding   sensocto.Encoding
	historyEnd atomic.Pointer[historyEnd]

	sensorID string  // of a viewer's fragments
	slot     int     // see batchComposer.sensor
	fanout   *fanout // of measurements; nil for anything else

	// Where the feed is in its fanout, whose mu guards it.
	wanted     sensocto.AttentionLevel // set by the feed's owner
	current    sensocto.AttentionLevel // in force: wanted, but high while pinnedLive
	index      int                     // in its list there
	part       uint32                  // the first part of the window's content that is for this feed
	pinnedLive bool                    // it has to be live until it is open, and through with its history
	removed    bool

	mu        sync.Mutex // guards what follows; taken before the outbox's
	held      []item
	heldBytes int // their frames
	mayRepeat int // messages from the first on that the history may contain
	sub       sensocto.Subscription
	closed    bool
}

// NewFeed returns a feed of the channel that has not subscribed to anything yet.
func (ch *Channel) NewFeed() Feed { return Feed{ch: ch, outbox: ch.outbox} }

// Subscribe begins to hold events of the topic.
func (f *Feed) Subscribe(topic string) { f.SubscribeVia(topic, f) }

// SubscribeVia is Subscribe with a subscriber in between, which decides what it hands
// to Deliver.
func (f *Feed) SubscribeVia(topic string, s sensocto.Subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.kind, f.encoding = control, textEncoding(f.outbox.version)
	f.sub = f.outbox.hub.pubsub.Subscribe(topic, s)
}

// Watch makes the feed one of the measurements of a sensor. Nothing comes before
// SetLevel says how closely the viewer looks. Each message is a frame: binary columns
// if wanted and the protocol version knows them, on the sensor's data topic, or for a
// receiver on its sensor topic.
func (f *Feed) Watch(sensorID string, binary, receiver bool) {
	f.watch(sensorID, data, dataEncoding(f.outbox.version, binary, receiver))
}

// WatchBatched is Watch with the sensor's measurements as a part of the channel's
// sensor_batch frames. Channel.BatchSensors was called before.
func (f *Feed) WatchBatched(sensorID string) { f.watch(sensorID, fragment, encodingFragment) }

func (f *Feed) watch(sensorID string, kind kind, e sensocto.Encoding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.sensorID, f.kind, f.encoding = sensorID, kind, e
	f.pinnedLive = true
	f.fanout = f.outbox.hub.fanouts.acquire(sensorID)
}

// SetLevel says how closely the viewer looks at the sensor that Watch or WatchBatched
// named.
func (f *Feed) SetLevel(level sensocto.AttentionLevel) {
	if f.fanout != nil {
		f.fanout.setLevel(f, level)
	}
}

// Close ends the subscription. It may be called twice, also while the channel
// is joining.
func (f *Feed) Close() {
	f.mu.Lock()
	sub, src := f.sub, f.fanout
	if f.closed {
		src = nil
	}
	f.closed, f.sub = true, nil
	f.mu.Unlock()
	if sub != nil {
		sub.Close()
	}
	if src != nil {
		src.remove(f)
	}
}

// Revoke sends nothing more, also not what waits: the right to it has ended.
func (f *Feed) Revoke() {
	o := f.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	f.revoked, o.anyEnded = true, true
}

// Deliver implements sensocto.Subscriber. Measurements come through a fanout,
// which holds its mu.
func (f *Feed) Deliver(m *sensocto.Message) {
	defer f.outbox.owner.Contain("deliver")
	it := item{ch: f.ch, kind: f.kind, feed: f}
	it.batch, _ = m.Payload.(*sensocto.Batch)
	open := f.open.Load()
	if r := f.historyEnd.Load(); open && r != nil && it.batch != nil {
		f.historyPassed()
		if it.batch = r.trim(it.batch); it.batch == nil {
			return
		}
		if it.batch != m.Payload {
			m = private(m, it.batch)
		}
	}
	it.frame = f.outbox.hub.encoded(m, f.encoding)
	switch {
	case open:
		f.outbox.enqueueItem(it)
	case !f.hold(it): // Release came first
		f.Deliver(m)
	}
}

// historyPassed ends the comparison with the history: the message after the one that
// is being delivered is not in it (see HistoryRead).
func (f *Feed) historyPassed() {
	f.historyEnd.Store(nil)
	f.pinnedLive = false
	f.fanout.unplaced = append(f.fanout.unplaced, f)
}

// stageDigest queues what a window has gathered, and appends the connection
// to those that are to be told later that it has.
func (f *Feed) stageDigest(m *sensocto.Message, d *digest, staged []*Outbox) []*Outbox {
	defer f.outbox.owner.Contain("deliver")
	o := f.outbox
	if o.stage(item{ch: f.ch, kind: f.kind, feed: f, digest: d, frame: f.outbox.hub.encoded(m, f.encoding)}) {
		staged = append(staged, o)
	}
	return staged
}

// HistoryRead is called when the history has been read. What is held came
// before, and one batch more may have been stored but not yet published: a
// sensor does one after the other. Whatever follows is not in the history,
// however much it may look like a sample there.
func (f *Feed) HistoryRead() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mayRepeat = len(f.held) + 1
}

// hold keeps an item for Release. It reports false when that came first.
func (f *Feed) hold(it item) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open.Load() {
		return false
	}
	if f.heldBytes += len(it.frame); len(f.held) == maxHeld || len(f.held) > 0 && f.heldBytes > f.outbox.hub.queueBytes {
		f.outbox.owner.TooSlow()
		return true
	}
	f.held = append(f.held, it)
	return true
}

// Release sends what was held, and opens the feed. The channel's answer has
// been queued before.
func (f *Feed) Release(history map[string]sensocto.Latest) {
	waits := f.sendHeld(history)
	if f.fanout != nil {
		f.fanout.feedOpened(f, waits)
	}
}

// sendHeld sends what was held, opens the feed, and reports whether the history may
// contain the message that comes next.
func (f *Feed) sendHeld(history map[string]sensocto.Latest) (waits bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := newHistoryEnd(history)
	for i, it := range f.held {
		if r != nil && i < f.mayRepeat && it.batch != nil {
			if it.batch = f.trimHeld(r, &it); it.batch == nil {
				continue
			}
		}
		f.outbox.enqueueItem(it)
	}
	if r != nil && len(f.held) < f.mayRepeat {
		f.historyEnd.Store(r)
		waits = true
	}
	f.held = nil
	f.open.Store(true)
	return waits
}

// trimHeld trims an item that was encoded before the history was known.
func (f *Feed) trimHeld(r *historyEnd, it *item) *sensocto.Batch {
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

// historyEnd is where a history ends: the number of the first sample of each
// attribute that is not in it. Batches are stored before they are published, so
// the first ones that come may be in it (see HistoryRead).
type historyEnd struct {
	next map[string]int64
}

func newHistoryEnd(history map[string]sensocto.Latest) *historyEnd {
	if len(history) == 0 {
		return nil
	}
	r := &historyEnd{next: make(map[string]int64, len(history))}
	for id, l := range history {
		r.next[id] = l.End
	}
	return r
}

// trim returns the batch without what the history contains: the batch itself,
// a copy of a part, or nil.
func (r *historyEnd) trim(b *sensocto.Batch) *sensocto.Batch {
	contains := func(m sensocto.Measurement) bool { return m.Number < r.next[m.AttributeID] }
	if !slices.ContainsFunc(b.Measurements, contains) {
		return b
	}
	rest := slices.DeleteFunc(slices.Clone(b.Measurements), contains)
	if len(rest) == 0 {
		return nil
	}
	return &sensocto.Batch{SensorID: b.SensorID, Measurements: rest}
}
