package postgres_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/store"
)

const epoch = int64(1_700_000_000_000_000)

// shapes are kinds of samples that the encoding keeps in different forms.
var shapes = map[string]func(r *rand.Rand, i int) (t int64, v float64){
	"decimals at a rate": func(r *rand.Rand, i int) (int64, float64) {
		return int64(i) * 1_000_000 / 360, float64(r.IntN(4096)-2048) / 200
	},
	"whole milliseconds": func(_ *rand.Rand, i int) (int64, float64) { return int64(i) * 5000, float64(i % 7) },
	"a trend":            func(_ *rand.Rand, i int) (int64, float64) { return int64(i) * 1_000_000, float64(i*i) / 1000 },
	"large integers":     func(r *rand.Rand, i int) (int64, float64) { return int64(i), float64(r.Int64N(1<<53) - 1<<52) },
	"rounded to float32": func(r *rand.Rand, i int) (int64, float64) { return int64(i) * 1953, float64(float32(r.NormFloat64())) },
	"floats":             func(r *rand.Rand, i int) (int64, float64) { return int64(i) * 1953, r.NormFloat64() * 1e-3 },
	"any float32": func(r *rand.Rand, i int) (int64, float64) {
		return int64(i), finite(float64(math.Float32frombits(r.Uint32())))
	},
	"any float64": func(r *rand.Rand, i int) (int64, float64) { return int64(i), finite(math.Float64frombits(r.Uint64())) },
	"tiny and negative 0": func(r *rand.Rand, i int) (int64, float64) {
		return int64(i), []float64{math.Copysign(0, -1), 0, 5e-324, -5e-324, 2.2e-308, math.MaxFloat64}[r.IntN(6)]
	},
	"decimals with others": func(r *rand.Rand, i int) (int64, float64) { return int64(i) * 4000, odd(r, float64(r.IntN(1000))/100) },
	"jitter":               func(r *rand.Rand, i int) (int64, float64) { return int64(i)*10_000 + r.Int64N(300), 1.5 },
	"late and far":         func(r *rand.Rand, i int) (int64, float64) { return r.Int64N(1 << 45), float64(i) },
	"equal times":          func(_ *rand.Rand, i int) (int64, float64) { return int64(i) / 50 * 1000, float64(i) / 10 },
	"gaps":                 func(_ *rand.Rand, i int) (int64, float64) { return int64(i)*2000 + int64(i/100)*1_234_567, 0.1 },
}

func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 1
	}
	return v
}

func odd(r *rand.Rand, v float64) float64 {
	if r.IntN(100) == 0 {
		return math.Pi * v
	}
	return v
}

// documents are JSON texts that must come back as they are.
var documents = []string{`{"lat":48.2,  "lon":16.37}`, `"Ünïcödé \u0000 \\"`, `null`, `true`, `[1,[2,[3]]]`, `{"a":1e400,"a":2}`, `"` + string(make32k()) + `"`}

func make32k() []byte {
	b := make([]byte, 32<<10)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return b
}

// columns returns samples of a shape.
func columns(shape string, n int, seed uint64, share int) *store.Columns {
	r, cols := rand.New(rand.NewPCG(seed, 0)), &store.Columns{}
	for i := range n {
		t, v := shapes[shape](r, i)
		if share > 0 && r.IntN(share) == 0 {
			cols.Documents = append(cols.Documents, store.Document{Index: i, Text: []byte(documents[r.IntN(len(documents))])})
			v = math.NaN()
		}
		cols.Times, cols.Values = append(cols.Times, epoch+t), append(cols.Values, v)
	}
	return cols
}

// chunkOf encodes columns.
func chunkOf(sensor string, first int64, cols *store.Columns) sensocto.Chunk {
	c := sensocto.Chunk{SensorID: sensor, AttributeID: "a", FirstSeq: first, Count: len(cols.Times), MinTime: math.MaxInt64, MaxTime: math.MinInt64}
	for i, t := range cols.Times {
		c.MinTime, c.MaxTime = min(c.MinTime, t), max(c.MaxTime, t)
		if !math.IsNaN(cols.Values[i]) {
			c.Numbers.Merge(sensocto.Bucket{Count: 1, Min: cols.Values[i], Max: cols.Values[i], Sum: cols.Values[i], From: t, To: t})
		}
	}
	c.Data = store.NewCodec().Append(nil, cols)
	return c
}

// row is a sample as SQL has it, with the bits of its value.
type row struct {
	Number, Micros int64
	Bits           uint64
	Document       string
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func rowsOf(t testing.TB, conn *pgx.Conn, query string, args ...any) (list []row) {
	t.Helper()
	rows, err := conn.Query(context.Background(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	var at time.Time
	var value *float64
	var document *string
	var number int64
	_, err = pgx.ForEachRow(rows, []any{&at, &value, &document, &number}, func() error {
		x := row{Number: number, Micros: at.UnixMicro()}
		if value != nil {
			x.Bits = math.Float64bits(*value)
		}
		if document != nil {
			x.Document = *document
		}
		list = append(list, x)
		return nil
	})
	if err != nil {
		t.Fatal(args, err)
	}
	return list
}

func expect(cols *store.Columns) (list []row) {
	texts := make(map[int]string)
	for _, d := range cols.Documents {
		texts[d.Index] = string(d.Text)
	}
	for i, at := range cols.Times {
		x := row{Number: int64(i), Micros: at, Document: texts[i]}
		if x.Document == "" {
			x.Bits = math.Float64bits(cols.Values[i])
		}
		list = append(list, x)
	}
	return list
}

// SQL reads what Go reads, bit for bit, whatever form it is kept in.
func TestSamples_AreThoseOfGo(t *testing.T) {
	url := shared.Database(t)
	db, conn := open(t, url, postgres.Options{Plain: store.Plain()}), connect(t, url)
	for shape := range shapes {
		for _, n := range []int{1, 2, 64, 65, 2000} {
			for _, share := range []int{0, 1, 20} {
				if n > 64 && share == 1 {
					continue // documents alone
				}
				sensor := fmt.Sprintf("%s %d %d", shape, n, share)
				cols := columns(shape, n, uint64(n), share)
				if err := db.WriteChunks(t.Context(), []sensocto.Chunk{chunkOf(sensor, 0, cols)}); err != nil {
					t.Fatal(sensor, err)
				}
				got := rowsOf(t, conn, `SELECT "time", value, document::text, number FROM sensocto.samples($1, 'a') ORDER BY number`, sensor)
				if diff := cmp.Diff(expect(cols), got); diff != "" {
					t.Errorf("%s: -want +got\n%.2000s", sensor, diff)
				}
			}
		}
	}
}

// The same for what rapid thinks of.
func TestSamples_OfAnyNumbers(t *testing.T) {
	url := shared.Database(t)
	db, conn := open(t, url, postgres.Options{Plain: store.Plain()}), connect(t, url)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		cols := &store.Columns{}
		for i := range rapid.IntRange(1, 200).Draw(rt, "samples") {
			cols.Times = append(cols.Times, rapid.Int64Range(sensocto.MinTimestamp, 1<<53).Draw(rt, "time"))
			cols.Values = append(cols.Values, finite(rapid.Float64().Draw(rt, "value")))
			if rapid.IntRange(0, 9).Draw(rt, "kind") == 0 {
				cols.Values[i] = math.NaN()
				cols.Documents = append(cols.Documents, store.Document{Index: i, Text: []byte(rapid.SampledFrom(documents).Draw(rt, "document"))})
			}
		}
		sensor := fmt.Sprint("s", run)
		if err := db.WriteChunks(t.Context(), []sensocto.Chunk{chunkOf(sensor, 0, cols)}); err != nil {
			rt.Fatal(err)
		}
		got := rowsOf(t, conn, `SELECT "time", value, document::text, number FROM sensocto.samples($1, 'a') ORDER BY number`, sensor)
		if diff := cmp.Diff(expect(cols), got); diff != "" {
			rt.Fatalf("-want +got\n%.2000s", diff)
		}
	})
}

// bucketRow is a bucket as SQL has it.
type bucketRow struct {
	Time        time.Time
	Count       int64
	Min, Max    float64
	Mean, Sum   float64
	First, Last float64
}

func bucketsOf(t testing.TB, conn *pgx.Conn, query string, args ...any) []bucketRow {
	t.Helper()
	rows, err := conn.Query(context.Background(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[bucketRow])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Buckets in SQL are those of the history API, also where rollups are used.
func TestBuckets_AreThoseOfTheStore(t *testing.T) {
	url := shared.Database(t)
	db := open(t, url, postgres.Options{Exclusive: true, Plain: store.Plain()})
	s, err := store.Open(t.Context(), db, store.Options{HotSamples: 10, RollupFan: [4]int{2, 2, 2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	r, conn := rand.New(rand.NewPCG(1, 1)), connect(t, url)
	fill(t, s, r)
	if err := s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := postgrestest.Query[int64](t, url, `SELECT count(*) FROM sensocto.chunk WHERE level > 0`)[0]; n < 10 {
		t.Fatalf("only %d rollups", n)
	}
	for _, attribute := range []string{"regular", "late", "mixed"} {
		for _, width := range []int64{1000, 12_345, 1_000_000, 5_000_000, 60_000_000, 3_600_000_000} {
			for range 3 {
				from := epoch + r.Int64N(100_000_000)
				compareBuckets(t, s, conn, attribute, width, from, from+r.Int64N(min(100_000_000, 400*width)))
			}
		}
		compareBuckets(t, s, conn, attribute, 10_000_000, epoch-1_000_000_000, epoch+3_000_000_000)
	}
}

// Where samples are gone buckets are as wide as the rollups that are left, and
// nothing is left out.
func TestBuckets_WhereOnlyRollupsAreLeft(t *testing.T) {
	url := shared.Database(t)
	db := open(t, url, postgres.Options{Exclusive: true, Plain: store.Plain()})
	s, err := store.Open(t.Context(), db, store.Options{HotSamples: 10, RollupFan: [4]int{2, 2, 2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, rand.New(rand.NewPCG(1, 1)))
	if err := s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	const fine = `SELECT coalesce(sum(count), 0)::bigint FROM sensocto.buckets('s', 'regular', '1 ms')`
	for _, gone := range []struct {
		level     int
		beforeSeq int64
	}{{0, 4 * store.ChunkSamples}, {0, 8 * store.ChunkSamples}, {1, 4 * store.ChunkSamples}, {2, 4 * store.ChunkSamples}} {
		if n := postgrestest.Query[int64](t, url, fine)[0]; n != 100*512 {
			t.Fatalf("%d samples in buckets before %+v", n, gone)
		}
		dropped, err := db.DropChunks(t.Context(), sensocto.ChunkDrop{SensorID: "s", AttributeID: "regular", Level: gone.level, Before: 1 << 62, BeforeSeq: gone.beforeSeq})
		if err != nil || dropped.Chunks == 0 {
			t.Fatal(dropped, err)
		}
	}
	if n := postgrestest.Query[int64](t, url, fine)[0]; n != 100*512 {
		t.Errorf("%d samples in buckets", n)
	}
	// What has all its samples is as fine as it was asked for.
	if n := postgrestest.Query[int64](t, url, `SELECT max(count) FROM sensocto.buckets('s', 'regular', '1 ms', $1)`, time.UnixMicro(epoch+90_000_000))[0]; n != 1 {
		t.Errorf("%d samples in a bucket of a millisecond", n)
	}
}

// fill puts 100 s at 512 Hz of three kinds.
func fill(t *testing.T, s *store.Store, r *rand.Rand) {
	t.Helper()
	for at := range 100 {
		b := &sensocto.Batch{SensorID: "s"}
		for i := range 512 {
			now := epoch + int64(at)*1_000_000 + int64(i)*1953
			v := float64(r.IntN(4096)-2048) / 200
			for attribute, sample := range map[string]sensocto.Sample{
				"regular": {Timestamp: now, Value: v},
				"late":    {Timestamp: now - r.Int64N(30_000_000), Value: float64(float32(r.NormFloat64()))},
				"mixed":   {Timestamp: now / 10_000 * 10_000, Value: v},
			} {
				if attribute == "mixed" && r.IntN(10) == 0 {
					sample.Document = []byte(`{"a":1}`)
				}
				b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: attribute, Sample: sample})
			}
		}
		if err := s.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func compareBuckets(t *testing.T, s *store.Store, conn *pgx.Conn, attribute string, width, from, to int64) {
	t.Helper()
	want, err := s.History(t.Context(), "s", attribute, sensocto.HistoryQuery{From: from, To: to, Width: width, MaxBuckets: 5000})
	if err != nil {
		t.Fatal(err)
	}
	got := bucketsOf(t, conn, `SELECT * FROM sensocto.buckets('s', $1, $2 * interval '1 microsecond', $3, $4)`,
		attribute, want.Width, time.UnixMicro(from), time.UnixMicro(to))
	if len(got) != len(want.Buckets) {
		t.Fatalf("%s in %d µs: %d buckets, want %d", attribute, want.Width, len(got), len(want.Buckets))
	}
	for i, w := range want.Buckets {
		g := got[i]
		if math.Abs(g.Sum-w.Sum) > 1e-9*float64(w.Count) || math.Abs(g.Mean-w.Mean()) > 1e-9 {
			t.Fatalf("%s: bucket %d has sum %v and mean %v, want %v and %v", attribute, i, g.Sum, g.Mean, w.Sum, w.Mean())
		}
		start := w.From - w.From%want.Width
		if g.Time.UnixMicro() != start || g.Count != w.Count || g.Min != w.Min || g.Max != w.Max || g.First != w.First || g.Last != w.Last {
			t.Fatalf("%s in %d µs: bucket %d is %+v, want %+v", attribute, want.Width, i, g, w)
		}
	}
}

func TestFunctions_OfNothing(t *testing.T) {
	url := shared.Database(t)
	open(t, url, postgres.Options{})
	for _, sql := range []string{`SELECT count(*) FROM sensocto.samples('s', 'a')`, `SELECT count(*) FROM sensocto.buckets('s', 'a', '1s')`,
		`SELECT count(*) FROM sensocto.series_info`, `SELECT count(*) FROM sensocto.chunk_info`} {
		if n := postgrestest.Query[int64](t, url, sql)[0]; n != 0 {
			t.Errorf("%s: %d", sql, n)
		}
	}
}
