package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/store"
)

// BenchmarkPostgresWrite writes sealed chunks of 200 series, as a flush does,
// to a server that syncs to disk, and says how large the database is then.
func BenchmarkPostgresWrite(b *testing.B) {
	postgrestest.Require(b)
	for _, shape := range []string{"decimals at a rate", "rounded to float32"} {
		b.Run(shape, func(b *testing.B) {
			server, err := postgrestest.Start("fsync=on", "full_page_writes=on", "synchronous_commit=on", "shared_buffers=256MB", "max_wal_size=4GB")
			if err != nil {
				b.Fatal(err)
			}
			defer server.Close()
			url := server.Database(b, "bench")
			db := open(b, url, postgres.Options{Exclusive: true, Plain: store.Plain()})
			const series, kinds = 200, 16
			var made [kinds]sensocto.Chunk
			for i := range made {
				made[i] = chunkOf("s", 0, columns(shape, store.ChunkSamples, uint64(i), 0))
			}
			chunks := make([]sensocto.Chunk, series)
			round := int64(0)
			for b.Loop() {
				for i := range chunks {
					c := made[(int64(i)+round)%kinds]
					c.SensorID, c.FirstSeq = fmt.Sprint("sensor-", i), round*store.ChunkSamples
					c.MinTime += round * 10_000_000
					c.MaxTime += round * 10_000_000
					chunks[i] = c
				}
				if err := db.WriteChunks(b.Context(), chunks); err != nil {
					b.Fatal(err)
				}
				round++
			}
			samples := float64(b.N) * series * store.ChunkSamples
			b.ReportMetric(samples/b.Elapsed().Seconds(), "samples/s")
			b.ReportMetric(float64(len(made[0].Data))/store.ChunkSamples, "B/sample-encoded")
			size := postgrestest.Query[int64](b, url, `SELECT pg_database_size(current_database())`)[0]
			b.ReportMetric(float64(size-8<<20)/samples, "B/sample-on-disk")
		})
	}
}

// BenchmarkPostgresSmallChunks replaces an open part of each of 1,000 series.
func BenchmarkPostgresSmallChunks(b *testing.B) {
	postgrestest.Require(b)
	server, err := postgrestest.Start("fsync=on", "full_page_writes=on", "synchronous_commit=on")
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	db := open(b, server.Database(b, "bench"), postgres.Options{Exclusive: true, Plain: store.Plain()})
	chunks := make([]sensocto.Chunk, 1000)
	for i := range chunks {
		chunks[i] = chunkOf(fmt.Sprint("sensor-", i), 0, columns("decimals at a rate", 100, uint64(i), 0))
	}
	for b.Loop() {
		if err := db.WriteChunks(b.Context(), chunks); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(chunks))/b.Elapsed().Seconds(), "chunks/s")
}

// BenchmarkPostgresRead reads the newest samples, and a minute, of a long series.
func BenchmarkPostgresRead(b *testing.B) {
	url := shared.Database(b)
	db := open(b, url, postgres.Options{Exclusive: true, Plain: store.Plain()})
	const count = 5000 // chunks: half a day
	made := chunkOf("s", 0, columns("decimals at a rate", store.ChunkSamples, 1, 0))
	var chunks []sensocto.Chunk
	width := made.MaxTime - made.MinTime + 2777
	for i := range int64(count) {
		c := made
		c.FirstSeq, c.MinTime, c.MaxTime = i*store.ChunkSamples, made.MinTime+i*width, made.MaxTime+i*width
		if chunks = append(chunks, c); len(chunks) == 500 {
			if err := db.WriteChunks(b.Context(), chunks); err != nil {
				b.Fatal(err)
			}
			chunks = chunks[:0]
		}
	}
	middle := made.MinTime + count/2*width
	for name, q := range map[string]struct {
		r    sensocto.ChunkRange
		stop int
	}{
		"newest_chunk": {sensocto.ChunkRange{Order: sensocto.Descending}, 1},
		"minute":       {sensocto.ChunkRange{From: middle, To: middle + time.Minute.Microseconds()}, 1 << 30},
		"all_no_data":  {sensocto.ChunkRange{NoData: true}, 1 << 30},
		"all":          {sensocto.ChunkRange{ByNumber: true}, 1 << 30},
	} {
		q.r.SensorID, q.r.AttributeID, q.r.BeforeSeq = "s", "a", 1<<60
		b.Run(name, func(b *testing.B) {
			seen := 0
			for b.Loop() {
				seen = 0
				err := db.ReadChunks(b.Context(), q.r, func(*sensocto.Chunk) bool { seen++; return seen < q.stop })
				if err != nil || seen == 0 {
					b.Fatal(seen, err)
				}
			}
			b.ReportMetric(float64(seen), "chunks")
		})
	}
}
