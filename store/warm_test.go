package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

const warmWindow = 20 * chunkTime // of most tests here

// warmChunks is how many chunks of a's the warm tier has.
func warmChunks(s *store.Store, sensor string) int64 {
	return s.Counts(sensor)["a"].Warm / store.ChunkSamples
}

func TestWarm_KeepsAWindowOfSampleTime(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{WarmWindow: warmWindow})
	for i := range 50 {
		put(t, s, batch("s", "a", i*store.ChunkSamples, store.ChunkSamples))
		flush(t, s)
		if n, want := warmChunks(s, "s"), int64(min(i+1, 21)); n != want {
			t.Fatalf("%d chunks are warm after %d, want %d", n, i+1, want)
		}
	}
	if n := metric(s, "store_warm_evicted_total", "reason", "window"); n != 29 {
		t.Errorf("%v left with the window", n)
	}
	requireNumbers(t, s, "s", "a", 50*store.ChunkSamples)
}

// What is asked for of the last minutes does not need the cold tier.
func TestWarm_AnswersWithoutTheColdTier(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, store.Options{WarmWindow: warmWindow})
	put(t, s, batch("s", "a", 0, 40*store.ChunkSamples+100))
	flush(t, s)
	maintain(t, s)
	cold.Fail(errDisk)
	recent := at(20 * chunkTime).UnixMicro()
	for _, order := range []sensocto.Order{sensocto.Ascending, sensocto.Descending} {
		page, err := s.Read(t.Context(), "s", "a", sensocto.Query{From: recent, Order: order})
		if err != nil || len(page.Samples) != 20*store.ChunkSamples+100 {
			t.Errorf("order %v: %d samples, %v", order, len(page.Samples), err)
		}
	}
	h, err := s.History(t.Context(), "s", "a", sensocto.HistoryQuery{From: recent, To: at(41 * chunkTime).UnixMicro(), MaxBuckets: 100})
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, b := range h.Buckets {
		n += b.Count
	}
	if n < 20*store.ChunkSamples+100 {
		t.Errorf("%d samples in the buckets", n)
	}
	if _, err := s.Read(t.Context(), "s", "a", sensocto.Query{From: recent - 3*chunkTime.Microseconds()}); !errors.Is(err, errDisk) {
		t.Errorf("what is cold alone: %v", err)
	}
}

// While the cold tier is away, samples wait compressed, up to the bound.
func TestWarm_HoldsWhatTheColdTierLacks(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, store.Options{WarmWindow: chunkTime, WarmBytes: 1, MaxUnflushedBytes: 256 << 10})
	cold.Fail(errDisk)
	n := 0
	for ; n < 200_000; n += 2000 { // at 16 bytes a sample, 16,384 would be the bound
		put(t, s, batch("s", "a", n, 2000))
		if err := s.Flush(t.Context()); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
	}
	if waiting := metric(s, "store_unflushed_bytes"); waiting < 500 || waiting > 256<<10 {
		t.Errorf("%v bytes wait", waiting)
	}
	if hot := metric(s, "store_bytes", "tier", "hot"); hot > 300_000 {
		t.Errorf("%v bytes are hot", hot)
	}
	requireNumbers(t, s, "s", "a", n)
	cold.Fail(nil)
	flush(t, s)
	if left := metric(s, "store_unflushed_bytes"); left != 0 {
		t.Errorf("%v bytes still wait", left)
	}
	if warm := metric(s, "store_bytes", "tier", "warm"); warm != 0 {
		t.Errorf("%v bytes are warm without a budget", warm)
	}
	requireNumbers(t, s, "s", "a", n)
	requireNumbers(t, open(t, cold, store.Options{}), "s", "a", n)
}

// Of a transaction that fails half-way nothing is written twice or forgotten.
func TestWarm_FlushFailsHalfWay(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, store.Options{TransactionBytes: 1000})
	for i := range 20 {
		put(t, s, batch("s", "a", i*3*store.ChunkSamples, 3*store.ChunkSamples))
		cold.FailAfter(1+i%3, errDisk)
		_ = s.Flush(t.Context()) // may have had less to write
		cold.Fail(nil)
	}
	requireNumbers(t, s, "s", "a", 60*store.ChunkSamples)
	flush(t, s)
	if c := s.Counts("s")["a"]; c.Chunks != 60 || c.Unflushed != 0 || metric(s, "store_unflushed_bytes") != 0 {
		t.Errorf("%+v, %v bytes wait", c, metric(s, "store_unflushed_bytes"))
	}
	requireNumbers(t, open(t, cold, store.Options{}), "s", "a", 60*store.ChunkSamples)
}

// Where the budget presses, what nobody looks at goes first, the oldest of it
// before the rest.
func TestWarm_BudgetPresses(t *testing.T) {
	levels := map[string]sensocto.AttentionLevel{"high": sensocto.AttentionHigh, "low": sensocto.AttentionLow}
	s := open(t, storetest.NewMemory(), store.Options{
		WarmWindow: time.Hour, WarmBytes: 22_000,
		Attention: func(id string) sensocto.AttentionLevel { return levels[id] },
	})
	const each = 40
	perChunk := 0.0
	for i := range each {
		for k, id := range []string{"old", "none", "low", "high"} {
			b := batch(id, "a", i*store.ChunkSamples, store.ChunkSamples)
			for j := range b.Measurements {
				b.Measurements[j].Timestamp += int64(k) * time.Hour.Microseconds()
			}
			put(t, s, b)
		}
		flush(t, s)
		if i == 0 {
			perChunk = metric(s, "store_bytes", "tier", "warm") / 4
		}
		if bytes := metric(s, "store_bytes", "tier", "warm"); bytes > 22_000 {
			t.Fatalf("%v bytes are warm", bytes)
		}
	}
	room := int64(22_000 / perChunk)
	old, none, low, high := warmChunks(s, "old"), warmChunks(s, "none"), warmChunks(s, "low"), warmChunks(s, "high")
	t.Logf("of %d chunks each, room for %d: high %d, low %d, none %d, old %d", each, room, high, low, none, old)
	if room < each || room > 2*each {
		t.Fatalf("room for %d chunks", room)
	}
	if high != each || low <= none || none < old || none > 1+each/4 {
		t.Errorf("high %d, low %d, none %d, old %d", high, low, none, old)
	}
	for _, id := range []string{"old", "none", "low", "high"} {
		requireNumbers(t, s, id, "a", each*store.ChunkSamples)
	}
}

// An import has the next numbers and goes to the cold tier alone, so what is
// before it leaves the memory.
func TestWarm_ImportBesideIt(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{})
	put(t, s, batch("s", "a", 0, 3*store.ChunkSamples))
	flush(t, s)
	bring(t, s, "s", "a", columns(3*store.ChunkSamples, 2*store.ChunkSamples))
	if n := warmChunks(s, "s"); n != 0 {
		t.Errorf("%d chunks are warm", n)
	}
	put(t, s, batch("s", "a", 5*store.ChunkSamples, 2*store.ChunkSamples))
	flush(t, s)
	if n := warmChunks(s, "s"); n != 2 {
		t.Errorf("%d chunks are warm afterwards", n)
	}
	requireNumbers(t, s, "s", "a", 7*store.ChunkSamples)
}

func TestWarm_RetentionAndCleanupReachIt(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{WarmWindow: time.Hour})
	put(t, s, batch("s", "a", 0, 20*store.ChunkSamples))
	flush(t, s)
	r := store.NewRetainer(s, store.RetainerOptions{Rules: store.Retention{{Raw: time.Hour, Rollups: time.Hour}}})
	if _, err := r.Sweep(t.Context(), at(10*chunkTime+time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := warmChunks(s, "s"); n != 10 {
		t.Errorf("%d chunks are warm after retention", n)
	}
	if n := len(readAll(t, s, "s", "a")); n != 10*store.ChunkSamples {
		t.Errorf("%d samples after retention", n)
	}
	if _, err := s.Cleanup(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"store_samples", "store_bytes", "store_chunks"} {
		if v := metric(s, name, "tier", "warm"); v != 0 {
			t.Errorf("%s of the warm tier: %v after the clean-up", name, v)
		}
	}
	if n := len(readAll(t, s, "s", "a")); n != 0 {
		t.Errorf("%d samples after the clean-up", n)
	}
}

// A clean-up while samples wait gives their room back.
func TestWarm_CleanupOfWhatWaits(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, store.Options{})
	put(t, s, batch("s", "a", 0, 5000))
	flush(t, s) // an open part
	put(t, s, batch("s", "a", 5000, 10_000))
	cold.Fail(errDisk)
	if err := s.Flush(t.Context()); !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	put(t, s, batch("s", "a", 15_000, 100))
	cold.Fail(nil)
	removed, err := s.Cleanup(t.Context(), "s")
	if err != nil || removed.Samples != 15_100 {
		t.Errorf("%+v, %v", removed, err)
	}
	if left := metric(s, "store_unflushed_bytes"); left != 0 {
		t.Errorf("%v bytes still wait", left)
	}
}

// The rest of a silent series becomes a warm chunk, whatever maintenance makes
// of its parts in the cold tier.
func TestWarm_SilentSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := storetest.NewMemory()
		s := open(t, cold, store.Options{RollupFan: [4]int{2, 2, 2, 2}})
		stop := run(t, s)
		n := 0
		for i := range 12 {
			for range 1 + i%4 {
				put(t, s, batch("s", "a", n, 300))
				n += 300
				time.Sleep(time.Second)
			}
			time.Sleep(20 * time.Minute) // silence
			synctest.Wait()
			c := s.Counts("s")["a"]
			if c.Hot != 0 || c.Warm != int64(n) {
				t.Errorf("%+v, want all of %d warm", c, n)
			}
			if i%3 == 0 {
				maintain(t, s)
			}
			requireNumbers(t, s, "s", "a", n)
			if got := counted(t, s, "s", "a"); got != int64(n) {
				t.Errorf("%d samples in the history, want %d", got, n)
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A start brings the window back, and the hot samples of what is not silent.
func TestWarm_IsWholeAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at(40 * chunkTime)))
		cold := storetest.NewMemory()
		o := store.Options{WarmWindow: warmWindow}
		s := open(t, cold, o)
		put(t, s, batch("s", "a", 0, 40*store.ChunkSamples+100))
		put(t, s, batch("old", "a", 0, store.ChunkSamples))
		flush(t, s)
		maintain(t, s)

		s = open(t, cold, o)
		put(t, s, batch("s", "a", 40*store.ChunkSamples+100, 50)) // while it is read back
		stop := run(t, s)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if p := metric(s, "store_refill_percent"); p != 100 {
			t.Errorf("%v %%", p)
		}
		c := s.Counts("s")["a"]
		if c.Warm < 20*store.ChunkSamples || c.Warm > 22*store.ChunkSamples || c.Hot < 1024 {
			t.Errorf("%+v", c)
		}
		if c := s.Counts("old")["a"]; c.Warm != store.ChunkSamples {
			t.Errorf("old: %+v", c)
		}
		requireNumbers(t, s, "s", "a", 40*store.ChunkSamples+150)
		put(t, s, batch("s", "a", 40*store.ChunkSamples+150, 3*store.ChunkSamples))
		flush(t, s)
		requireNumbers(t, s, "s", "a", 43*store.ChunkSamples+150)
		cold.Fail(errDisk)
		recent := at(25 * chunkTime).UnixMicro()
		if page, err := s.Read(t.Context(), "s", "a", sensocto.Query{From: recent}); err != nil || len(page.Samples) != 18*store.ChunkSamples+150 {
			t.Errorf("without the cold tier: %d samples, %v", len(page.Samples), err)
		}
		cold.Fail(nil)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// After a jump of its clock a series is not read back from its beginning.
func TestWarm_RestartAfterAJumpingClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := storetest.NewMemory()
		o := store.Options{WarmWindow: 2 * chunkTime}
		s := open(t, cold, o)
		b := batch("s", "a", 0, 60*store.ChunkSamples)
		for i := range b.Measurements[:store.ChunkSamples] {
			b.Measurements[i].Timestamp += 1e12
		}
		put(t, s, b)
		flush(t, s)
		s = open(t, cold, o)
		stop := run(t, s)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := warmChunks(s, "s"); n != 3 {
			t.Errorf("%d chunks are warm", n)
		}
		if page, err := s.Read(t.Context(), "s", "a", sensocto.Query{From: at(1e6 * time.Second).UnixMicro()}); err != nil || len(page.Samples) != store.ChunkSamples {
			t.Errorf("the jump: %d samples, %v", len(page.Samples), err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Recordings in the warm tier, all overhead counted: as the heap grows.
func TestWarm_RecordingsInMemoryAreSmall(t *testing.T) {
	t.Run("generated", func(t *testing.T) {
		requireSmallMemory(t, &store.Columns{Times: regular(200_000, 360, 1), Values: ecg(200_000, 360)})
	})
	t.Run("record100", func(t *testing.T) { requireSmallMemory(t, record100(t)) })
}

func requireSmallMemory(t *testing.T, all *store.Columns) {
	const copies, want = 2, 1.3
	s := open(t, discarding{storetest.NewMemory()}, store.Options{WarmWindow: 24 * time.Hour, HotSamples: 1})
	before := heap()
	for i := range copies {
		b := &sensocto.Batch{SensorID: fmt.Sprint("s", i)}
		for j := range all.Times {
			b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "a", Sample: sensocto.Sample{Timestamp: all.Times[j], Value: all.Values[j]}})
			if len(b.Measurements) == store.ChunkSamples {
				put(t, s, b)
				flush(t, s)
				b.Measurements = b.Measurements[:0]
			}
		}
	}
	warm := metric(s, "store_samples", "tier", "warm")
	if want := float64(copies * (len(all.Times) / store.ChunkSamples) * store.ChunkSamples); warm != want {
		t.Fatalf("%v samples are warm, want %v", warm, want)
	}
	grown := (float64(heap()-before) - metric(s, "store_bytes", "tier", "hot")) / warm
	t.Logf("%.3f bytes a sample as the heap grew, %.3f counted", grown, metric(s, "store_bytes", "tier", "warm")/warm)
	if grown > want {
		t.Errorf("%.3f bytes a sample, want at most %v", grown, want)
	}
	runtime.KeepAlive(s)
	runtime.KeepAlive(all)
}

// discarding is a cold tier that takes no memory.
type discarding struct{ *storetest.Memory }

func (discarding) WriteChunks(context.Context, []sensocto.Chunk) error { return nil }
