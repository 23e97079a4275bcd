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

// The database file of ten sensors, all overhead counted: one is flushed every
// four seconds of its time, by a server that is started again now and then,
// compacted and rolled up; the others are copies of its chunks.
func TestStore_RecordingsOnDiskAreSmall(t *testing.T) {
	t.Run("generated", func(t *testing.T) {
		const n = 300_000
		requireSmallFile(t, &store.Columns{Times: regular(n, 360, 1), Values: ecg(n, 360)})
	})
	t.Run("record100", func(t *testing.T) { requireSmallFile(t, record100(t)) })
}

func requireSmallFile(t *testing.T, all *store.Columns) {
	const copies, want = 10, 1.3
	path := filepath.Join(t.TempDir(), "sensocto.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	s := live(t, db, all)
	for i := 1; i < copies; i++ {
		copyChunks(t, db, fmt.Sprintf("s%d", i))
	}
	samples := float64(len(all.Times))
	chunks, rollups := metric(s, "store_bytes_per_sample"), metric(s, "store_rollup_bytes")/samples
	if err := db.Close(); err != nil { // a checkpoint
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	onDisk := float64(info.Size()) / (copies * samples)
	t.Logf("%.3f bytes a sample in chunks, %.3f in rollups, %.3f in the file", chunks, rollups, onDisk)
	if onDisk > want {
		t.Errorf("%.3f bytes a sample in the file, want at most %v", onDisk, want)
	}
}

// live puts, flushes, restarts and maintains, as a server does.
func live(t *testing.T, cold store.Cold, all *store.Columns) *store.Store {
	const step, life = 1440, 100
	s := open(t, cold, store.Options{})
	b := &sensocto.Batch{SensorID: "s"}
	for at := 0; at < len(all.Times); at += step {
		b.Measurements = b.Measurements[:0]
		for j := at; j < min(at+step, len(all.Times)); j++ {
			b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "a", Sample: sensocto.Sample{Timestamp: all.Times[j], Value: all.Values[j]}})
		}
		put(t, s, b)
		flush(t, s)
		if at/step%life == life-1 {
			s = open(t, cold, store.Options{})
		}
	}
	maintain(t, s)
	return s
}

// copyChunks gives another sensor all chunks and rollups of the first.
func copyChunks(t *testing.T, cold store.Cold, sensor string) {
	for level := range sensocto.RollupLevels + 1 {
		list := chunks(t, cold, level)
		for i := range list {
			list[i].SensorID = sensor
		}
		if err := cold.WriteChunks(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
}
