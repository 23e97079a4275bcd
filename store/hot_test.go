package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// documents is a batch of n documents of one attribute.
func documents(sensor, attribute string, n, size int) *sensocto.Batch {
	b := &sensocto.Batch{SensorID: sensor}
	for i := range n {
		text := append(bytes.Repeat([]byte("x"), size), fmt.Sprintf("%s %d", attribute, i)...)
		b.Measurements = append(b.Measurements, sensocto.Measurement{
			AttributeID: attribute, Sample: sensocto.Sample{Timestamp: t0 + int64(i)*1000, Document: text},
		})
	}
	return b
}

func TestStore_HotTierStaysWithinItsBudget(t *testing.T) {
	const budget = 1 << 20
	for name, of := range map[string]struct {
		batch  func(attribute string) *sensocto.Batch
		series int
	}{
		"documents":     {func(a string) *sensocto.Batch { return documents("s", a, 4, 60_000) }, 100},
		"numbers":       {func(a string) *sensocto.Batch { return batch("s", a, 0, 500) }, 1000},
		"sealed chunks": {func(a string) *sensocto.Batch { return batch("s", a, 0, store.ChunkSamples+10) }, 60},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, storetest.NewMemory(), store.Options{HotBytes: budget})
			for i := range of.series {
				put(t, s, of.batch(fmt.Sprint("a", i)))
				if i%20 == 19 {
					if err := s.Flush(t.Context()); err != nil {
						t.Fatal(err)
					}
					if got := metric(s, "store_bytes", "tier", "hot"); got > budget {
						t.Fatalf("the hot tier takes %v after %d series", got, i+1)
					}
				}
			}
			if metric(s, "store_hot_released_total") == 0 {
				t.Error("nothing was counted")
			}
			want := of.batch("a0").Measurements
			for _, i := range []int{0, of.series / 2, of.series - 1} { // nothing is lost, in order
				got := readAll(t, s, "s", fmt.Sprint("a", i))
				if len(got) != len(want) {
					t.Fatalf("%d samples of series %d, want %d", len(got), i, len(want))
				}
				for k := range got {
					if got[k].Timestamp != want[k].Timestamp || got[k].Value != want[k].Value && got[k].Document == nil {
						t.Fatalf("sample %d of series %d: %+v", k, i, got[k])
					}
				}
			}
		})
	}
}

func TestStore_WhatIsWatchedStaysHotLongest(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{HotBytes: 64 << 10, Attention: func(id string) sensocto.AttentionLevel {
		if id == "watched" {
			return sensocto.AttentionHigh
		}
		return sensocto.AttentionNone
	}})
	put(t, s, batch("watched", "a", 0, 1000))
	for i := range 20 { // the age is that of the flush
		put(t, s, batch("other", fmt.Sprint("a", i), 0, 1000))
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Counts("watched")["a"].Hot; got != 1000 {
		t.Errorf("%d samples of the watched sensor are hot", got)
	}
	if got := s.Counts("other")["a0"].Hot; got != 0 {
		t.Errorf("%d samples of what was written first are hot", got)
	}
}

func TestStore_RefusesSeriesBeyondTheBound(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, store.Options{MaxSeries: 3})
	put(t, s, batch("a", "x", 0, 1))
	b := batch("a", "x", 1, 2)
	b.Measurements[1].AttributeID = "y"
	put(t, s, b)
	put(t, s, batch("b", "x", 0, 1))
	if err := s.Put(t.Context(), batch("c", "x", 0, 1)); !errors.Is(err, sensocto.ErrTooManySeries) {
		t.Fatalf("a fourth series: %v", err)
	}
	mixed := batch("a", "x", 3, 2)
	mixed.Measurements[1].AttributeID = "z"
	mixed.Stream, mixed.StreamSeq = [16]byte{1}, 1
	if err := s.Put(t.Context(), mixed); !errors.Is(err, sensocto.ErrTooManySeries) {
		t.Fatalf("a fourth series beside a known one: %v", err)
	}
	if got := s.Counts("a")["x"].Samples; got != 2 {
		t.Errorf("%d samples were taken of a batch that was refused", got)
	}
	mixed.Measurements = mixed.Measurements[:1]
	put(t, s, mixed) // what exists goes on, and the stream's number is free
	if got := metric(s, "store_series_refused_total"); got != 2 {
		t.Errorf("counted %v", got)
	}
	if _, err := s.Cleanup(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	put(t, s, batch("c", "x", 0, 1))
	if got := s.SeriesLeft(); got != 0 {
		t.Errorf("%d are left", got)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := open(t, cold, store.Options{MaxSeries: 3})
	if err := again.Put(t.Context(), batch("d", "x", 0, 1)); !errors.Is(err, sensocto.ErrTooManySeries) {
		t.Errorf("after a start: %v", err)
	}
}
