package socket

import (
	"slices"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
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
type load struct {
	items     []item
	thin      *thinner
	thinBytes int // that it may take
	size      int
	more      bool // it was cut short, and what follows goes at once
	buf       []byte
	batch     batchComposer
	stats     loadStats

	unsent  int           // how much the kernel is to hold
	piece   int           // how much it is handed in one call
	written int           // bytes
	blocked time.Duration // how long the socket did not take them
}

// loadStats is what a write carries, for the metrics: samples by the level at
// which their viewers look.
type loadStats struct {
	frames  int
	samples [sensocto.AttentionHigh + 1]sampleStats
}

// sampleStats are samples that went one by one, that a window had merged, and
// that were merged because the connection is slow.
type sampleStats struct{ delivered, bucketed, merged int }

func (s *loadStats) digest(d *digest) {
	at := &s.samples[d.level]
	at.delivered += int(d.taken - d.lagged)
	at.bucketed += int(d.windowed)
	at.merged += int(d.lagged - d.windowed)
}

func (s *loadStats) item(it *item) {
	switch {
	case it.batch != nil:
		s.samples[sensocto.AttentionHigh].delivered += len(it.batch.Measurements)
	case it.digest != nil: // of a window: nothing else merged it
		at := &s.samples[it.digest.level]
		at.delivered += int(it.digest.taken - it.digest.lagged)
		at.bucketed += int(it.digest.lagged)
	}
}

func (l *load) reset() {
	clear(l.items)
	l.items, l.thin, l.size, l.more, l.stats = l.items[:0], nil, 0, false, loadStats{}
	l.written, l.blocked = 0, 0
}

// turn writes what waits. It reports false when l was handed over to a
// goroutine that goes on, because the socket did not take all, or is lost by a
// panic, which it contains.
func (o *outbox) turn(l *load) (kept bool) {
	defer o.owner.contain("write")
	l.reset()
	for o.next(l) {
		b := l.compose(o.owner.version)
		o.prompt.piece = l.piece
		n, err := o.prompt.Write(b)
		switch {
		case err != nil:
			o.owner.abort(err)
			return true
		case n < len(b):
			o.prompt.limitHeld()
			o.srv.count.bytesOut.Add(uint64(n))
			o.srv.tasks.Add(1)
			go o.finish(l, b[n:])
			return false
		}
		o.wrote(l, len(b), 0)
	}
	return true
}

// finish writes the rest of l and all that waits behind it, at the pace of the
// socket.
func (o *outbox) finish(l *load, rest []byte) {
	defer o.srv.tasks.Done()
	if o.drain(l, rest) {
		o.srv.reuse(l)
	}
}

// drain reports whether it ended without a panic, which it contains.
func (o *outbox) drain(l *load, rest []byte) (ok bool) {
	defer o.owner.contain("write")
	for {
		start := o.srv.now()
		o.since.Store(int64(start))
		err := o.prompt.WriteAll(rest)
		o.since.Store(0)
		if err != nil {
			o.owner.abort(err)
			return true
		}
		o.wrote(l, len(rest), o.srv.now()-start)
		if !o.next(l) {
			return true
		}
		o.prompt.limitUnsent(l.unsent)
		o.prompt.limitHeld()
		o.prompt.piece = l.piece
		rest = l.compose(o.owner.version)
	}
}

// next moves what waits into l, or ends the writing.
func (o *outbox) next(l *load) bool {
	wrote, more, bytes, blocked := l.size > 0, l.more, l.written, l.blocked
	l.reset()
	o.mu.Lock()
	defer o.mu.Unlock()
	if wrote {
		o.last = o.srv.now()
		o.pace.wrote(bytes, blocked, o.last)
	}
	l.unsent, l.piece = o.pace.unsent(), o.pace.piece()
	switch {
	case o.dead || o.queue == nil && o.thin == nil:
		o.state = idle
		if o.final {
			o.signalClosed()
		}
		return false
	case wrote && !more && o.bytes < gatherBytes && o.thin == nil && !o.final && o.srv.limits.Gather > 0:
		o.schedule()
		return false
	}
	o.take(l)
	return true
}

// take moves items into l, up to maxWrite bytes or, where the connection is
// slow, what it takes in a moment; merged data comes last.
func (o *outbox) take(l *load) {
	limit, live := maxWrite, o.pace.live()
	if o.pace.rate > 0 {
		limit = min(limit, o.pace.bytesIn(writeTime))
	}
	if q := o.queue; q != nil {
		for q.head < len(q.items) {
			it := q.items[q.head]
			if l.size > 0 && (l.size+len(it.frame) > limit || it.batch != nil && l.size > live) {
				l.more = true
				break
			}
			q.items[q.head] = item{}
			q.head++
			o.bytes -= len(it.frame)
			if it.kind == control {
				o.control -= len(it.frame)
			}
			if it.ch != nil && it.ch.dropped || it.feed != nil && it.feed.lost {
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
		if o.pace.rate == 0 {
			room = maxLive // it is slow, but how slow is not known yet
		}
		l.thin, l.thinBytes = o.thin.split(room), room
		l.size++
		if l.thin == o.thin {
			o.thin = nil
		}
	}
	if o.control < o.srv.limits.QueueBytes/4 {
		o.signalRoom()
	}
}

// wrote counts what went out with l.
func (o *outbox) wrote(l *load, bytes int, blocked time.Duration) {
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
func (l *load) compose(v phx.Version) []byte {
	if len(l.items) == 1 && l.thin == nil && l.items[0].kind != fragment {
		l.counted(l.items[0])
		return l.items[0].frame
	}
	l.buf = slices.Grow(l.buf[:0], l.size+maxHeader)
	for _, it := range l.items {
		switch it.kind {
		case fragment:
			l.batch.add(it)
			l.stats.item(&it)
			continue
		case control:
			// Nothing of a topic overtakes its replies.
			l.flushBatches()
		}
		l.counted(it)
		l.buf = append(l.buf, it.frame...)
	}
	l.flushBatches()
	if l.thin != nil {
		l.thin.fit(l.thinBytes)
		l.buf = l.thin.appendFrames(l.buf, v, l)
	}
	return l.buf
}

func (l *load) counted(it item) {
	l.stats.frames++
	l.stats.item(&it)
}

// flushBatches appends one sensor_batch for every viewer channel that got
// fragments.
func (l *load) flushBatches() {
	var n int
	l.buf, n = l.batch.appendFrames(l.buf)
	l.stats.frames += n
}
