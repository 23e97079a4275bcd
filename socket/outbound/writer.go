package outbound

import (
	"slices"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/ws"
)

// maxPooledBytes keeps what one busy connection needed from staying in memory for
// ever.
const maxPooledBytes = 2 * maxWrite

// writeBatch is what one write carries.
type writeBatch struct {
	items        []item
	thinned      *thinner
	thinnedBytes int // bound of what thinned becomes
	size         int
	truncated    bool // more waits, and is written without gathering
	buf          []byte
	composer     batchComposer
	stats        writeStats

	unsentLimit int           // how much the kernel may hold unsent
	chunkSize   int           // how much one call hands to it
	written     int           // bytes
	blocked     time.Duration // how long the socket took none of them
}

// writeStats is what a write carries, for the metrics: samples by the level at
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

func (wb *writeBatch) reset() {
	clear(wb.items)
	wb.items, wb.thinned, wb.size, wb.truncated, wb.stats = wb.items[:0], nil, 0, false, writeStats{}
	wb.written, wb.blocked = 0, 0
}

// flush writes what waits, as long as the socket takes it at once. It reports false
// when wb went to a goroutine of its own, which waits for the socket, or was lost by
// a panic, which flush contains.
func (o *Outbox) flush(wb *writeBatch) (kept bool) {
	defer o.owner.Contain("write")
	wb.reset()
	for o.nextBatch(wb) {
		b := wb.encode(o.version)
		o.raw.chunkSize = wb.chunkSize
		n, err := o.raw.tryWrite(b)
		switch {
		case err != nil:
			o.owner.Abort(err)
			return true
		case n < len(b):
			o.raw.limitHeld()
			o.hub.count.bytesOut.Add(uint64(n))
			o.hub.tasks.Add(1)
			go o.finishFlush(wb, b[n:])
			return false
		}
		o.countWrite(wb, len(b), 0)
	}
	return true
}

// finishFlush writes the rest of a batch and all that waits behind it, at the pace
// of the socket.
func (o *Outbox) finishFlush(wb *writeBatch, rest []byte) {
	defer o.hub.tasks.Done()
	if o.flushBlocking(wb, rest) {
		o.hub.recycle(wb)
	}
}

// flushBlocking reports whether it ended without a panic, which it contains.
func (o *Outbox) flushBlocking(wb *writeBatch, rest []byte) (ok bool) {
	defer o.owner.Contain("write")
	for {
		start := o.hub.now()
		o.blockedSince.Store(int64(start))
		err := o.raw.writeAll(rest)
		o.blockedSince.Store(0)
		if err != nil {
			o.owner.Abort(err)
			return true
		}
		o.countWrite(wb, len(rest), o.hub.now()-start)
		if !o.nextBatch(wb) {
			return true
		}
		o.raw.limitUnsent(wb.unsentLimit)
		o.raw.limitHeld()
		o.raw.chunkSize = wb.chunkSize
		rest = wb.encode(o.version)
	}
}

// nextBatch moves what waits into wb, or ends the writing.
func (o *Outbox) nextBatch(wb *writeBatch) bool {
	wrote, more, bytes, blocked := wb.size > 0, wb.truncated, wb.written, wb.blocked
	wb.reset()
	o.mu.Lock()
	defer o.mu.Unlock()
	if wrote {
		o.lastWrite = o.hub.now()
		o.rate.observe(bytes, blocked, o.lastWrite)
	}
	wb.unsentLimit, wb.chunkSize = o.rate.unsentLimit(), o.rate.chunkSize()
	switch {
	case o.killed || o.queue == nil && o.thinned == nil:
		o.state = idle
		if o.closing {
			o.signalClosed()
		}
		return false
	case wrote && !more && o.bytes < gatherBytes && o.thinned == nil && !o.closing && o.hub.gather > 0:
		o.scheduleFlush()
		return false
	}
	o.fillBatch(wb)
	return true
}

// fillBatch moves what waits into wb, up to maxWrite bytes or, where the connection
// is slow, what it takes in writeTime; merged data comes last.
func (o *Outbox) fillBatch(wb *writeBatch) {
	limit := maxWrite
	if o.rate.rate > 0 {
		limit = min(limit, o.rate.bytesIn(writeTime))
	}
	if o.queue != nil {
		o.fillFromQueue(wb, limit)
	}
	if o.queue == nil && o.thinned != nil && wb.size < limit {
		o.fillFromThinned(wb, limit-wb.size)
	}
	if o.control < o.hub.queueBytes/4 {
		o.signalCapacity()
	}
}

// fillFromQueue moves items, at least one, and drops those whose channel or right
// has ended.
func (o *Outbox) fillFromQueue(wb *writeBatch, limit int) {
	samples, q := o.rate.maxSampleWrite(), o.queue
	for q.head < len(q.items) {
		it := q.items[q.head]
		if wb.size > 0 && (wb.size+len(it.frame) > limit || it.batch != nil && wb.size > samples) {
			wb.truncated = true
			break
		}
		q.items[q.head] = item{}
		q.head++
		o.bytes -= len(it.frame)
		if it.kind == control {
			o.control -= len(it.frame)
		}
		if it.answer {
			o.answers -= len(it.frame)
		}
		if o.anyEnded && (it.ch != nil && it.ch.dropped || it.feed != nil && it.feed.revoked) {
			o.hub.count.droppedRights.Add(uint64(it.samples()))
			continue
		}
		wb.items = append(wb.items, it)
		wb.size += len(it.frame)
	}
	o.recycle()
}

// fillFromThinned moves those of the merged measurements that waited longest.
func (o *Outbox) fillFromThinned(wb *writeBatch, bytes int) {
	if o.rate.rate == 0 {
		bytes = slowSampleWrite // it is slow, but how slow is not known yet
	}
	wb.thinned, wb.thinnedBytes = o.thinned.split(bytes), bytes
	wb.size++
	if wb.thinned == o.thinned {
		o.thinned = nil
	}
}

// countWrite counts what wb sent, in the metrics and for the rate.
func (o *Outbox) countWrite(wb *writeBatch, bytes int, blocked time.Duration) {
	wb.written, wb.blocked = bytes, blocked
	if bytes == 0 {
		return
	}
	c := &o.hub.count
	c.writes.Add(1)
	c.bytesOut.Add(uint64(bytes))
	c.framesOut.Add(uint64(wb.stats.frames))
	for level := range wb.stats.samples {
		s := &wb.stats.samples[level]
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

// encode returns the bytes of one write. A single frame is not copied.
func (wb *writeBatch) encode(v phx.Version) []byte {
	if len(wb.items) == 1 && wb.thinned == nil && wb.items[0].kind != fragment {
		wb.count(wb.items[0])
		return wb.items[0].frame
	}
	wb.buf = slices.Grow(wb.buf[:0], wb.size+ws.MaxHeader)
	for _, it := range wb.items {
		switch it.kind {
		case fragment:
			wb.composer.add(it)
			wb.stats.item(&it)
			continue
		case control:
			// Nothing of a topic overtakes its replies.
			wb.appendSensorBatches()
		}
		wb.count(it)
		wb.buf = append(wb.buf, it.frame...)
	}
	wb.appendSensorBatches()
	if wb.thinned != nil {
		wb.thinned.fit(wb.thinnedBytes)
		wb.buf = wb.thinned.appendFrames(wb.buf, v, wb)
	}
	return wb.buf
}

func (wb *writeBatch) count(it item) {
	wb.stats.frames++
	wb.stats.item(&it)
}

// appendSensorBatches appends one sensor_batch for every viewer channel that got
// fragments.
func (wb *writeBatch) appendSensorBatches() {
	var n int
	wb.buf, n = wb.composer.appendFrames(wb.buf)
	wb.stats.frames += n
}
