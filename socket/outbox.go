package socket

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"

	"github.com/sensocto/sensocto/socket/ws"
)

// How frames are gathered into writes. A write costs microseconds whatever it
// carries, so it is the unit of cost.
const (
	// gatherBytes is how much makes a write worth while at once.
	gatherBytes = 32 << 10
	// maxWrite bounds one write, so that what a stalled connection holds
	// outside of its queue stays small.
	maxWrite = 64 << 10
	// maxPrompt is how many answers in a row may leave without waiting for
	// others, so that a client which asks again at each answer is not held up.
	maxImmediate = 16
)

// kind tells what may happen to an item when the queue overflows.
type kind uint8

const (
	control  kind = iota // never dropped; overflow ends the connection
	data                 // a whole frame of measurements, may be merged
	fragment             // a sensor's part of a sensor_batch, may be merged
)

// item is one thing that waits to be sent.
type item struct {
	frame  []byte          // whole WebSocket frames, or the bytes of a fragment
	ch     *channel        // whose it is, nil for the connection's own
	batch  *sensocto.Batch // the measurements, where there are any:
	digest *digest         // as they came, or merged by a window
	feed   *feed           // of measurements
	kind   kind
}

// samples is how many measurements the item brings.
func (it *item) samples() int {
	switch {
	case it.batch != nil:
		return len(it.batch.Measurements)
	case it.digest != nil:
		return int(it.digest.samples)
	}
	return 0
}

// outbox is the outbound queue of one connection. It is bounded in bytes
// (Limits.QueueBytes), and its measurements in time: to what the connection
// takes in a moment (see drain). When they are more, all of them are merged
// into buckets (see thinner) until the socket takes bytes again; when other
// frames overflow, the connection ends with 1013.
//
// It has no goroutine while nothing waits. The first frame of an idle
// connection is written at once, and so are answers, a few in a row; other
// frames that follow within the gather time leave together.
type outbox struct {
	owner *conn
	conn  net.Conn
	srv   *Server

	mu             sync.Mutex // guards what follows; never held over I/O
	queue          *queue     // nil while nothing waits
	bytes          int        // in queue
	control        int        // of them control frames
	thin           *thinner   // nil unless the queue overflowed
	state          outboxState
	closing        bool          // a close frame is in the queue, or was
	killed         bool          // nothing is written any more
	lastWrite      time.Duration // when the last write ended
	flushScheduled bool          // the server's pulse will call due
	staged         bool          // a window will call unpark
	rate           rateEstimator
	immediate      int           // answers that did not wait for others since the last gathering
	capacity       chan struct{} // closed when control bytes have fallen; nil when nobody waits
	closed         chan struct{} // closed when the close frame is out; nil before it is queued

	raw          *rawWriter   // of whoever writes
	blockedSince atomic.Int64 // when a write that waits for the socket began (ns), 0 when there is none
}

type outboxState uint8

const (
	idle      outboxState = iota // nothing waits
	scheduled                    // the pulse will start the writer
	writing                      // the writer runs
)

// push queues a control frame. It reports whether it will be sent.
func (o *outbox) enqueue(ch *channel, frame []byte) bool {
	o.mu.Lock()
	if !o.accepts(ch) {
		o.mu.Unlock()
		return false
	}
	if o.control > 0 && o.control+len(frame) > o.srv.limits.QueueBytes {
		o.mu.Unlock()
		o.owner.close(ws.CloseTryLater, "too_slow")
		return false
	}
	o.append(item{frame: frame, ch: ch})
	if o.state != writing && o.immediate < maxImmediate {
		o.immediate++
		o.startWriter()
	} else {
		o.wake()
	}
	o.mu.Unlock()
	return true
}

// deliver queues measurements, as they are or merged.
func (o *outbox) enqueueData(it item) {
	o.mu.Lock()
	fits := o.enqueueOrMerge(it)
	o.wake()
	crowded := o.bytes > o.srv.limits.QueueBytes/4
	o.mu.Unlock()
	switch {
	case !fits:
		o.owner.close(ws.CloseTryLater, "too_slow")
	case crowded && o.blockedSince.Load() == 0:
		// The socket takes bytes, but the writer did not get to run: the
		// machine is the bottleneck, so the publisher lets writers go first.
		runtime.Gosched()
	}
}

// add queues an item by its kind.
func (o *outbox) enqueueItem(it item) {
	if it.kind == control {
		o.enqueue(it.ch, it.frame)
		return
	}
	o.enqueueData(it)
}

// park queues measurements and leaves it to unpark to start the writer, so
// that what is parked meanwhile leaves with them. It reports whether unpark has
// to be called.
func (o *outbox) stage(it item) bool {
	o.mu.Lock()
	fits := o.enqueueOrMerge(it)
	first := !o.staged
	o.staged = true
	o.mu.Unlock()
	if !fits {
		o.owner.close(ws.CloseTryLater, "too_slow")
	}
	return first
}

func (o *outbox) flushStaged() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.staged = false
	if o.queue != nil || o.thin != nil {
		o.wake()
	}
}

// offer queues measurements, and reports whether there was room. The caller
// holds mu.
func (o *outbox) enqueueOrMerge(it item) bool {
	switch {
	case !o.accepts(it.ch), it.feed != nil && it.feed.revoked:
		return true
	case o.thin != nil:
		return o.thin.add(it)
	case o.mustMerge(len(it.frame)):
		o.mergeAll()
		return o.thin.add(it)
	}
	o.append(it)
	return true
}

// full reports whether measurements of so many bytes are to be merged with
// those that wait, because they would wait too long.
func (o *outbox) mustMerge(more int) bool {
	waiting := o.bytes - o.control
	if waiting == 0 {
		return o.bytes > 0 && o.bytes+more > o.srv.limits.QueueBytes
	}
	if o.bytes+more > o.srv.limits.QueueBytes || o.rate.rate > 0 && waiting+more > o.rate.bytesIn(maxWait) {
		return true
	}
	since := o.blockedSince.Load()
	return since != 0 && o.srv.now()-time.Duration(since) > maxBlocked
}

// accepts reports whether anything may still be queued for the channel.
func (o *outbox) accepts(ch *channel) bool {
	return !o.closing && !o.killed && (ch == nil || !ch.ended)
}

// append puts an item into the queue. The queue grows to what its bound in
// bytes allows and goes back to a pool when it is empty.
func (o *outbox) append(it item) {
	if o.queue == nil {
		o.queue = o.srv.queues.Get().(*queue)
	}
	o.queue.items = append(o.queue.items, it)
	o.bytes += len(it.frame)
	if it.kind == control {
		o.control += len(it.frame)
	}
}

// collapse merges all data that waits, of all topics, into buckets.
func (o *outbox) mergeAll() {
	o.thin = newThinner(o.srv)
	o.srv.count.collapses.Add(1)
	kept := o.queue.items[:0]
	for _, it := range o.queue.items[o.queue.head:] {
		if it.kind == control {
			kept = append(kept, it)
			continue
		}
		o.bytes -= len(it.frame)
		o.thin.add(it)
	}
	clear(o.queue.items[len(kept):])
	o.queue.items, o.queue.head = kept, 0
	o.recycle()
}

// recycle gives an empty queue back.
func (o *outbox) recycle() {
	if q := o.queue; q != nil && q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
		o.queue = nil
		if cap(q.items) <= maxPooledItems {
			o.srv.queues.Put(q)
		}
	}
}

// kick makes sure that the writer runs: now when the connection was idle or
// much waits, otherwise when the gather time is over.
func (o *outbox) wake() {
	if o.state == writing {
		return
	}
	urgent := o.closing || o.thin != nil || o.bytes >= gatherBytes
	switch {
	case urgent:
		o.startWriter()
	case o.state == scheduled:
	case o.srv.now()-o.lastWrite >= o.srv.limits.Gather:
		o.immediate = 0
		o.startWriter()
	default:
		o.scheduleFlush()
	}
}

func (o *outbox) startWriter() {
	o.state = writing
	o.srv.writers.add(o)
}

// schedule leaves what waits to the next beat of the pulse.
func (o *outbox) scheduleFlush() {
	o.state = scheduled
	if !o.flushScheduled {
		o.flushScheduled = true
		o.srv.flushTimer.add(o)
	}
}

// due is called by the pulse.
func (o *outbox) flushDue() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushScheduled, o.immediate = false, 0
	if o.state == scheduled && !o.killed {
		o.startWriter()
	}
}

// end sends the frames and then nothing more of the channel. With drop, what
// waits for the channel is not sent either. It reports whether the channel was
// still alive.
func (o *outbox) end(ch *channel, drop bool, frames ...[]byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ch.ended {
		return false
	}
	ch.ended, ch.dropped = true, drop
	if o.closing || o.killed {
		return true
	}
	for _, frame := range frames {
		o.append(item{frame: frame})
	}
	o.wake()
	return true
}

// drop sends nothing more of a feed whose right has ended, also not of what
// waits.
func (o *outbox) dropFeed(f *feed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f.revoked = true
}

// close queues the close frame as the last one. With discard, what waits is
// dropped. It reports whether it was the first to close.
func (o *outbox) close(frame []byte, discard bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing || o.killed {
		return false
	}
	o.closing, o.closed = true, make(chan struct{})
	if discard {
		o.discard()
	}
	o.append(item{frame: frame})
	o.wake()
	o.signalCapacity()
	return true
}

// discard drops all that waits.
func (o *outbox) discard() {
	if o.thin != nil {
		o.srv.count.droppedClosing.Add(uint64(o.thin.samples()))
		o.thin = nil
	}
	if o.queue == nil {
		return
	}
	for _, it := range o.queue.items[o.queue.head:] {
		o.srv.count.droppedClosing.Add(uint64(it.samples()))
	}
	clear(o.queue.items)
	o.queue.head = len(o.queue.items)
	o.bytes, o.control = 0, 0
	o.recycle()
}

// kill ends the outbox: nothing is written any more.
func (o *outbox) kill() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.killed {
		return
	}
	o.killed = true
	o.discard()
	o.signalCapacity()
	o.signalClosed()
}

func (o *outbox) signalCapacity() {
	if o.capacity != nil {
		close(o.capacity)
		o.capacity = nil
	}
}

func (o *outbox) signalClosed() {
	if o.closed != nil {
		select {
		case <-o.closed:
		default:
			close(o.closed)
		}
	}
}

// waitForRoom blocks while so much of what the connection itself asked for
// waits that its next answers could overflow: the reader calls it, so a client
// that asks faster than it listens is slowed by TCP.
func (o *outbox) waitCapacity() {
	o.mu.Lock()
	if o.closing || o.killed || o.control <= o.srv.limits.QueueBytes/2 {
		o.mu.Unlock()
		return
	}
	if o.capacity == nil {
		o.capacity = make(chan struct{})
	}
	room := o.capacity
	o.mu.Unlock()
	<-room
}

// waitForClose blocks until the close frame is written, if one is queued, or d
// has passed.
func (o *outbox) waitClosed(d time.Duration) {
	o.mu.Lock()
	closed := o.closed
	o.mu.Unlock()
	if closed == nil {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
}

// depth returns what waits, for the metrics.
func (o *outbox) depth() (items, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.queue != nil {
		items = len(o.queue.items) - o.queue.head
	}
	return items, o.bytes
}
