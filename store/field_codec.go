package store

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
)

// fieldsOffset is where the header of a rollup says whether fields follow.
const fieldsOffset = 3

// appendFields appends the fields of a rollup.
func (c *Codec) appendFields(dst []byte, r *Rollup, s *scratch) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(r.Fields)))
	ints := resize(s.ints[0], len(r.Cells))
	s.ints[0] = ints
	for i := range r.Fields {
		f := &r.Fields[i]
		dst = binary.AppendUvarint(dst, uint64(len(f.Name)))
		dst = append(dst, f.Name...)
		for _, column := range []func(*Cell, int64) int64{cellCount, cellFrom, cellTo} {
			for j := range f.Cells {
				ints[j] = column(&f.Cells[j], r.Width)
			}
			dst = appendPacked(dst, ints)
		}
		part := Rollup{Width: r.Width, Cells: f.Cells}
		for k := range len(bucketValues(&sensocto.Bucket{})) {
			dst = c.appendCellValues(dst, &part, k, s)
		}
	}
	return dst
}

// readFields reads the fields of a rollup, whose cells are read.
func (c *Codec) readFields(in *reader, r *Rollup, s *scratch) error {
	r.HasFields = true
	n := in.uvarint()
	if in.err != nil || n > maxFields {
		return corrupt("%d fields", n)
	}
	for range n {
		f, err := c.readField(in, r, s)
		if err != nil {
			return err
		}
		if k := len(r.Fields); k > 0 && r.Fields[k-1].Name >= f.Name {
			return corrupt("field %q behind %q", f.Name, r.Fields[k-1].Name)
		}
		r.Fields = append(r.Fields, f)
	}
	return nil
}

func (c *Codec) readField(in *reader, r *Rollup, s *scratch) (f Field, err error) {
	size := in.uvarint()
	if in.err != nil || size == 0 || size > maxFieldName || size > uint64(len(in.rest)) || !utf8.Valid(in.rest[:size]) {
		return f, corrupt("name of a field, %d bytes", size)
	}
	f.Name, in.rest = string(in.rest[:size]), in.rest[size:]
	f.Cells = make([]Cell, len(r.Cells))
	ints := resize(s.ints[0], len(r.Cells))
	s.ints[0] = ints
	for k := range 3 {
		if err := in.readPacked(ints); err != nil {
			return f, err
		}
		for i, v := range ints {
			cell := &f.Cells[i]
			cell.Start = r.Cells[i].Start
			if v < 0 || k > 0 && !cell.set(k+1, v, r.Width) {
				return f, corrupt("%d in column %d of a field", v, k)
			}
			if k == 0 {
				cell.Numbers.Count = v
			}
		}
	}
	part := Rollup{Width: r.Width, Cells: f.Cells}
	for k := range len(bucketValues(&sensocto.Bucket{})) {
		if err := c.readCellValues(in, &part, k, s); err != nil {
			return f, err
		}
	}
	return f, nil
}
