package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/journal"
)

// RunStore tests what a store does with a cold tier beside taking and giving
// samples.
func RunStore(t *testing.T, newPlace func(t testing.TB) Place) {
	for name, test := range map[string]func(*testing.T, Place){
		"CompactsSmallChunks":      testCompaction,
		"RetentionKeepsRollups":    testRetention,
		"ChecksAndMends":           testMend,
		"BringsTheJournalToIt":     testRecovery,
		"CleanUpHoldsOverARestart": testCleanup,
		"DrawsExactBuckets":        testZoom,
	} {
		t.Run(name, func(t *testing.T) { test(t, newPlace(t)) })
	}
}

const second = int64(time.Second / time.Microsecond)

// signal is samples of an hour ago and later, at 100 Hz with a gap.
func signal(from, count int) []sensocto.Sample {
	list := make([]sensocto.Sample, count)
	for i := range list {
		n := from + i
		at := epoch + int64(n)*second/100
		if n >= 10_000 {
			at += 3600 * second
		}
		list[i] = sensocto.Sample{Timestamp: at, Value: float64(n*n%4099) / 200}
	}
	return list
}

func put(t testing.TB, s *store.Store, samples []sensocto.Sample) {
	t.Helper()
	for part := range slices.Chunk(samples, 500) {
		b := &sensocto.Batch{SensorID: "s"}
		for _, x := range part {
			b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "a", Sample: x})
		}
		if err := s.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

func openStore(t testing.TB, c store.Cold, o store.Options) *store.Store {
	t.Helper()
	o.RollupFan = [4]int{2, 2, 2, 2}
	s, err := store.Open(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func flush(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func wantSamples(t testing.TB, s *store.Store, want []sensocto.Sample) {
	t.Helper()
	page, err := s.Read(t.Context(), "s", "a", sensocto.Query{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, len(page.Samples), len(want))
	same(t, page.Samples, want)
}

// sound wants a check to find nothing.
func sound(t testing.TB, c store.Cold) {
	t.Helper()
	report, err := store.Check(t.Context(), c, func(f store.Fault) { t.Errorf("%+v", f) }, nil)
	if err != nil || report.Series == 0 {
		t.Fatal(report, err)
	}
}

func testCompaction(t *testing.T, p Place) {
	all := signal(0, 12_000)
	for i := range 40 { // each start ends the chunk of the one before
		s := openStore(t, p.Open(t), store.Options{})
		put(t, s, all[i*300:(i+1)*300])
		flush(t, s)
	}
	c := p.Open(t)
	before := series(t, c)[0]
	s := openStore(t, c, store.Options{})
	if err := s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := series(t, c)[0]
	if before.Chunks != 40 || after.Chunks > 4 || after.Samples != before.Samples || after.Bytes >= before.Bytes {
		t.Errorf("before %+v, after %+v", before, after)
	}
	wantSamples(t, s, all)
	wantSamples(t, openStore(t, p.Open(t), store.Options{}), all)
	sound(t, p.Open(t))
}

func testRetention(t *testing.T, p Place) {
	all := signal(0, 10*store.ChunkSamples)
	c := p.Open(t)
	s := openStore(t, c, store.Options{HotSamples: 10})
	put(t, s, all)
	flush(t, s)
	last := all[len(all)-1].Timestamp
	// What is old is all but the last two minutes and a half.
	r := store.NewRetainer(s, store.RetainerOptions{Rules: store.Retention{{Raw: store.MinRetention}}})
	now := time.UnixMicro(last - 150*second).Add(store.MinRetention)
	plan, err := r.Plan(t.Context(), now)
	if err != nil || len(plan) != 1 || plan[0].Raw.Samples == 0 {
		t.Fatalf("%+v %v", plan, err)
	}
	wantSamples(t, s, all) // a plan removes nothing
	swept, err := r.Sweep(t.Context(), now)
	if err != nil || len(swept) != 1 || swept[0].Raw.Samples != plan[0].Raw.Samples || swept[0].Rollups.Chunks != 0 {
		t.Fatalf("%+v %v", swept, err)
	}
	gone := swept[0].Raw.Samples
	if kept := all[gone:]; gone%store.ChunkSamples != 0 || kept[0].Timestamp > last-150*second {
		t.Fatalf("%d samples went", gone)
	}
	for range 2 {
		wantSamples(t, s, all[gone:])
		h, err := s.History(t.Context(), "s", "a", sensocto.HistoryQuery{Samples: true, MaxBuckets: 100})
		count := int64(0)
		for _, b := range h.Buckets {
			count += b.Count
		}
		if err != nil || count != int64(len(all)) {
			t.Errorf("a trace of %d samples, want %d: %v", count, len(all), err)
		}
		s = openStore(t, p.Open(t), store.Options{})
	}
	sound(t, p.Open(t))
}

func testMend(t *testing.T, p Place) {
	samples := signal(0, 4*store.ChunkSamples)
	c := p.Open(t)
	s := openStore(t, c, store.Options{})
	put(t, s, samples)
	flush(t, s)
	if err := s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := read(t, c, all(0))
	broken, lying := list[1], list[2]
	broken.Data[len(broken.Data)-1] ^= 1
	lying.Numbers.Max++
	write(t, c, broken, lying)
	var found []store.Fault
	if _, err := store.Check(t.Context(), c, func(f store.Fault) { found = append(found, f) }, nil); err != nil {
		t.Fatal(err)
	}
	kinds := make(map[store.FaultKind]int)
	for _, f := range found {
		kinds[f.Kind]++
	}
	if kinds[store.FaultUnreadable] != 1 || kinds[store.FaultRow] != 1 {
		t.Fatalf("%+v", found)
	}
	if err := store.Mend(t.Context(), c, found, func(store.Fault, store.Remedy) {}); err != nil {
		t.Fatal(err)
	}
	sound(t, c)
	wantSamples(t, openStore(t, p.Open(t), store.Options{}), slices.Concat(samples[:store.ChunkSamples], samples[2*store.ChunkSamples:]))
}

// runStore lets a store run beside the test. The function it returns ends it.
func runStore(t testing.TB, s *store.Store) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1) // one result
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func confirm(t testing.TB, s *store.Store) {
	t.Helper()
	answer := make(chan error, 1) // one result
	s.Durable(func(err error) { answer <- err })
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
}

// What the journal has and the tier has not, as after a kill, comes to the tier
// at the next start, once.
func testRecovery(t *testing.T, p Place) {
	dir, all := journal.OS(t.TempDir()), signal(0, 11_000)
	s := openStore(t, refusing{p.Open(t)}, store.Options{Journal: dir})
	stop := runAway(s)
	put(t, s, all)
	confirm(t, s)
	stop()
	for range 2 {
		s = openStore(t, p.Open(t), store.Options{Journal: dir})
		stop := runStore(t, s)
		flush(t, s)
		wantSamples(t, s, all)
		stop()
	}
	same(t, series(t, p.Open(t))[0].Samples, int64(len(all)))
	sound(t, p.Open(t))
}

// refusing is a tier that is away.
type refusing struct{ store.Cold }

// WriteChunks implements store.Cold.
func (refusing) WriteChunks(context.Context, []sensocto.Chunk) error { return sensocto.ErrUnavailable }

// runAway is runStore for a store that cannot flush when it ends.
func runAway(s *store.Store) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1) // one result
	go func() { ended <- s.Run(ctx) }()
	return func() { cancel(); <-ended }
}

func testCleanup(t *testing.T, p Place) {
	dir, first, second := journal.OS(t.TempDir()), signal(0, 5000), signal(7000, 100)
	s := openStore(t, p.Open(t), store.Options{Journal: dir})
	stop := runStore(t, s)
	put(t, s, first)
	removed, err := s.Cleanup(t.Context(), "s")
	same(t, err, nil)
	same(t, removed, sensocto.Removed{Series: 1, Samples: int64(len(first))})
	put(t, s, second)
	confirm(t, s)
	stop()
	s = openStore(t, p.Open(t), store.Options{Journal: dir})
	defer runStore(t, s)()
	flush(t, s)
	wantSamples(t, s, second)
}

// Buckets of any width are those of the samples, and a gap is a gap.
func testZoom(t *testing.T, p Place) {
	all := signal(0, 6*store.ChunkSamples)
	s := openStore(t, p.Open(t), store.Options{HotSamples: 100})
	put(t, s, all)
	flush(t, s)
	if err := s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, width := range []int64{10_000, 50_000, 333_333, second, 7 * second, 60 * second, 3600 * second} {
			h, err := s.History(t.Context(), "s", "a", sensocto.HistoryQuery{Width: width})
			if err != nil || h.Width < width {
				t.Fatalf("%d µs: %d, %v", width, h.Width, err)
			}
			same(t, rounded(h.Buckets), rounded(bucketsOf(all, h.Width)))
		}
		s = openStore(t, p.Open(t), store.Options{})
	}
}

func bucketsOf(samples []sensocto.Sample, width int64) (list []sensocto.Bucket) {
	at := int64(-1)
	for _, s := range samples {
		if start := s.Timestamp / width; start != at {
			at, list = start, append(list, sensocto.Bucket{})
		}
		list[len(list)-1].Add(s.Timestamp, s.Value)
	}
	return list
}

// rounded forgets in what order sums were added up.
func rounded(list []sensocto.Bucket) []string {
	texts := make([]string, len(list))
	for i, b := range list {
		sum := fmt.Sprintf("%.6f", b.Sum)
		b.Sum = 0
		texts[i] = fmt.Sprint(b, sum)
	}
	return texts
}
