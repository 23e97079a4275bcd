package postgres_test

import (
	"fmt"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/store"
)

// BenchmarkSamples reads a hundred chunks in SQL.
func BenchmarkSamples(b *testing.B) {
	url := shared.Database(b)
	db := open(b, url, postgres.Options{Plain: store.Plain()})
	const chunks = 100
	for _, shape := range []string{"decimals at a rate", "large integers", "jitter", "rounded to float32", "floats"} {
		for i := range int64(chunks) {
			cols := columns(shape, store.ChunkSamples, uint64(i), 0)
			for k := range cols.Times {
				cols.Times[k] += i * 60_000_000
			}
			if err := db.WriteChunks(b.Context(), []sensocto.Chunk{chunkOf(shape, i*store.ChunkSamples, cols)}); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(shape, func(b *testing.B) {
			for b.Loop() {
				sql := fmt.Sprintf(`SELECT count(value) FROM sensocto.samples('%s', 'a')`, shape)
				if n := postgrestest.Query[int64](b, url, sql)[0]; n != chunks*store.ChunkSamples {
					b.Fatal(n)
				}
			}
			b.ReportMetric(float64(b.N)*chunks*store.ChunkSamples/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
