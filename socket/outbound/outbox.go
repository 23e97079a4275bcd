package outbound

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto/phx"
)

// How frames are gathered into writes. A write costs microseconds whatever it
// carries, so it is the unit of cost.
const (
	// gatherBytes is how much is written without gathering more.
	gatherBytes = 32 << 10
	// maxWrite bounds one write, so that what a stalled connection holds
	// outside of its queue stays small.
	maxWrite = 64 << 10
	// maxImmediate is how many replies in a row are written without gathering, so
	// that a client which asks again at each reply is not held up.
	maxImmediate = 16
)

// Owner is the connection that an outbox writes for.
type Owner interface {
	// TooSlow closes the connection, with what waits discarded: it overflowed.
	// It may be called again.
	TooSlow()
	// Abort ends the connection at once: a write failed.
	Abort(err error)
	// Contain is deferred around what may panic. It recovers, and ends the
	// connection if there was a panic; where says what was going on.
	Contain(where string)
	// ReplyTooLarge counts a reply of more than Options.ReplyBytes, and returns the
	// response that goes, as an error, instead.
	ReplyTooLarge(topic string, size int) (response []byte)
}

// Outbox is the outbound queue of one connection: see the package comment.
type Outbox struct {
	owner   Owner
	conn    net.Conn
	hub     *Hub
	version phx.Version

	mu             sync.Mutex // guards what follows; never held over I/O
	queue          *queue     // nil while nothing waits
	bytes          int        // in queue
	control        int        // of them control frames
	answers        int        // of these, answers that waited until they fit: no reason to close the connection
	thinned        *thinner   // nil unless the queue overflowed
	state          outboxState
	closing        bool          // a close frame is in the queue, or was
	killed         bool          // nothing is written any more
	anyEnded       bool          // a channel has ended or a feed was revoked: until then none is checked
	lastWrite      time.Duration // when the last write ended
	flushScheduled bool          // the hub's flush timer will call flushDue
	staged         bool          // a window will call flushStaged
	rate           rateEstimator
	immediate      int           // replies written without gathering since the last flush
	capacity       chan struct{} // closed when control bytes have fallen; nil when nobody waits
	closed         chan struct{} // closed when the close frame is written; nil before it is queued

	raw          *rawWriter   // used by the writer alone
	blockedSince atomic.Int64 // when a write that waits for the socket began (ns), 0 when there is none
}

// outboxState says who will write what waits.
type outboxState uint8

const (
	idle      outboxState = iota // nothing waits
	scheduled                    // the flush timer will start the writer
	writing                      // a writer runs, or is about to
)

// NewOutbox returns the outbox of a connection, idle. The connection must call
// Kill in the end.
func (h *Hub) NewOutbox(nc net.Conn, v phx.Version, owner Owner) *Outbox {
	return &Outbox{owner: owner, conn: nc, hub: h, version: v, raw: newRawWriter(nc), lastWrite: -h.gather}
}

// Enqueue queues a frame of the connection itself, which is never dropped. It
// reports whether the frame will be sent.
func (o *Outbox) Enqueue(frame []byte) bool { return o.enqueue(nil, frame) }

// enqueue queues a control frame. It reports whether it will be sent.
func (o *Outbox) enqueue(ch *Channel, frame []byte) bool {
	o.mu.Lock()
	if !o.accepts(ch) {
		o.mu.Unlock()
		return false
	}
	if waiting := o.control - o.answers; waiting > 0 && waiting+len(frame) > o.hub.queueBytes {
		o.mu.Unlock()
		o.owner.TooSlow()
		return false
	}
	o.appendControl(item{frame: frame, ch: ch})
	o.mu.Unlock()
	return true
}

// answer queues a frame that the peer has asked for as soon as it fits: one that is larger
// than the queue waits until no control frame does. It reports whether it will be sent.
func (o *Outbox) answer(ch *Channel, frame []byte) bool {
	o.mu.Lock()
	for o.accepts(ch) && o.control > 0 && o.control+len(frame) > o.hub.queueBytes {
		o.waitControl()
	}
	defer o.mu.Unlock()
	if !o.accepts(ch) {
		return false
	}
	o.answers += len(frame)
	o.appendControl(item{frame: frame, ch: ch, answer: true})
	return true
}

// appendControl queues a control frame and has it written.
func (o *Outbox) appendControl(it item) {
	o.append(it)
	if o.state != writing && o.immediate < maxImmediate {
		o.immediate++
		o.startWriter()
	} else {
		o.wake()
	}
}

// enqueueData queues measurements, as they are or merged.
func (o *Outbox) enqueueData(it item) {
	o.mu.Lock()
	fits := o.enqueueOrMerge(it)
	o.wake()
	crowded := o.bytes > o.hub.queueBytes/4
	o.mu.Unlock()
	switch {
	case !fits:
		o.owner.TooSlow()
	case crowded && o.blockedSince.Load() == 0:
		// The socket takes bytes, but the writer did not get to run: the
		// machine is the bottleneck, so the publisher lets writers go first.
		runtime.Gosched()
	}
}

// enqueueItem queues an item by its kind.
func (o *Outbox) enqueueItem(it item) {
	if it.kind == control {
		o.enqueue(it.ch, it.frame)
		return
	}
	o.enqueueData(it)
}

// stage queues measurements and leaves it to flushStaged to start the writer, so
// that what is staged meanwhile leaves with them. It reports whether flushStaged
// has to be called.
func (o *Outbox) stage(it item) bool {
	o.mu.Lock()
	fits := o.enqueueOrMerge(it)
	first := !o.staged
	o.staged = true
	o.mu.Unlock()
	if !fits {
		o.owner.TooSlow()
	}
	return first
}

func (o *Outbox) flushStaged() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.staged = false
	if o.queue != nil || o.thinned != nil {
		o.wake()
	}
}

// enqueueOrMerge queues measurements, and reports whether there was capacity. The
// caller holds mu.
func (o *Outbox) enqueueOrMerge(it item) bool {
	switch {
	case !o.accepts(it.ch), o.anyEnded && it.feed != nil && it.feed.revoked:
		return true
	case o.thinned != nil:
		return o.thinned.add(it)
	case o.mustMerge(len(it.frame)):
		o.mergeAll()
		return o.thinned.add(it)
	}
	o.append(it)
	return true
}

// mustMerge reports whether measurements of so many bytes are to be merged with
// those that wait, because they would wait too long.
func (o *Outbox) mustMerge(more int) bool {
	waiting := o.bytes - o.control
	if waiting == 0 {
		return o.bytes > 0 && o.bytes+more > o.hub.queueBytes
	}
	if o.bytes+more > o.hub.queueBytes || o.rate.rate > 0 && waiting+more > o.rate.bytesIn(maxWait) {
		return true
	}
	since := o.blockedSince.Load()
	return since != 0 && o.hub.now()-time.Duration(since) > maxBlocked
}

// accepts reports whether anything may still be queued for the channel.
func (o *Outbox) accepts(ch *Channel) bool {
	return !o.closing && !o.killed && (ch == nil || !o.anyEnded || !ch.ended)
}

// append puts an item into the queue. The queue grows to what its bound in
// bytes allows and goes back to a pool when it is empty.
func (o *Outbox) append(it item) {
	if o.queue == nil {
		o.queue = o.hub.queues.Get().(*queue)
	}
	o.queue.items = append(o.queue.items, it)
	o.bytes += len(it.frame)
	if it.kind == control {
		o.control += len(it.frame)
	}
}

// mergeAll merges all data that waits, of all topics, into buckets.
func (o *Outbox) mergeAll() {
	o.thinned = newThinner(o.hub)
	o.hub.count.overflows.Add(1)
	kept := o.queue.items[:0]
	for _, it := range o.queue.items[o.queue.head:] {
		if it.kind == control {
			kept = append(kept, it)
			continue
		}
		o.bytes -= len(it.frame)
		o.thinned.add(it)
	}
	clear(o.queue.items[len(kept):])
	o.queue.items, o.queue.head = kept, 0
	o.recycle()
}

// recycle returns an empty queue to the pool.
func (o *Outbox) recycle() {
	if q := o.queue; q != nil && q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
		o.queue = nil
		if cap(q.items) <= maxPooledItems {
			o.hub.queues.Put(q)
		}
	}
}

// wake makes sure that the writer runs: now when the connection was idle, unless a
// flush is about to come, or much waits; otherwise when the gather time is over.
func (o *Outbox) wake() {
	if o.state == writing {
		return
	}
	urgent := o.closing || o.thinned != nil || o.bytes >= gatherBytes
	switch {
	case urgent:
		o.startWriter()
	case o.state == scheduled:
	case o.hub.now()-o.lastWrite >= o.hub.gather && !o.hub.reading.Load():
		o.immediate = 0
		o.startWriter()
	default:
		o.scheduleFlush()
	}
}

func (o *Outbox) startWriter() {
	o.state = writing
	o.hub.writers.add(o)
}

// scheduleFlush leaves what waits to the next tick of the flush timer.
func (o *Outbox) scheduleFlush() {
	o.state = scheduled
	if !o.flushScheduled {
		o.flushScheduled = true
		o.hub.flushTimer.Add(o)
	}
}

// flushDue is called by the flush timer.
func (o *Outbox) flushDue() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushScheduled, o.immediate = false, 0
	if o.state == scheduled && !o.killed {
		o.startWriter()
	}
}
