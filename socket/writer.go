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

// run is the writer: it writes until nothing waits, and returns.
func (o *outbox) run() {
	defer o.srv.tasks.Done()
	l := o.srv.loads.Get().(*load)
	if o.drain(l) && cap(l.buf) <= maxPooledBytes {
		l.reset()
		o.srv.loads.Put(l)
	}
}

// drain reports whether it ended without a panic, which it contains.
func (o *outbox) drain(l *load) (ok bool) {
	defer o.owner.contain("write")
	for o.next(l) {
		if !o.send(l) {
			break
		}
	}
	return true
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

// send composes and writes l. It reports false when the connection is broken.
func (o *outbox) send(l *load) bool {
	b := l.compose(o.owner.version)
	if len(b) == 0 {
		return true
	}
	o.since.Store(int64(o.srv.now()))
	_, err := o.conn.Write(b)
	o.since.Store(0)
	if err != nil {
		o.owner.abort(err)
		return false
	}
	c := &o.srv.count
	c.writes.Add(1)
	c.bytesOut.Add(uint64(len(b)))
	c.framesOut.Add(uint64(l.stats.frames))
	c.delivered.Add(uint64(l.stats.measurements))
	c.merged.Add(uint64(l.stats.merged))
	return true
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
