package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

// TestStore_NothingCountsAsWrittenWhereTheDatabaseVanishes takes the database
// from a store: nothing counts as written meanwhile, and it goes on once the
// file is back.
func TestStore_NothingCountsAsWrittenWhereTheDatabaseVanishes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be moved on Windows")
	}
	for name, suffixes := range map[string][]string{"database": {""}, "write-ahead log": {"-wal"}, "both": {"", "-wal", "-shm"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "sensocto.db")
			s := openStoreIn(t, dir)
			putOne(t, s, 1)
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, suffix := range suffixes {
				if err := os.Rename(path+suffix, path+suffix+".moved"); err != nil {
					t.Fatal(err)
				}
			}
			putOne(t, s, 2)
			if err := s.Flush(t.Context()); !errors.Is(err, sqlite.ErrVanished) {
				t.Fatalf("flushed to a file that is gone: %v", err)
			}
			if n := s.Counts("s")["a"].Unflushed; n != 1 {
				t.Errorf("%d samples are unflushed", n)
			}
			for _, suffix := range suffixes {
				if err := os.Rename(path+suffix+".moved", path+suffix); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Flush(t.Context()); err != nil { // the same file: it goes on
				t.Fatal(err)
			}
		})
	}
}

func openStoreIn(t *testing.T, dir string) *store.Store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "sensocto.db"), sqlite.Options{Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func putOne(t *testing.T, s *store.Store, value float64) {
	t.Helper()
	m := sensocto.Measurement{AttributeID: "a", Sample: sensocto.Sample{Timestamp: 1_700_000_000_000_000, Value: value}}
	if err := s.Put(t.Context(), &sensocto.Batch{SensorID: "s", Measurements: []sensocto.Measurement{m}}); err != nil {
		t.Fatal(err)
	}
}
