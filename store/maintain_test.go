package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// small makes rollups of few chunks, so that there are several levels soon.
func small() store.Options { return store.Options{RollupFan: [4]int{2, 2, 2, 2}} }

func flush(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func maintain(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func requireBuckets(t testing.TB, s *store.Store, q sensocto.HistoryQuery, samples []sensocto.Sample) {
	t.Helper()
	h, err := s.History(t.Context(), "s", "a", q)
	if err != nil {
		t.Fatal(err)
	}
	var want []sensocto.Bucket
	for i, at := 0, int64(0); i < len(samples); i++ {
		sample := &samples[i]
		if sample.Timestamp < h.From || sample.Timestamp >= h.To {
			continue
		}
		if start := sample.Timestamp / h.Width; start != at {
			want, at = append(want, sensocto.Bucket{}), start
		}
		want[len(want)-1].Add(sample.Timestamp, sample.Value)
	}
	if diff := cmp.Diff(want, h.Buckets); diff != "" {
		t.Fatalf("buckets of %d µs: %s", h.Width, diff)
	}
}

func samplesOf(b *sensocto.Batch) (list []sensocto.Sample) {
	for _, m := range b.Measurements {
		list = append(list, m.Sample)
	}
	return list
}

func chunks(t testing.TB, cold store.Cold, level int) (list []sensocto.Chunk) {
	t.Helper()
	err := cold.ReadChunks(t.Context(), sensocto.ChunkRange{SensorID: "s", AttributeID: "a", Level: level, BeforeSeq: 1 << 62, ByNumber: true},
		func(c *sensocto.Chunk) bool {
			list = append(list, *c)
			list[len(list)-1].Data = slices.Clone(c.Data)
			return true
		})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestMaintain_RunsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := storetest.NewMemory()
		s := open(t, cold, small())
		stop := run(t, s)
		for i := range 20 {
			put(t, s, batch("s", "a", i*4096, 4096))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		for level, want := range []int{20, 10, 5, 2, 1} {
			if n := len(chunks(t, cold, level)); n != want {
				t.Errorf("%d chunks of level %d, want %d", n, level, want)
			}
		}
		if n := metric(s, "store_rollups_total"); n != 18 || metric(s, "store_rollup_bytes") == 0 {
			t.Errorf("%v rollups", n)
		}
		requireBuckets(t, s, sensocto.HistoryQuery{Width: 1_000_000}, samplesOf(batch("s", "a", 0, 20*4096)))
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A start finds what the last process left undone.
func TestMaintain_GoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := storetest.NewMemory()
		s := open(t, cold, small())
		put(t, s, batch("s", "a", 0, 9*4096))
		flush(t, s)
		s = open(t, cold, small())
		stop := run(t, s)
		time.Sleep(time.Minute)
		if n := len(chunks(t, cold, 1)); n != 4 {
			t.Errorf("%d rollups", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestMaintain_TriesAgainWhenColdFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := storetest.NewMemory()
		s := open(t, cold, small())
		put(t, s, batch("s", "a", 0, 4*4096))
		flush(t, s)
		cold.Fail(errDisk)
		stop := run(t, s)
		time.Sleep(time.Minute)
		if n := metric(s, "store_upkeep_errors_total"); n < 10 || n > 60 {
			t.Errorf("%v failures in a minute", n)
		}
		cold.Fail(nil)
		time.Sleep(10 * time.Second)
		if n := len(chunks(t, cold, 1)); n != 2 {
			t.Errorf("%d rollups", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Restarts leave small chunks: compaction makes one of them.
func TestMaintain_CompactsSmallChunks(t *testing.T) {
	cold := storetest.NewMemory()
	for i := range 50 {
		s := open(t, cold, store.Options{})
		put(t, s, batch("s", "a", i*300, 300))
		flush(t, s)
	}
	s := open(t, cold, store.Options{})
	before := len(chunks(t, cold, 0))
	maintain(t, s)
	list := chunks(t, cold, 0)
	if before != 50 || len(list) != 4 || list[0].Count != 3900 {
		t.Errorf("%d chunks became %d, the first of %d samples", before, len(list), list[0].Count)
	}
	if n := s.Counts("s")["a"].Chunks; n != 4 || metric(s, "store_chunks", "tier", "cold") != 4 || metric(s, "store_compacted_chunks_total") != 46 {
		t.Errorf("counted %d chunks, %v in all", n, metric(s, "store_chunks", "tier", "cold"))
	}
	requireNumbers(t, s, "s", "a", 15_000)
	writes := cold.Writes()
	maintain(t, s)
	if cold.Writes() != writes {
		t.Error("there was more to do")
	}
	requireNumbers(t, open(t, cold, store.Options{}), "s", "a", 15_000)
}

// Chunks that are small because their documents are large stay.
func TestMaintain_LeavesLargeDocumentsApart(t *testing.T) {
	cold := storetest.NewMemory()
	document := make([]byte, 60_000)
	for i := range document {
		document[i] = '1'
	}
	for i := range 6 {
		s := open(t, cold, store.Options{})
		b := batch("s", "a", i*3, 3)
		for j := range b.Measurements {
			b.Measurements[j].Document = document
		}
		put(t, s, b)
		flush(t, s)
	}
	s := open(t, cold, store.Options{})
	maintain(t, s)
	if n := len(chunks(t, cold, 0)); n != 6 {
		t.Errorf("%d chunks", n)
	}
	h, err := s.History(t.Context(), "s", "a", sensocto.HistoryQuery{Width: 1000})
	if err != nil || h.Documents != 18 || len(h.Buckets) != 0 {
		t.Errorf("%+v, %v", h, err)
	}
}

// Numbers may be missing, and chunks may come later where they are.
func TestMaintain_MissingNumbers(t *testing.T) {
	source, cold := storetest.NewMemory(), storetest.NewMemory()
	s := open(t, source, store.Options{})
	all := batch("s", "a", 0, 30*4096)
	put(t, s, all)
	flush(t, s)
	list := chunks(t, source, 0)
	late := list[7:16]
	for i, c := range list {
		if i < 7 || i >= 16 {
			if err := cold.WriteChunks(t.Context(), []sensocto.Chunk{c}); err != nil {
				t.Fatal(err)
			}
		}
	}
	s = open(t, cold, small())
	maintain(t, s)
	kept := append(samplesOf(all)[:7*4096:7*4096], samplesOf(all)[16*4096:]...)
	requireBuckets(t, s, sensocto.HistoryQuery{Width: 500_000}, kept)
	if n := len(chunks(t, cold, 1)); n != 11 { // 2 2 2 1, 2 × 7
		t.Errorf("%d rollups", n)
	}

	for _, c := range late {
		if err := cold.WriteChunks(t.Context(), []sensocto.Chunk{c}); err != nil {
			t.Fatal(err)
		}
	}
	s.Reconsider("s", "a", late[0].FirstSeq)
	requireBuckets(t, s, sensocto.HistoryQuery{Width: 500_000}, samplesOf(all))
	maintain(t, s)
	requireBuckets(t, s, sensocto.HistoryQuery{Width: 500_000}, samplesOf(all))
	rollups := chunks(t, cold, 1)
	next := int64(0)
	for _, c := range rollups {
		if c.FirstSeq != next {
			t.Errorf("a rollup begins at %d, the one before ends at %d", c.FirstSeq, next)
		}
		next = c.FirstSeq + int64(c.Count)
	}
	if next != 30*4096 || len(rollups) != 16 {
		t.Errorf("%d rollups up to %d", len(rollups), next)
	}
}

func TestMaintain_LeavesDamageAlone(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, small())
	put(t, s, batch("s", "a", 0, 8*4096))
	put(t, s, batch("s", "b", 0, 8*4096))
	flush(t, s)
	bad := chunks(t, cold, 0)[2]
	bad.Data = append([]byte(nil), bad.Data...)
	bad.Data[len(bad.Data)/2] ^= 1
	if err := cold.WriteChunks(t.Context(), []sensocto.Chunk{bad}); err != nil {
		t.Fatal(err)
	}
	s = open(t, cold, small()) // with nothing of it in memory
	maintain(t, s)
	if n := len(chunks(t, cold, 1)); n != 1 || metric(s, "store_upkeep_errors_total") != 1 || metric(s, "store_rollups_total") != 1+4+2+1 {
		t.Errorf("%d rollups, %v in all", n, metric(s, "store_rollups_total"))
	}
	_, err := s.History(t.Context(), "s", "a", sensocto.HistoryQuery{Width: 500_000})
	if !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("history of damaged samples: %v", err)
	}
}

func TestHistory_EndsWithItsContext(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{})
	put(t, s, batch("s", "a", 0, 100))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.History(ctx, "s", "a", sensocto.HistoryQuery{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Where samples are gone, a history has the resolution of the rollups.
func TestHistory_OnlyRollupsAreLeft(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, small())
	all := batch("s", "a", 0, 20*4096)
	put(t, s, all)
	flush(t, s)
	maintain(t, s)
	cell := chunks(t, cold, 1)[0].Cell
	fine := sensocto.HistoryQuery{Width: 1, MaxBuckets: 500, From: t0, To: t0 + 500_000}
	if h, err := s.History(t.Context(), "s", "a", fine); err != nil || h.Width >= cell || h.Width == 0 {
		t.Fatalf("buckets of %d µs, cells of %d: %v", h.Width, cell, err)
	}
	_, err := cold.DropChunks(t.Context(), sensocto.ChunkDrop{SensorID: "s", AttributeID: "a", Before: t0 + 40_000_000, BeforeSeq: 1 << 62})
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, cold, small())
	h, err := s.History(t.Context(), "s", "a", fine)
	if err != nil || h.Width%cell != 0 || len(h.Buckets) == 0 {
		t.Fatalf("%d buckets of %d µs, cells of %d: %v", len(h.Buckets), h.Width, cell, err)
	}
	requireBuckets(t, s, fine, samplesOf(all))
	requireBuckets(t, s, sensocto.HistoryQuery{}, samplesOf(all))
}

// Where samples are gone and their rollups are not, a trace is drawn from
// these, also where samples were asked for and few are left.
func TestHistory_FewSamplesAreLeft(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, small())
	all := batch("s", "a", 0, 20*4096)
	put(t, s, all)
	flush(t, s)
	maintain(t, s)
	last := samplesOf(all)[18*4096].Timestamp
	if _, err := cold.DropChunks(t.Context(), sensocto.ChunkDrop{SensorID: "s", AttributeID: "a", Before: last, BeforeSeq: 18 * 4096}); err != nil {
		t.Fatal(err)
	}
	s = open(t, cold, small())
	for _, q := range []sensocto.HistoryQuery{
		{Samples: true, MaxBuckets: 10_000}, {Samples: true, LTTB: true, MaxBuckets: 10_000}, {LTTB: true}, {Samples: true, To: last},
		{Samples: true, From: last - 1_000_000, To: last + 1_000_000},
	} {
		h, err := s.History(t.Context(), "s", "a", q)
		if err != nil || h.Points != sensocto.PointsNone && h.Points != sensocto.PointsOfBuckets || len(h.Buckets)+len(h.Samples) == 0 {
			t.Errorf("%+v: %q, %d buckets, %d samples: %v", q, h.Points, len(h.Buckets), len(h.Samples), err)
		}
	}
	for _, q := range []sensocto.HistoryQuery{{Samples: true, From: last, MaxBuckets: 10_000}, {Samples: true, From: last + 100_000_000_000}} {
		if h, err := s.History(t.Context(), "s", "a", q); err != nil || h.Points != sensocto.PointsAll {
			t.Errorf("%+v: %q, %d buckets: %v", q, h.Points, len(h.Buckets), err)
		}
	}
}

func TestHistory_LTTB(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{})
	for i := range 12 {
		put(t, s, batch("s", "a", i*6000, 6000))
	}
	q := sensocto.HistoryQuery{LTTB: true, MaxBuckets: 100, To: t0 + 40_000_000}
	h, err := s.History(t.Context(), "s", "a", q)
	if err != nil || h.Points != sensocto.PointsChosen || len(h.Samples) != 100 || h.Samples[0].Value != 0 || h.Samples[99].Value != 39_999 {
		t.Errorf("%v, %d points of %s", err, len(h.Samples), h.Points)
	}
	q.To = 0
	h, err = s.History(t.Context(), "s", "a", q)
	if err != nil || h.Points != sensocto.PointsOfBuckets || len(h.Samples) != 100 || h.Samples[0].Value != 0 || h.Samples[99].Value != 71_999 || h.Width == 0 {
		t.Errorf("%v, %d points of %s", err, len(h.Samples), h.Points)
	}
	for i := 1; i < len(h.Samples); i++ {
		if h.Samples[i].Timestamp < h.Samples[i-1].Timestamp {
			t.Fatalf("point %d is before the one before", i)
		}
	}
}
