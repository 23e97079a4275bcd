package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// life is a series with all that may happen to one, and a list of what was put.
type life struct {
	t     testing.TB
	codec *store.Codec
	cold  *storetest.Memory
	store *store.Store
	clock int64
	next  int64             // number
	all   []sensocto.Sample // by number
}

func newLife(t testing.TB) *life {
	l := &life{t: t, codec: store.NewCodec(), cold: storetest.NewMemory(), clock: t0}
	l.store = open(t, l.cold, small())
	return l
}

// samples draws a run of samples. Their values are multiples of 1/8, so that
// sums are exact in whatever order they are made.
func (l *life) samples(t *rapid.T) (list []sensocto.Sample) {
	n := rapid.SampledFrom([]int{1, 7, 500, 3000, 4096, 9000}).Draw(t, "n")
	step := rapid.SampledFrom([]int64{0, 1, 1953, 1_000_000, 60_000_000}).Draw(t, "step")
	late := rapid.SampledFrom([]int{0, 0, 1, 10, 1000}).Draw(t, "late")
	documents := rapid.SampledFrom([]int{0, 0, 0, 13, 1}).Draw(t, "documents")
	seed := rapid.Uint32().Draw(t, "seed")
	if rapid.IntRange(0, 4).Draw(t, "pause") == 0 {
		l.clock += rapid.Int64Range(0, 40*86_400_000_000).Draw(t, "for")
	}
	for i := range n {
		seed = seed*1664525 + 1013904223
		s := sensocto.Sample{Timestamp: l.clock, Value: float64(int32(seed)>>16) / 8}
		if late > 0 && i%late == 0 {
			s.Timestamp = t0 + int64(seed)%max(1, l.clock-t0)
		}
		if documents > 0 && i%documents == 0 {
			text := fmt.Sprintf(`{"x":%v,"said":"1","y":%v}`, s.Value, -s.Value)
			if i%3 == 0 {
				text = fmt.Sprintf(`{"x":%v}`, s.Value)
			}
			s = sensocto.Sample{Timestamp: s.Timestamp, Document: []byte(text)}
		}
		list = append(list, s)
		l.clock += step
	}
	return list
}

func (l *life) put(t *rapid.T) {
	list := l.samples(t)
	b := &sensocto.Batch{SensorID: "s"}
	for _, s := range list {
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "a", Sample: s})
	}
	put(l.t, l.store, b)
	l.all = append(l.all, list...)
	l.next += int64(len(list))
}

// leap writes a chunk behind numbers that nobody has, as an import leaves them
// whose first write failed.
func (l *life) leap(t *rapid.T) {
	flush(l.t, l.store)
	list := l.samples(t)
	cols := &store.Columns{}
	for _, s := range list[:min(len(list), store.ChunkSamples)] {
		if !s.IsDocument() {
			cols.Times, cols.Values = append(cols.Times, s.Timestamp), append(cols.Values, s.Value)
			l.all = append(l.all, s)
		}
	}
	if len(cols.Times) > 0 {
		l.next += rapid.SampledFrom([]int64{1, 100, 5000, 50_000}).Draw(t, "hole")
		c := chunkOf("s", "a", l.next, cols)
		c.Data = l.codec.Append(nil, cols)
		if err := l.cold.WriteChunks(l.t.Context(), []sensocto.Chunk{c}); err != nil {
			l.t.Fatal(err)
		}
		l.next += int64(len(cols.Times))
	}
	l.store = open(l.t, l.cold, small())
}

// chunkOf returns the row of a chunk of numbers.
func chunkOf(sensor, attribute string, first int64, cols *store.Columns) sensocto.Chunk {
	c := sensocto.Chunk{SensorID: sensor, AttributeID: attribute, FirstSeq: first, Count: len(cols.Times),
		MinTime: slices.Min(cols.Times), MaxTime: slices.Max(cols.Times)}
	samples := make([]sensocto.Sample, len(cols.Times))
	for i := range samples {
		samples[i] = sensocto.Sample{Timestamp: cols.Times[i], Value: cols.Values[i]}
	}
	c.Numbers = bucketsOf(samples, 1<<62)[0]
	return c
}

// bucketsOf makes buckets in the plainest way there is: samples in order of
// time, and of arrival where that is equal, one after the other.
func bucketsOf(samples []sensocto.Sample, width int64) (buckets []sensocto.Bucket) {
	sorted := slices.Clone(samples)
	slices.SortStableFunc(sorted, func(a, b sensocto.Sample) int { return int(min(max(a.Timestamp-b.Timestamp, -1), 1)) })
	last := int64(-1)
	for _, s := range sorted {
		if s.IsDocument() {
			continue
		}
		if start := s.Timestamp / width; start != last {
			buckets, last = append(buckets, sensocto.Bucket{}), start
		}
		buckets[len(buckets)-1].Add(s.Timestamp, s.Value)
	}
	return buckets
}

// fieldOf returns one number of documents in the place of the samples.
func fieldOf(t *rapid.T, samples []sensocto.Sample, field string) (list []sensocto.Sample) {
	for _, s := range samples {
		if !s.IsDocument() {
			continue
		}
		var members map[string]any
		if err := json.Unmarshal(s.Document, &members); err != nil {
			t.Fatal(err)
		}
		if v, ok := members[field].(float64); ok {
			list = append(list, sensocto.Sample{Timestamp: s.Timestamp, Value: v})
		}
	}
	return list
}

// compare asks for some range at some resolution.
func (l *life) compare(t *rapid.T) {
	q := sensocto.HistoryQuery{
		Width:      rapid.SampledFrom([]int64{0, 0, 1, 1000, 1_234_567, 60_000_000, 86_400_000_000}).Draw(t, "width"),
		MaxBuckets: rapid.SampledFrom([]int{0, 2, 37, 1000, 10_000}).Draw(t, "buckets"),
	}
	q.Field = rapid.SampledFrom([]string{"", "", "x", "y", "said", "none"}).Draw(t, "field")
	if rapid.Bool().Draw(t, "bounded") {
		q.From = t0 + rapid.Int64Range(0, max(1, l.clock-t0)).Draw(t, "from")
		q.To = q.From + rapid.OneOf(rapid.Int64Range(1, 100_000_000), rapid.Int64Range(1, max(1, l.clock-t0))).Draw(t, "length")
	}
	h, err := l.store.History(l.t.Context(), "s", "a", q)
	if err != nil {
		t.Fatal(err)
	}
	var within []sensocto.Sample
	documents := int64(0)
	for _, s := range l.all {
		if s.Timestamp >= h.From && s.Timestamp < h.To {
			within = append(within, s)
			if s.IsDocument() {
				documents++
			}
		}
	}
	if q.Field != "" {
		within, documents = fieldOf(t, within, q.Field), 0
	}
	want := bucketsOf(within, max(h.Width, 1))
	if len(want)+len(h.Buckets) == 0 {
		want = h.Buckets
	}
	if diff := cmp.Diff(want, h.Buckets); diff != "" || h.Documents != documents {
		t.Fatalf("%+v: buckets of %d µs from %d to %d, %d documents, want %d: %s", q, h.Width, h.From, h.To, h.Documents, documents, diff)
	}
}

// Every bucket is exact in all it has, whatever the width, wherever the samples
// are: in memory, in open parts, in small chunks, in rollups of any level, in
// several of these, out of order and with holes between their numbers.
func TestHistory_IsExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newLife(t)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 7).Draw(rt, "do") {
			case 0:
				flush(t, l.store)
			case 1:
				flush(t, l.store)
				l.store = open(t, l.cold, small())
			case 2, 3:
				maintain(t, l.store)
			case 4:
				l.leap(rt)
			default:
				l.put(rt)
			}
		}
		for range 5 {
			l.compare(rt)
		}
	})
}
