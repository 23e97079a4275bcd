package store_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// besideCold does something once, right after a read of a certain kind.
type besideCold struct {
	store.Cold
	when   func(sensocto.ChunkRange) bool
	beside func() // nil once it was done
}

func (c *besideCold) ReadChunks(ctx context.Context, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error {
	err := c.Cold.ReadChunks(ctx, r, yield)
	if beside := c.beside; beside != nil && c.when(r) {
		c.beside = nil
		beside()
	}
	return err
}

// Chunks that are merged while a history reads do not change what it answers.
func TestHistory_CompactionBesideIt(t *testing.T) {
	cold := storetest.NewMemory()
	const each, chunks = 300, 40
	for i := range chunks { // each start ends the chunk of the one before
		s := open(t, cold, store.Options{})
		put(t, s, batch("s", "a", i*each, each))
		flush(t, s)
	}
	q := sensocto.HistoryQuery{Width: time.Second.Microseconds()}
	want, err := open(t, cold, store.Options{}).History(t.Context(), "s", "a", q)
	if err != nil {
		t.Fatal(err)
	}
	beside := &besideCold{Cold: cold, when: func(r sensocto.ChunkRange) bool { return r.NoData }}
	s := open(t, beside, store.Options{})
	beside.beside = func() { maintain(t, s) }
	got, err := s.History(t.Context(), "s", "a", q)
	if err != nil || !slices.Equal(got.Buckets, want.Buckets) {
		t.Errorf("%+v %v, want %+v", got, err, want)
	}
	if n := metric(s, "store_compacted_chunks_total"); n == 0 {
		t.Error("nothing was merged")
	}
}

// What leaves the warm tier while a start reads it back is read nevertheless.
func TestRefill_SweepBesideIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := storetest.NewMemory()
		s := open(t, cold, store.Options{})
		put(t, s, batch("s", "a", 0, 5*store.ChunkSamples))
		flush(t, s)

		beside := &besideCold{Cold: cold, when: func(r sensocto.ChunkRange) bool { return r.Order == sensocto.Descending }}
		s = open(t, beside, store.Options{WarmWindow: chunkTime})
		put(t, s, batch("s", "a", 5*store.ChunkSamples, 5*store.ChunkSamples/2))
		flush(t, s)
		beside.beside = func() { s.Sweep(time.Now().Add(time.Hour)) } // it falls silent
		stop := run(t, s)
		time.Sleep(time.Second)
		synctest.Wait()
		requireNumbers(t, s, "s", "a", 15*store.ChunkSamples/2)
		if n := counted(t, s, "s", "a"); n != 15*store.ChunkSamples/2 {
			t.Errorf("%d samples in the history", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Large documents do not come back into the ring beyond its bound.
func TestRefill_BoundsDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at(time.Second)))
		cold := storetest.NewMemory()
		s := open(t, cold, store.Options{})
		text := make([]byte, 32<<10)
		for i := range text {
			text[i] = '1'
		}
		b := batch("s", "a", 0, 1000)
		for i := range b.Measurements {
			b.Measurements[i].Document = json.RawMessage(text)
		}
		put(t, s, b)
		flush(t, s)
		before := metric(s, "store_bytes", "tier", "hot")

		s = open(t, cold, store.Options{})
		stop := run(t, s)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if after := metric(s, "store_bytes", "tier", "hot"); after > 2*before {
			t.Errorf("%v bytes are hot after the start, %v were before", after, before)
		}
		if n := len(readAll(t, s, "s", "a")); n != 1000 {
			t.Errorf("%d samples", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
