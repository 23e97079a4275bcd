package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkImport_OfARecord imports half an hour of two leads into an empty
// directory, all overhead counted: from opening the files to everything being
// on disk and the database closed.
func BenchmarkImport_OfARecord(b *testing.B) {
	if _, err := os.Stat(shared()); err != nil {
		b.Skip("no shared data")
	}
	const samples = 2*650_000 + 2274
	dir := b.TempDir()
	for b.Loop() {
		args := []string{"import", shared(), "--start", startText, "-q", "--data-dir", filepath.Join(dir, "data")}
		if code := run(context.Background(), args, io.Discard, io.Discard, nil); code != 0 {
			b.Fatal(code)
		}
		b.StopTimer()
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)*samples/b.Elapsed().Seconds(), "samples/s")
}
