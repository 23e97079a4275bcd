package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A restore that fails on its last step says where the old journal is.
func TestRestore_SaysWhatItMovedWhereItFails(t *testing.T) {
	config := Config{DataDir: t.TempDir()}
	if err := os.Mkdir(config.journal(), 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := newWorkplace(t.Context(), config, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	work, _ := filepath.Glob(filepath.Join(config.DataDir, "restore-*"))
	if err := os.RemoveAll(work[0]); err != nil { // so that there is nothing to take the place
		t.Fatal(err)
	}
	aside, err := w.takePlace(t.Context(), false)
	if err == nil || len(aside) != 1 {
		t.Fatalf("%q, %v", aside, err)
	}
	if _, err := os.Stat(filepath.Join(aside[0], filepath.Base(config.journal()))); err != nil {
		t.Error(err)
	}
	if err := w.discard(); err != nil {
		t.Error(err)
	}
}
