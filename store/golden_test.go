package store_test

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares bytes with those of a file: chunks that were written once
// must be readable for ever.
func golden(t *testing.T, name string, data []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", name+".hex")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(hex.Dump(data)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), hex.Dump(data)); diff != "" {
		t.Errorf("%s is encoded differently (-update rewrites the file; a new encoding needs a new version): %s", name, diff)
	}
	return undump(t, string(text))
}

// undump undoes hex.Dump.
func undump(t *testing.T, text string) (data []byte) {
	t.Helper()
	for line := range strings.Lines(text) {
		columns, _, _ := strings.Cut(line, "|")
		_, columns, _ = strings.Cut(columns, "  ")
		bytes, err := hex.DecodeString(strings.ReplaceAll(columns, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, bytes...)
	}
	return data
}

func TestRollup_Golden(t *testing.T) {
	want := &store.Rollup{Width: 5000}
	for i, start := range []int64{-5000, 0, 5000, 25_000, 1_700_000_000_005_000} {
		n := float64(i)
		want.Cells = append(want.Cells, store.Cell{Start: start, Documents: int64(i % 2), Numbers: sensocto.Bucket{
			Count: 3, Min: -n / 200, Max: n / 4, Sum: n + 0.125, First: n / 8, Last: -n / 200, From: start + 1, To: start + 4000 + int64(i),
		}})
	}
	want.Cells = append(want.Cells, store.Cell{Start: 1_700_000_000_015_000, Documents: 7})
	codec := store.NewCodec()
	var got store.Rollup
	if err := codec.DecodeRollup(golden(t, "rollup-v1", codec.AppendRollup(nil, want)), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Error(diff)
	}
}

func TestCodec_Golden(t *testing.T) {
	want := &store.Columns{}
	for i := range 70 {
		want.Times = append(want.Times, t0+int64(i)*1953)
		want.Values = append(want.Values, float64(i*i%41-20)/200)
	}
	want.Times[50] -= 1_000_000
	want.Values[7] = 1.0 / 3
	codec := store.NewCodec()
	var got store.Columns
	if err := codec.Decode(golden(t, "chunk-v1", codec.Append(nil, want)), &got); err != nil {
		t.Fatal(err)
	}
	requireSame(t, want, &got)
}
