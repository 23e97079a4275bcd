package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/sensocto/sensocto"
)

// From returns samples of an attribute in order of arrival, from a number on and at
// most limit, as far as they are in memory: in the hot and the warm tier. first is the
// number of the first of them, which is higher where memory begins later, or the
// number that the next sample will have where there are none.
func (s *Store) From(ctx context.Context, sensorID, attributeID string, number int64, limit int) (first int64, samples []sensocto.Sample, err error) {
	r := s.series(sensorID, attributeID)
	if r == nil || limit <= 0 {
		return number, nil, nil
	}
	if err := s.whole(ctx, r); err != nil {
		return number, nil, err
	}
	cols := s.columns.Get().(*Columns)
	defer func() {
		cols.Reset()
		s.columns.Put(cols)
	}()
	first, chunk := r.copyFrom(cols, number, limit)
	if chunk == nil {
		return first, cols.samples(0, len(cols.Times)), nil
	}
	if err := s.decodeBefore(chunk, cols, chunk.FirstSeq+int64(chunk.Count)); err != nil {
		return first, nil, err
	}
	at := int(first - chunk.FirstSeq)
	return first, cols.samples(at, min(len(cols.Times), at+limit)), nil
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
