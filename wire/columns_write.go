package wire

import (
	"encoding/binary"
	"math"

	"github.com/sensocto/sensocto"
)

// Column is numeric samples of one attribute to send in binary. Exactly one of
// Int16, Int32, Float32 and Float64 holds the values.
type Column struct {
	AttributeID string

	// Timestamps (µs), one for each value. Where it is nil the times are
	// regular: sample i is at RegularTime(Origin, First+i, Rate).
	Timestamps []int64
	Origin     int64
	First      uint64
	Rate       float64

	// Int16 and Int32 are raw numbers of a converter: the value is
	// (raw − Baseline) / Gain.
	Int16          []int16
	Int32          []int32
	Baseline, Gain float64

	Float32 []float32
	Float64 []float64
}

func (c *Column) form() (ValueForm, int) {
	switch {
	case c.Int16 != nil:
		return ValuesInt16, len(c.Int16)
	case c.Int32 != nil:
		return ValuesInt32, len(c.Int32)
	case c.Float32 != nil:
		return ValuesFloat32, len(c.Float32)
	}
	return ValuesFloat64, len(c.Float64)
}

// AppendColumns appends binary measurements. A column whose timestamps are too
// far apart for the format becomes several. It returns ErrInvalidColumns, and
// dst as it was, for columns that nobody would read: too many, too long, with
// other numbers of timestamps than of values, or with values not finite.
func AppendColumns(dst []byte, h Header, columns ...Column) ([]byte, error) {
	if err := checkColumns(columns); err != nil {
		return dst, err
	}
	out, countAt := appendHeader(dst, h)
	written := 0
	for i := range columns {
		var n int
		out, n = appendColumn(out, &columns[i])
		written += n
	}
	if written > math.MaxUint16 {
		return dst, ErrInvalidColumns
	}
	binary.LittleEndian.PutUint16(out[countAt:], uint16(written))
	// Reading it back is the check that cannot disagree with the reader.
	if _, err := ReadColumns(out[len(dst):], func(*EncodedColumn) error { return nil }); err != nil {
		return dst, err
	}
	return out, nil
}

func checkColumns(columns []Column) error {
	for i := range columns {
		c := &columns[i]
		if !validAttributeID([]byte(c.AttributeID)) {
			return sensocto.ErrInvalidAttributeID
		}
		if _, n := c.form(); c.Timestamps != nil && len(c.Timestamps) != n {
			return ErrInvalidColumns
		}
	}
	return nil
}

// appendHeader appends all before the columns; their number is filled in later.
func appendHeader(dst []byte, h Header) (out []byte, countAt int) {
	var flags byte
	if h.Stream != (Stream{}) {
		flags |= flagStream
	}
	if h.Lagged > 0 {
		flags |= flagLagged
	}
	dst = append(dst, ColumnsVersion, flags)
	if flags&flagStream != 0 {
		dst = append(dst, h.Stream.ID[:]...)
		dst = binary.LittleEndian.AppendUint64(dst, h.Stream.Seq)
	}
	if flags&flagLagged != 0 {
		dst = binary.LittleEndian.AppendUint32(dst, h.Lagged)
	}
	return append(dst, 0, 0), len(dst)
}

// appendColumn appends a column, in as many pieces as its times need.
func appendColumn(dst []byte, c *Column) (out []byte, pieces int) {
	form, n := c.form()
	if c.Timestamps == nil {
		dst = appendColumnHead(dst, c.AttributeID, TimesRegular, form, n)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(c.Origin))
		dst = binary.LittleEndian.AppendUint64(dst, c.First)
		dst = appendFloat(dst, c.Rate)
		return c.appendValues(dst, form, 0, n), 1
	}
	for from := 0; from < n || pieces == 0; pieces++ {
		to := from + 1
		for to < n && fitsDelta(c.Timestamps[to]-c.Timestamps[to-1]) {
			to++
		}
		to = min(to, n)
		dst = appendColumnHead(dst, c.AttributeID, TimesExplicit, form, to-from)
		dst = appendTimes(dst, c.Timestamps[from:to])
		dst = c.appendValues(dst, form, from, to)
		from = to
	}
	return dst, pieces
}

func fitsDelta(d int64) bool { return math.MinInt32 <= d && d <= math.MaxInt32 }

func appendColumnHead(dst []byte, id string, times TimeForm, values ValueForm, n int) []byte {
	dst = append(dst, byte(len(id)))
	dst = append(dst, id...)
	dst = append(dst, byte(times), byte(values))
	return binary.LittleEndian.AppendUint32(dst, uint32(n))
}

// appendTimes appends the start and the differences, the first of them 0.
func appendTimes(dst []byte, timestamps []int64) []byte {
	var previous int64
	if len(timestamps) > 0 {
		previous = timestamps[0]
	}
	dst = binary.LittleEndian.AppendUint64(dst, uint64(previous))
	for _, t := range timestamps {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(int32(t-previous)))
		previous = t
	}
	return dst
}

func appendFloat(dst []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

func (c *Column) appendValues(dst []byte, form ValueForm, from, to int) []byte {
	if form.scaled() {
		dst = appendFloat(appendFloat(dst, c.Baseline), c.Gain)
	}
	switch form {
	case ValuesInt16:
		for _, v := range c.Int16[from:to] {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(v))
		}
	case ValuesInt32:
		for _, v := range c.Int32[from:to] {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
		}
	case ValuesFloat32:
		for _, v := range c.Float32[from:to] {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
		}
	default:
		for _, v := range c.Float64[from:to] {
			dst = appendFloat(dst, v)
		}
	}
	return dst
}
