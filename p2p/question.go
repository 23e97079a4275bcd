package p2p

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

// The bounds of one answer. Whoever wants more asks again.
const (
	maxAskedSamples = 5000
	maxAskedBuckets = sensocto.MaxHistoryBuckets
	maxLatestBytes  = 512 << 10
	// maxLatestSamples of all attributes: a number counts 40 bytes of those, and each
	// attribute has two samples at least.
	maxLatestSamples = maxLatestBytes/40 + 2*maxNames
	maxAnswerBytes   = 24 << 20 // a page may hold 8 MiB of documents, and one sample more
	answerPart       = 64 << 10 // of an answer in one frame: measurements go in between
)

// question is what is asked of a sensor's past: one of its three last fields.
type question struct {
	ID          uint64                 `json:"id"`
	AttributeID string                 `json:"attribute_id,omitempty"`
	Latest      *sensocto.LatestQuery  `json:"latest,omitempty"`
	Read        *sensocto.Query        `json:"read,omitempty"`
	History     *sensocto.HistoryQuery `json:"history,omitempty"`
}

var errQuestion = &sensocto.Error{Code: sensocto.CodeInvalid, Message: "a question of another server is malformed"}

// bound brings a question within the bounds of answers and of what the asker may see.
func (q *question) bound(r sensocto.SensorRights) error {
	if q.Latest == nil && !sensocto.ValidAttributeID(q.AttributeID) {
		return errQuestion
	}
	notBefore := int64(0)
	if !r.Since.IsZero() {
		notBefore = r.Since.UnixMicro()
	}
	switch {
	case !r.History:
		return errNoSensor
	case q.Latest != nil:
		q.Latest.Limit = min(max(q.Latest.Limit, 0), maxAskedSamples)
		if q.Latest.Bytes <= 0 || q.Latest.Bytes > maxLatestBytes {
			q.Latest.Bytes = maxLatestBytes
		}
	case q.Read != nil:
		if q.Read.Limit <= 0 || q.Read.Limit > maxAskedSamples {
			q.Read.Limit = maxAskedSamples
		}
		q.Read.From = max(q.Read.From, notBefore)
	case q.History != nil:
		q.History.MaxBuckets = min(max(q.History.MaxBuckets, 0), maxAskedBuckets)
		q.History.NotBefore = max(q.History.NotBefore, notBefore)
		q.History.From = max(q.History.From, q.History.NotBefore)
	default:
		return errQuestion
	}
	return nil
}

// answer returns the answer to a bounded question, in its binary form.
func (q *question) answer(ctx context.Context, store sensocto.Store, sensorID string, r sensocto.SensorRights) ([]byte, error) {
	switch {
	case q.Latest != nil:
		latest, err := store.Latest(ctx, sensorID, *q.Latest)
		return appendLatest(nil, latest, r.Since), err
	case q.Read != nil:
		if q.Read.To != 0 && q.Read.To <= q.Read.From {
			return appendPage(nil, sensocto.Page{}), nil
		}
		page, err := store.Read(ctx, sensorID, q.AttributeID, *q.Read)
		return appendPage(nil, page), err
	}
	if q.History.To != 0 && q.History.To <= q.History.From {
		return appendHistory(nil, sensocto.History{From: q.History.From, To: q.History.From, Points: sensocto.PointsAll}), nil
	}
	h, err := store.History(ctx, sensorID, q.AttributeID, *q.History)
	return appendHistory(nil, h), err
}

func parseQuestion(body []byte) (q question, err error) {
	if json.Unmarshal(body, &q) != nil {
		return q, errQuestion
	}
	return q, nil
}

func appendLatest(dst []byte, latest map[string]sensocto.Latest, since time.Time) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(latest)))
	for _, id := range slices.Sorted(maps.Keys(latest)) {
		l := latest[id]
		samples := l.Samples
		for !since.IsZero() && len(samples) > 0 && samples[0].Timestamp < since.UnixMicro() {
			samples = samples[1:]
		}
		dst = binary.AppendUvarint(appendText(dst, id), uint64(l.End))
		dst = appendSamples(appendFlag(dst, l.Cut), samples)
	}
	return dst
}

func appendFlag(dst []byte, is bool) []byte {
	if is {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// latest reads the newest samples, of each attribute as many as were asked for at most.
func (r *reader) latest(now time.Time, limit int) map[string]sensocto.Latest {
	latest, left := map[string]sensocto.Latest{}, maxLatestSamples
	n := r.count(4)
	r.require(n <= maxNames)
	for i := 0; i < n && !r.failed; i++ {
		id := r.name()
		l := sensocto.Latest{End: r.number(), Cut: r.byte() == 1, Samples: r.samples(now, min(limit, left))}
		if left -= len(l.Samples); len(l.Samples) > 0 {
			latest[id] = l
		}
	}
	return latest
}

func appendPage(dst []byte, p sensocto.Page) []byte {
	dst = appendFlag(appendSamples(dst, p.Samples), p.Next != nil)
	if p.Next != nil {
		dst = binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(dst, p.Next.Timestamp), p.Next.Seq), p.Next.Before)
	}
	return dst
}

func (r *reader) page(now time.Time, limit int) sensocto.Page {
	p := sensocto.Page{Samples: r.samples(now, limit)}
	if r.byte() == 1 {
		p.Next = &sensocto.Cursor{Timestamp: r.varint(), Seq: r.varint(), Before: r.varint()}
	}
	return p
}

func appendHistory(dst []byte, h sensocto.History) []byte {
	for _, v := range []int64{h.Width, h.From, h.To, h.Documents} {
		dst = binary.AppendVarint(dst, v)
	}
	dst = binary.AppendUvarint(appendText(dst, string(h.Points)), uint64(len(h.Buckets)))
	for _, b := range h.Buckets {
		for _, v := range []int64{b.Count, b.From, b.To} {
			dst = binary.AppendVarint(dst, v)
		}
		for _, v := range []float64{b.Min, b.Max, b.Sum, b.First, b.Last} {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
		}
	}
	return appendSamples(dst, h.Samples)
}

func (r *reader) history(now time.Time) sensocto.History {
	h := sensocto.History{Width: r.varint(), From: r.varint(), To: r.varint(), Documents: r.varint(), Points: sensocto.Points(r.text())}
	switch h.Points {
	case sensocto.PointsNone, sensocto.PointsAll, sensocto.PointsChosen, sensocto.PointsOfBuckets:
	default:
		r.failed = true
	}
	n := r.count(43)
	if r.require(n <= maxAskedBuckets); r.failed {
		return h
	}
	h.Buckets = make([]sensocto.Bucket, n)
	for i := range h.Buckets {
		h.Buckets[i] = r.bucket()
	}
	h.Samples = r.samples(now, maxAskedBuckets)
	return h
}

// bucket reads a bucket, of which the sum alone need not be finite.
func (r *reader) bucket() sensocto.Bucket {
	b := sensocto.Bucket{Count: r.varint(), From: r.varint(), To: r.varint(), Min: r.float(), Max: r.float(), Sum: r.float(), First: r.float(), Last: r.float()}
	for _, v := range []float64{b.Min, b.Max, b.First, b.Last} {
		r.require(!math.IsNaN(v) && !math.IsInf(v, 0))
	}
	r.require(b.Count >= 0)
	return b
}
