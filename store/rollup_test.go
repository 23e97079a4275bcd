package store_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

// drawRollup draws any rollup that there may be.
func drawRollup(t *rapid.T) *store.Rollup {
	r := &store.Rollup{Width: rapid.SampledFrom([]int64{1, 1000, 500_000, 86_400_000_000}).Draw(t, "width")}
	value := rapid.OneOf(rapid.Float64(), rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(-2048, 2047).Draw(t, "m")) / 200 }))
	n := rapid.Int64Range(-1000, 1e6).Draw(t, "first")
	for range rapid.IntRange(1, 200).Draw(t, "cells") {
		c := store.Cell{Start: n * r.Width, Documents: rapid.Int64Range(0, 3).Draw(t, "documents")}
		if c.Documents == 0 || rapid.Bool().Draw(t, "numbers") {
			from := rapid.Int64Range(0, r.Width-1).Draw(t, "from")
			c.Numbers = sensocto.Bucket{
				Count: rapid.Int64Range(1, 1<<40).Draw(t, "count"), From: c.Start + from, To: c.Start + rapid.Int64Range(from, r.Width-1).Draw(t, "to"),
				Min: value.Draw(t, "min"), Max: value.Draw(t, "max"), First: value.Draw(t, "first"), Last: value.Draw(t, "last"), Sum: value.Draw(t, "sum"),
			}
		}
		r.Cells = append(r.Cells, c)
		n += rapid.Int64Range(1, 5).Draw(t, "step")
	}
	if r.HasFields = rapid.Bool().Draw(t, "has fields"); !r.HasFields {
		return r
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "fields") {
		f := store.Field{Name: fmt.Sprintf("field %d", i)}
		for _, c := range r.Cells {
			c.Documents = 0
			if rapid.IntRange(0, 3).Draw(t, "has") == 0 {
				c.Numbers = sensocto.Bucket{}
			}
			f.Cells = append(f.Cells, c)
		}
		r.Fields = append(r.Fields, f)
	}
	return r
}

func sameBits(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

func TestRollup_RoundTrip(t *testing.T) {
	codec := store.NewCodec()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRollup(t)
		var got store.Rollup
		if err := codec.DecodeRollup(codec.AppendRollup([]byte("before"), r)[6:], &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, &got, cmp.Comparer(sameBits)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestRollup_SumsThatAreNoNumbers(t *testing.T) {
	codec := store.NewCodec()
	r := &store.Rollup{Width: 10}
	for i, sum := range []float64{math.Inf(1), math.NaN(), math.Inf(-1), 0} {
		at := int64(i * 10)
		r.Cells = append(r.Cells, store.Cell{Start: at, Numbers: sensocto.Bucket{Count: 2, Min: -math.MaxFloat64, Max: math.MaxFloat64, Sum: sum, From: at, To: at}})
	}
	var got store.Rollup
	if err := codec.DecodeRollup(codec.AppendRollup(nil, r), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, &got, cmp.Comparer(sameBits)); diff != "" {
		t.Fatal(diff)
	}
	for i := range got.Cells {
		if mean := got.Cells[i].Numbers.Mean(); math.IsNaN(mean) || math.IsInf(mean, 0) {
			t.Errorf("mean %v of sum %v", mean, got.Cells[i].Numbers.Sum)
		}
	}
}

func TestRollup_Corrupt(t *testing.T) {
	codec := store.NewCodec()
	good := codec.AppendRollup(nil, rapid.Custom(drawRollup).Example(7))
	var got store.Rollup
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0x10
		if err := codec.DecodeRollup(bad, &got); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		if err := codec.DecodeRollup(good[:i], &got); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("%d bytes of %d: %v", i, len(good), err)
		}
	}
	if err := codec.DecodeRollup(codec.Append(nil, &store.Columns{Times: []int64{1}, Values: []float64{2}}), &got); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("a chunk of samples: %v", err)
	}
}

// FuzzRollup decodes arbitrary bytes behind a good checksum, and what decodes
// must survive another round trip.
func FuzzRollup(f *testing.F) {
	codec := store.NewCodec()
	for seed := range 5 {
		f.Add(codec.AppendRollup(nil, rapid.Custom(drawRollup).Example(seed)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 8 {
			return
		}
		data = append([]byte(nil), data...)
		binary.LittleEndian.PutUint32(data[4:], store.Checksum(data))
		var first, second store.Rollup
		if codec.DecodeRollup(data, &first) != nil {
			return
		}
		if err := codec.DecodeRollup(codec.AppendRollup(nil, &first), &second); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second, cmp.Comparer(sameBits)); diff != "" {
			t.Fatal(diff)
		}
	})
}
