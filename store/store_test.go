package store_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

var errDisk = errors.New("no space left on device")

func open(t testing.TB, cold store.Cold, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), cold, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run starts the store's loop; stop ends it and returns what it returned.
func run(t testing.TB, s *store.Store) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1) // the one result of Run
	go func() { done <- s.Run(ctx) }()
	return sync.OnceValue(func() error {
		cancel()
		return <-done
	})
}

// batch returns n samples of one attribute, a millisecond apart, whose values
// are their numbers.
func batch(sensor, attribute string, first, n int) *sensocto.Batch {
	b := &sensocto.Batch{SensorID: sensor}
	for i := first; i < first+n; i++ {
		b.Measurements = append(b.Measurements, sensocto.Measurement{
			AttributeID: attribute, Sample: sensocto.Sample{Timestamp: t0 + int64(i)*1000, Value: float64(i)},
		})
	}
	return b
}

func put(t testing.TB, s *store.Store, b *sensocto.Batch) {
	t.Helper()
	if err := s.Put(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func requireNumbers(t testing.TB, s *store.Store, sensor, attribute string, n int) {
	t.Helper()
	page, err := s.Read(t.Context(), sensor, attribute, sensocto.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Samples) != n {
		t.Fatalf("%d samples, want %d", len(page.Samples), n)
	}
	for i, sample := range page.Samples {
		if sample.Value != float64(i) {
			t.Fatalf("sample %d is %v", i, sample.Value)
		}
	}
}

func metric(s *store.Store, name string, labels ...string) (v float64) {
	s.Metrics(func(m sensocto.Metric) {
		if m.Name == name && strings.Join(m.Labels, " ") == strings.Join(labels, " ") {
			v = m.Value
		}
	})
	return v
}

func TestStore_FlushesWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := storetest.NewMemory()
		s := open(t, cold, store.Options{})
		stop := run(t, s)
		put(t, s, batch("s", "a", 0, 10))
		time.Sleep(time.Second)
		synctest.Wait()
		if cold.Writes() != 1 || metric(s, "store_unflushed_bytes") != 0 {
			t.Errorf("%d writes, %v bytes wait", cold.Writes(), metric(s, "store_unflushed_bytes"))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		requireNumbers(t, open(t, cold, store.Options{}), "s", "a", 10)
	})
}

func TestStore_DurableIsAGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := storetest.NewMemory()
		s := open(t, cold, store.Options{})
		answers := make(chan error, 5) // one for each that waits
		for i := range 5 {
			put(t, s, batch("s", "a", i, 1))
			s.Durable(func(err error) { answers <- err })
		}
		began := time.Now()
		stop := run(t, s)
		for range 5 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if time.Since(began) != 0 || cold.Writes() != 1 {
			t.Errorf("%d writes after %v, want one at once", cold.Writes(), time.Since(began))
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		s.Durable(func(err error) { answers <- err })
		if err := <-answers; err == nil {
			t.Error("durable after the end")
		}
	})
}

func TestStore_KeepsEverythingWhileColdFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := storetest.NewMemory()
		s := open(t, cold, store.Options{MaxUnflushedBytes: 16 * 1000, FlushBytes: 16 * 500})
		stop := run(t, s)
		put(t, s, batch("s", "a", 0, 100))
		time.Sleep(time.Second)
		cold.Fail(errDisk)
		put(t, s, batch("s", "a", 100, 400))
		answer := make(chan error, 1) // the one answer
		s.Durable(func(err error) { answer <- err })
		if err := <-answer; !errors.Is(err, errDisk) || sensocto.ErrorCode(err) != sensocto.CodeUnavailable {
			t.Errorf("durable: %v", err)
		}
		if err := s.Err(); !errors.Is(err, errDisk) {
			t.Errorf("readiness: %v", err)
		}
		put(t, s, batch("s", "a", 500, 600))
		if err := s.Put(t.Context(), batch("s", "a", 1100, 1)); !errors.Is(err, sensocto.ErrUnavailable) {
			t.Errorf("beyond the bound: %v", err)
		}
		time.Sleep(time.Minute)
		if n := metric(s, "store_flush_errors_total"); n < 5 || n > 40 {
			t.Errorf("%v failed flushes in a minute", n)
		}
		cold.Fail(nil)
		time.Sleep(6 * time.Second)
		if s.Err() != nil || metric(s, "store_unflushed_bytes") != 0 || metric(s, "store_refused_total") != 1 {
			t.Errorf("after recovery: %v, %v bytes", s.Err(), metric(s, "store_unflushed_bytes"))
		}
		put(t, s, batch("s", "a", 1100, 50))
		if err := stop(); err != nil {
			t.Error(err)
		}
		requireNumbers(t, open(t, cold, store.Options{}), "s", "a", 1150)
	})
}

func TestStore_TellsWhatTheLastFlushLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := storetest.NewMemory()
		s := open(t, cold, store.Options{})
		stop := run(t, s)
		put(t, s, batch("s", "a", 0, 10))
		cold.Fail(errDisk)
		began := time.Now()
		if err := stop(); !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "160 bytes") {
			t.Errorf("run: %v", err)
		}
		if time.Since(began) > 11*time.Second {
			t.Errorf("the last flush took %v", time.Since(began))
		}
		if err := s.Put(t.Context(), batch("s", "a", 10, 1)); !errors.Is(err, sensocto.ErrUnavailable) {
			t.Errorf("put after the end: %v", err)
		}
	})
}

func TestStore_PutAllocatesNothing(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{})
	put(t, s, batch("s", "a", 0, 7000))
	if err := s.Flush(t.Context()); err != nil { // the ring has its size now, and room
		t.Fatal(err)
	}
	b := batch("s", "a", 7000, 20)
	put(t, s, b)
	if n := testing.AllocsPerRun(100, func() { put(t, s, b) }); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func TestStore_FewRowsForManyFlushes(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, store.Options{})
	for i := range 5000 {
		put(t, s, batch("s", "a", i, 1))
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c := s.Counts("s")["a"]
	if c.Samples != 5000 || c.Unflushed != 0 || c.Chunks > 14 {
		t.Errorf("%+v", c)
	}
	if n := metric(s, "store_chunks_written_total"); n != 5000 {
		t.Errorf("%v chunks written", n)
	}
	requireNumbers(t, open(t, cold, store.Options{}), "s", "a", 5000)
}

func TestStore_EvictsOnlyWhatIsSealed(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{HotSamples: 100})
	for i := range 30 {
		put(t, s, batch("s", "a", i*500, 500))
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if hot := s.Counts("s")["a"].Hot; hot < 100 || hot > store.ChunkSamples+500 {
			t.Errorf("%d hot samples", hot)
		}
		requireNumbers(t, s, "s", "a", (i+1)*500)
	}
}

func TestStore_LargeDocumentsFillChunksAndLeaveMemory(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, store.Options{})
	text := []byte(`"` + strings.Repeat("x", 60_000) + `"`)
	for i := range 100 {
		put(t, s, &sensocto.Batch{SensorID: "s", Measurements: []sensocto.Measurement{
			{AttributeID: "d", Sample: sensocto.Sample{Timestamp: t0 + int64(i), Document: text}},
		}})
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if hot := metric(s, "store_bytes", "tier", "hot"); hot > 1<<20 {
		t.Errorf("%v bytes stay in memory", hot)
	}
	page, err := s.Read(t.Context(), "s", "d", sensocto.Query{})
	if err != nil || len(page.Samples) != 100 || string(page.Samples[99].Document) != string(text) {
		t.Fatalf("%d samples, %v", len(page.Samples), err)
	}
}

func TestStore_SilentSeriesLeaveMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, storetest.NewMemory(), store.Options{})
		stop := run(t, s)
		put(t, s, batch("s", "busy", 0, 3000))
		put(t, s, batch("s", "slow", 0, 10))
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		counts := s.Counts("s")
		if counts["busy"].Hot != 0 || counts["slow"].Hot != 10 {
			t.Errorf("%+v", counts)
		}
		requireNumbers(t, s, "s", "busy", 3000)
		put(t, s, batch("s", "busy", 3000, 5000))
		requireNumbers(t, s, "s", "busy", 8000)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// gate is a cold tier whose writes wait for permission.
type gate struct {
	*storetest.Memory
	began, go_ chan struct{}
}

func (g *gate) WriteChunks(ctx context.Context, chunks []sensocto.Chunk) error {
	g.began <- struct{}{}
	<-g.go_
	return g.Memory.WriteChunks(ctx, chunks)
}

func TestStore_CleanupDuringAFlushLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := &gate{storetest.NewMemory(), make(chan struct{}), make(chan struct{})}
		s := open(t, cold, store.Options{})
		put(t, s, batch("s", "a", 0, 10))
		put(t, s, batch("other", "a", 0, 10))
		var work sync.WaitGroup
		work.Go(func() {
			if err := s.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		})
		<-cold.began
		put(t, s, batch("s", "a", 10, 5)) // while the disk works, nobody waits
		requireNumbers(t, s, "s", "a", 15)
		work.Go(func() {
			removed, err := s.Cleanup(t.Context(), "s")
			if err != nil || removed != (sensocto.Removed{Series: 1, Samples: 15}) {
				t.Errorf("removed %+v, %v", removed, err)
			}
		})
		synctest.Wait()
		cold.go_ <- struct{}{}
		work.Wait()
		requireNumbers(t, s, "s", "a", 0)
		if err := s.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		reopened := open(t, cold.Memory, store.Options{})
		requireNumbers(t, reopened, "s", "a", 0)
		requireNumbers(t, reopened, "other", "a", 10)
		if bytes := metric(s, "store_unflushed_bytes"); bytes != 0 {
			t.Errorf("%v bytes wait", bytes)
		}
		put(t, s, batch("s", "a", 0, 3))
		requireNumbers(t, s, "s", "a", 3)
	})
}

func TestStore_CleanupRemovesNothingWhenColdFails(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, store.Options{})
	put(t, s, batch("s", "a", 0, 10))
	cold.Fail(errDisk)
	if _, err := s.Cleanup(t.Context(), "s"); !errors.Is(err, errDisk) {
		t.Error(err)
	}
	requireNumbers(t, s, "s", "a", 10)
}

func TestStore_PutsReadsFlushesAndCleanupsAtTheSameTime(t *testing.T) {
	for name, o := range map[string]store.Options{
		"no room in the warm tier": {WarmBytes: 1},
		"a little room":            {WarmBytes: 1000, RollupFan: [4]int{1, 2, 2, 2}},
		"a short window":           {WarmWindow: time.Second},
		"room for everything":      {WarmWindow: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			o.HotSamples, o.FlushInterval = 10, time.Millisecond
			putsReadsFlushesAndCleanups(t, o)
		})
	}
}

func putsReadsFlushesAndCleanups(t *testing.T, o store.Options) {
	s := open(t, storetest.NewMemory(), o)
	stop := run(t, s)
	var work sync.WaitGroup
	for _, sensor := range []string{"s1", "s2"} {
		work.Go(func() {
			for i := range 300 {
				put(t, s, batch(sensor, "a", i*50, 50))
			}
		})
		work.Go(func() {
			for last := 0; last < 15_000 && !t.Failed(); {
				page, err := s.Read(t.Context(), sensor, "a", sensocto.Query{})
				if err != nil || len(page.Samples) < last {
					t.Errorf("%d samples after %d, %v", len(page.Samples), last, err)
				}
				last = len(page.Samples)
				requireOrder(t, page.Samples)
			}
		})
		work.Go(func() {
			for after := int64(0); after < 15_000 && !t.Failed(); {
				before := s.Counts(sensor)["a"].Samples
				n := counted(t, s, sensor, "a")
				if after = s.Counts(sensor)["a"].Samples; n < before || n > after {
					t.Errorf("%d samples in a history, %d before and %d after", n, before, after)
				}
			}
		})
	}
	work.Go(func() {
		for range 50 {
			put(t, s, batch("victim", "a", 0, 100))
			if _, err := s.Cleanup(t.Context(), "victim"); err != nil {
				t.Error(err)
			}
		}
	})
	work.Wait()
	if err := stop(); err != nil {
		t.Error(err)
	}
	requireNumbers(t, s, "s1", "a", 15_000)
	requireNumbers(t, s, "victim", "a", 0)
}

func requireOrder(t testing.TB, samples []sensocto.Sample) {
	t.Helper()
	for i, sample := range samples {
		if sample.Value != float64(i) {
			t.Errorf("sample %d is %v", i, sample.Value)
			return
		}
	}
}

func TestStore_ACorruptChunkIsAnError(t *testing.T) {
	cold := storetest.NewMemory()
	bad := sensocto.Chunk{SensorID: "s", AttributeID: "a", Count: 10, MinTime: 1, MaxTime: 2, Data: []byte("nonsense")}
	if err := cold.WriteChunks(t.Context(), []sensocto.Chunk{bad}); err != nil {
		t.Fatal(err)
	}
	s := open(t, cold, store.Options{})
	if _, err := s.Read(t.Context(), "s", "a", sensocto.Query{}); !errors.Is(err, store.ErrCorrupt) {
		t.Error(err)
	}
}

func TestStore_ReadStopsWithItsContext(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{})
	put(t, s, batch("s", "a", 0, 10))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Read(ctx, "s", "a", sensocto.Query{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestStore_UnknownIsEmpty(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{})
	page, err := s.Read(t.Context(), "s", "a", sensocto.Query{Limit: math.MaxInt})
	latest, err2 := s.Latest(t.Context(), "s", sensocto.LatestQuery{Limit: 5})
	removed, err3 := s.Cleanup(t.Context(), "s")
	if len(page.Samples) != 0 || page.Next != nil || len(latest) != 0 || removed != (sensocto.Removed{}) || errors.Join(err, err2, err3) != nil {
		t.Error(page, latest, removed, err, err2, err3)
	}
}
