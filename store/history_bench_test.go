package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

// history is a database with a long series, written as chunks: quicker than
// through Put by far.
type history struct {
	path, url string // of a file, or of a PostgreSQL database
	db        database
	*store.Store
	end int64 // µs
}

type database interface {
	store.Cold
	Close() error
}

// fill writes a series of a length, and rolls it up.
func (h *history) fill(b *testing.B, rate float64, length time.Duration) *history {
	b.Helper()
	b.Cleanup(h.close)
	h.open(b)
	h.write(b, rate, int(rate*length.Seconds()))
	if err := h.db.Close(); err != nil {
		b.Fatal(err)
	}
	h.open(b)
	if err := h.Maintain(b.Context()); err != nil {
		b.Fatal(err)
	}
	return h
}

func newHistory(b *testing.B, rate float64, length time.Duration) *history {
	b.Helper()
	h := (&history{path: filepath.Join(b.TempDir(), "sensocto.db")}).fill(b, rate, length)
	info, err := os.Stat(h.path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%v at %v Hz: %d MB", length, rate, info.Size()>>20)
	return h
}

func (h *history) open(b *testing.B) {
	var err error
	if h.url != "" {
		h.db, err = postgres.Open(b.Context(), h.url, postgres.Options{Exclusive: true, Plain: store.Plain()})
	} else {
		h.db, err = sqlite.Open(b.Context(), h.path, sqlite.Options{Exclusive: true})
	}
	if err != nil {
		b.Fatal(err)
	}
	h.Store = open(b, h.db, store.Options{})
}

func (h *history) close() { _ = h.db.Close() }

// write stores n samples of an ECG with noise, whose values repeat.
func (h *history) write(b *testing.B, rate float64, n int) {
	codec := store.NewCodec()
	cols := store.Columns{Values: ecg(store.ChunkSamples, rate), Times: make([]int64, store.ChunkSamples)}
	numbers := sensocto.Bucket{}
	for i, v := range cols.Values {
		numbers.Add(int64(i), v)
	}
	var chunks []sensocto.Chunk
	for first := 0; first < n; first += store.ChunkSamples {
		for i := range cols.Times {
			cols.Times[i] = t0 + int64(float64(first+i)*1e6/rate)
		}
		numbers.From, numbers.To = cols.Times[0], cols.Times[store.ChunkSamples-1]
		chunks = append(chunks, sensocto.Chunk{
			SensorID: "s", AttributeID: "ecg", FirstSeq: int64(first), Count: store.ChunkSamples,
			MinTime: numbers.From, MaxTime: numbers.To, Numbers: numbers, Data: codec.Append(nil, &cols),
		})
		h.end = numbers.To
		if len(chunks) == 1000 || first+store.ChunkSamples >= n {
			if err := h.db.WriteChunks(b.Context(), chunks); err != nil {
				b.Fatal(err)
			}
			chunks = chunks[:0]
		}
	}
}

// forget drops what memory has of the file: SQLite's cache and the system's.
func (h *history) forget(b *testing.B) {
	h.close()
	f, err := os.Open(h.path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	_ = f.Sync()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		b.Fatal(err)
	}
	h.open(b)
}

func (h *history) benchmark(b *testing.B, q sensocto.HistoryQuery, cold bool) {
	buckets := 0
	for b.Loop() {
		if cold {
			b.StopTimer()
			h.forget(b)
			b.StartTimer()
		}
		answer, err := h.History(b.Context(), "s", "ecg", q)
		if err != nil {
			b.Fatal(err)
		}
		buckets = len(answer.Buckets) + len(answer.Samples)
	}
	b.ReportMetric(float64(buckets), "buckets")
}

// BenchmarkHistory is an hour, a minute and everything of series of several
// lengths: the cost grows with what is asked, not with what is kept.
func BenchmarkHistory(b *testing.B) {
	for _, c := range histories {
		b.Run(c.name, func(b *testing.B) {
			h := newHistory(b, c.rate, c.length)
			for _, q := range h.queries() {
				b.Run(q.name, func(b *testing.B) { h.benchmark(b, q.query, false) })
				b.Run(q.name+"_cold", func(b *testing.B) { h.benchmark(b, q.query, true) })
			}
			b.Run("60s_raw", func(b *testing.B) { h.raw(b, false) })
			b.Run("60s_raw_cold", func(b *testing.B) { h.raw(b, true) })
		})
	}
}

// BenchmarkHistoryPostgres is the same in PostgreSQL, warm.
func BenchmarkHistoryPostgres(b *testing.B) {
	postgrestest.Require(b)
	server, err := postgrestest.Start()
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	for _, c := range histories {
		b.Run(c.name, func(b *testing.B) {
			h := &history{url: server.Database(b, "h"+c.name)}
			h.fill(b, c.rate, c.length)
			for _, q := range h.queries() {
				b.Run(q.name, func(b *testing.B) { h.benchmark(b, q.query, false) })
			}
			b.Run("60s_raw", func(b *testing.B) { h.raw(b, false) })
		})
	}
}

var histories = []struct {
	name   string
	rate   float64
	length time.Duration
}{
	{"1h_512Hz", 512, time.Hour + 20*time.Minute},
	{"1d_512Hz", 512, 24 * time.Hour},
	{"7d_512Hz", 512, 7 * 24 * time.Hour},
	{"1y_1Hz", 1, 365 * 24 * time.Hour},
}

type namedQuery struct {
	name  string
	query sensocto.HistoryQuery
}

func (h *history) queries() []namedQuery {
	const second, hour = int64(1_000_000), int64(3_600_000_000)
	from := h.middle()
	return []namedQuery{
		{"hour", sensocto.HistoryQuery{From: from, To: from + hour}},
		{"newest_hour", sensocto.HistoryQuery{From: h.end - hour, To: h.end}},
		{"10min", sensocto.HistoryQuery{From: from, To: from + hour/6}},
		{"minute", sensocto.HistoryQuery{From: from, To: from + 60*second}},
		{"all", sensocto.HistoryQuery{}},
		{"hour_lttb", sensocto.HistoryQuery{From: from, To: from + hour, LTTB: true}},
	}
}

// middle is a time that lies on no edge of anything.
func (h *history) middle() int64 {
	const second, hour = int64(1_000_000), int64(3_600_000_000)
	return t0 + (h.end-t0)/2/hour*hour + 7*second
}

func (h *history) raw(b *testing.B, cold bool) {
	samples, from := 0, h.middle()
	for b.Loop() {
		if cold {
			b.StopTimer()
			h.forget(b)
			b.StartTimer()
		}
		page, err := h.Read(b.Context(), "s", "ecg", sensocto.Query{From: from, To: from + 60_000_000})
		if err != nil {
			b.Fatal(err)
		}
		samples = len(page.Samples)
	}
	b.ReportMetric(float64(samples), "samples")
}

// BenchmarkRollup makes the rollups of an hour: what maintenance costs.
func BenchmarkRollup(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		h := &history{path: filepath.Join(b.TempDir(), fmt.Sprintf("%d.db", b.N))}
		h.open(b)
		h.write(b, 512, 512*3600)
		h.close()
		h.open(b)
		b.StartTimer()
		if err := h.Maintain(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		h.close()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(512*3600), "ns/sample")
}
