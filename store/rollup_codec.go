package store

import (
	"encoding/binary"
	"math"

	"github.com/sensocto/sensocto"
)

const rollupVersion = 1

// bucketValues are the values of a bucket, in the order of their columns.
func bucketValues(n *sensocto.Bucket) [5]*float64 {
	return [5]*float64{&n.Min, &n.Max, &n.First, &n.Last, &n.Sum}
}

// AppendRollup appends an encoded rollup (docs/storage.md), lossless. There
// must be at least one cell, and its buckets must lie within their cells.
func (c *Codec) AppendRollup(dst []byte, r *Rollup) []byte {
	s := c.scratch.Get().(*scratch)
	defer c.scratch.Put(s)
	start := len(dst)
	dst = append(dst, rollupVersion, 0, 0, 0, 0, 0, 0, 0)
	dst = binary.AppendUvarint(dst, uint64(len(r.Cells)))
	dst = binary.AppendUvarint(dst, uint64(r.Width))
	ints := resize(s.ints[0], len(r.Cells))
	s.ints[0] = ints
	last := int64(0)
	for i := range r.Cells {
		n := r.Cells[i].Start / r.Width
		ints[i], last = n-last, n
	}
	dst = appendPacked(dst, ints)
	for _, column := range []func(*Cell, int64) int64{cellDocuments, cellCount, cellFrom, cellTo} {
		for i := range r.Cells {
			ints[i] = column(&r.Cells[i], r.Width)
		}
		dst = appendPacked(dst, ints)
	}
	for k := range len(bucketValues(&sensocto.Bucket{})) {
		dst = c.appendCellValues(dst, r, k, s)
	}
	if r.HasFields {
		dst[start+fieldsOffset] = 1
		dst = c.appendFields(dst, r, s)
	}
	binary.LittleEndian.PutUint32(dst[start+checksumOffset:], checksum(dst[start:]))
	return dst
}

func cellDocuments(c *Cell, _ int64) int64 { return c.Documents }

func cellCount(c *Cell, _ int64) int64 { return c.Numbers.Count }

// cellFrom is how long after the beginning of the cell its first number is.
func cellFrom(c *Cell, _ int64) int64 {
	if c.Numbers.Count == 0 {
		return 0
	}
	return c.Numbers.From - c.Start
}

// cellTo is how long before the end of the cell its last number is.
func cellTo(c *Cell, width int64) int64 {
	if c.Numbers.Count == 0 {
		return 0
	}
	return c.Start + (width - 1) - c.Numbers.To
}

// appendCellValues appends one column of values, of the cells that have numbers.
func (c *Codec) appendCellValues(dst []byte, r *Rollup, k int, s *scratch) []byte {
	values := s.numbers[:0]
	for i := range r.Cells {
		if n := &r.Cells[i].Numbers; n.Count > 0 {
			values = append(values, *bucketValues(n)[k])
		}
	}
	s.numbers = values
	at := len(dst)
	dst = append(dst, 0)
	if len(values) > 0 {
		var kind byte
		dst, kind = c.appendValues(dst, values, s)
		dst[at] = kind
	}
	return dst
}

// DecodeRollup replaces r by the content of a rollup chunk. Whatever the bytes
// are, it neither panics nor allocates more than the limits on a rollup.
func (c *Codec) DecodeRollup(data []byte, r *Rollup) error {
	r.Cells, r.Fields, r.HasFields = r.Cells[:0], nil, false
	if len(data) < chunkHeaderSize {
		return corrupt("%d bytes", len(data))
	}
	if data[0] != rollupVersion {
		return corrupt("version %d of a rollup, this program reads %d", data[0], rollupVersion)
	}
	if sum := binary.LittleEndian.Uint32(data[checksumOffset:]); sum != checksum(data) {
		return corrupt("checksum")
	}
	s := c.scratch.Get().(*scratch)
	defer c.scratch.Put(s)
	in := &reader{rest: data[chunkHeaderSize:]}
	n := in.count(maxCells)
	width := in.uvarint()
	if in.err != nil {
		return in.err
	}
	if n == 0 || width == 0 || width > math.MaxInt64 || data[1] != 0 || data[2] != 0 || data[fieldsOffset] > 1 {
		return corrupt("%d cells of %d µs", n, width)
	}
	r.Width, r.Cells = int64(width), resize(r.Cells, n)
	clear(r.Cells)
	if err := readCells(in, r, s); err != nil {
		return err
	}
	for k := range len(bucketValues(&sensocto.Bucket{})) {
		if err := c.readCellValues(in, r, k, s); err != nil {
			return err
		}
	}
	if data[fieldsOffset] == 1 {
		if err := c.readFields(in, r, s); err != nil {
			return err
		}
	}
	if len(in.rest) > 0 {
		return corrupt("%d bytes behind the end", len(in.rest))
	}
	return nil
}

// readCells reads the columns of integers.
func readCells(in *reader, r *Rollup, s *scratch) error {
	ints := resize(s.ints[0], len(r.Cells))
	s.ints[0] = ints
	if err := in.readPacked(ints); err != nil {
		return err
	}
	last := int64(0)
	for i := range ints {
		n := last + ints[i]
		if i > 0 && (n <= last || ints[i] <= 0) || n > math.MaxInt64/r.Width-1 || n < math.MinInt64/r.Width {
			return corrupt("cell %d of %d µs", n, r.Width)
		}
		r.Cells[i].Start, last = n*r.Width, n
	}
	for k := range 4 {
		if err := in.readPacked(ints); err != nil {
			return err
		}
		for i, v := range ints {
			if !r.Cells[i].set(k, v, r.Width) {
				return corrupt("%d in column %d of a cell", v, k)
			}
		}
	}
	return nil
}

// set takes a value of one of the columns of integers, in their order.
func (c *Cell) set(column int, v, width int64) bool {
	n := &c.Numbers
	switch {
	case v < 0 || column > 1 && (v >= width || n.Count == 0 && v > 0):
		return false
	case column == 0:
		c.Documents = v
	case column == 1:
		n.Count = v
		return c.Documents > 0 || v > 0
	case n.Count == 0:
	case column == 2:
		n.From = c.Start + v
	default:
		n.To = c.Start + (width - 1) - v
		return n.From <= n.To
	}
	return true
}

func (c *Codec) readCellValues(in *reader, r *Rollup, k int, s *scratch) error {
	n := 0
	for i := range r.Cells {
		n += btoi(r.Cells[i].Numbers.Count > 0)
	}
	values := resize(s.numbers, n)
	s.numbers = values
	if err := c.readValues(in, in.byte(), values, s); err != nil {
		return err
	}
	if in.err != nil {
		return in.err
	}
	for i := range r.Cells {
		if b := &r.Cells[i].Numbers; b.Count > 0 {
			*bucketValues(b)[k], values = values[0], values[1:]
		}
	}
	return nil
}
