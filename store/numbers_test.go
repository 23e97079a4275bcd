package store_test

import (
	"fmt"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// Samples are read by their numbers from the hot and the warm tier, each once and in
// order of arrival.
func TestFrom_ReadsByNumber(t *testing.T) {
	const n, base = 3*store.ChunkSamples + 100, int64(1_700_000_000_000_000)
	s, err := store.Open(t.Context(), storetest.NewMemory(), store.Options{HotSamples: 64})
	if err != nil {
		t.Fatal(err)
	}
	b := &sensocto.Batch{SensorID: "s"}
	for i := range n {
		m := sensocto.Measurement{AttributeID: "a", Sample: sensocto.Sample{Timestamp: base - int64(i), Value: float64(i)}}
		if i%1000 == 7 {
			m.Value, m.Document = 0, fmt.Appendf(nil, `"%d"`, i)
		}
		b.Measurements = append(b.Measurements, m)
	}
	if err := s.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		for _, limit := range []int{1, 1000, store.ChunkSamples, n} {
			for from := int64(0); from < n; {
				first, samples, cut, err := s.From(t.Context(), "s", "a", sensocto.NumberQuery{From: from, Limit: limit})
				if err != nil || cut || first != from || len(samples) == 0 || len(samples) > limit {
					t.Fatalf("%s: from %d: first %d, %d samples, %v", when, from, first, len(samples), err)
				}
				for i, sample := range samples {
					number := from + int64(i)
					want := b.Measurements[number].Sample
					if sample.Timestamp != want.Timestamp || string(sample.Document) != string(want.Document) || sample.Value != want.Value {
						t.Fatalf("%s: sample %d is %+v, want %+v", when, number, sample, want)
					}
				}
				if from += int64(len(samples)); limit == 1 {
					from += 97
				}
			}
		}
	}
	check("all hot")
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("hot and warm")
	if first, samples, _, err := s.From(t.Context(), "s", "a", sensocto.NumberQuery{From: n, Limit: 10}); err != nil || first != n || len(samples) > 0 {
		t.Errorf("behind the last: %d %v %v", first, samples, err)
	}
	if first, samples, _, err := s.From(t.Context(), "s", "none", sensocto.NumberQuery{From: 5, Limit: 10}); err != nil || first != 5 || len(samples) > 0 {
		t.Errorf("no such series: %d %v %v", first, samples, err)
	}
}

// Large documents are read few at a time, from the hot and the warm tier, each once.
func TestFrom_BoundsDocumentsInBytes(t *testing.T) {
	const n = 40
	s, err := store.Open(t.Context(), storetest.NewMemory(), store.Options{HotSamples: 4})
	if err != nil {
		t.Fatal(err)
	}
	sizes := []int{10, 60_000, 100, 0, 65_000}
	b := &sensocto.Batch{SensorID: "s"}
	for i := range n {
		m := sensocto.Measurement{AttributeID: "a", Sample: sensocto.Sample{Timestamp: 1_700_000_000_000_000 + int64(i)}}
		if size := sizes[i%len(sizes)]; size > 0 {
			m.Document = fmt.Appendf(nil, `"%0*d"`, size-2, i)
		}
		b.Measurements = append(b.Measurements, m)
	}
	if err := s.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"hot", "warm"} {
		for _, bound := range []int{1, 60_000, 60_010, 200_000} {
			for from, cuts := int64(0), 0; from < n; {
				first, samples, cut, err := s.From(t.Context(), "s", "a", sensocto.NumberQuery{From: from, Limit: n, Bytes: bound})
				if err != nil || first != from || len(samples) == 0 {
					t.Fatalf("%s, %d bytes: from %d: %d, %d samples, %v", when, bound, from, first, len(samples), err)
				}
				size := 0
				for i, sample := range samples {
					if size += len(sample.Document); string(sample.Document) != string(b.Measurements[int(from)+i].Document) {
						t.Fatalf("%s: sample %d is another", when, int(from)+i)
					}
				}
				if size > bound && len(samples) > 1 {
					t.Errorf("%s: %d bytes where %d are the bound", when, size, bound)
				}
				if from += int64(len(samples)); cut {
					cuts++
				}
				if from == n && cuts < 2 {
					t.Errorf("%s, %d bytes: cut %d times", when, bound, cuts)
				}
			}
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// What has left memory is not read: the first number says where memory begins.
func TestFrom_SaysWhereMemoryBegins(t *testing.T) {
	const n = 4 * store.ChunkSamples
	s, err := store.Open(t.Context(), storetest.NewMemory(), store.Options{HotSamples: 64, WarmWindow: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		b := &sensocto.Batch{SensorID: "s", Measurements: []sensocto.Measurement{{AttributeID: "a", Sample: sensocto.Sample{Timestamp: 1_700_000_000_000_000 + int64(i)*1_000_000, Value: float64(i)}}}}
		if err := s.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, samples, _, err := s.From(t.Context(), "s", "a", sensocto.NumberQuery{Limit: 10})
	if err != nil || first == 0 || len(samples) == 0 || samples[0].Value != float64(first) {
		t.Errorf("first %d, %d samples, %v", first, len(samples), err)
	}
}
