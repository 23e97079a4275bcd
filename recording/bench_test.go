package recording_test

import "testing"

// BenchmarkRecord100 reads half an hour of two leads: 1.3 million samples.
func BenchmarkRecord100(b *testing.B) {
	r := open(b, shared(b, "100.hea"))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Rewind(); err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
	}
}
