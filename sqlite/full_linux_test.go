package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

// smallDisk returns a directory on a file system of a given size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("no right to mount a small disk:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// waitFor polls: a real disk takes no part in virtual time.
func waitFor(t *testing.T, what string, f func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for ctx := t.Context(); !f(); {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal("test ended before ", what)
		case <-time.After(20 * time.Second):
			t.Fatal("waited too long for ", what)
		}
	}
}

func TestStore_AFullDisk(t *testing.T) {
	dir := smallDisk(t, "8m")
	path := filepath.Join(dir, "sensocto.db")
	db := open(t, path, sqlite.Options{Exclusive: true})
	s, err := store.Open(t.Context(), db, store.Options{MaxUnflushedBytes: 1 << 20, FlushInterval: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1) // the one result of Run
	go func() { done <- s.Run(ctx) }()

	taken := 0
	put := func() error {
		b := &sensocto.Batch{SensorID: "s"}
		for i := range 100 {
			b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "a",
				Sample: sensocto.Sample{Timestamp: 1_700_000_000_000_000 + int64(taken+i)*1000, Value: float64(taken + i)}})
		}
		err := s.Put(ctx, b)
		if err == nil {
			taken += len(b.Measurements)
		}
		return err
	}
	if err := put(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the first flush", func() bool { return s.Counts("s")["a"].Unflushed == 0 })

	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	waitFor(t, "a failing flush", func() bool {
		if err := put(); err != nil && !errors.Is(err, sensocto.ErrUnavailable) {
			t.Fatal(err)
		}
		return s.Err() != nil
	})
	for err = put(); err == nil; err = put() { // up to the bound
	}
	if !errors.Is(err, sensocto.ErrUnavailable) {
		t.Errorf("beyond the bound: %v", err)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "recovery", func() bool { return s.Err() == nil && s.Counts("s")["a"].Unflushed == 0 })
	if err := put(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	requireAll(t, path, taken)
}

func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

func requireAll(t *testing.T, path string, n int) {
	t.Helper()
	s, err := store.Open(t.Context(), open(t, path, sqlite.Options{}), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Read(t.Context(), "s", "a", sensocto.Query{})
	if err != nil || len(page.Samples) != n {
		t.Fatalf("%d samples, want %d: %v", len(page.Samples), n, err)
	}
	for i, sample := range page.Samples {
		if sample.Value != float64(i) {
			t.Fatalf("sample %d is %v", i, sample.Value)
		}
	}
}
