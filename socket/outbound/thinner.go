package outbound

import (
	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/ws"
)

// Bounds of what is kept for a connection that does not take bytes.
const (
	maxBuckets = 64   // per attribute, while there are few attributes
	minBuckets = 2    // per attribute, however many there are
	allBuckets = 4096 // for all attributes together, as long as minBuckets allows
)

// thinner holds measurements for a connection that cannot keep up: a digest of
// each sensor that it watches. It is bounded: when an attribute has all its
// buckets, neighbours are merged pairwise, so the whole time since the overflow
// stays visible, only coarser.
type thinner struct {
	hub    *Hub
	byFeed map[*Feed]*digest
	order  []*Feed // longest waiting first

	series, docBytes int // of all digests together
}

func newThinner(hub *Hub) *thinner {
	return &thinner{hub: hub, byFeed: make(map[*Feed]*digest)}
}

// add merges the measurements of an item. It reports false when there are so
// many attributes, or documents, that even the least is too much.
func (t *thinner) add(it item) bool {
	d := t.byFeed[it.feed]
	if d == nil {
		d = &digest{}
		t.byFeed[it.feed] = d
		t.order = append(t.order, it.feed)
	}
	series, docBytes := len(d.series), d.docBytes
	limit := min(maxBuckets, max(minBuckets, allBuckets/max(1, t.series)))
	if it.digest != nil {
		d.sensorID, d.level = it.digest.sensorID, it.digest.level
		d.merge(it.digest, limit)
	} else {
		d.sensorID, d.level = it.batch.SensorID, sensocto.AttentionHigh
		d.add(it.batch, limit)
	}
	t.series += len(d.series) - series
	t.docBytes += d.docBytes - docBytes
	return t.docBytes <= 4*t.hub.queueBytes && t.series*minBuckets <= 16*allBuckets
}

// remove returns what a feed has, and forgets it.
func (t *thinner) remove(f *Feed) *digest {
	d := t.byFeed[f]
	delete(t.byFeed, f)
	t.series -= len(d.series)
	t.docBytes -= d.docBytes
	return d
}

// samples is how many samples the thinner holds.
func (t *thinner) samples() (n int64) {
	for _, d := range t.byFeed {
		n += d.samples
	}
	return n
}

// split returns what has waited longest and may fit into so many bytes; the
// rest goes on waiting. Where all of it may go now it returns t itself. Channels
// that are over are forgotten: their viewers left.
func (t *thinner) split(bytes int) *thinner {
	n := 0
	for _, f := range t.order {
		if f.ch.ended || f.revoked {
			t.hub.count.droppedClosing.Add(uint64(t.remove(f).samples))
			continue
		}
		t.order[n] = f
		n++
	}
	clear(t.order[n:])
	t.order = t.order[:n]
	n = 0
	for n < len(t.order) && (n == 0 || bytes > 0) {
		bytes -= t.byFeed[t.order[n]].leastBytes()
		n++
	}
	if n == len(t.order) {
		return t
	}
	first := newThinner(t.hub)
	for _, f := range t.order[:n] {
		first.byFeed[f] = t.remove(f)
	}
	first.order = append(first.order, t.order[:n]...)
	t.order = append(t.order[:0], t.order[n:]...)
	return first
}

// fit merges further until all of it takes about as many bytes as allowed.
func (t *thinner) fit(bytes int) {
	least := 0
	for _, d := range t.byFeed {
		least += d.leastBytes()
	}
	for _, d := range t.byFeed {
		if least > 0 {
			d.fit(int(float64(bytes) * float64(d.leastBytes()) / float64(least)))
		}
	}
}

// appendFrames appends a frame for each sensor, and of viewer topics one for
// all their sensors. V2 pushes carry the join ref: they are for this viewer
// alone.
func (t *thinner) appendFrames(dst []byte, v phx.Version, wb *writeBatch) []byte {
	for _, f := range t.order {
		d := t.byFeed[f].seal()
		wb.stats.digest(d)
		if f.kind == fragment {
			wb.composer.add(item{feed: f, digest: d, frame: d.appendFragment(nil)})
			continue
		}
		frame := phx.AppendPush(nil, v, f.ch.JoinRef, nil, f.ch.Topic, sensocto.EventMeasurementsBatch, d.appendBatch(nil))
		dst = ws.AppendFrame(dst, ws.OpText, frame)
		wb.stats.frames++
	}
	var n int
	dst, n = wb.composer.appendFrames(dst)
	wb.stats.frames += n
	return dst
}
