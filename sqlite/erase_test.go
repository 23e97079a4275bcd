package sqlite_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sqlite"
)

// fillWith writes chunks of a sensor that hold some text.
func fillWith(t *testing.T, db *sqlite.DB, sensor, text string, n int) {
	t.Helper()
	chunks := make([]sensocto.Chunk, n)
	for i := range chunks {
		chunks[i] = sensocto.Chunk{SensorID: sensor, AttributeID: "a", FirstSeq: int64(i), Count: 1, MinTime: int64(i), MaxTime: int64(i), Data: []byte(strings.Repeat(text, 20))}
	}
	if err := db.WriteChunks(t.Context(), chunks); err != nil {
		t.Fatal(err)
	}
}

// holds reports whether the database file, or what is beside it, holds a text.
func holds(t *testing.T, path, text string) (found bool) {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		found = found || bytes.Contains(content, []byte(text))
	}
	return found
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestDB_EraseLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sensocto.db")
	db := open(t, path, sqlite.Options{Exclusive: true})
	fillWith(t, db, "unwanted", "private", 9000) // more than one transaction deletes
	fillWith(t, db, "wanted", "kept", 10)
	if _, err := db.DeleteSamples(t.Context(), "unwanted"); err != nil {
		t.Fatal(err)
	}
	if err := db.Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"private", "unwanted"} {
		if holds(t, path, text) {
			t.Errorf("%q is still there", text)
		}
	}
	if !holds(t, path, "kept") || size(t, path) > 350_000 { // most of it is empty tables
		t.Errorf("%d bytes", size(t, path))
	}
	fillWith(t, db, "unwanted", "again", 1) // the series begins anew
	if series, err := db.Series(t.Context()); err != nil || len(series) != 2 {
		t.Errorf("%+v, %v", series, err)
	}
	if err := db.Erase(t.Context()); err != nil {
		t.Errorf("with nothing to erase: %v", err)
	}
}

// While somebody reads, what was deleted cannot go: Erase says so.
func TestDB_EraseBesideAReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sensocto.db")
	db := open(t, path, sqlite.Options{Exclusive: true, BusyTimeout: 1})
	fillWith(t, db, "s", "text", 10)
	query := sensocto.ChunkRange{SensorID: "s", AttributeID: "a", BeforeSeq: 100, ByNumber: true}
	err := db.ReadChunks(t.Context(), query, func(*sensocto.Chunk) bool {
		if err := db.Erase(t.Context()); err == nil || !strings.Contains(err.Error(), "try again") {
			t.Errorf("beside a reader: %v", err)
		}
		return false
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Erase(t.Context()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if db.Erase(ctx) == nil {
		t.Error("it goes on although nobody waits")
	}
}
