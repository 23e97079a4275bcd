package store

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"github.com/sensocto/sensocto"
)

// endOfTime bounds what is computed with: no clock shows later, or as early as
// its negative.
const endOfTime = int64(1) << 61

// lttbSamples is up to how many samples LTTB chooses among them all.
const lttbSamples = 50_000

// errTooFine is why a walk over the cold tier begins again with wider buckets.
var errTooFine = errors.New("only wider rollups are left")

// maxFieldBytes bounds the documents that one query may search for a field, where
// no rollup has it: some seconds of work.
const maxFieldBytes = 512 << 20

var errFieldScan = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "field_not_summarized",
	Message: "too many documents would have to be searched for the field, which is in no rollup there: ask for a shorter time"}

// History returns a series as buckets of equal width, each of them exact, or
// as points. Its cost grows with the buckets asked for, not with the samples
// that they stand for, as far as there are rollups (docs/storage.md). It is a
// snapshot: what is put after it began does not count.
func (s *Store) History(ctx context.Context, sensorID, attributeID string, q sensocto.HistoryQuery) (sensocto.History, error) {
	q = normal(q)
	r := s.series(sensorID, attributeID)
	if r == nil {
		return sensocto.History{From: q.From, To: q.To}, nil
	}
	if err := s.whole(ctx, r); err != nil {
		return sensocto.History{}, err
	}
	h := &historian{store: s, series: r, before: r.end(), field: q.Field}
	if (q.Samples || q.LTTB) && q.Field == "" {
		if answer, err := h.samples(ctx, q); err != nil || answer.Points != sensocto.PointsNone {
			return answer, err
		}
	}
	answer, err := h.buckets(ctx, q)
	if q.Field != "" {
		answer.Documents = 0 // those that the buckets stand for are not counted apart
	}
	if err == nil && q.NotBefore != 0 {
		answer.Buckets = slices.DeleteFunc(answer.Buckets, func(b sensocto.Bucket) bool { return b.From < q.NotBefore })
		answer.Documents = 0 // they are counted by buckets, too
	}
	if err == nil && q.LTTB {
		answer.Samples = lttb(bucketPoints(answer.Buckets), q.MaxBuckets)
		answer.Buckets, answer.Points = nil, sensocto.PointsOfBuckets
	}
	return answer, err
}

// normal fills in defaults.
func normal(q sensocto.HistoryQuery) sensocto.HistoryQuery {
	q.Width = min(max(q.Width, 0), endOfTime)
	if q.MaxBuckets == 0 {
		q.MaxBuckets = sensocto.DefaultHistoryBuckets
		if q.Width > 0 {
			q.MaxBuckets = sensocto.MaxHistoryBuckets
		}
	}
	q.MaxBuckets = min(max(q.MaxBuckets, 2), sensocto.MaxHistoryBuckets)
	q.From, q.To = max(q.From, -endOfTime), min(q.To, endOfTime)
	return q
}

// end returns the number of the next sample.
func (r *series) end() int64 {
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	return r.next
}

// samples answers with samples if there are few enough, and otherwise with
// nothing.
func (h *historian) samples(ctx context.Context, q sensocto.HistoryQuery) (sensocto.History, error) {
	limit := 0
	if q.Samples {
		limit = q.MaxBuckets
	}
	if q.LTTB {
		limit = max(limit, lttbSamples)
	}
	page, err := h.store.Read(ctx, h.series.sensor.id, h.series.attributeID, sensocto.Query{From: q.From, To: q.To, Limit: limit})
	if err != nil || page.Next != nil {
		return sensocto.History{}, err
	}
	if gone, err := h.samplesGone(ctx, q.From, q.To); err != nil || gone {
		return sensocto.History{}, err
	}
	answer := sensocto.History{From: q.From, To: q.To, Samples: page.Samples, Points: sensocto.PointsAll}
	for i := range page.Samples {
		answer.Documents += int64(btoi(page.Samples[i].IsDocument()))
	}
	if q.LTTB && !(q.Samples && len(page.Samples) <= q.MaxBuckets) {
		answer.Samples = lttb(numbersOnly(page.Samples), q.MaxBuckets)
		answer.Points = sensocto.PointsChosen
	}
	return answer, nil
}

// samplesGone reports whether there were samples in a range of time that are
// kept as rollups only: then the samples that are left do not make the trace.
func (h *historian) samplesGone(ctx context.Context, from, to int64) (gone bool, err error) {
	_, low, deep := h.series.warmBefore(h.before)
	h.series.sensor.mu.Lock()
	complete := h.series.samples >= h.series.flushed
	h.series.sensor.mu.Unlock()
	if complete || low == 0 || deep.to < from || to != 0 && deep.from >= to {
		return false, nil
	}
	for level := range 1 + sensocto.RollupLevels {
		if level > 0 {
			if gone, err = h.hasRollup(ctx, level, from, to, low); err != nil || gone {
				return gone, err
			}
		}
		first, err := h.rawFrom(ctx, level)
		if err != nil {
			return false, err
		}
		low = min(low, first) // only below that a coarser rollup is all there is
	}
	return false, nil
}

// hasRollup reports whether a level has a rollup in a range of time that begins
// below a number.
func (h *historian) hasRollup(ctx context.Context, level int, from, to, below int64) (has bool, err error) {
	query := h.series.chunkRange(level)
	query.From, query.To, query.BeforeSeq, query.NoData = from, to, below, true
	err = h.store.cold.ReadChunks(ctx, query, func(*sensocto.Chunk) bool {
		has = true
		return false
	})
	return has, err
}

func numbersOnly(samples []sensocto.Sample) []sensocto.Sample {
	kept := samples[:0]
	for _, s := range samples {
		if !s.IsDocument() {
			kept = append(kept, s)
		}
	}
	return kept
}

func (h *historian) buckets(ctx context.Context, q sensocto.HistoryQuery) (sensocto.History, error) {
	if err := h.fillBounds(ctx, &q); err != nil {
		return sensocto.History{}, err
	}
	if q.From >= q.To {
		return sensocto.History{From: q.From, To: q.To}, nil
	}
	for width := q.Width; ; width = h.wider {
		h.grid(q.From, q.To, width, q.MaxBuckets)
		err := h.gather(ctx)
		if err == nil {
			return h.answer(), nil
		}
		if !errors.Is(err, errTooFine) {
			return sensocto.History{}, err
		}
	}
}

// fillBounds replaces open ends of the query by those of the series.
func (h *historian) fillBounds(ctx context.Context, q *sensocto.HistoryQuery) error {
	if q.From != 0 && q.To != 0 {
		return nil
	}
	span, err := h.span(ctx)
	if span.from > span.to {
		span = timeSpan{0, -1} // no samples
	}
	if q.From == 0 {
		q.From = max(span.from, -endOfTime)
	}
	if q.To == 0 {
		q.To = min(span.to, endOfTime) + 1
	}
	return err
}

// span returns the bounds of all timestamps.
func (h *historian) span(ctx context.Context) (timeSpan, error) {
	cols := h.store.columns.Get().(*Columns)
	defer h.store.columns.Put(cols)
	defer cols.Reset()
	span := noTime
	for head, more := h.before, true; more && ctx.Err() == nil; {
		var past timeSpan
		head, past, more = h.series.copyBefore(cols, head)
		for _, t := range cols.Times {
			span.add(timeSpan{t, t})
		}
		if !more {
			span.add(past)
		}
	}
	return span, context.Cause(ctx)
}

// grid chooses the width and the bounds of the buckets: the least width, a
// multiple of about a quarter of itself on the ladder of the rollups, with
// which there are not too many.
func (h *historian) grid(from, to, width int64, limit int) {
	width = max(width, (to-from+int64(limit)-1)/int64(limit))
	for {
		step := int64(1)
		for _, w := range ladder() {
			if w <= width/4 {
				step = w
			}
		}
		width = (width + step - 1) / step * step
		h.width, h.from = width, floorTo(from, width)
		h.to = floorTo(to-1, width) + width
		if n := (h.to - h.from) / width; n <= int64(limit) {
			h.tallies = make([]tally, n)
			return
		}
		width++
	}
}

// answer turns the tallies into what was asked for.
func (h *historian) answer() sensocto.History {
	answer := sensocto.History{Width: h.width, From: h.from, To: h.to}
	n := 0
	for i := range h.tallies {
		n += btoi(h.tallies[i].numbers.Count > 0)
	}
	answer.Buckets = make([]sensocto.Bucket, 0, n)
	for i := range h.tallies {
		t := &h.tallies[i]
		answer.Documents += t.documents
		if t.numbers.Count > 0 {
			answer.Buckets = append(answer.Buckets, t.numbers)
		}
	}
	return answer
}

// rawFrom returns the number from which samples are kept, not rollups only.
func (h *historian) rawFrom(ctx context.Context, level int) (int64, error) {
	if h.lowest[level] == nil {
		first, err := h.store.firstChunk(ctx, h.series, level, math.MinInt64)
		if err != nil {
			return 0, err
		}
		n := noNumber
		if first != nil {
			n = first.FirstSeq
		}
		h.lowest[level] = &n
	}
	return *h.lowest[level], nil
}

// tooFine reports whether what a rollup stands for was dropped, so that it has
// to do although its cells are too wide.
func (h *historian) tooFine(ctx context.Context, c *sensocto.Chunk) (bool, error) {
	for _, level := range []int{0, c.Level - 1} {
		from, err := h.rawFrom(ctx, level)
		if err != nil || from <= c.FirstSeq {
			return false, err
		}
	}
	h.wider = max(h.wider, (cmp.Or(h.width, 1)+c.Cell-1)/c.Cell*c.Cell)
	return true, nil
}
