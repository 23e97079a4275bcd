package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/sensocto/sensocto"
)

// From returns samples of an attribute in order of arrival, as far as they are in memory:
// in the hot and the warm tier. first is the number of the first of them, which is higher
// than asked for where memory begins later, or the number that the next sample will have
// where there are none. cut says that there would be more, but for the bound on bytes.
func (s *Store) From(ctx context.Context, sensorID, attributeID string, q sensocto.NumberQuery) (first int64, samples []sensocto.Sample, cut bool, err error) {
	r := s.series(sensorID, attributeID)
	if r == nil || q.Limit <= 0 {
		return q.From, nil, false, nil
	}
	if err := s.whole(ctx, r); err != nil {
		return q.From, nil, false, err
	}
	cols := s.columns.Get().(*Columns)
	defer func() {
		cols.Reset()
		s.columns.Put(cols)
	}()
	first, chunk := r.copyFrom(cols, q.From, q.Limit)
	at := 0
	if chunk != nil {
		if err := s.decodeBefore(chunk, cols, chunk.FirstSeq+int64(chunk.Count)); err != nil {
			return first, nil, false, err
		}
		at = int(first - chunk.FirstSeq)
	}
	to, cut := cols.within(at, min(len(cols.Times), at+q.Limit), q.Bytes)
	return first, cols.samples(at, to), cut, nil
}

// within returns up to which index the documents from another on have so many bytes at
// most, and whether that is before to. The first sample is within.
func (c *Columns) within(from, to, bytes int) (end int, cut bool) {
	if bytes <= 0 {
		return to, false
	}
	for _, d := range c.Documents {
		if d.Index < from || d.Index >= to {
			continue
		}
		if bytes -= len(d.Text); bytes < 0 {
			end = max(d.Index, from+1)
			return end, end < to
		}
	}
	return to, false
}

// copyFrom copies hot samples from a number on, or returns the warm chunk in which it
// lies.
func (r *series) copyFrom(cols *Columns, number int64, limit int) (first int64, chunk *sensocto.Chunk) {
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	cols.Reset()
	first = min(max(number, min(r.low(), r.head)), r.next)
	if first >= r.head {
		r.copyTo(cols, first, min(r.next, first+int64(limit)))
		return first, nil
	}
	i, found := slices.BinarySearchFunc(r.warm, first, func(c *sensocto.Chunk, number int64) int { return cmp.Compare(c.FirstSeq, number) })
	if !found {
		i--
	}
	return first, r.warm[i]
}

// samples returns the samples from one index to another.
func (c *Columns) samples(from, to int) []sensocto.Sample {
	list := make([]sensocto.Sample, to-from)
	for i := range list {
		list[i] = sensocto.Sample{Timestamp: c.Times[from+i], Value: c.Values[from+i]}
	}
	for _, d := range c.Documents {
		if d.Index >= from && d.Index < to {
			list[d.Index-from] = sensocto.Sample{Timestamp: c.Times[d.Index], Document: d.Text}
		}
	}
	return list
}
