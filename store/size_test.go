package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

// The file of a recording, flushed every four seconds of its time, all overhead
// counted.
func TestStore_ARecordingOnDiskIsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 650,000 samples")
	}
	all := record100(t)
	path := filepath.Join(t.TempDir(), "sensocto.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, db, store.Options{})
	const copies, step = 1, 1440
	b := &sensocto.Batch{}
	for at := 0; at < len(all.Times); at += step {
		for i := range copies {
			b.SensorID, b.Measurements = fmt.Sprintf("s%d", i), b.Measurements[:0]
			for j := at; j < min(at+step, len(all.Times)); j++ {
				b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "MLII", Sample: sensocto.Sample{Timestamp: all.Times[j], Value: all.Values[j]}})
			}
			put(t, s, b)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	perSample, rollups := metric(s, "store_bytes_per_sample"), metric(s, "store_rollup_bytes")/float64(copies*len(all.Times))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	onDisk := float64(info.Size()) / float64(copies*len(all.Times))
	t.Logf("%.3f bytes a sample in chunks, %.3f in rollups, %.3f in the file", perSample, rollups, onDisk)
	if onDisk > 1.3 {
		t.Errorf("%.3f bytes a sample in the file, want at most 1.3", onDisk)
	}
}
