package storetest

import (
	"math"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
)

// maintain merges small chunks and makes what rollups are due.
func (m *machine) maintain(*rapid.T) { m.must(m.store.Maintain(m.ctx)) }

// history compares buckets with those of the model.
func (m *machine) history(t *rapid.T) {
	k := m.key(t)
	bounds := m.query(t, k)
	q := sensocto.HistoryQuery{
		From: bounds.From, To: bounds.To,
		MaxBuckets: rapid.SampledFrom([]int{0, 2, 3, 10, 100, 5000}).Draw(t, "buckets"),
		Width:      rapid.SampledFrom([]int64{0, 0, 1, 999, 5000, 123_457, 1_000_000, time.Hour.Microseconds()}).Draw(t, "width"),
	}
	got, err := m.store.History(m.ctx, k.sensor, k.attribute, q)
	m.must(err)
	if len(m.model[k]) == 0 {
		if len(got.Buckets) > 0 {
			t.Fatalf("buckets of nothing: %+v", got)
		}
		return
	}
	if got.Width == 0 {
		if q.From != 0 && q.To != 0 && q.From < q.To {
			t.Fatalf("no width: %+v", got)
		}
		return
	}
	if n := (got.To - got.From) / got.Width; got.From%got.Width != 0 || got.To%got.Width != 0 || q.MaxBuckets > 0 && n > int64(q.MaxBuckets) {
		t.Fatalf("%d buckets of %d µs from %d to %d, asked %+v", n, got.Width, got.From, got.To, q)
	}
	if got.Width < q.Width || q.From != 0 && got.From > q.From || got.To < q.To {
		t.Fatalf("asked %+v, got %d µs from %d to %d", q, got.Width, got.From, got.To)
	}
	m.compareBuckets(t, k, got, q)
}

func (m *machine) compareBuckets(t *rapid.T, k key, got sensocto.History, q sensocto.HistoryQuery) {
	samples := m.expect(k, sensocto.Query{From: got.From, To: got.To})
	if q.From == 0 && q.To == 0 && len(samples) != len(m.model[k]) {
		t.Fatalf("an open range covers %d samples of %d", len(samples), len(m.model[k]))
	}
	var want []sensocto.Bucket
	documents := int64(0)
	at := int64(math.MinInt64)
	for _, s := range samples {
		if s.IsDocument() {
			documents++
			continue
		}
		if start := s.Timestamp - s.Timestamp%got.Width; start != at || len(want) == 0 {
			at = start
			want = append(want, sensocto.Bucket{})
		}
		want[len(want)-1].Add(s.Timestamp, s.Value)
	}
	if got.Documents != documents || len(got.Buckets) != len(want) {
		t.Fatalf("%d buckets and %d documents, want %d and %d", len(got.Buckets), got.Documents, len(want), documents)
	}
	for i := range want {
		g, w := got.Buckets[i], want[i]
		if math.Abs(g.Sum-w.Sum) > 1e-9*float64(w.Count)*max(math.Abs(w.Min), math.Abs(w.Max), 1) {
			t.Fatalf("sum %v, want %v", g.Sum, w.Sum)
		}
		if g.Sum = w.Sum; g != w {
			t.Fatalf("bucket %d of %d µs is %+v, want %+v", i, got.Width, g, w)
		}
	}
}
