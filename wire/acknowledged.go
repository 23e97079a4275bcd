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
	length := len(b.Measurements)
	p := acknowledged{decoder: d, batch: b, text: payload}
	if s, r, err = p.read(); err != nil {
		b.Measurements = b.Measurements[:length]
	}
	return s, r, err
}

// acknowledged is the payload of an acknowledged batch while it is read.
type acknowledged struct {
	decoder *Decoder
	batch   *sensocto.Batch
	text    []byte

	stream, seq, list []byte // as they stand there
	name              Stream // of stream and seq
	done              bool   // the list was read where it stands
	result            BatchResult
}

func (p *acknowledged) read() (s Stream, r BatchResult, err error) {
	i := jsonscan.Space(p.text, 0)
	if i < len(p.text) && p.text[i] != '{' && jsonscan.Check(p.text) == nil {
		return s, r, ErrNotMeasurement
	}
	end, doubled := jsonscan.Members(p.text, i, p.member)
	switch {
	case !jsonscan.End(p.text, end):
		return s, r, jsonscan.ErrSyntax
	case doubled:
		return s, r, ErrDuplicateFields
	case p.done:
		return p.name, p.result, nil
	}
	if missing := missingOf([]string{"stream", "seq", "measurements"}, p.stream, p.seq, p.list); missing != nil {
		return s, r, NewItemError(0, sensocto.ErrMissingFields, missing...)
	}
	if s, err = parseStream(p.stream, p.seq); err != nil {
		return s, r, err
	}
	r, err = p.decoder.Batch(p.batch, p.list)
	return s, r, err
}

// member reads one member. Where the list comes after what names the batch, as
// clients send it, it is read at once: that is most of the text.
func (p *acknowledged) member(key []byte, i int) int {
	if string(key) == "measurements" && p.named() && i < len(p.text) && p.text[i] == '[' {
		p.done = true
		return p.decoder.array(p.batch, p.text, i, &p.result)
	}
	end := jsonscan.Value(p.text, i)
	if end < 0 {
		return -1
	}
	switch value := p.text[i:end:end]; string(key) {
	case "stream":
		p.stream = value
	case "seq":
		p.seq = value
	case "measurements":
		p.list = value
	}
	return end
}

// named reports whether stream and seq are there and good.
func (p *acknowledged) named() bool {
	if p.stream == nil || p.seq == nil {
		return false
	}
	var err error
	p.name, err = parseStream(p.stream, p.seq)
	return err == nil
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
