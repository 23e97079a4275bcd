package wire

import (
	"errors"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
)

// maxInterned bounds the attribute ids that a Decoder remembers; further ones
// are valid too, but cost an allocation each time.
const maxInterned = 1024

// Options of a Decoder. The zero value works.
type Options struct {
	// Now is the clock that timestamps are checked against, time.Now by default.
	Now func() time.Time
	// Skew is how far a timestamp may be ahead of it, DefaultSkew by default.
	Skew time.Duration
	// Refused, if set, is told the reason of each refused measurement, to count it.
	Refused func(reason string)
}

// Decoder reads measurements that a device sent. It belongs to one channel and
// remembers the attribute ids seen there, so that a sample costs no string. It is
// not safe for concurrent use.
type Decoder struct {
	now     func() time.Time
	skew    time.Duration
	layouts layouts

	refused func(reason string)
	ids     map[string]string
	lastID  string
	item    item
	column  EncodedColumn
}

// NewDecoder returns a Decoder.
func NewDecoder(o Options) *Decoder {
	d := &Decoder{now: o.Now, skew: o.Skew, refused: o.Refused, ids: make(map[string]string)}
	if d.now == nil {
		d.now = time.Now
	}
	if d.skew == 0 {
		d.skew = DefaultSkew
	}
	return d
}

// Measurement appends the one measurement that payload is. It returns
// jsonscan.ErrSyntax, or an *ItemError, and then appends nothing.
func (d *Decoder) Measurement(b *sensocto.Batch, payload []byte) error {
	if end := d.item.scan(payload, jsonscan.Space(payload, 0)); !jsonscan.End(payload, end) {
		return jsonscan.ErrSyntax
	}
	if refusal := d.take(b, 0, d.latest()); refusal != nil {
		return refusal
	}
	return nil
}

// Batch appends the good measurements of the array that payload is. Bad ones
// are in the result. It returns jsonscan.ErrSyntax or ErrNotArray, and then
// appends nothing.
func (d *Decoder) Batch(b *sensocto.Batch, payload []byte) (BatchResult, error) {
	var r BatchResult
	i := jsonscan.Space(payload, 0)
	if i < len(payload) && payload[i] != '[' && jsonscan.Check(payload) == nil {
		return r, ErrNotArray
	}
	length := len(b.Measurements)
	if !jsonscan.End(payload, d.array(b, payload, i, &r)) {
		b.Measurements = b.Measurements[:length]
		return BatchResult{}, jsonscan.ErrSyntax
	}
	return r, nil
}

// array appends the measurements of the array at text[i].
func (d *Decoder) array(b *sensocto.Batch, text []byte, i int, r *BatchResult) int {
	switch i = jsonscan.Byte(text, i, '['); {
	case i < 0:
		return -1
	case i < len(text) && text[i] == ']':
		return i + 1
	}
	latest := d.latest()
	for index := 0; ; index++ {
		var refusal *ItemError
		if i, refusal = d.next(b, text, i, index, latest); i < 0 {
			return -1
		}
		if refusal != nil {
			r.refuse(refusal)
		} else {
			r.Accepted++
		}
		if i = jsonscan.Space(text, i); i >= len(text) {
			return -1
		}
		switch text[i] {
		case ']':
			return i + 1
		case ',':
			i = jsonscan.Space(text, i+1)
		default:
			return -1
		}
	}
}

// next appends the item at text[i], or says why it is refused. It returns the index behind
// it, -1 where the text is not valid JSON.
func (d *Decoder) next(b *sensocto.Batch, text []byte, i, index int, latest int64) (end int, refusal *ItemError) {
	attribute, timestamp, value, end := d.layouts.scan(text, i, latest)
	if end >= 0 {
		sample := sensocto.Sample{Timestamp: timestamp, Value: value}
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: attribute, Sample: sample})
		return end, nil
	}
	if end = d.item.scan(text, i); end < 0 {
		return -1, nil
	}
	if refusal = d.take(b, index, latest); refusal == nil && d.item.document == nil {
		d.layouts.learn(&d.item, text, i, end, d.lastID)
	}
	return end, refusal
}

// latest returns the last timestamp that is not too far in the future.
func (d *Decoder) latest() int64 { return d.now().UnixMicro() + d.skew.Microseconds() }

// take appends the scanned item, or says why it is refused.
func (d *Decoder) take(b *sensocto.Batch, index int, latest int64) *ItemError {
	it := &d.item
	err := it.check(latest)
	if err == nil {
		if id, ok := d.intern(it.attribute); ok {
			m := sensocto.Measurement{AttributeID: id, Sample: sensocto.Sample{Timestamp: it.timestamp, Value: it.value}}
			if it.document != nil {
				m.Document = append(make([]byte, 0, len(it.document)), it.document...)
			}
			b.Measurements = append(b.Measurements, m)
			return nil
		}
		err = sensocto.ErrInvalidAttributeID
	}
	return d.refuse(index, err)
}

func (d *Decoder) refuse(index int, err *sensocto.Error) *ItemError {
	e := NewItemError(index, err)
	switch {
	case errors.Is(err, sensocto.ErrMissingFields):
		e.Fields = names(hasAll &^ d.item.has)
	case errors.Is(err, ErrDuplicateFields):
		e.Fields = names(d.item.doubled)
	}
	if d.refused != nil {
		d.refused(e.Reason)
	}
	return e
}

// intern returns the string of a valid attribute id.
func (d *Decoder) intern(id []byte) (string, bool) {
	if d.lastID == string(id) && d.lastID != "" {
		return d.lastID, true
	}
	s, ok := d.ids[string(id)]
	if !ok {
		if !validAttributeID(id) {
			return "", false
		}
		if s = string(id); len(d.ids) < maxInterned {
			d.ids[s] = s
		}
	}
	d.lastID = s
	return s, true
}

// validAttributeID is sensocto.ValidAttributeID for bytes, without its cost.
func validAttributeID(id []byte) bool {
	for i, c := range id {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || c != '_' && c != '-') {
			return false
		}
	}
	return 0 < len(id) && len(id) <= 64
}
