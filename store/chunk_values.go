package store

import (
	"encoding/binary"
	"math"
)

// The forms of the values block.
const (
	valuesDecimal = 1 // scaled integers, differences bit-packed
	valuesFloat32 = 2 // bytes of float32, regrouped and compressed
	valuesFloat64 = 3 // bytes of float64, regrouped and compressed
)

func (c *Codec) appendValues(dst []byte, values []float64, s *scratch) ([]byte, byte) {
	if scale, ok := decimalScale(values); ok {
		if out, ok := appendDecimals(dst, values, scale, s); ok {
			return out, valuesDecimal
		}
	}
	if areFloat32(values) {
		return c.appendPlanes(dst, values, 4, s), valuesFloat32
	}
	return c.appendPlanes(dst, values, 8, s), valuesFloat64
}

func (c *Codec) readValues(r *reader, kind byte, values []float64, s *scratch) error {
	switch {
	case len(values) == 0 && kind == 0:
		return nil
	case len(values) == 0:
		return corrupt("values of form %d but none", kind)
	case kind == valuesDecimal:
		return readDecimals(r, values, s)
	case kind == valuesFloat32:
		return c.readPlanes(r, values, 4)
	case kind == valuesFloat64:
		return c.readPlanes(r, values, 8)
	}
	return corrupt("unknown form %d of values", kind)
}

func areFloat32(values []float64) bool {
	for _, v := range values {
		if math.Float64bits(float64(float32(v))) != math.Float64bits(v) {
			return false
		}
	}
	return true
}

// appendPlanes appends the values' bytes grouped by significance: first the
// lowest byte of every value, last the highest, and then compressed.
func (c *Codec) appendPlanes(dst []byte, values []float64, width int, s *scratch) []byte {
	n := len(values)
	raw := resize(s.bytes[0], n*width)
	s.bytes[0] = raw
	for i, v := range values {
		u := math.Float64bits(v)
		if width == 4 {
			u = uint64(math.Float32bits(float32(v)))
		}
		for at := i; at < len(raw); at += n {
			raw[at] = byte(u)
			u >>= 8
		}
	}
	at := len(dst)
	dst, kind := c.appendBlob(append(dst, 0), raw)
	dst[at] = kind
	return dst
}

func (c *Codec) readPlanes(r *reader, values []float64, width int) error {
	n, kind := len(values), r.byte()
	raw := c.readBlob(r, kind, n*width)
	if r.err != nil {
		return r.err
	}
	if len(raw) != n*width {
		return corrupt("%d bytes of values", len(raw))
	}
	for i := range values {
		var u uint64
		for at := len(raw) - n + i; at >= 0; at -= n {
			u = u<<8 | uint64(raw[at])
		}
		if width == 4 {
			values[i] = float64(math.Float32frombits(uint32(u)))
		} else {
			values[i] = math.Float64frombits(u)
		}
	}
	return nil
}

// exception is a value that is not the decimal fraction its neighbours are.
type exception struct {
	index int
	value float64
}

func appendExceptions(dst []byte, odd []exception) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(odd)))
	last := -1
	for _, e := range odd {
		dst = binary.AppendUvarint(dst, uint64(e.index-last-1))
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(e.value))
		last = e.index
	}
	return dst
}

func readExceptions(r *reader, s *scratch, n int) []exception {
	count, index := r.count(n), -1
	s.odd = s.odd[:0]
	for range count {
		index += 1 + r.count(n)
		value := math.Float64frombits(r.uint64())
		if r.err != nil {
			return nil
		}
		if index >= n {
			r.fail("exception behind the end")
			return nil
		}
		s.odd = append(s.odd, exception{index, value})
	}
	return s.odd
}
