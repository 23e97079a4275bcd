package sensocto

import (
	"math"
	"strconv"
	"time"
)

// Limits on what a measurement may be (protocol section 3).
const (
	// MaxDocumentBytes bounds a payload that is not a number.
	MaxDocumentBytes = 64 << 10
	// MinTimestamp is 2000-01-01T00:00:00Z in µs; anything earlier is refused.
	MinTimestamp int64 = 946_684_800_000_000
)

// Sample is one stored value of an attribute.
type Sample struct {
	// Timestamp is Unix time in µs. Samples with equal timestamps are
	// distinct and keep the order of their arrival.
	Timestamp int64
	// Value is the numeric payload in the attribute's unit, always finite.
	// It means nothing when Document is set.
	Value float64
	// Document is the JSON text of a payload that is not a number: bool,
	// string, object, array or null. It is nil for numeric samples, valid
	// JSON otherwise, and never modified once set.
	Document []byte
}

// IsDocument reports whether the payload is something other than a number.
func (s Sample) IsDocument() bool { return s.Document != nil }

// AppendPayload appends the payload as JSON text.
func (s Sample) AppendPayload(dst []byte) []byte {
	if s.Document != nil {
		return append(dst, s.Document...)
	}
	return AppendNumber(dst, s.Value)
}

// AppendJSON appends {"payload":…,"timestamp":…}.
func (s Sample) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"payload":`...)
	dst = s.AppendPayload(dst)
	dst = append(dst, `,"timestamp":`...)
	dst = AppendTimestamp(dst, s.Timestamp)
	return append(dst, '}')
}

// MarshalJSON renders the sample as items of a history are: {payload, timestamp}.
func (s Sample) MarshalJSON() ([]byte, error) {
	return s.AppendJSON(make([]byte, 0, 64+len(s.Document))), nil
}

// Measurement is a sample on its way: it still names its attribute.
type Measurement struct {
	AttributeID string
	Sample
	// Number is that of the sample in its series, in order of arrival, from 0
	// on. The store gives it (see [Store.Put]); before that it means nothing.
	Number int64
}

// Batch is measurements of one sensor in order of arrival, attributes mixed.
// Once it has been published it is shared by all readers and never modified.
type Batch struct {
	SensorID     string
	Measurements []Measurement
	// Stream and StreamSeq name the batch where its client wants it
	// acknowledged (protocol section 5): the store takes each once. StreamSeq
	// counts from 1; 0 means that the batch has no name.
	Stream    [16]byte
	StreamSeq uint64
}

// StreamMark is how far a stream of a sensor is: batches up to Seq were taken,
// the last of them at about Last.
type StreamMark struct {
	SensorID string
	Stream   [16]byte
	Seq      uint64
	Last     time.Time
}

// CheckTimestamp returns ErrTooOld or ErrInFuture for a timestamp (µs) that
// is refused at the given time with the given tolerance for fast clocks.
func CheckTimestamp(timestamp int64, now time.Time, skew time.Duration) error {
	switch {
	case timestamp < MinTimestamp:
		return ErrTooOld
	case timestamp > now.UnixMicro()+skew.Microseconds():
		return ErrInFuture
	}
	return nil
}

// AppendTimestamp appends a timestamp in µs as Unix milliseconds: an integer
// where it is whole, otherwise with up to three decimals.
func AppendTimestamp(dst []byte, micros int64) []byte {
	if micros < 0 {
		dst, micros = append(dst, '-'), -micros
	}
	ms, frac := micros/1000, micros%1000
	dst = strconv.AppendInt(dst, ms, 10)
	if frac == 0 {
		return dst
	}
	d := [3]byte{byte('0' + frac/100), byte('0' + frac/10%10), byte('0' + frac%10)}
	n := 3
	for d[n-1] == '0' {
		n--
	}
	dst = append(dst, '.')
	return append(dst, d[:n]...)
}

// TimestampFromMS converts Unix milliseconds, as they are on the wire, to µs.
// It reports false where ms is not finite or out of range.
func TimestampFromMS(ms float64) (micros int64, ok bool) {
	us := math.Round(ms * 1000)
	if math.IsNaN(us) || us < math.MinInt64/2 || us > math.MaxInt64/2 {
		return 0, false
	}
	return int64(us), true
}

// AppendNumber appends the shortest decimal that parses back to exactly v, in
// the form JSON.stringify uses. v must be finite.
func AppendNumber(dst []byte, v float64) []byte {
	if i := int64(v); float64(i) == v && -1e15 < v && v < 1e15 && (i != 0 || !math.Signbit(v)) {
		return strconv.AppendInt(dst, i, 10)
	}
	abs := math.Abs(v)
	if 1e-6 <= abs && abs < 1e9 {
		if i := int64(abs*1e6 + 0.5); float64(i)/1e6 == abs {
			return appendMillionths(dst, v < 0, i)
		}
	}
	if abs == 0 || (1e-6 <= abs && abs < 1e21) {
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	}
	return strconv.AppendFloat(dst, v, 'e', -1, 64)
}

// appendMillionths appends i/10⁶, which is no integer. A double has at most one decimal of up to
// 15 digits that parses to it, so where this is one, none is shorter; and i and 10⁶ are
// exact, so their quotient is what this decimal parses to.
func appendMillionths(dst []byte, negative bool, i int64) []byte {
	if negative {
		dst = append(dst, '-')
	}
	dst = append(strconv.AppendInt(dst, i/1e6, 10), '.')
	digits := [6]byte{}
	rest := i % 1e6
	for at := len(digits) - 1; at >= 0; at-- {
		digits[at] = byte('0' + rest%10)
		rest /= 10
	}
	n := len(digits)
	for digits[n-1] == '0' {
		n--
	}
	return append(dst, digits[:n]...)
}
