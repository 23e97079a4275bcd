package sensocto_test

import (
	"testing"

	"github.com/sensocto/sensocto"
)

func TestSizes(t *testing.T) {
	var s sensocto.Sizes
	for _, n := range []int64{0, 1, 2, 4, 5, 16, 17, 4096, 4097, 1 << 24, 1<<24 + 1, 1 << 60} {
		s.Observe(n)
	}
	got := s.Snapshot()
	for bound, want := range map[float64]uint64{1: 2, 4: 4, 16: 6, 64: 7, 1024: 7, 4096: 8, 16384: 9, 1 << 24: 10} {
		if got.Buckets[bound] != want {
			t.Errorf("%d are at most %v, want %d", got.Buckets[bound], bound, want)
		}
	}
	if got.Count != 12 || len(got.Buckets) != 13 {
		t.Errorf("%+v", got)
	}
	var few sensocto.Sizes
	few.Observe(3)
	few.Observe(4)
	if sum := few.Snapshot().Sum; sum != 7 {
		t.Errorf("the sum is %v", sum)
	}
}
