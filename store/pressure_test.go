package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// slowCold takes as long for a write as it is told.
type slowCold struct {
	store.Cold
	write chan time.Duration // of the next writes; closed: no time at all
}

func (c *slowCold) WriteChunks(ctx context.Context, chunks []sensocto.Chunk) error {
	time.Sleep(<-c.write) // synctest's time
	return c.Cold.WriteChunks(ctx, chunks)
}

// pressed is a store of which a quarter of the bound waits for the cold tier,
// whose write takes a while.
func pressed(t *testing.T, write time.Duration) (s *store.Store, cold *slowCold, stop func() error) {
	cold = &slowCold{storetest.NewMemory(), make(chan time.Duration, 8)}
	s = open(t, cold, store.Options{MaxUnflushedBytes: 16 * 4000, FlushBytes: 16 * 1000, WarmBytes: 1})
	stop = run(t, s)
	put(t, s, batch("s", "a", 0, 1001))
	cold.write <- write
	synctest.Wait()
	return s, cold, stop
}

func TestPut_WaitsForAColdTierThatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cold, stop := pressed(t, time.Second)
		if s.Ready() {
			t.Error("a store that makes wait says that it is ready")
		}
		began := time.Now()
		put(t, s, batch("s", "a", 1001, 10))
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if n := metric(s, "store_presses_total"); n != 1 {
			t.Errorf("%v waited", n)
		}
		if !s.Ready() {
			t.Error("it is not ready though nothing waits any more")
		}
		close(cold.write)
		if err := stop(); err != nil {
			t.Error(err)
		}
		requireNumbers(t, open(t, cold, store.Options{}), "s", "a", 1011)
	})
}

// Nobody waits for one that hangs, but once.
func TestPut_GivesAColdTierUpThatDoesNotMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cold, stop := pressed(t, time.Minute/2)
		began := time.Now()
		for at := 1001; at < 4000; at++ {
			put(t, s, batch("s", "a", at, 1))
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		if err := s.Put(t.Context(), batch("s", "a", 4000, 1)); !errors.Is(err, sensocto.ErrUnavailable) {
			t.Errorf("beyond the bound: %v", err)
		}
		time.Sleep(time.Minute / 2) // it has moved
		cold.write <- time.Second
		synctest.Wait()
		put(t, s, batch("s", "a", 4000, 10))
		if n := metric(s, "store_presses_total"); n != 2 {
			t.Errorf("%v waited", n)
		}
		close(cold.write)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// One that moves, but hardly, is waited for for a bounded time.
func TestPut_DoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := &slowCold{storetest.NewMemory(), make(chan time.Duration, 64)}
		s := open(t, cold, store.Options{MaxUnflushedBytes: 16 * 4000, TransactionBytes: 1})
		for range 30 {
			cold.write <- 3 * time.Second / 2
		}
		stop := run(t, s)
		all := &sensocto.Batch{SensorID: "s"} // 30 series, each a transaction
		for i := range 30 {
			all.Measurements = append(all.Measurements, batch("s", fmt.Sprint("a", i), 0, 100).Measurements...)
		}
		put(t, s, all)
		time.Sleep(time.Second) // the flush has begun
		began := time.Now()
		put(t, s, batch("s", "a0", 100, 1))
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
		close(cold.write)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestPut_DoesNotWaitForACallerWhoHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cold, stop := pressed(t, time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if err := s.Put(ctx, batch("s", "a", 1001, 10)); err != nil || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(cold.write)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// The end of the store leaves nobody waiting, and nothing that was taken.
func TestPut_DoesNotOutliveTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, cold, stop := pressed(t, time.Second)
		answer := make(chan error, 1)
		go func() { answer <- s.Put(t.Context(), batch("s", "a", 1001, 10)) }()
		synctest.Wait()
		ended := make(chan error, 1)
		go func() { ended <- stop() }()
		if err := <-answer; err != nil && !errors.Is(err, sensocto.ErrUnavailable) {
			t.Error(err)
		}
		close(cold.write)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if metric(s, "store_unflushed_bytes") != 0 {
			t.Error("something is left")
		}
	})
}

func TestPut_DoesNotWaitForWhatNobodyFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, storetest.NewMemory(), store.Options{MaxUnflushedBytes: 16 * 4000})
		began := time.Now()
		put(t, s, batch("s", "a", 0, 4000))
		put(t, s, batch("s", "a", 4000, 0))
		if time.Since(began) != 0 || metric(s, "store_presses_total") != 0 {
			t.Errorf("it took %v", time.Since(began))
		}
	})
}
