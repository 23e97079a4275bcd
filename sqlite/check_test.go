package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

func TestProblems(t *testing.T) {
	path := dbPath(t)
	db := open(t, path, sqlite.Options{})
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &sensocto.Batch{SensorID: "s"}
	for i := range 50_000 {
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "a", Sample: sensocto.Sample{Timestamp: int64(i * i), Value: float64(i * i % 1013)}})
	}
	if err := s.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if list, err := sqlite.Problems(t.Context(), path); err != nil || len(list) > 0 {
		t.Errorf("of a whole one: %v %v", list, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, wound := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
		"zeroed":  func(b []byte) []byte { clear(b[5*4096 : 9*4096]); return b },
		"foreign": func(b []byte) []byte { return []byte(strings.Repeat("not a database ", 400)) },
	} {
		bad := filepath.Join(t.TempDir(), "bad.db")
		if err := os.WriteFile(bad, wound(append([]byte(nil), text...)), 0o600); err != nil {
			t.Fatal(err)
		}
		if list, err := sqlite.Problems(t.Context(), bad); err != nil || len(list) == 0 {
			t.Errorf("%s: %v %v", what, list, err)
		}
	}
	if _, err := sqlite.Problems(t.Context(), filepath.Join(t.TempDir(), "none.db")); err == nil {
		t.Error("there is no file")
	}
}

func TestDB_RecountsAndReindexes(t *testing.T) {
	path := dbPath(t)
	db := open(t, path, sqlite.Options{})
	s, err := store.Open(t.Context(), db, store.Options{RollupFan: [sensocto.RollupLevels]int{1, 1, 1, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		b := &sensocto.Batch{SensorID: "s"}
		for i := range 10_000 {
			b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: id, Sample: sensocto.Sample{Timestamp: int64(i) * 1000, Value: 1}})
		}
		if err := s.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	want, err := db.Series(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), `UPDATE series SET samples = 3, bytes = 0, rollup_bytes = 7, next_seq = 1, max_time = 5, spans = 0`); err != nil {
		t.Fatal(err)
	}
	if err := db.Recount(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Reindex(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := db.Series(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	n := 0
	err = db.ReadChunks(t.Context(), sensocto.ChunkRange{SensorID: "s", AttributeID: "a", BeforeSeq: 1 << 60}, func(*sensocto.Chunk) bool { n++; return true })
	if err != nil || int64(n) != want[0].Chunks {
		t.Errorf("%d chunks by time: %v", n, err)
	}
}
