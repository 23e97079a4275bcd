package store

import (
	"bytes"
	"time"

	"github.com/sensocto/sensocto"
)

// plan walks through what the cold tier lacks of one series, chunk by chunk:
// the sealed chunks, and then what is left, which is less than a chunk.
//
// That is written as an open part, from memory, like counting in binary: parts
// that are not much larger than the new one are replaced by one chunk that
// holds them all. So a sample is written a few times (about log₂ of the number
// of flushes that fill a chunk) and a series has few rows.
type plan struct {
	series  *series
	sealed  []*sensocto.Chunk
	flushed int64 // as it will be after the chunks returned so far
	end     int64 // the number after the last sample to write
	parts   []part
}

// plan seals what fills chunks, whether the cold tier works or not, and
// returns what that lacks then; ok is false where the sensor is gone. It is
// called in turn: nobody else seals.
func (s *Store) plan(r *series, now time.Time) (p plan, ok bool) {
	cols := s.columns.Get().(*Columns)
	defer s.columns.Put(cols)
	defer cols.Reset()
	for {
		first, full := r.copyFull(cols, &p, now)
		if !full {
			return p, p.series != nil
		}
		s.seal(r, cols, first)
	}
}

// copyFull copies the samples of the next chunk that can be sealed, from the
// number first on. Where there are too few it makes the plan instead, unless
// the sensor is gone.
func (r *series) copyFull(cols *Columns, p *plan, now time.Time) (first int64, full bool) {
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	if r.sensor.gone {
		return 0, false
	}
	to, full := r.cut(r.sealed, r.next)
	if full {
		r.copyTo(cols, r.sealed, to)
		return r.sealed, true
	}
	r.dirty, r.flushAt = false, now
	*p = plan{series: r, sealed: r.unsettled(), flushed: r.flushed, end: r.next, parts: r.parts}
	return 0, false
}

// seal moves samples, the first of which has the number first, from the ring
// to a warm chunk.
func (s *Store) seal(r *series, cols *Columns, first int64) {
	c := s.encode(r, cols, first)
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	if r.sensor.gone {
		return
	}
	s.unflushed.Add(int64(len(c.Data)) - r.unflushedBytes(max(first, r.flushed), end(c)))
	s.addWarm(r, c)
	r.sealed = end(c)
	r.evict(s.options.HotSamples)
	s.countHot(r)
}

// encode returns samples as a chunk that may stay.
func (s *Store) encode(r *series, cols *Columns, first int64) *sensocto.Chunk {
	c := &sensocto.Chunk{SensorID: r.sensor.id, AttributeID: r.attributeID, FirstSeq: first}
	describe(c, cols)
	data := s.encoded.Get().(*[]byte)
	defer s.encoded.Put(data)
	*data = s.codec.Append((*data)[:0], cols)
	c.Data = bytes.Clone(*data) // without room to spare
	return c
}

func (p *plan) done() bool { return len(p.sealed) == 0 && p.flushed >= p.end }

// step is one chunk to write and the state of the series once it is written.
type step struct {
	series           *series
	settled, flushed int64
	parts            []part
	chunks, bytes    int64 // changes of the totals
	waited           int64 // bytes of the chunk, if it was sealed
}

// takeSealed returns the next sealed chunk, nil where there is none left.
func (p *plan) takeSealed() *sensocto.Chunk {
	if len(p.sealed) == 0 {
		return nil
	}
	c := p.sealed[0]
	p.sealed = p.sealed[1:]
	return c
}

// copyOpen copies the samples of the open part.
func (p *plan) copyOpen(cols *Columns) (first int64) {
	r := p.series
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	first = p.flushed - int64(p.mergeable(int(p.end-p.flushed)))
	r.copyTo(cols, first, p.end)
	return first
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

// advance notes that a chunk will be written, in place of the parts that begin
// within it.
func (p *plan) advance(c *sensocto.Chunk, sealed bool) step {
	s := step{series: p.series, chunks: 1, bytes: int64(len(c.Data))}
	kept := len(p.parts)
	for at := p.flushed; kept > 0 && at > c.FirstSeq; kept-- {
		at -= int64(p.parts[kept-1].samples)
		s.chunks--
		s.bytes -= int64(p.parts[kept-1].bytes)
	}
	p.flushed = c.FirstSeq + int64(c.Count)
	if sealed {
		s.settled, s.waited, p.parts = p.flushed, int64(len(c.Data)), nil
	} else {
		p.parts = append(p.parts[:kept:kept], part{c.Count, len(c.Data)})
	}
	s.flushed, s.parts = p.flushed, p.parts
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
