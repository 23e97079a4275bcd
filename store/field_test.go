package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// TestHistory_FieldsThatNoRollupHas is about documents with more numbers than a
// rollup keeps: they are exact, and what may be searched for one is bounded.
func TestHistory_FieldsThatNoRollupHas(t *testing.T) {
	var more strings.Builder
	for i := range 17 {
		fmt.Fprintf(&more, `,"k%d":%d`, i, i)
	}
	for rest, bounded := range map[string]bool{"": false, more.String(): true} {
		cold := storetest.NewMemory()
		s := open(t, cold, small())
		const n = 8 * store.ChunkSamples
		b := &sensocto.Batch{SensorID: "s"}
		for i := range n {
			document := fmt.Appendf(nil, `{"x":%d%s}`, i, rest)
			b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "a", Sample: sensocto.Sample{Timestamp: t0 + int64(i)*1000, Document: document}})
		}
		put(t, s, b)
		flush(t, s)
		maintain(t, s)
		s = open(t, cold, small())
		query := sensocto.HistoryQuery{To: 1 << 60, Field: "x", MaxBuckets: 2}
		h, err := s.History(t.Context(), "s", "a", query)
		if err != nil {
			t.Fatal(err)
		}
		var count int64
		for i := range h.Buckets {
			count += h.Buckets[i].Count
		}
		if count != n {
			t.Errorf("%d numbers, want %d", count, n)
		}
		s.LimitFieldScan(store.ChunkSamples)
		if _, err = s.History(t.Context(), "s", "a", query); (sensocto.ErrorReason(err) == "field_not_summarized") != bounded {
			t.Errorf("the rest is %q: %v", rest, err)
		}
	}
}
