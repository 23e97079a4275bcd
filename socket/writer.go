package socket

import (
	"slices"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/ws"
)

// maxPooledItems and maxPooledBytes keep what one busy connection needed from
// staying in memory for ever.
const (
	maxPooledItems = 4096
	maxPooledBytes = 2 * maxWrite
)

// queue holds items in order; those before head are gone.
type queue struct {
	items []item
	head  int
}

// load is what one write carries.
type writeBatch struct {
	items        []item
	thinned      *thinner
	thinnedBytes int // that it may take
	size         int
	truncated    bool // it was cut short, and what follows goes at once
	buf          []byte
	composer     batchComposer
	stats        writeStats

	unsentLimit int           // how much the kernel is to hold
	chunkSize   int           // how much it is handed in one call
	written     int           // bytes
	blocked     time.Duration // how long the socket did not take them
}

// loadStats is what a write carries, for the metrics: samples by the level at
// which their viewers look.
type writeStats struct {
	frames  int
	samples [sensocto.AttentionHigh + 1]sampleStats
}

// sampleStats are samples that went one by one, that a window had merged, and
// that were merged because the connection is slow.
type sampleStats struct{ delivered, bucketed, merged int }

func (s *writeStats) digest(d *digest) {
	at := &s.samples[d.level]
	at.delivered += int(d.samples - d.lagged)
	at.bucketed += int(d.windowed)
	at.merged += int(d.lagged - d.windowed)
}

func (s *writeStats) item(it *item) {
	switch {
	case it.batch != nil:
		s.samples[sensocto.AttentionHigh].delivered += len(it.batch.Measurements)
	case it.digest != nil: // of a window: nothing else merged it
		at := &s.samples[it.digest.level]
		at.delivered += int(it.digest.samples - it.digest.lagged)
		at.bucketed += int(it.digest.lagged)
	}
}

func (l *writeBatch) reset() {
	clear(l.items)
	l.items, l.thinned, l.size, l.truncated, l.stats = l.items[:0], nil, 0, false, writeStats{}
	l.written, l.blocked = 0, 0
}

// turn writes what waits. It reports false when l was handed over to a
// goroutine that goes on, because the socket did not take all, or is lost by a
// panic, which it contains.
func (o *outbox) flush(l *writeBatch) (kept bool) {
	defer o.owner.contain("write")
	l.reset()
	for o.nextBatch(l) {
		b := l.encode(o.owner.version)
		o.raw.chunkSize = l.chunkSize
		n, err := o.raw.tryWrite(b)
		switch {
		case err != nil:
			o.owner.abort(err)
			return true
		case n < len(b):
			o.raw.limitHeld()
			o.srv.count.bytesOut.Add(uint64(n))
			o.srv.tasks.Add(1)
			go o.finishFlush(l, b[n:])
			return false
		}
		o.countWrite(l, len(b), 0)
	}
	return true
}

// finish writes the rest of l and all that waits behind it, at the pace of the
// socket.
func (o *outbox) finishFlush(l *writeBatch, rest []byte) {
	defer o.srv.tasks.Done()
	if o.flushBlocking(l, rest) {
		o.srv.recycle(l)
	}
}

// drain reports whether it ended without a panic, which it contains.
func (o *outbox) flushBlocking(l *writeBatch, rest []byte) (ok bool) {
	defer o.owner.contain("write")
	for {
		start := o.srv.now()
		o.blockedSince.Store(int64(start))
		err := o.raw.writeAll(rest)
		o.blockedSince.Store(0)
		if err != nil {
			o.owner.abort(err)
			return true
		}
		o.countWrite(l, len(rest), o.srv.now()-start)
		if !o.nextBatch(l) {
			return true
		}
		o.raw.limitUnsent(l.unsentLimit)
		o.raw.limitHeld()
		o.raw.chunkSize = l.chunkSize
		rest = l.encode(o.owner.version)
	}
}

// next moves what waits into l, or ends the writing.
func (o *outbox) nextBatch(l *writeBatch) bool {
	wrote, more, bytes, blocked := l.size > 0, l.truncated, l.written, l.blocked
	l.reset()
	o.mu.Lock()
	defer o.mu.Unlock()
	if wrote {
		o.lastWrite = o.srv.now()
		o.rate.observe(bytes, blocked, o.lastWrite)
	}
	l.unsentLimit, l.chunkSize = o.rate.unsentLimit(), o.rate.chunkSize()
	switch {
	case o.killed || o.queue == nil && o.thin == nil:
		o.state = idle
		if o.closing {
			o.signalClosed()
		}
		return false
	case wrote && !more && o.bytes < gatherBytes && o.thin == nil && !o.closing && o.srv.limits.Gather > 0:
		o.scheduleFlush()
		return false
	}
	o.fillBatch(l)
	return true
}

// take moves items into l, up to maxWrite bytes or, where the connection is
// slow, what it takes in a moment; merged data comes last.
func (o *outbox) fillBatch(l *writeBatch) {
	limit, live := maxWrite, o.rate.maxSampleWrite()
	if o.rate.rate > 0 {
		limit = min(limit, o.rate.bytesIn(writeTime))
	}
	if q := o.queue; q != nil {
		for q.head < len(q.items) {
			it := q.items[q.head]
			if l.size > 0 && (l.size+len(it.frame) > limit || it.batch != nil && l.size > live) {
				l.truncated = true
				break
			}
			q.items[q.head] = item{}
			q.head++
			o.bytes -= len(it.frame)
			if it.kind == control {
				o.control -= len(it.frame)
			}
			if it.ch != nil && it.ch.dropped || it.feed != nil && it.feed.revoked {
				o.srv.count.dropped(it)
				continue
			}
			l.items = append(l.items, it)
			l.size += len(it.frame)
		}
		o.recycle()
	}
	if o.queue == nil && o.thin != nil && l.size < limit {
		room := limit - l.size
		if o.rate.rate == 0 {
			room = slowSampleWrite // it is slow, but how slow is not known yet
		}
		l.thinned, l.thinnedBytes = o.thin.split(room), room
		l.size++
		if l.thinned == o.thin {
			o.thin = nil
		}
	}
	if o.control < o.srv.limits.QueueBytes/4 {
		o.signalCapacity()
	}
}

// wrote counts what went out with l.
func (o *outbox) countWrite(l *writeBatch, bytes int, blocked time.Duration) {
	l.written, l.blocked = bytes, blocked
	if bytes == 0 {
		return
	}
	c := &o.srv.count
	c.writes.Add(1)
	c.bytesOut.Add(uint64(bytes))
	c.framesOut.Add(uint64(l.stats.frames))
	for level := range l.stats.samples {
		s := &l.stats.samples[level]
		if s.delivered+s.bucketed+s.merged == 0 {
			continue
		}
		at := &c.samples[level]
		at.delivered.Add(uint64(s.delivered))
		at.bucketed.Add(uint64(s.bucketed))
		at.merged.Add(uint64(s.merged))
		if blocked > lateAfter {
			at.late.Add(uint64(s.delivered + s.bucketed + s.merged))
		}
	}
}

// compose returns the bytes of one write. A single frame is not copied.
func (l *writeBatch) encode(v phx.Version) []byte {
	if len(l.items) == 1 && l.thinned == nil && l.items[0].kind != fragment {
		l.count(l.items[0])
		return l.items[0].frame
	}
	l.buf = slices.Grow(l.buf[:0], l.size+ws.MaxHeader)
	for _, it := range l.items {
		switch it.kind {
		case fragment:
			l.composer.add(it)
			l.stats.item(&it)
			continue
		case control:
			// Nothing of a topic overtakes its replies.
			l.appendSensorBatches()
		}
		l.count(it)
		l.buf = append(l.buf, it.frame...)
	}
	l.appendSensorBatches()
	if l.thinned != nil {
		l.thinned.fit(l.thinnedBytes)
		l.buf = l.thinned.appendFrames(l.buf, v, l)
	}
	return l.buf
}

func (l *writeBatch) count(it item) {
	l.stats.frames++
	l.stats.item(&it)
}

// flushBatches appends one sensor_batch for every viewer channel that got
// fragments.
func (l *writeBatch) appendSensorBatches() {
	var n int
	l.buf, n = l.composer.appendFrames(l.buf)
	l.stats.frames += n
}
