package history

import (
	"context"
	"strconv"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/wire"
)

// Since leaves out what is of before a time; the zero time leaves out nothing.
func (r *Request) Since(t time.Time) {
	if !t.IsZero() {
		r.query.NotBefore = t.UnixMicro()
		r.query.From = max(r.query.From, r.query.NotBefore)
	}
}

// Answer reads from the store and returns the answer, a JSON object of at most about
// that many bytes: buckets become wider for it, pages shorter.
func (r *Request) Answer(ctx context.Context, store sensocto.Store, most int) ([]byte, error) {
	if r.query.To != 0 && r.query.To <= r.query.From { // all of it was left out
		return appendHistory(nil, &sensocto.History{From: r.query.From, To: r.query.From, Points: sensocto.PointsAll}), nil
	}
	for {
		if r.raw {
			response, fitting, err := r.page(ctx, store, most)
			if err != nil || fitting == 0 {
				return response, err
			}
			r.limit = fitting
			continue
		}
		h, err := store.History(ctx, r.SensorID, r.attributeID, r.query)
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
func (r *Request) page(ctx context.Context, store sensocto.Store, most int) (response []byte, fitting int, err error) {
	page, err := store.Read(ctx, r.SensorID, r.attributeID, sensocto.Query{From: r.query.From, To: r.query.To, Limit: r.limit, After: r.after})
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
