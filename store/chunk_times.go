package store

import "encoding/binary"

// The forms of the times block.
const (
	timesLines  = 1 // runs on straight lines: nothing per sample
	timesPacked = 2 // differences, bit-packed
	timesZstd   = 3 // differences, compressed
)

// Beyond this many bits a sample the differences are worth compressing.
const denseTimesBits = 6

// appendTimes appends the unit that all differences are multiples of, the
// first time, and the differences in the shortest of three forms.
func (c *Codec) appendTimes(dst []byte, times []int64, s *scratch) ([]byte, byte) {
	unit := timeUnit(times)
	dst = binary.AppendUvarint(dst, uint64(unit))
	dst = binary.AppendVarint(dst, times[0])
	steps := resize(s.ints[0], len(times)-1)
	s.ints[0] = steps
	for i := range steps {
		steps[i] = times[i+1] - times[i]
	}
	if unit > 1 {
		for i := range steps {
			steps[i] /= unit
		}
	}
	size := packedSize(steps)
	if lines, ok := appendLines(dst, steps, unit, size, s); ok {
		return lines, timesLines
	}
	if size*8 > denseTimesBits*len(steps) {
		start := len(dst)
		if packed := c.appendSteps(dst, steps, s); len(packed)-start < size {
			return packed, timesZstd
		}
		dst = dst[:start]
	}
	return appendPacked(dst, steps), timesPacked
}

// timeUnit returns 1000 where all differences are whole milliseconds, 1
// otherwise. Differences too large for an int64 wrap and count as odd.
func timeUnit(times []int64) int64 {
	const ms = 1000
	if len(times) < 2 {
		return 1
	}
	for i := 1; i < len(times); i++ {
		step := times[i] - times[i-1]
		if step%ms != 0 || (step < 0) != (times[i] < times[i-1]) {
			return 1
		}
	}
	return ms
}

func (c *Codec) appendSteps(dst []byte, steps []int64, s *scratch) []byte {
	raw := s.bytes[0][:0]
	for _, v := range steps {
		raw = binary.AppendVarint(raw, v)
	}
	s.bytes[0] = raw
	at := len(dst)
	dst, kind := c.appendBlob(append(dst, 0), raw)
	dst[at] = kind
	return dst
}

func (c *Codec) readTimes(r *reader, kind byte, times []int64, s *scratch) error {
	unit := int64(r.uvarint())
	times[0] = r.varint()
	if r.err != nil {
		return r.err
	}
	if kind == timesLines {
		return readLines(r, times, unit)
	}
	steps := resize(s.ints[0], len(times)-1)
	s.ints[0] = steps
	var err error
	switch kind {
	case timesPacked:
		err = r.readPacked(steps)
	case timesZstd:
		err = c.readSteps(r, steps)
	default:
		err = corrupt("unknown form %d of times", kind)
	}
	t := times[0]
	for i, step := range steps {
		t += step * unit
		times[i+1] = t
	}
	return err
}

func (c *Codec) readSteps(r *reader, steps []int64) error {
	kind := r.byte()
	raw := c.readBlob(r, kind, len(steps)*binary.MaxVarintLen64)
	if r.err != nil {
		return r.err
	}
	list := &reader{rest: raw}
	for i := range steps {
		steps[i] = list.varint()
	}
	return list.err
}
