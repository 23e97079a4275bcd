package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

func uploaded(t testing.TB, chunks ...int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := newImportWriter(&out, importManifest{Name: "Night", Type: "recording", Rate: 100, Attributes: []importAttribute{{ID: "a", Unit: "mV", Rate: 100}, {ID: "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	for k, n := range chunks {
		cols := &store.Columns{}
		for i := range n {
			cols.Times, cols.Values = append(cols.Times, int64(i)), append(cols.Values, float64(i*k))
		}
		if err := w.chunk([]string{"a", "b"}[k%2], cols); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.end(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readUpload returns how many samples each attribute has.
func readUpload(data []byte) (counts map[string]int, err error) {
	counts = make(map[string]int)
	r, err := newImportReader(bytes.NewReader(data))
	for err == nil {
		var id string
		var cols *store.Columns
		if id, cols, err = r.next(); err == nil {
			counts[id] += len(cols.Times)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return counts, err
}

func TestUpload_IsReadAsItWasWritten(t *testing.T) {
	whole := uploaded(t, 4096, 10, 1)
	counts, err := readUpload(whole)
	if err != nil || counts["a"] != 4097 || counts["b"] != 10 {
		t.Errorf("%v %v", counts, err)
	}
	for n := range whole {
		if _, err := readUpload(whole[:n]); sensocto.ErrorReason(err) != "incomplete" {
			t.Fatalf("%d bytes of %d: %v", n, len(whole), err)
		}
	}
	for i := range whole {
		changed := slices.Clone(whole)
		changed[i] ^= 0x40
		if _, err := readUpload(changed); err != nil && sensocto.ErrorCode(err) != sensocto.CodeInvalid {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	if _, err := newImportWriter(io.Discard, importManifest{}); err != nil {
		t.Error(err)
	}
}

func FuzzUpload(f *testing.F) {
	f.Add(uploaded(f, 3))
	f.Add(uploaded(f))
	f.Add([]byte(importMagic + "\x02{}\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := readUpload(data); err != nil && sensocto.ErrorCode(err) != sensocto.CodeInvalid {
			t.Error(err)
		}
	})
}
