package wire

import (
	"encoding/binary"
	"iter"
	"math"

	"github.com/sensocto/sensocto"
)

// ColumnsVersion is the first byte of binary measurements. Their layout is
// drawn in docs/protocol.md.
const ColumnsVersion = 1

// MaxColumnSamples bounds the samples of one frame, so that a frame cannot ask
// for much more memory than it takes itself.
const MaxColumnSamples = 1 << 18

// Flags of the header.
const (
	flagStream = 1 << iota
	flagLagged
)

// TimeForm says how a column gives its timestamps.
type TimeForm uint8

// The time forms.
const (
	TimesRegular  TimeForm = 0 // at a rate
	TimesExplicit TimeForm = 1 // one by one
)

// ValueForm says how a column gives its values.
type ValueForm uint8

// The value forms.
const (
	ValuesInt16   ValueForm = 0 // (raw − baseline) / gain
	ValuesFloat32 ValueForm = 1
	ValuesFloat64 ValueForm = 2
	ValuesInt32   ValueForm = 3 // (raw − baseline) / gain
)

func (f ValueForm) size() int {
	switch f {
	case ValuesInt16:
		return 2
	case ValuesFloat64:
		return 8
	}
	return 4
}

func (f ValueForm) scaled() bool { return f == ValuesInt16 || f == ValuesInt32 }

// Header is what stands before the columns.
type Header struct {
	// Stream is the place of the frame in acknowledged ingest, the zero
	// Stream where it has none.
	Stream Stream
	// Lagged counts samples that a viewer was not sent one by one.
	Lagged uint32
}

// RegularTime is the time of the sample with the given index in a series that
// starts at origin (µs) and has a constant rate (Hz).
func RegularTime(origin int64, index uint64, rate float64) int64 {
	return origin + int64(math.Round(float64(index)*1e6/rate))
}

// EncodedColumn is one column of binary measurements as it stands in a frame,
// which it aliases. It has been checked: times are in order of int64, values
// are finite.
type EncodedColumn struct {
	AttributeID []byte
	Count       int

	times          TimeForm
	values         ValueForm
	origin         int64
	first          uint64
	rate           float64
	baseline, gain float64
	deltas, raw    []byte
}

// All yields timestamps (µs) and values.
func (c *EncodedColumn) All() iter.Seq2[int64, float64] {
	return func(yield func(int64, float64) bool) {
		timestamp := c.origin
		for i := range c.Count {
			if c.times == TimesRegular {
				timestamp = RegularTime(c.origin, c.first+uint64(i), c.rate)
			} else {
				timestamp += int64(int32(binary.LittleEndian.Uint32(c.deltas[4*i:])))
			}
			if !yield(timestamp, c.value(i)) {
				return
			}
		}
	}
}

func (c *EncodedColumn) value(i int) float64 {
	switch c.values {
	case ValuesInt16:
		raw := int16(binary.LittleEndian.Uint16(c.raw[2*i:]))
		return (float64(raw) - c.baseline) / c.gain
	case ValuesInt32:
		raw := int32(binary.LittleEndian.Uint32(c.raw[4*i:]))
		return (float64(raw) - c.baseline) / c.gain
	case ValuesFloat32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(c.raw[4*i:])))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(c.raw[8*i:]))
}

// finite checks scale and values, which costs a pass over them.
func (c *EncodedColumn) finite() bool {
	if c.values.scaled() && (c.gain == 0 || c.gain-c.gain != 0 || c.baseline-c.baseline != 0) {
		return false
	}
	for i := range c.Count {
		// The difference of a number and itself is 0, of NaN or Inf NaN.
		if v := c.value(i); v-v != 0 {
			return false
		}
	}
	return true
}

// timesFit reports whether no timestamp leaves the range that milliseconds in a
// float64 hold exactly, so that nobody who computes them overflows.
func (c *EncodedColumn) timesFit() bool {
	const limit = 1 << 53
	if c.origin < -limit || c.origin > limit {
		return false
	}
	if c.times == TimesExplicit {
		return true // 2^18 differences of 2^31 stay far below an int64
	}
	last := float64(c.first) + float64(c.Count)
	return c.rate > 0 && last < limit && last*1e6/c.rate < limit
}

// Columns appends the good samples of binary measurements, column by column.
// Samples that are too old or in the future are in the result. It returns
// ErrInvalidColumns, sensocto.ErrInvalidAttributeID, or
// sensocto.ErrInvalidPayload for values that are not finite, and then appends
// nothing.
func (d *Decoder) Columns(b *sensocto.Batch, body []byte) (Header, BatchResult, error) {
	var r BatchResult
	length, latest := len(b.Measurements), d.latest()
	h, err := readColumns(body, &d.column, func(c *EncodedColumn) error {
		id, ok := d.intern(c.AttributeID)
		if !ok {
			return sensocto.ErrInvalidAttributeID
		}
		for timestamp, value := range c.All() {
			if timestamp < sensocto.MinTimestamp || timestamp > latest {
				d.refuseTime(&r, timestamp)
				continue
			}
			b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: id, Sample: sensocto.Sample{Timestamp: timestamp, Value: value}})
			r.Accepted++
		}
		return nil
	})
	if err != nil {
		b.Measurements = b.Measurements[:length]
		return h, BatchResult{}, err
	}
	return h, r, nil
}

func (d *Decoder) refuseTime(r *BatchResult, timestamp int64) {
	err := sensocto.ErrInFuture
	if timestamp < sensocto.MinTimestamp {
		err = sensocto.ErrTooOld
	}
	r.refuse(d.refuse(r.Accepted+r.Failed, err))
}
