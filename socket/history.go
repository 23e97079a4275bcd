package socket

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/wire"
)

const (
	// historyBuckets bounds what one event may ask for: answers wait in the
	// outbox.
	historyBuckets = 2000
	historyLimit   = 5000
)

var (
	errInvalidRange      = invalid("invalid_range", "from and to are Unix time in milliseconds, and from is before to")
	errInvalidResolution = invalid("invalid_resolution", "a resolution is raw, auto, a number of milliseconds, or one and a unit, such as 10s")
	errInvalidCursor     = invalid("invalid_cursor", "a cursor is the next of an earlier answer")
)

// historyRequest is the event history of data: and viewer: topics.
type historyRequest struct {
	sensorID, attributeID string
	raw                   bool
	query                 sensocto.HistoryQuery
	limit                 int              // of a raw one
	after                 *sensocto.Cursor // of a raw one
}

// answerHistory reads what the trace of an attribute is drawn from. The answer
// is bounded in bytes: buckets become wider, pages shorter.
//
// Of a sensor that was shared, what was before is left out, as far as the viewer
// may not see it.
func answerHistory(ctx context.Context, ch *channel, f *phx.Frame, id sensocto.Identity, sensorID string, p params) error {
	r := historyRequest{sensorID: sensorID, attributeID: p.text("attribute_id")}
	if !sensocto.ValidID(sensorID) {
		return errInvalidSensor
	}
	if !sensocto.ValidAttributeID(r.attributeID) {
		return sensocto.ErrInvalidAttributeID
	}
	if err := r.parse(p); err != nil {
		return err
	}
	if isRemote(sensorID) {
		read := func() ([]byte, error) { return r.readRemote(ctx, ch.conn.srv, id) }
		return ch.conn.later(f, read, func(f *phx.Frame, response []byte, err error) error {
			if err == nil {
				ch.answer(f, response)
			}
			return ch.conn.answered(ch, f, err)
		})
	}
	response, err := r.read(ctx, ch.conn.srv, id)
	if err == nil {
		ch.answer(f, response)
	}
	return err
}

// isRemote reports whether a sensor is of another server.
func isRemote(sensorID string) bool { return strings.HasPrefix(sensorID, sensocto.RemoteSensorPrefix) }

// readRemote is read of another server, which may take seconds: rights that end
// meanwhile end the answer.
func (r *historyRequest) readRemote(ctx context.Context, srv *Server, id sensocto.Identity) ([]byte, error) {
	rights, err := srv.may(ctx, id, r.sensorID)
	if err != nil {
		return nil, err
	}
	response, err := r.read(ctx, srv, id)
	if err != nil {
		return nil, err
	}
	return response, srv.stillMay(ctx, id, r.sensorID, rights)
}

// read renders the answer, as far as the identity has a right to it.
func (r *historyRequest) read(ctx context.Context, srv *Server, id sensocto.Identity) ([]byte, error) {
	rights, err := srv.may(ctx, id, r.sensorID)
	if err != nil {
		return nil, err
	}
	if !rights.History {
		return nil, sensocto.ErrUnauthorized
	}
	if !rights.Since.IsZero() {
		r.query.NotBefore = rights.Since.UnixMicro()
		r.query.From = max(r.query.From, r.query.NotBefore)
	}
	reading, leave, err := srv.readTurn(ctx, r.sensorID)
	if err != nil {
		return nil, err
	}
	defer leave()
	if r.query.To != 0 && r.query.To <= r.query.From { // all of it was before the viewer may see anything
		return appendHistory(nil, &sensocto.History{From: r.query.From, To: r.query.From, Points: sensocto.PointsAll}), nil
	}
	response, err := r.respond(reading, srv.store, int(srv.limits.QueueBytes/4))
	if err != nil {
		return nil, err
	}
	if again, err := srv.may(ctx, id, r.sensorID); err != nil || !again.History { // the right has ended while it was read
		return nil, sensocto.ErrUnauthorized
	}
	return response, nil
}

func (r *historyRequest) parse(p params) (err error) {
	if r.query.From, err = p.micros("from"); err != nil {
		return err
	}
	if r.query.To, err = p.micros("to"); err != nil {
		return err
	}
	if p.has("from") && p.has("to") && r.query.From >= r.query.To {
		return errInvalidRange
	}
	if r.query.MaxBuckets, err = p.count("max_buckets", sensocto.DefaultHistoryBuckets, historyBuckets); err != nil {
		return err
	}
	if r.limit, err = p.count("limit", sensocto.DefaultHistoryBuckets, historyLimit); err != nil {
		return err
	}
	switch method := p.text("method"); {
	case method == "lttb":
		r.query.LTTB = true
	case p.has("method") && method != "buckets":
		return errInvalidPayload
	}
	if p.has("cursor") {
		c, ok := parseCursor(p.text("cursor"))
		if !ok {
			return errInvalidCursor
		}
		r.after = &c
	}
	return r.parseResolution(p)
}

func (r *historyRequest) parseResolution(p params) error {
	text := p.text("resolution")
	switch {
	case text == "raw":
		r.raw = true
	case text == "auto" || !p.has("resolution"):
		r.query.Samples = true
	default:
		width, ok := sensocto.ParseWidth(text)
		if ms, isNumber := p.number("resolution"); isNumber {
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
func (p params) micros(key string) (int64, error) {
	if !p.has(key) {
		return 0, nil
	}
	ms, ok := p.number(key)
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
func (p params) count(key string, or, most int) (int, error) {
	if !p.has(key) {
		return or, nil
	}
	n, ok := p.number(key)
	if !ok {
		return 0, errInvalidPayload
	}
	return int(min(max(n, 2), float64(most))), nil
}

// respond renders an answer of at most about a number of bytes.
func (r *historyRequest) respond(ctx context.Context, store sensocto.Store, most int) ([]byte, error) {
	for {
		if r.raw {
			response, fitting, err := r.page(ctx, store, most)
			if err != nil || fitting == 0 {
				return response, err
			}
			r.limit = fitting
			continue
		}
		h, err := store.History(ctx, r.sensorID, r.attributeID, r.query)
		if err != nil {
			return nil, err
		}
		response := appendHistory(nil, &h)
		switch {
		case len(response) <= most:
			return response, nil
		case h.Points == sensocto.PointsAll && r.query.Samples: // large documents
			r.query.Samples = false
		case r.query.MaxBuckets <= 2:
			return response, nil
		default:
			r.query.MaxBuckets = max(2, r.query.MaxBuckets/2)
		}
	}
}

// page renders a page of samples, or says how many fit.
func (r *historyRequest) page(ctx context.Context, store sensocto.Store, most int) (response []byte, fitting int, err error) {
	page, err := store.Read(ctx, r.sensorID, r.attributeID, sensocto.Query{From: r.query.From, To: r.query.To, Limit: r.limit, After: r.after})
	if err != nil {
		return nil, 0, err
	}
	size := 0
	for i := range page.Samples {
		size += 64 + len(page.Samples[i].Document)
		if size > most && i > 0 {
			return nil, i, nil
		}
	}
	h := sensocto.History{From: r.query.From, To: r.query.To, Samples: page.Samples, Points: sensocto.PointsAll}
	for i := range page.Samples {
		if page.Samples[i].IsDocument() {
			h.Documents++
		}
	}
	dst := appendHistory(nil, &h)
	if page.Next != nil {
		dst = jsonscan.AppendString(append(dst[:len(dst)-1], `,"next":`...), formatCursor(*page.Next))
		dst = append(dst, '}')
	}
	return dst, 0, nil
}

// appendHistory appends {width, from, to, documents, points, buckets} or, with
// samples in place of buckets, the same.
func appendHistory(dst []byte, h *sensocto.History) []byte {
	dst = sensocto.AppendTimestamp(append(dst, `{"width":`...), h.Width)
	dst = sensocto.AppendTimestamp(append(dst, `,"from":`...), h.From)
	dst = sensocto.AppendTimestamp(append(dst, `,"to":`...), h.To)
	dst = strconv.AppendInt(append(dst, `,"documents":`...), h.Documents, 10)
	if h.Points != sensocto.PointsNone {
		dst = append(append(append(dst, `,"points":"`...), h.Points...), `","samples":`...)
		return append(wire.AppendSamples(dst, h.Samples), '}')
	}
	dst = append(dst, `,"buckets":[`...)
	for i := range h.Buckets {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(h.Buckets[i].AppendFields(append(dst, '{')), '}')
	}
	return append(dst, "]}"...)
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

// since returns the samples, which are in order of time, from a moment on; the
// zero time is no bound.
func since(samples []sensocto.Sample, t time.Time) []sensocto.Sample {
	if t.IsZero() {
		return samples
	}
	from := t.UnixMicro()
	for len(samples) > 0 && samples[0].Timestamp < from {
		samples = samples[1:]
	}
	return samples
}
