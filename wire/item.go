package wire

import (
	"math"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
)

// The keys of a measurement, as bits.
const (
	hasAttribute uint8 = 1 << iota
	hasPayload
	hasTimestamp

	hasAll = hasAttribute | hasPayload | hasTimestamp
)

var keyNames = [...]string{"attribute_id", "payload", "timestamp"}

func names(bits uint8) (fields []string) {
	for i, name := range keyNames {
		if bits>>i&1 != 0 {
			fields = append(fields, name)
		}
	}
	return fields
}

// item is one measurement as it stands in a text, which it aliases.
type item struct {
	object       bool  // whether it is an object at all
	has, doubled uint8 // which keys it has, which of them more than once

	attribute   []byte // nil where it is no string
	isTimestamp bool   // whether timestamp is a number
	timestamp   int64
	value       float64
	document    []byte // nil where the payload is a number

	valueAt, timestampAt span // where the numbers stand

	scratch []byte // for ids with escapes
}

// span is text[from:to].
type span struct{ from, to int }

// scan reads the value at b[i] and returns the index behind it, -1 where the
// text is not valid JSON.
func (it *item) scan(b []byte, i int) int {
	it.object, it.has, it.doubled, it.isTimestamp = false, 0, 0, false
	it.attribute, it.document, it.value, it.timestamp = nil, nil, 0, 0
	if uint(i) >= uint(len(b)) || b[i] != '{' {
		return jsonscan.Value(b, i)
	}
	it.object = true
	if i = jsonscan.Space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		end, plain := jsonscan.String(b, i)
		if end < 0 {
			return -1
		}
		key := b[i:end]
		if i = jsonscan.Byte(b, end, ':'); i < 0 {
			return -1
		}
		if i = it.scanMember(key, plain, b, i); i < 0 {
			return -1
		}
		if i = jsonscan.Space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case '}':
			return i + 1
		case ',':
			i = jsonscan.Space(b, i+1)
		default:
			return -1
		}
	}
}

// scanMember reads the value of a key, a string token.
func (it *item) scanMember(key []byte, plain bool, b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	if !plain {
		key = plainKey(key)
	}
	switch string(key) {
	case `"attribute_id"`:
		it.mark(hasAttribute)
		return it.scanAttribute(b, i)
	case `"payload"`:
		it.mark(hasPayload)
		return it.scanPayload(b, i)
	case `"timestamp"`:
		it.mark(hasTimestamp)
		return it.scanTimestamp(b, i)
	}
	return jsonscan.Value(b, i)
}

// plainKey returns a token with escapes as one without: that is how keys are
// compared.
func plainKey(token []byte) []byte {
	key := append(make([]byte, 0, len(token)), '"')
	return append(jsonscan.AppendUnquoted(key, token), '"')
}

func (it *item) mark(key uint8) {
	it.doubled |= it.has & key
	it.has |= key
}

func (it *item) scanAttribute(b []byte, i int) int {
	if b[i] != '"' {
		it.attribute = nil
		return jsonscan.Value(b, i)
	}
	end, plain := jsonscan.String(b, i)
	switch {
	case end < 0:
		return -1
	case plain:
		it.attribute = b[i+1 : end-1]
	default:
		it.scratch = jsonscan.AppendUnquoted(it.scratch[:0], b[i:end])
		it.attribute = it.scratch
	}
	return end
}

func (it *item) scanPayload(b []byte, i int) (end int) {
	if isNumber(b[i]) {
		it.document = nil
		it.value, end = jsonscan.Number(b, i)
		it.valueAt = span{i, end}
		return end
	}
	if end = jsonscan.Value(b, i); end > 0 {
		it.document = b[i:end]
	}
	return end
}

func (it *item) scanTimestamp(b []byte, i int) (end int) {
	if it.isTimestamp = isNumber(b[i]); !it.isTimestamp {
		return jsonscan.Value(b, i)
	}
	it.timestamp, end = timestamp(b, i)
	it.timestampAt = span{i, end}
	return end
}

// timestamp reads the number of milliseconds at b[i] as microseconds.
func timestamp(b []byte, i int) (micros int64, end int) {
	digits, exponent, exact, end := jsonscan.Decimal(b, i)
	if end < 0 {
		return 0, -1
	}
	if exact && -3 <= exponent && exponent <= 0 && -maxExact <= digits && digits <= maxExact {
		return digits * microsPerDigit[-exponent], end
	}
	ms, _ := jsonscan.Number(b, i)
	return microsOf(ms), end
}

// Up to here a number of milliseconds fits into an int64 of microseconds.
const maxExact = math.MaxInt64 / 1000

var microsPerDigit = [...]int64{1000, 100, 10, 1}

// microsOf converts milliseconds to microseconds; what no int64 holds becomes
// a time that is surely refused.
func microsOf(ms float64) int64 {
	if micros, ok := sensocto.TimestampFromMS(ms); ok {
		return micros
	}
	if ms < 0 {
		return math.MinInt64
	}
	return math.MaxInt64
}

func isNumber(c byte) bool { return c == '-' || '0' <= c && c <= '9' }

// check returns why the item is refused, nil where it is good but for its
// attribute id, which the decoder looks at.
func (it *item) check(latest int64) *sensocto.Error {
	switch {
	case !it.object:
		return ErrNotMeasurement
	case it.doubled != 0:
		return ErrDuplicateFields
	case it.has != hasAll:
		return sensocto.ErrMissingFields
	case it.attribute == nil:
		return sensocto.ErrInvalidAttributeID
	case !it.isTimestamp:
		return sensocto.ErrInvalidTimestamp
	case it.timestamp < sensocto.MinTimestamp:
		return sensocto.ErrTooOld
	case it.timestamp > latest:
		return sensocto.ErrInFuture
	case len(it.document) > sensocto.MaxDocumentBytes:
		return sensocto.ErrPayloadTooLarge
	case math.IsInf(it.value, 0):
		return sensocto.ErrInvalidPayload
	}
	return nil
}
