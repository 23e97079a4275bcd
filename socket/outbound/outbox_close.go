package outbound

import "time"

// end sends the frames and then nothing more of the channel: see Channel.End.
func (o *Outbox) end(ch *Channel, drop bool, frames ...[]byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ch.ended {
		return false
	}
	ch.ended, ch.dropped = true, drop
	o.anyEnded = true
	if o.closing || o.killed {
		return true
	}
	for _, frame := range frames {
		o.append(item{frame: frame})
	}
	o.wake()
	return true
}

// Close queues the close frame as the last one. With discard, what waits is
// dropped. It reports whether it was the first to close.
func (o *Outbox) Close(frame []byte, discard bool) bool {
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
func (o *Outbox) discard() {
	if o.thinned != nil {
		o.hub.count.droppedClosing.Add(uint64(o.thinned.samples()))
		o.thinned = nil
	}
	if o.queue == nil {
		return
	}
	for _, it := range o.queue.items[o.queue.head:] {
		o.hub.count.droppedClosing.Add(uint64(it.samples()))
	}
	clear(o.queue.items)
	o.queue.head = len(o.queue.items)
	o.bytes, o.control, o.answers = 0, 0, 0
	o.recycle()
}

// Kill ends the outbox: nothing is written any more. It may be called twice.
func (o *Outbox) Kill() {
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

func (o *Outbox) signalCapacity() {
	if o.capacity != nil {
		close(o.capacity)
		o.capacity = nil
	}
}

func (o *Outbox) signalClosed() {
	if o.closed != nil {
		select {
		case <-o.closed:
		default:
			close(o.closed)
		}
	}
}

// WaitCapacity blocks while so much of what the connection itself asked for
// waits that its next replies could overflow: the reader calls it, so a client
// that asks faster than it listens is slowed by TCP.
func (o *Outbox) WaitCapacity() {
	o.mu.Lock()
	if !o.closing && !o.killed && o.control > o.hub.queueBytes/2 {
		o.waitControl()
	}
	o.mu.Unlock()
}

// Waited reports whether the reader, or whoever answers beside it, waits for capacity.
func (o *Outbox) Waited() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.capacity != nil
}

// waitControl waits until control frames were written, or none will be. The caller holds
// mu, which is let go of meanwhile.
func (o *Outbox) waitControl() {
	if o.capacity == nil {
		o.capacity = make(chan struct{})
	}
	fallen := o.capacity
	o.mu.Unlock()
	<-fallen
	o.mu.Lock()
}

// WaitClosed blocks until the close frame is written, if one is queued, or d
// has passed.
func (o *Outbox) WaitClosed(d time.Duration) {
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

// Depth returns what waits, for the metrics.
func (o *Outbox) Depth() (items, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.queue != nil {
		items = len(o.queue.items) - o.queue.head
	}
	return items, o.bytes
}

// BlockedFor is how long the socket has not taken the write that is under way, 0
// when there is none.
func (o *Outbox) BlockedFor() time.Duration {
	since := time.Duration(o.blockedSince.Load())
	if since == 0 {
		return 0
	}
	return o.hub.now() - since
}
