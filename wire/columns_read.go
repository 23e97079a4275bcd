package wire

import (
	"encoding/binary"
	"math"

	"github.com/sensocto/sensocto"
)

// ReadColumns calls visit with each column of binary measurements, which is
// valid for the call. It returns ErrInvalidColumns, sensocto.ErrInvalidPayload
// for a value that is not finite, or the error with which visit ended it. visit
// may have been called before an error shows.
func ReadColumns(body []byte, visit func(*EncodedColumn) error) (Header, error) {
	return readColumns(body, new(EncodedColumn), visit)
}

// readColumns is ReadColumns with the memory for the column that visit sees.
func readColumns(body []byte, c *EncodedColumn, visit func(*EncodedColumn) error) (Header, error) {
	r := reader{b: body}
	h, columns := r.header()
	samples := 0
	for range columns {
		r.column(c)
		if samples += c.Count; r.failed || samples > MaxColumnSamples || !c.timesFit() {
			return h, ErrInvalidColumns
		}
		if !c.finite() {
			return h, sensocto.ErrInvalidPayload
		}
		if err := visit(c); err != nil {
			return h, err
		}
	}
	if r.failed || len(r.b) > 0 {
		return h, ErrInvalidColumns
	}
	return h, nil
}

// reader takes fields off its bytes. Once those are too short it has failed for
// good, and what it returns is zero.
type reader struct {
	b      []byte
	failed bool
}

// bytes takes the next n bytes. n is at most 2^32 × 8 and never negative.
func (r *reader) bytes(n int) []byte {
	if r.failed || n > len(r.b) {
		r.failed = true
		return nil
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) u8() uint8 {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) f64() float64 { return math.Float64frombits(r.u64()) }

func (r *reader) require(ok bool) { r.failed = r.failed || !ok }

func (r *reader) header() (h Header, columns int) {
	r.require(r.u8() == ColumnsVersion)
	flags := r.u8()
	r.require(flags&^(flagStream|flagLagged) == 0)
	if flags&flagStream != 0 {
		copy(h.Stream.ID[:], r.bytes(len(h.Stream.ID)))
		h.Stream.Seq = r.u64()
		r.require(h.Stream.Seq > 0)
	}
	if flags&flagLagged != 0 {
		h.Lagged = r.u32()
	}
	columns = int(r.u16())
	if r.failed {
		return Header{}, 0
	}
	return h, columns
}

// column reads one column, whose lengths are checked against what is there
// before anything is made of them.
func (r *reader) column(c *EncodedColumn) {
	*c = EncodedColumn{AttributeID: r.bytes(int(r.u8()))}
	c.times, c.values = TimeForm(r.u8()), ValueForm(r.u8())
	count := int(r.u32())
	r.require(c.times <= TimesExplicit && c.values <= ValuesInt32 && count <= MaxColumnSamples)
	c.origin = int64(r.u64())
	if c.times == TimesRegular {
		c.first, c.rate = r.u64(), r.f64()
	} else if !r.failed {
		c.deltas = r.bytes(4 * count)
	}
	if c.values.scaled() {
		c.baseline, c.gain = r.f64(), r.f64()
	}
	if !r.failed {
		c.raw = r.bytes(c.values.size() * count)
	}
	if !r.failed {
		c.Count = count
	}
}
