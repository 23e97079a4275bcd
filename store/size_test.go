package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
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

// The same in PostgreSQL, whose chunks are not compressed by the program, so that
// SQL can read them.
func TestStore_RecordingsInPostgresAreSmall(t *testing.T) {
	postgrestest.Require(t)
	server, err := postgrestest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}()
	requireSmallTables(t, server.Database(t, "generated"), &store.Columns{Times: regular(300_000, 360, 1), Values: ecg(300_000, 360)})
	t.Run("record100", func(t *testing.T) { requireSmallTables(t, server.Database(t, "record100"), record100(t)) })
}

// requireSmallTables counts tables, indexes and what is stored beside them.
func requireSmallTables(t *testing.T, url string, all *store.Columns) {
	const want = 1.3
	db, err := postgres.Open(t.Context(), url, postgres.Options{Exclusive: true, Plain: store.Plain()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	live(t, db, all)
	for i := 1; i < copies; i++ {
		copyChunks(t, db, fmt.Sprintf("s%d", i))
	}
	postgrestest.Exec(t, url, `VACUUM`) // as the server's own does sooner or later
	size := postgrestest.Query[int64](t, url, `SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
		WHERE relnamespace = 'sensocto'::regnamespace AND relkind = 'r'`)[0]
	perSample := float64(size) / float64(copies*len(all.Times))
	t.Logf("%.3f bytes a sample in tables and indexes", perSample)
	if perSample > want {
		t.Errorf("%.3f bytes a sample in tables and indexes, want at most %v", perSample, want)
	}
}

const copies = 10

func requireSmallFile(t *testing.T, all *store.Columns) {
	const want = 1.3
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
