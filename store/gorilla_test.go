package store_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	"github.com/sensocto/sensocto/store"
)

// gorilla is the encoding of Pelkonen et al., "Gorilla: A Fast, Scalable,
// In-Memory Time Series Database" (2015): differences of differences of the
// times, and the exclusive or of each value with the one before.
type gorilla struct{}

var errShort = errors.New("too short")

// bitWriter writes bits, the highest first.
type bitWriter struct {
	dst  []byte
	acc  uint64
	free int // bits of acc
}

func (w *bitWriter) write(v uint64, n int) {
	v &= math.MaxUint64 >> (64 - n) // for 0 bits nothing is left
	if n > w.free {
		w.acc |= v >> (n - w.free)
		w.dst = binary.BigEndian.AppendUint64(w.dst, w.acc)
		n -= w.free
		w.acc, w.free = 0, 64
	}
	if n > 0 {
		v &= math.MaxUint64 >> (64 - n)
		w.free -= n
		w.acc |= v << w.free
	}
}

func (w *bitWriter) end() []byte {
	last := binary.BigEndian.AppendUint64(nil, w.acc)
	return append(w.dst, last[:(64-w.free+7)/8]...)
}

// bitReader reads what a bitWriter wrote; behind the end there are zeros.
type bitReader struct {
	src []byte
	acc uint64
	has int
}

func (r *bitReader) read(n int) (v uint64) {
	if n > r.has {
		v = r.acc >> (64 - r.has) << (n - r.has)
		if r.has == 0 {
			v = 0
		}
		n -= r.has
		var next [8]byte
		r.src = r.src[copy(next[:], r.src):]
		r.acc, r.has = binary.BigEndian.Uint64(next[:]), 64
	}
	if n > 0 {
		v |= r.acc >> (64 - n)
		r.acc <<= n
		r.has -= n
	}
	return v
}

func (gorilla) encode(dst []byte, cols *store.Columns) []byte {
	w := &bitWriter{dst: binary.AppendUvarint(dst, uint64(len(cols.Times))), free: 64}
	var lastTime, lastStep int64
	var lastBits uint64
	leading, trailing := 65, 0
	for i, t := range cols.Times {
		step := t - lastTime
		w.class(step - lastStep)
		lastTime, lastStep = t, step
		v := math.Float64bits(cols.Values[i])
		leading, trailing = w.xor(v^lastBits, leading, trailing)
		lastBits = v
	}
	return w.end()
}

// class writes a difference of differences behind as many ones as it has
// classes below it, and a zero; the last class needs none.
func (w *bitWriter) class(d int64) {
	switch {
	case d == 0:
		w.write(0, 1)
	case d >= -64 && d < 64:
		w.write(0b10, 2)
		w.write(uint64(d), 7)
	case d >= -256 && d < 256:
		w.write(0b110, 3)
		w.write(uint64(d), 9)
	case d >= -2048 && d < 2048:
		w.write(0b1110, 4)
		w.write(uint64(d), 12)
	default:
		w.write(0b1111, 4)
		w.write(uint64(d), 64)
	}
}

func (r *bitReader) class() int64 {
	for _, size := range []int{0, 7, 9, 12} {
		if r.read(1) == 0 {
			return int64(r.read(size)) << (64 - size) >> (64 - size)
		}
	}
	return int64(r.read(64))
}

func (w *bitWriter) xor(x uint64, leading, trailing int) (int, int) {
	if x == 0 {
		w.write(0, 1)
		return leading, trailing
	}
	lz, tz := min(bits.LeadingZeros64(x), 31), bits.TrailingZeros64(x)
	if lz >= leading && tz >= trailing && leading <= 64 {
		w.write(0b10, 2)
		w.write(x>>trailing, 64-leading-trailing)
		return leading, trailing
	}
	w.write(0b11, 2)
	w.write(uint64(lz), 5)
	w.write(uint64(64-lz-tz-1), 6)
	w.write(x>>tz, 64-lz-tz)
	return lz, tz
}

func (gorilla) decode(data []byte, cols *store.Columns) error {
	n, size := binary.Uvarint(data)
	if size <= 0 {
		return errShort
	}
	r := &bitReader{src: data[size:]}
	cols.Reset()
	var t, step int64
	var v uint64
	leading, trailing := 0, 0
	for range n {
		step += r.class()
		t += step
		if r.read(1) == 1 {
			if r.read(1) == 1 {
				leading = int(r.read(5))
				trailing = 64 - leading - int(r.read(6)) - 1
			}
			v ^= r.read(64-leading-trailing) << trailing
		}
		cols.Times, cols.Values = append(cols.Times, t), append(cols.Values, math.Float64frombits(v))
	}
	return nil
}
