package socket

import (
	"slices"

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
	items []item
	thin  *thinner
	size  int
	buf   []byte
	batch batchComposer
	stats loadStats
}

type loadStats struct{ frames, measurements, merged int }

func (l *load) reset() {
	clear(l.items)
	l.items, l.thin, l.size, l.stats = l.items[:0], nil, 0, loadStats{}
}

// turn writes what waits. It reports false when l was handed over to a
// goroutine that goes on, because the socket did not take all, or is lost by a
// panic, which it contains.
func (o *outbox) turn(l *load) (kept bool) {
	defer o.owner.contain("write")
	l.reset()
	for o.next(l) {
		b := l.compose(o.owner.version)
		n, err := o.prompt.Write(b)
		switch {
		case err != nil:
			o.owner.abort(err)
			return true
		case n < len(b):
			o.srv.count.bytesOut.Add(uint64(n))
			o.srv.tasks.Add(1)
			go o.finish(l, b[n:])
			return false
		}
		o.wrote(l, len(b))
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
		o.since.Store(int64(o.srv.now()))
		_, err := o.conn.Write(rest)
		o.since.Store(0)
		if err != nil {
			o.owner.abort(err)
			return true
		}
		o.wrote(l, len(rest))
		if !o.next(l) {
			return true
		}
		rest = l.compose(o.owner.version)
	}
}

// next moves what waits into l, or ends the writing.
func (o *outbox) next(l *load) bool {
	wrote := l.size > 0
	l.reset()
	o.mu.Lock()
	defer o.mu.Unlock()
	if wrote {
		o.last = o.srv.now()
	}
	switch {
	case o.dead || o.queue == nil && o.thin == nil:
		o.state = idle
		if o.final {
			o.signalClosed()
		}
		return false
	case wrote && o.bytes < gatherBytes && o.thin == nil && !o.final && o.srv.limits.Gather > 0:
		o.schedule()
		return false
	}
	o.take(l)
	return true
}

// take moves items into l, up to maxWrite bytes; merged data comes last.
func (o *outbox) take(l *load) {
	if q := o.queue; q != nil {
		for q.head < len(q.items) {
			it := q.items[q.head]
			if l.size > 0 && l.size+len(it.frame) > maxWrite {
				break
			}
			q.items[q.head] = item{}
			q.head++
			o.bytes -= len(it.frame)
			if it.kind == control {
				o.control -= len(it.frame)
			}
			if it.ch != nil && it.ch.dropped {
				o.srv.count.dropped(it)
				continue
			}
			l.items = append(l.items, it)
			l.size += len(it.frame)
		}
		o.recycle()
	}
	if o.queue == nil && o.thin != nil {
		l.thin, o.thin = o.thin, nil
		l.thin.dropEnded()
		l.size++
	}
	if o.control < o.srv.limits.QueueBytes/4 {
		o.signalRoom()
	}
}

// wrote counts what went out with l.
func (o *outbox) wrote(l *load, bytes int) {
	if bytes == 0 {
		return
	}
	c := &o.srv.count
	c.writes.Add(1)
	c.bytesOut.Add(uint64(bytes))
	c.framesOut.Add(uint64(l.stats.frames))
	c.delivered.Add(uint64(l.stats.measurements))
	c.merged.Add(uint64(l.stats.merged))
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
			l.stats.measurements += len(it.batch.Measurements)
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
		l.buf = l.thin.appendFrames(l.buf, v, &l.stats)
	}
	return l.buf
}

func (l *load) counted(it item) {
	l.stats.frames++
	if it.batch != nil {
		l.stats.measurements += len(it.batch.Measurements)
	}
}

// flushBatches appends one sensor_batch for every viewer channel that got
// fragments.
func (l *load) flushBatches() {
	var n int
	l.buf, n = l.batch.appendFrames(l.buf)
	l.stats.frames += n
}
