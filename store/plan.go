package store

import (
	"time"

	"github.com/sensocto/sensocto"
)

// plan walks through what the cold tier lacks of one series, chunk by chunk.
//
// Full chunks are sealed: written once and for ever. What is left is written
// as an open part, from memory, like counting in binary: parts that are not
// much larger than the new one are replaced by one chunk that holds them all.
// So a sample is written a few times (about log₂ of the number of flushes
// that fill a chunk) and a series has few rows.
type plan struct {
	series        *series
	sealed, flush int64 // as they will be after the chunks returned so far
	end           int64 // the number after the last sample to write
	parts         []part
}

// newPlan begins a plan; ok is false where the sensor is gone.
func newPlan(r *series, now time.Time) (p plan, ok bool) {
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	r.dirty, r.flushAt = false, now
	return plan{series: r, sealed: r.sealed, flush: r.flushed, end: r.next, parts: r.parts}, !r.sensor.gone
}

func (p *plan) done() bool { return p.flush >= p.end }

// step is one chunk to write and the state of the series once it is written.
type step struct {
	series          *series
	sealed, flushed int64
	parts           []part
	chunks, bytes   int64 // changes of the totals
}

// next copies the samples of the next chunk to cols.
func (p *plan) next(cols *Columns) (first int64, full bool) {
	r := p.series
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	end, full := r.cut(p.sealed, p.end)
	first = p.sealed
	if !full {
		first = p.flush - int64(p.mergeable(int(end-p.flush)))
	}
	r.copyTo(cols, first, end)
	return first, full
}

// cut returns where a chunk that begins at from ends, and whether it is full.
func (r *series) cut(from, end int64) (to int64, full bool) {
	to = min(end, from+ChunkSamples)
	size := 0
	for _, d := range r.documents[r.documentIndex(from):] {
		if d.seq >= to {
			break
		}
		if size += len(d.text); size >= ChunkDocumentBytes {
			return d.seq + 1, true
		}
	}
	return to, to-from == ChunkSamples
}

// mergeable returns how many samples of the last parts a new part of n
// samples takes in.
func (p *plan) mergeable(n int) int {
	merged := 0
	for i := len(p.parts) - 1; i >= 0 && p.parts[i].samples <= 2*(n+merged); i-- {
		merged += p.parts[i].samples
	}
	return merged
}

// advance notes that the chunk which next returned will be written.
func (p *plan) advance(c *sensocto.Chunk, full bool) step {
	s := step{series: p.series, chunks: 1, bytes: int64(len(c.Data))}
	kept := len(p.parts)
	for at := p.flush; kept > 0 && at > c.FirstSeq; kept-- {
		at -= int64(p.parts[kept-1].samples)
		s.chunks--
		s.bytes -= int64(p.parts[kept-1].bytes)
	}
	p.flush = c.FirstSeq + int64(c.Count)
	if full {
		p.sealed, p.parts = p.flush, nil
	} else {
		p.parts = append(p.parts[:kept:kept], part{c.Count, len(c.Data)})
	}
	s.sealed, s.flushed, s.parts = p.sealed, p.flush, p.parts
	return s
}

// describe fills in bounds and statistics of a chunk.
func describe(c *sensocto.Chunk, cols *Columns) {
	c.Count = len(cols.Times)
	c.MinTime, c.MaxTime = cols.Times[0], cols.Times[0]
	for _, t := range cols.Times {
		c.MinTime, c.MaxTime = min(c.MinTime, t), max(c.MaxTime, t)
	}
	b, documents := &c.Numbers, cols.Documents
	for i, v := range cols.Values {
		if len(documents) > 0 && documents[0].Index == i {
			documents = documents[1:]
			continue
		}
		t := cols.Times[i]
		if b.Count == 0 {
			b.Min, b.Max, b.From, b.To, b.First, b.Last = v, v, t, t, v, v
		}
		b.Count++
		b.Sum += v
		b.Min, b.Max = min(b.Min, v), max(b.Max, v)
		if t < b.From {
			b.From, b.First = t, v
		}
		if t >= b.To {
			b.To, b.Last = t, v
		}
	}
}
