package storetest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"

	cmpdiff "github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

// Place makes cold tiers that share what they keep, as one database does over
// restarts.
type Place interface {
	// Open returns a tier. It may be called again, which ends the use of the
	// tier that it returned before: a restart.
	Open(t testing.TB) store.Cold
}

// Open implements Place: the tier outlives the stores that use it.
func (m *Memory) Open(testing.TB) store.Cold { return m }

// Run tests a cold tier. newPlace returns an empty place.
func Run(t *testing.T, newPlace func(t testing.TB) Place) {
	for name, test := range map[string]func(*testing.T, Place){
		"EmptyTierHasNothing":         testEmpty,
		"KeepsChunksOverARestart":     testRestart,
		"ReplacesWhatAChunkHolds":     testReplace,
		"RepeatedWriteChangesNothing": testRepeat,
		"SelectsOverlappingChunks":    testRange,
		"OneOddChunkHidesNoOther":     testOddSpan,
		"StopsWhenToldTo":             testStop,
		"KeepsSeriesApart":            testApart,
		"DeletesAllOfASensor":         testDelete,
		"ReadsWhileWriting":           testConcurrency,
		"ReadsWhileMerging":           testMergeBesideReads,
		"KeepsLevelsApart":            testLevels,
		"SelectsByNumber":             testNumbers,
		"ReadsWithoutData":            testNoData,
		"DropsWhatIsOld":              testDrop,
		"DropsAFewAtATime":            testDropLimit,
	} {
		t.Run(name, func(t *testing.T) { test(t, newPlace(t)) })
	}
}

// chunk returns a chunk whose data is as good as any: a tier does not look.
func chunk(sensor, attribute string, first int64, count int, from, to int64) sensocto.Chunk {
	return sensocto.Chunk{
		SensorID: sensor, AttributeID: attribute, FirstSeq: first, Count: count, MinTime: from, MaxTime: to,
		Numbers: sensocto.Bucket{Count: int64(count), Min: -1.5, Max: 2.5, Sum: 0.1, First: 1, Last: 2, From: from, To: to},
		Data:    fmt.Appendf(nil, "%s/%s/%d/%d", sensor, attribute, first, count),
	}
}

func write(t testing.TB, c store.Cold, chunks ...sensocto.Chunk) {
	t.Helper()
	if err := c.WriteChunks(t.Context(), chunks); err != nil {
		t.Fatal(err)
	}
}

// read returns copies of the chunks in a range.
func read(t testing.TB, c store.Cold, r sensocto.ChunkRange) (list []sensocto.Chunk) {
	t.Helper()
	r.BeforeSeq = cmp.Or(r.BeforeSeq, 1<<62)
	err := c.ReadChunks(t.Context(), r, func(c *sensocto.Chunk) bool {
		copied := *c
		copied.Data = bytes.Clone(c.Data)
		list = append(list, copied)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func same(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmpdiff.Diff(want, got); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
}

func series(t testing.TB, c store.Cold) []sensocto.SeriesInfo {
	t.Helper()
	list, err := c.Series(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list, func(a, b sensocto.SeriesInfo) int {
		return cmp.Or(cmp.Compare(a.SensorID, b.SensorID), cmp.Compare(a.AttributeID, b.AttributeID))
	})
	return list
}

func testEmpty(t *testing.T, p Place) {
	c := p.Open(t)
	same(t, len(series(t, c)), 0)
	same(t, len(read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "a"})), 0)
	removed, err := c.DeleteSamples(t.Context(), "s")
	same(t, removed, sensocto.Removed{})
	same(t, err, nil)
	write(t, c)
}

func testRestart(t *testing.T, p Place) {
	a, b := chunk("s", "a", 0, 10, 100, 190), chunk("s", "a", 10, 5, 150, 240)
	documents := chunk("s", "b", 0, 3, 5, 6)
	documents.Numbers = sensocto.Bucket{}
	write(t, p.Open(t), a, b, documents)
	c := p.Open(t)
	same(t, read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "a"}), []sensocto.Chunk{a, b})
	same(t, read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "b"}), []sensocto.Chunk{documents})
	same(t, series(t, c), []sensocto.SeriesInfo{
		{SensorID: "s", AttributeID: "a", NextSeq: 15, MinTime: 100, MaxTime: 240, Samples: 15, Chunks: 2, Bytes: int64(len(a.Data) + len(b.Data))},
		{SensorID: "s", AttributeID: "b", NextSeq: 3, MinTime: 5, MaxTime: 6, Samples: 3, Chunks: 1, Bytes: int64(len(documents.Data))},
	})
}

func testReplace(t *testing.T, p Place) {
	c := p.Open(t)
	sealed, after := chunk("s", "a", 0, 10, 0, 9), chunk("s", "a", 16, 2, 16, 17)
	write(t, c, sealed, chunk("s", "a", 10, 4, 10, 13))
	write(t, c, chunk("s", "a", 14, 2, 14, 15), after)
	merged := chunk("s", "a", 10, 6, 10, 15)
	write(t, c, merged)
	same(t, read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "a"}), []sensocto.Chunk{sealed, merged, after})
	info := series(t, c)[0]
	same(t, [3]int64{info.Samples, info.Chunks, info.NextSeq}, [3]int64{18, 3, 18})
	same(t, info.Bytes, int64(len(sealed.Data)+len(merged.Data)+len(after.Data)))
}

func testRepeat(t *testing.T, p Place) {
	c := p.Open(t)
	chunks := []sensocto.Chunk{chunk("s", "a", 0, 10, 0, 9), chunk("s", "a", 10, 4, 10, 13)}
	write(t, c, chunks...)
	before := series(t, c)
	write(t, c, chunks...)
	same(t, series(t, c), before)
	same(t, read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "a"}), chunks)
}

func testRange(t *testing.T, p Place) {
	c := p.Open(t)
	chunks := []sensocto.Chunk{
		chunk("s", "a", 0, 10, 1000, 1099), chunk("s", "a", 10, 10, 1100, 1199),
		chunk("s", "a", 20, 10, 1050, 1250), // late samples
		chunk("s", "a", 30, 1, 1300, 1300),
	}
	write(t, c, chunks...)
	for _, q := range []struct {
		from, to, before int64
		up, down         []int64 // first numbers
	}{
		{up: []int64{0, 20, 10, 30}, down: []int64{30, 20, 10, 0}},
		{from: 1099, to: 1100, up: []int64{0, 20}, down: []int64{20, 0}},
		{from: 1100, to: 1101, up: []int64{20, 10}, down: []int64{20, 10}},
		{from: 1200, up: []int64{20, 30}, down: []int64{30, 20}},
		{from: 1300, to: 1301, up: []int64{30}, down: []int64{30}},
		{from: 1301, up: nil, down: nil},
		{to: 1000, up: nil, down: nil},
		{to: 1001, up: []int64{0}, down: []int64{0}},
		{before: 20, up: []int64{0, 10}, down: []int64{10, 0}},
		{before: 15, from: 1150, up: []int64{10}, down: []int64{10}},
	} {
		r := sensocto.ChunkRange{SensorID: "s", AttributeID: "a", From: q.from, To: q.to, BeforeSeq: q.before}
		same(t, firsts(read(t, c, r)), q.up)
		r.Order = sensocto.Descending
		same(t, firsts(read(t, c, r)), q.down)
	}
}

func firsts(chunks []sensocto.Chunk) (list []int64) {
	for _, c := range chunks {
		list = append(list, c.FirstSeq)
	}
	return list
}

// A clock that jumps makes a chunk that spans years.
func testOddSpan(t *testing.T, p Place) {
	const year = 365 * 24 * 3600 * 1_000_000
	c := p.Open(t)
	for i := range int64(50) {
		write(t, c, chunk("s", "a", i*10, 10, 20*year+i*1000, 20*year+i*1000+999))
	}
	write(t, c, chunk("s", "a", 500, 10, 0, 40*year))
	at := int64(20*year + 25_500)
	r := sensocto.ChunkRange{SensorID: "s", AttributeID: "a", From: at, To: at + 1}
	same(t, firsts(read(t, c, r)), []int64{500, 250})
	r.Order = sensocto.Descending
	same(t, firsts(read(t, c, r)), []int64{500, 250})
}

func testStop(t *testing.T, p Place) {
	c := p.Open(t)
	for i := range int64(10) {
		write(t, c, chunk("s", "a", i, 1, i, i))
	}
	var seen int
	err := c.ReadChunks(t.Context(), sensocto.ChunkRange{SensorID: "s", AttributeID: "a", BeforeSeq: 99},
		func(*sensocto.Chunk) bool { seen++; return seen < 3 })
	same(t, err, nil)
	same(t, seen, 3)
}

func testApart(t *testing.T, p Place) {
	c := p.Open(t)
	a, b, x := chunk("s", "a", 0, 1, 1, 1), chunk("s", "b", 0, 1, 1, 1), chunk("x", "a", 0, 1, 1, 1)
	write(t, c, a, b, x)
	same(t, read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "b"}), []sensocto.Chunk{b})
	same(t, read(t, c, sensocto.ChunkRange{SensorID: "x", AttributeID: "a"}), []sensocto.Chunk{x})
	same(t, len(read(t, c, sensocto.ChunkRange{SensorID: "x", AttributeID: "b"})), 0)
}

func testDelete(t *testing.T, p Place) {
	c := p.Open(t)
	kept := chunk("x", "a", 0, 1, 1, 1)
	write(t, c, chunk("s", "a", 0, 10, 1, 2), chunk("s", "a", 10, 10, 1, 2), chunk("s", "b", 0, 5, 1, 1), kept)
	removed, err := c.DeleteSamples(t.Context(), "s")
	same(t, err, nil)
	same(t, removed, sensocto.Removed{Series: 2, Samples: 25})
	same(t, len(read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "a"})), 0)
	same(t, read(t, c, sensocto.ChunkRange{SensorID: "x", AttributeID: "a"}), []sensocto.Chunk{kept})
	again := chunk("s", "a", 0, 3, 7, 9)
	write(t, c, again)
	c = p.Open(t)
	same(t, read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "a"}), []sensocto.Chunk{again})
	same(t, series(t, c)[0].NextSeq, int64(3))
}

func testConcurrency(t *testing.T, p Place) {
	c := p.Open(t)
	write(t, c, chunk("s", "a", 0, 1, 0, 0))
	const chunks = 60
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for seen := 0; seen < chunks && !t.Failed(); {
				list := firsts(read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "a"}))
				for i, first := range list {
					if first != int64(i) {
						t.Errorf("chunk %d has number %d", i, first)
					}
				}
				if len(list) < seen {
					t.Errorf("%d chunks after %d", len(list), seen)
				}
				seen = len(list)
			}
		})
	}
	for i := range int64(chunks - 1) {
		write(t, c, chunk("s", "a", i+1, 1, i+1, i+1))
	}
	readers.Wait()
}
