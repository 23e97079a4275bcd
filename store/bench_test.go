package store_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/journal"
	"github.com/sensocto/sensocto/store/storetest"
)

// signal returns a batch of ECG-like samples of a sensor.
func signal(sensor string, rate float64, n int) *sensocto.Batch {
	b := &sensocto.Batch{SensorID: sensor}
	times, values := regular(n, rate, 1), ecg(n, rate)
	for i := range n {
		b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "ecg", Sample: sensocto.Sample{Timestamp: times[i], Value: values[i]}})
	}
	return b
}

// later moves a batch in time, as the next one of its sensor.
func later(b *sensocto.Batch, by int64) {
	for i := range b.Measurements {
		b.Measurements[i].Timestamp += by
	}
}

// BenchmarkPut is the hot append of batches of 20, flushed every now and then
// outside the measured time.
func BenchmarkPut(b *testing.B) {
	for name, attributes := range map[string]int{"one_attribute": 1, "twelve_attributes": 12} {
		b.Run(name, func(b *testing.B) {
			s := open(b, storetest.NewMemory(), store.Options{MaxUnflushedBytes: 1 << 40})
			batch := signal("s", 512, 20)
			for i := range batch.Measurements {
				batch.Measurements[i].AttributeID = fmt.Sprintf("lead_%d", i%attributes)
			}
			b.ReportAllocs()
			puts := 0
			for b.Loop() {
				if err := s.Put(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
				if puts++; puts%2000 == 0 { // 40,000 samples: far more than between two flushes
					b.StopTimer()
					if err := s.Flush(b.Context()); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20, "ns/sample")
		})
	}
}

// filled returns a store over SQLite that has seconds of one 512 Hz series,
// the newest of them hot.
func filled(b *testing.B, seconds int) *store.Store {
	db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "sensocto.db"), sqlite.Options{Exclusive: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	s := open(b, db, store.Options{})
	batch := signal("s", 512, 512)
	for range seconds {
		if err := s.Put(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
		later(batch, 1_000_000)
	}
	if err := s.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}

func benchmarkRead(b *testing.B, s *store.Store, q sensocto.Query, want int) {
	b.ReportAllocs()
	for b.Loop() {
		page, err := s.Read(b.Context(), "s", "ecg", q)
		if err != nil || len(page.Samples) != want {
			b.Fatal(len(page.Samples), err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	const seconds = 3600
	s := filled(b, seconds)
	at := func(second int64) int64 { return t0 + second*1_000_000 }
	b.Run("60s_raw_cold", func(b *testing.B) {
		benchmarkRead(b, s, sensocto.Query{From: at(1000), To: at(1060)}, 60*512)
	})
	b.Run("60s_across_tiers", func(b *testing.B) {
		benchmarkRead(b, s, sensocto.Query{From: at(seconds - 60)}, 60*512)
	})
	b.Run("last_1000", func(b *testing.B) {
		benchmarkRead(b, s, sensocto.Query{Limit: 1000, Order: sensocto.Descending}, 1000)
	})
	b.Run("first_1000", func(b *testing.B) {
		benchmarkRead(b, s, sensocto.Query{Limit: 1000}, 1000)
	})
}

// BenchmarkSustained puts batches of 20 to 100 series as fast as the store
// takes them, over SQLite, and counts until all of it is on disk.
func BenchmarkSustained(b *testing.B) {
	db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "sensocto.db"), sqlite.Options{Exclusive: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := open(b, db, store.Options{})
	stop := run(b, s)
	batches := make([]*sensocto.Batch, 100)
	for i := range batches {
		batches[i] = signal(fmt.Sprintf("sensor-%d", i), 512, 20)
	}
	refused, began := 0, time.Now()
	for i := 0; b.Loop(); i++ {
		batch := batches[i%len(batches)]
		later(batch, 39_062)
		for s.Put(b.Context(), batch) != nil {
			refused++
			runtime.Gosched()
		}
	}
	if err := stop(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)*20/time.Since(began).Seconds(), "samples/s")
	b.ReportMetric(float64(refused)/float64(b.N), "refusals/op")
	b.ReportMetric(metric(s, "store_bytes_per_sample"), "B/sample")
}

// BenchmarkDurable is BenchmarkSustained with a journal on the disk, whose
// fsyncs are waited for: at most 64 batches of each of 100 series are under way.
// It counts until the last is confirmed; `sensocto bench store` is the same for
// a minute, and reads everything back.
func BenchmarkDurable(b *testing.B) {
	db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "sensocto.db"), sqlite.Options{Exclusive: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := open(b, db, store.Options{Journal: journal.OS(filepath.Join(b.TempDir(), "journal"))})
	stop := run(b, s)
	batches, windows := make([]*sensocto.Batch, 100), make([]chan struct{}, 100)
	for i := range batches {
		batches[i], windows[i] = signal(fmt.Sprintf("sensor-%d", i), 512, 20), make(chan struct{}, 64)
		batches[i].Stream[0] = 1
	}
	var failed atomic.Int64
	for i := 0; b.Loop(); i++ {
		batch, window := batches[i%len(batches)], windows[i%len(batches)]
		later(batch, 39_062)
		batch.StreamSeq++
		window <- struct{}{}
		for s.Put(b.Context(), batch) != nil {
			runtime.Gosched()
		}
		s.Durable(func(err error) {
			if err != nil {
				failed.Add(1)
			}
			<-window
		})
	}
	for _, window := range windows {
		for range cap(window) {
			window <- struct{}{}
		}
	}
	b.ReportMetric(float64(b.N)*20/b.Elapsed().Seconds(), "samples/s")
	if err := stop(); err != nil || failed.Load() > 0 {
		b.Fatal(failed.Load(), err)
	}
}

// BenchmarkIdleSeries measures what a silent sensor with one attribute holds.
func BenchmarkIdleSeries(b *testing.B) {
	const sensors = 10_000
	for b.Loop() {
		s := open(b, storetest.NewMemory(), store.Options{})
		before := heap()
		for i := range sensors {
			put(b, s, batch(fmt.Sprintf("sensor-%d", i), "a", 0, 1))
		}
		bytes := float64(heap()-before) / sensors
		runtime.KeepAlive(s)
		b.ReportMetric(bytes, "B/series")
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what pools held is let go in the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkFlushManySeries flushes one sample of each of 10,000 series.
func BenchmarkFlushManySeries(b *testing.B) {
	db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "sensocto.db"), sqlite.Options{Exclusive: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := open(b, db, store.Options{})
	round := 0
	for b.Loop() {
		for i := range 10_000 {
			put(b, s, batch(fmt.Sprintf("sensor-%d", i), "a", round, 1))
		}
		round++
		if err := s.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
