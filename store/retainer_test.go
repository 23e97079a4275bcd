package store_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

const chunkTime = store.ChunkSamples * time.Millisecond // of what batch makes

// at is a time after the first sample of batch.
func at(after time.Duration) time.Time { return time.UnixMicro(t0).Add(after) }

// filledChunks is a store with a number of full chunks of one series, sealed
// and in the cold tier, and a few samples more.
func filledChunks(t testing.TB, cold store.Cold, chunks int) *store.Store {
	t.Helper()
	s := open(t, cold, store.Options{HotSamples: 1})
	put(t, s, batch("s", "a", 0, chunks*store.ChunkSamples+10))
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func readAll(t testing.TB, s *store.Store, sensor, attribute string) []sensocto.Sample {
	t.Helper()
	page, err := s.Read(t.Context(), sensor, attribute, sensocto.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return page.Samples
}

// counted is how many samples the buckets of the whole history hold.
func counted(t testing.TB, s *store.Store, sensor, attribute string) (n int64) {
	t.Helper()
	h, err := s.History(t.Context(), sensor, attribute, sensocto.HistoryQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range h.Buckets {
		n += h.Buckets[i].Count
	}
	return n
}

func TestRetainer_RemovesWhatItPlannedAndKeepsRollups(t *testing.T) {
	cold := storetest.NewMemory()
	s := filledChunks(t, cold, 10)
	all := int64(10*store.ChunkSamples + 10)
	r := store.NewRetainer(s, store.RetainerOptions{Rules: store.Retention{{Raw: 4 * chunkTime}}})
	now := at(10*chunkTime + chunkTime/2) // six chunks and a half are older
	plan, err := r.Plan(t.Context(), now)
	if err != nil || len(plan) != 1 || plan[0].Raw.Chunks != 6 || plan[0].Raw.Samples != 6*store.ChunkSamples || plan[0].Rollups.Chunks != 0 {
		t.Fatalf("%+v %v", plan, err)
	}
	if n := len(readAll(t, s, "s", "a")); int64(n) != all {
		t.Errorf("a plan removed something: %d are left", n)
	}
	swept, err := r.Sweep(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]sensocto.Aged{plan, swept} {
		list[0].Raw.Bytes = 0 // an estimate in the plan
	}
	if diff := cmp.Diff(plan, swept); diff != "" {
		t.Error(diff)
	}
	check := func(s *store.Store) {
		t.Helper()
		samples := readAll(t, s, "s", "a")
		if int64(len(samples)) != all-6*store.ChunkSamples || samples[0].Value != 6*store.ChunkSamples {
			t.Errorf("%d samples are left, from %v on", len(samples), samples[0].Value)
		}
		if n := counted(t, s, "s", "a"); n != all {
			t.Errorf("rollups count %d samples, want %d", n, all)
		}
		if got := metric(s, "store_samples", "tier", "cold"); int64(got) != all-6*store.ChunkSamples {
			t.Errorf("%v samples in the cold tier", got)
		}
	}
	check(s)
	check(open(t, cold, store.Options{}))
	if again, err := r.Sweep(t.Context(), now); err != nil || len(again) != 0 {
		t.Errorf("a second time: %+v %v", again, err)
	}
	if got := retainerMetric(r, "store_retention_samples_total"); got != 6*store.ChunkSamples {
		t.Errorf("counted %v", got)
	}
	put(t, s, batch("s", "a", int(all), 5000))
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := counted(t, s, "s", "a"); n != all+5000 {
		t.Errorf("afterwards %d samples are counted", n)
	}
}

func retainerMetric(r *store.Retainer, name string) (v float64) {
	r.Metrics(func(m sensocto.Metric) {
		if m.Name == name {
			v += m.Value
		}
	})
	return v
}

func TestRetainer_RemovesRollupsToo(t *testing.T) {
	s := filledChunks(t, storetest.NewMemory(), 8)
	rules := store.Retention{{Raw: 2 * chunkTime, Rollups: 5 * chunkTime}}
	r := store.NewRetainer(s, store.RetainerOptions{Rules: rules})
	if _, err := r.Sweep(t.Context(), at(8*chunkTime)); err != nil {
		t.Fatal(err)
	}
	if n := counted(t, s, "s", "a"); n != 8*store.ChunkSamples+10 {
		t.Errorf("%d samples in rollups", n)
	}
	swept, err := r.Sweep(t.Context(), at(20*chunkTime))
	if err != nil || len(swept) != 1 || swept[0].Rollups.Chunks == 0 || swept[0].Raw.Chunks != 2 {
		t.Errorf("%+v %v", swept, err)
	}
	if _, err := r.Sweep(t.Context(), at(20*chunkTime)); err != nil { // what the last one rolled up
		t.Fatal(err)
	}
	if n := counted(t, s, "s", "a"); n != 10 { // the open part stays, whatever its age
		t.Errorf("%d samples are left", n)
	}
	if got := metric(s, "store_rollup_bytes"); got != 0 {
		t.Errorf("%v bytes of rollups", got)
	}
}

func TestRetainer_WithoutRulesNothingGoes(t *testing.T) {
	s := filledChunks(t, storetest.NewMemory(), 2)
	types := func(sensorID, attributeID string) string { return "ecg" }
	for _, rules := range []store.Retention{nil, {{Type: "temperature", Raw: time.Second}}, {{Raw: time.Second}, {Type: "ecg", Raw: sensocto.Forever}}} {
		r := store.NewRetainer(s, store.RetainerOptions{Rules: rules, Types: fixed(types)})
		if swept, err := r.Sweep(t.Context(), at(time.Hour)); err != nil || len(swept) > 0 {
			t.Errorf("%v: %+v %v", rules, swept, err)
		}
	}
}

func TestRetainer_KeepsSamplesThatNoRollupCanHold(t *testing.T) {
	cold := storetest.NewMemory()
	filledChunks(t, cold, 4)
	damage(t, cold, "s", "a", 2)
	s := open(t, cold, store.Options{})
	r := store.NewRetainer(s, store.RetainerOptions{Rules: store.Retention{{Raw: time.Second}}})
	swept, err := r.Sweep(t.Context(), at(time.Hour))
	if err != nil || len(swept) > 0 {
		t.Errorf("%+v %v", swept, err)
	}
	r = store.NewRetainer(s, store.RetainerOptions{Rules: store.Retention{{Raw: time.Second, Rollups: time.Second}}})
	if swept, err := r.Sweep(t.Context(), at(time.Hour)); err != nil || len(swept) != 1 || swept[0].Raw.Chunks != 5 {
		t.Errorf("nothing is to be kept: %+v %v", swept, err)
	}
}

// damage changes a byte of one chunk of samples.
func damage(t testing.TB, cold store.Cold, sensor, attribute string, index int) {
	t.Helper()
	query := sensocto.ChunkRange{SensorID: sensor, AttributeID: attribute, BeforeSeq: math.MaxInt64, ByNumber: true}
	var found []sensocto.Chunk
	err := cold.ReadChunks(t.Context(), query, func(c *sensocto.Chunk) bool {
		if index--; index == -1 {
			damaged := *c
			damaged.Data = slices.Clone(c.Data)
			damaged.Data[len(damaged.Data)/2] ^= 16
			found = append(found, damaged)
		}
		return true
	})
	if err != nil || len(found) != 1 {
		t.Fatalf("%d chunks to damage: %v", len(found), err)
	}
	if err := cold.WriteChunks(t.Context(), found); err != nil {
		t.Fatal(err)
	}
}

func TestRetainer_TriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cold := storetest.NewMemory()
		s := open(t, cold, store.Options{HotSamples: 1})
		b := batch("s", "a", 0, 3*store.ChunkSamples)
		for i := range b.Measurements {
			b.Measurements[i].Timestamp += time.Now().UnixMicro() - t0
		}
		put(t, s, b)
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := store.NewRetainer(s, store.RetainerOptions{Rules: store.Retention{{Raw: time.Hour}}, Every: 10 * time.Minute})
		stop := runPart(t, r.Run)
		time.Sleep(55 * time.Minute)
		if n := len(readAll(t, s, "s", "a")); n != 3*store.ChunkSamples {
			t.Errorf("%d samples within the hour", n)
		}
		cold.Fail(errDisk)
		time.Sleep(20 * time.Minute)
		if got := retainerMetric(r, "store_retention_failures_total"); got == 0 {
			t.Error("no failure was counted")
		}
		cold.Fail(nil)
		time.Sleep(11 * time.Minute)
		if n := len(readAll(t, s, "s", "a")); n != store.ChunkSamples { // part of the last chunk is in memory
			t.Errorf("%d samples are left", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// Whatever the ages and however late samples came: what is young enough is
// there, in order, and where rollups are for ever nothing is missing in them.
func TestRetainer_NeverRemovesWhatIsYoung(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := open(t, storetest.NewMemory(), store.Options{HotSamples: 1, RollupFan: [sensocto.RollupLevels]int{3, 2, 2, 2}})
		var times []int64
		for range rapid.IntRange(1, 6).Draw(rt, "batches") {
			start := rapid.Int64Range(0, 100).Draw(rt, "start") * 1_000_000
			b := batch("s", "a", 0, rapid.IntRange(1, 2*store.ChunkSamples).Draw(rt, "samples"))
			for i := range b.Measurements {
				b.Measurements[i].Timestamp += start
				times = append(times, b.Measurements[i].Timestamp)
			}
			put(t, s, b)
			if err := s.Flush(t.Context()); err != nil {
				rt.Fatal(err)
			}
		}
		r := store.NewRetainer(s, store.RetainerOptions{Rules: store.Retention{{Raw: 20 * time.Second}}})
		now := at(time.Duration(rapid.Int64Range(0, 200).Draw(rt, "now")) * time.Second)
		if _, err := r.Sweep(t.Context(), now); err != nil {
			rt.Fatal(err)
		}
		before := now.Add(-20 * time.Second).UnixMicro()
		slices.Sort(times)
		young := times[:0:0]
		for _, at := range times {
			if at >= before {
				young = append(young, at)
			}
		}
		var got []int64
		for _, sample := range readAll(t, s, "s", "a") {
			if sample.Timestamp >= before {
				got = append(got, sample.Timestamp)
			}
		}
		if !slices.Equal(young, got) {
			rt.Errorf("%d samples are young enough, %d are there", len(young), len(got))
		}
		if n := counted(t, s, "s", "a"); n != int64(len(times)) {
			rt.Errorf("%d samples are in rollups, want %d", n, len(times))
		}
	})
}

func TestRetainer_AFailureElsewhereIsNoObstacle(t *testing.T) {
	s := filledChunks(t, storetest.NewMemory(), 2)
	broken := errors.New("no types")
	r := store.NewRetainer(s, store.RetainerOptions{Rules: store.Retention{{Raw: time.Second}}, Types: failingTypes(broken)})
	if _, err := r.Sweep(t.Context(), at(time.Hour)); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// typesOf is how a retainer learns the types of attributes.
type typesOf = func(context.Context) (func(sensorID, attributeID string) string, error)

func fixed(types func(sensorID, attributeID string) string) typesOf {
	return func(context.Context) (func(string, string) string, error) { return types, nil }
}

func failingTypes(err error) typesOf {
	return func(context.Context) (func(string, string) string, error) { return nil, err }
}

// runPart starts a part; stop ends it and returns what it returned.
func runPart(t testing.TB, f func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1) // the one result
	go func() { done <- f(ctx) }()
	return sync.OnceValue(func() error {
		cancel()
		return <-done
	})
}
