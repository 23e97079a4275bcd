package wire

import (
	"encoding/hex"
	"strconv"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
)

// Stream names one batch of acknowledged ingest: a client makes an id for one
// run of one sensor and counts its batches from 1.
type Stream struct {
	ID  [16]byte // a UUID
	Seq uint64
}

// String returns the id in the usual form of a UUID.
func (s Stream) String() string { return string(s.appendID(nil)) }

func (s Stream) appendID(dst []byte) []byte {
	for i, c := range s.ID {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, []byte{c})
	}
	return dst
}

// ParseStreamID reads a UUID in its usual form, in either case.
func ParseStreamID[T string | []byte](text T) (id [16]byte, err error) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, ErrInvalidStream
	}
	var digits [32]byte
	n := copy(digits[:], text[:8])
	n += copy(digits[n:], text[9:13])
	n += copy(digits[n:], text[14:18])
	n += copy(digits[n:], text[19:23])
	copy(digits[n:], text[24:])
	if _, err = hex.Decode(id[:], digits[:]); err != nil {
		return id, ErrInvalidStream
	}
	return id, nil
}

// Acknowledged appends the good measurements of {stream, seq, measurements}. Bad
// ones are in the result. It returns jsonscan.ErrSyntax, an *ItemError for
// missing fields, or a *sensocto.Error, and then appends nothing.
func (d *Decoder) Acknowledged(b *sensocto.Batch, payload []byte) (s Stream, r BatchResult, err error) {
	var stream, seq, list []byte
	err = jsonscan.Object(payload, func(key, value []byte) error {
		switch string(key) {
		case "stream":
			stream = value
		case "seq":
			seq = value
		case "measurements":
			list = value
		}
		return nil
	})
	switch err {
	case nil:
	case jsonscan.ErrNotObject:
		return s, r, ErrNotMeasurement
	case jsonscan.ErrDuplicate:
		return s, r, ErrDuplicateFields
	default:
		return s, r, err
	}
	if missing := missingOf([]string{"stream", "seq", "measurements"}, stream, seq, list); missing != nil {
		return s, r, NewItemError(0, sensocto.ErrMissingFields, missing...)
	}
	if s, err = parseStream(stream, seq); err != nil {
		return s, r, err
	}
	r, err = d.Batch(b, list)
	return s, r, err
}

func missingOf(names []string, values ...[]byte) (missing []string) {
	for i, v := range values {
		if v == nil {
			missing = append(missing, names[i])
		}
	}
	return missing
}

// parseStream reads the JSON tokens of stream and seq.
func parseStream(stream, seq []byte) (s Stream, err error) {
	if len(stream) != 38 {
		return s, ErrInvalidStream
	}
	if s.ID, err = ParseStreamID(stream[1:37]); err != nil {
		return s, err
	}
	if s.Seq, err = strconv.ParseUint(string(seq), 10, 64); err != nil || s.Seq == 0 {
		return s, ErrInvalidSeq
	}
	return s, nil
}

// AppendAcknowledged appends the payload {stream, seq, measurements} of the
// event "measurements".
func AppendAcknowledged(dst []byte, s Stream, ms []sensocto.Measurement) []byte {
	dst = s.appendID(append(dst, `{"stream":"`...))
	dst = strconv.AppendUint(append(dst, `","seq":`...), s.Seq, 10)
	dst = AppendMeasurements(append(dst, `,"measurements":`...), ms)
	return append(dst, '}')
}

// AppendSeq appends {"seq":n}: the response to an acknowledged batch.
func AppendSeq(dst []byte, seq uint64) []byte {
	return append(strconv.AppendUint(append(dst, `{"seq":`...), seq, 10), '}')
}
