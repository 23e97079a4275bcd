package bench_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sensocto/sensocto/bench"
)

func TestHistogram_QuantilesAreWithinTwoPercent(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h bench.Histogram
	all := make([]int64, 0, 20_000)
	for range cap(all) {
		us := int64(1) << rng.IntN(24)
		us += rng.Int64N(us)
		all = append(all, us)
		h.Record(time.Duration(us)*time.Microsecond, 1)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.999} {
		want := all[int(q*float64(len(all)))]
		got := h.Quantile(q).Microseconds()
		if got < want || float64(got) > float64(want)*1.02 {
			t.Errorf("Quantile(%v) = %d µs, want %d", q, got, want)
		}
	}
	if got, want := h.Max().Microseconds(), all[len(all)-1]; got != want {
		t.Errorf("Max = %d, want %d", got, want)
	}
}

func TestHistogram_SmallValuesAreExact(t *testing.T) {
	for us := range int64(128) {
		var h bench.Histogram
		h.Record(time.Duration(us)*time.Microsecond, 1)
		h.Record(time.Hour, 1)
		if got := h.Quantile(0).Microseconds(); got != us {
			t.Errorf("%d µs came back as %d", us, got)
		}
	}
}

func TestHistogram_EdgeValues(t *testing.T) {
	var h bench.Histogram
	if h.Quantile(0.5) != 0 || h.Mean() != 0 || h.Max() != 0 {
		t.Error("an empty histogram is not zero")
	}
	h.Record(-time.Second, 1)
	h.Record(1000*time.Hour, 1)
	if h.Count() != 2 || h.Quantile(0) != 0 || h.Quantile(1) != h.Max() {
		t.Errorf("count %d, min %v, max %v", h.Count(), h.Quantile(0), h.Max())
	}
}

func TestHistogram_MergeEqualsRecordingBoth(t *testing.T) {
	var a, b, both bench.Histogram
	for i := range 1000 {
		d := time.Duration(i*i) * time.Microsecond
		both.Record(d, 3)
		if i%2 == 0 {
			a.Record(d, 3)
		} else {
			b.Record(d, 3)
		}
	}
	a.Merge(&b)
	if a != both {
		t.Error("merged histogram differs from one that recorded everything")
	}
}

func BenchmarkHistogramRecord(b *testing.B) {
	var h bench.Histogram
	b.ReportAllocs()
	for b.Loop() {
		h.Record(1234*time.Microsecond, 20)
	}
}
