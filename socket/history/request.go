// Package history is the event history of data: and viewer: topics: what a viewer may
// ask about the past of an attribute, and the answer, which is bounded in bytes. Who
// may ask, and how many read at a time, is for package socket.
package history

import (
	"strconv"
	"strings"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/request"
)

const (
	// maxBuckets and maxSamples bound what one event may ask for: answers wait in
	// the outbox.
	maxBuckets = 2000
	maxSamples = 5000
)

var (
	errInvalidRange      = request.Invalid("invalid_range", "from and to are Unix time in milliseconds, and from is before to")
	errInvalidResolution = request.Invalid("invalid_resolution", "a resolution is raw, auto, a number of milliseconds, or one and a unit, such as 10s")
	errInvalidCursor     = request.Invalid("invalid_cursor", "a cursor is the next of an earlier answer")
)

// Request is what the trace of an attribute is drawn from.
type Request struct {
	SensorID, attributeID string
	raw                   bool
	query                 sensocto.HistoryQuery
	limit                 int              // of a raw one
	after                 *sensocto.Cursor // of a raw one
}

// Parse reads the parameters of the event. The error is for the reply.
func Parse(sensorID string, p request.Params) (*Request, error) {
	r := &Request{SensorID: sensorID, attributeID: p.Text("attribute_id")}
	if !sensocto.ValidID(sensorID) {
		return nil, request.ErrInvalidSensor
	}
	if !sensocto.ValidAttributeID(r.attributeID) {
		return nil, sensocto.ErrInvalidAttributeID
	}
	if err := r.parse(p); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Request) parse(p request.Params) (err error) {
	if r.query.From, err = micros(p, "from"); err != nil {
		return err
	}
	if r.query.To, err = micros(p, "to"); err != nil {
		return err
	}
	if p.Has("from") && p.Has("to") && r.query.From >= r.query.To {
		return errInvalidRange
	}
	if r.query.MaxBuckets, err = count(p, "max_buckets", sensocto.DefaultHistoryBuckets, maxBuckets); err != nil {
		return err
	}
	if r.limit, err = count(p, "limit", sensocto.DefaultHistoryBuckets, maxSamples); err != nil {
		return err
	}
	switch method := p.Text("method"); {
	case method == "lttb":
		r.query.LTTB = true
	case p.Has("method") && method != "buckets":
		return request.ErrInvalidPayload
	}
	if p.Has("cursor") {
		c, ok := parseCursor(p.Text("cursor"))
		if !ok {
			return errInvalidCursor
		}
		r.after = &c
	}
	return r.parseResolution(p)
}

func (r *Request) parseResolution(p request.Params) error {
	text := p.Text("resolution")
	switch {
	case text == "raw":
		r.raw = true
	case text == "auto" || !p.Has("resolution"):
		r.query.Samples = true
	default:
		width, ok := sensocto.ParseWidth(text)
		if ms, isNumber := p.Number("resolution"); isNumber {
			width, ok = sensocto.TimestampFromMS(ms)
		}
		if !ok || width < 1 {
			return errInvalidResolution
		}
		r.query.Width = width
	}
	return nil
}

// micros returns a time in µs, 0 where it is missing.
func micros(p request.Params, key string) (int64, error) {
	if !p.Has(key) {
		return 0, nil
	}
	ms, ok := p.Number(key)
	if !ok {
		return 0, errInvalidRange
	}
	us, ok := sensocto.TimestampFromMS(ms)
	if !ok || us < 0 {
		return 0, errInvalidRange
	}
	return max(us, 1), nil // 0 would mean none
}

// count returns a number from 2 to most.
func count(p request.Params, key string, or, most int) (int, error) {
	if !p.Has(key) {
		return or, nil
	}
	n, ok := p.Number(key)
	if !ok {
		return 0, request.ErrInvalidPayload
	}
	return int(min(max(n, 2), float64(most))), nil
}

// A cursor's text is its three numbers. It is no secret: another one leads to
// another page of what the viewer may read anyway.
func formatCursor(c sensocto.Cursor) string {
	return strconv.FormatInt(c.Timestamp, 36) + "." + strconv.FormatInt(c.Seq, 36) + "." + strconv.FormatInt(c.Before, 36)
}

func parseCursor(text string) (c sensocto.Cursor, ok bool) {
	parts := strings.Split(text, ".")
	fields := []*int64{&c.Timestamp, &c.Seq, &c.Before}
	if len(parts) != len(fields) {
		return c, false
	}
	for i, field := range fields {
		n, err := strconv.ParseInt(parts[i], 36, 64)
		if err != nil {
			return c, false
		}
		*field = n
	}
	return c, c.Before > 0
}
