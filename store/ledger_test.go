package store_test

import (
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

// The ledger skips what is in a record; it must find the end of it all the same.
func TestLedger_SkipsAnySamples(t *testing.T) {
	l := store.NewLedger()
	next := int64(0)
	for _, n := range []int{1, 2, 7, 8, 9, 15, 16, 17, 69} {
		b := &sensocto.Batch{SensorID: "s", StreamSeq: uint64(n)}
		for i := range n {
			m := sensocto.Measurement{AttributeID: "a", Sample: sensocto.Sample{Timestamp: int64(i) << (i % 60), Value: float64(-i)}}
			if i%3 == 1 {
				m.Document = make([]byte, i*3)
			}
			b.Measurements = append(b.Measurements, m)
		}
		record := store.BatchRecord(b, next)
		if err := l.Apply(record); err != nil {
			t.Fatalf("%d samples: %v", n, err)
		}
		if next += int64(n); l.Next("s", "a") != next {
			t.Fatalf("%d samples: %d, want %d", n, l.Next("s", "a"), next)
		}
		for cut := range len(record) {
			if err := l.Apply(record[:cut:cut]); err == nil {
				t.Fatalf("%d samples: %d of %d bytes are enough", n, cut, len(record))
			}
		}
	}
}

// BenchmarkLedger takes in a batch of 20, as the journal's writer does.
func BenchmarkLedger(b *testing.B) {
	l, batch := store.NewLedger(), signal("sensor-17", 512, 20)
	batch.StreamSeq = 1
	record := store.BatchRecord(batch, 1000)
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Apply(record); err != nil {
			b.Fatal(err)
		}
	}
}
