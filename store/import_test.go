package store_test

import (
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// columns returns n numbers, a millisecond apart, whose values are their numbers.
func columns(first, n int) *store.Columns {
	cols := &store.Columns{}
	for i := first; i < first+n; i++ {
		cols.Times, cols.Values = append(cols.Times, t0+int64(i)*1000), append(cols.Values, float64(i))
	}
	return cols
}

func bring(t testing.TB, s *store.Store, sensor, attribute string, cols *store.Columns) sensocto.Imported {
	t.Helper()
	i := s.Import(sensor)
	if err := i.Add(t.Context(), attribute, cols); err != nil {
		t.Fatal(err)
	}
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return i.Done()
}

func TestImport_FillsWhatIsMissing(t *testing.T) {
	cold := storetest.NewMemory()
	s := open(t, cold, store.Options{})
	put(t, s, batch("s1", "ecg", 3000, 2000)) // not flushed
	if done := bring(t, s, "s1", "ecg", columns(0, 10_000)); done.Stored != 8000 || done.Known != 2000 {
		t.Errorf("%+v", done)
	}
	put(t, s, batch("s1", "ecg", 10_000, 10))
	requireNumbers(t, s, "s1", "ecg", 10_010)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = open(t, cold, store.Options{})
	requireNumbers(t, s, "s1", "ecg", 10_010)
	if done := bring(t, s, "s1", "ecg", columns(0, 10_000)); done.Stored != 0 {
		t.Errorf("again: %+v", done)
	}
}

// An import makes no series beyond the bound, and fills those that exist.
func TestImport_RefusesSeriesBeyondTheBound(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{MaxSeries: 2})
	put(t, s, batch("s1", "a", 0, 10))
	i := s.Import("s2")
	if err := i.Add(t.Context(), "a", columns(0, 10)); err != nil {
		t.Fatal(err)
	}
	if err := i.Add(t.Context(), "b", columns(0, 10)); !errors.Is(err, sensocto.ErrTooManySeries) {
		t.Errorf("a series too many: %v", err)
	}
	bring(t, s, "s1", "a", columns(0, 20))
	bring(t, s, "s2", "a", columns(0, 10))
	requireNumbers(t, s, "s1", "a", 20)
	requireNumbers(t, s, "s2", "a", 10)
	if err := s.Import("s1").Add(t.Context(), "b", columns(0, 1)); !errors.Is(err, sensocto.ErrTooManySeries) {
		t.Errorf("a series too many: %v", err)
	}
}

// Equal samples count: a file with three of them, where two are stored, brings
// one.
func TestImport_CountsEqualSamples(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{})
	same := func(n int) *store.Columns {
		cols := &store.Columns{}
		for range n {
			cols.Times, cols.Values = append(cols.Times, t0), append(cols.Values, 7)
		}
		return cols
	}
	bring(t, s, "s1", "a", same(2))
	if done := bring(t, s, "s1", "a", same(3)); done.Stored != 1 || done.Known != 2 {
		t.Errorf("%+v", done)
	}
	other := same(1)
	other.Values[0] = math.Copysign(0, -1)
	if done := bring(t, s, "s1", "a", other); done.Stored != 1 {
		t.Errorf("another value: %+v", done)
	}
	zero := same(1)
	zero.Values[0] = 0
	if done := bring(t, s, "s1", "a", zero); done.Stored != 1 {
		t.Errorf("0 for -0: %+v", done)
	}
}

// A device goes on sending the very series that is imported.
func TestImport_BesideADevice(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{FlushInterval: time.Millisecond, HotSamples: 100})
	stop := run(t, s)
	const live = 1 << 20 // samples of the device have numbers from here on
	var over atomic.Bool
	var sent int
	var device sync.WaitGroup
	device.Go(func() {
		for !over.Load() && sent < live {
			if s.Put(t.Context(), batch("s1", "ecg", live+sent, 20)) == nil {
				sent += 20
			}
			runtime.Gosched()
		}
	})
	done := bring(t, s, "s1", "ecg", columns(0, 500_000))
	over.Store(true)
	device.Wait()
	if done.Stored != 500_000 {
		t.Errorf("%+v", done)
	}
	page, err := s.Read(t.Context(), "s1", "ecg", sensocto.Query{})
	if err != nil || len(page.Samples) != 500_000+sent {
		t.Fatalf("%d samples, want %d: %v", len(page.Samples), 500_000+sent, err)
	}
	for i, x := range page.Samples {
		want := i
		if i >= 500_000 {
			want = live + i - 500_000
		}
		if x.Value != float64(want) {
			t.Fatalf("sample %d is %v", i, x.Value)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Import("s1").Add(t.Context(), "ecg", columns(600_000, 200_000)); !errors.Is(err, sensocto.ErrUnavailable) {
		t.Errorf("after the end: %v", err)
	}
}

func TestImport_RefusesWhatNoDeviceCouldSend(t *testing.T) {
	future := time.Now().Add(72 * time.Hour).UnixMicro()
	large := append(append([]byte{'"'}, make([]byte, 65<<10)...), '"')
	for name, c := range map[string]struct {
		cols   store.Columns
		reason string
	}{
		"old":        {store.Columns{Times: []int64{1}, Values: []float64{1}}, "timestamp_too_old"},
		"future":     {store.Columns{Times: []int64{future}, Values: []float64{1}}, "timestamp_in_future"},
		"disordered": {store.Columns{Times: []int64{t0, t0 - 1}, Values: []float64{1, 2}}, "not_in_order"},
		"not finite": {store.Columns{Times: []int64{t0}, Values: []float64{math.Inf(1)}}, "invalid_payload"},
		"no number":  {store.Columns{Times: []int64{t0}, Values: []float64{math.NaN()}}, "invalid_payload"},
		"no JSON":    {store.Columns{Times: []int64{t0}, Values: []float64{math.NaN()}, Documents: []store.Document{{Text: []byte("{")}}}, "invalid_payload"},
		"no UTF-8":   {store.Columns{Times: []int64{t0}, Values: []float64{math.NaN()}, Documents: []store.Document{{Text: []byte("\"\xe4\"")}}}, "invalid_payload"},
		"large":      {store.Columns{Times: []int64{t0}, Values: []float64{math.NaN()}, Documents: []store.Document{{Text: large}}}, "payload_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, storetest.NewMemory(), store.Options{})
			i := s.Import("s1")
			if err := i.Add(t.Context(), "ecg", &c.cols); sensocto.ErrorReason(err) != c.reason || sensocto.ErrorCode(err) != sensocto.CodeInvalid {
				t.Errorf("got %v, want %s", err, c.reason)
			}
			if err := i.Flush(t.Context()); err == nil {
				t.Error("it goes on after an error")
			}
		})
	}
}

func TestImport_OfASensorThatIsCleanedUp(t *testing.T) {
	s := open(t, storetest.NewMemory(), store.Options{})
	bring(t, s, "s1", "ecg", columns(0, 5000))
	i := s.Import("s1")
	if err := i.Add(t.Context(), "ecg", columns(0, 6000)); err != nil {
		t.Fatal(err)
	}
	removed, err := s.Cleanup(t.Context(), "s1")
	if err != nil || removed.Samples != 5000 {
		t.Fatalf("%+v %v", removed, err)
	}
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if page, _ := s.Read(t.Context(), "s1", "ecg", sensocto.Query{}); len(page.Samples) != 1000 {
		t.Errorf("%d samples", len(page.Samples))
	}
	bring(t, s, "s1", "ecg", columns(0, 6000))
	requireNumbers(t, s, "s1", "ecg", 6000)
}

func BenchmarkImport(b *testing.B) {
	cols := columns(0, store.ChunkSamples)
	for i := range cols.Values {
		cols.Times[i] -= t0 - sensocto.MinTimestamp // room for many iterations before the future
		cols.Values[i] = math.Round(200*math.Sin(float64(i)/9)) / 200
	}
	s := open(b, storetest.NewMemory(), store.Options{})
	imported := s.Import("s1")
	b.SetBytes(16 * store.ChunkSamples)
	for b.Loop() {
		if err := imported.Add(b.Context(), "ecg", cols); err != nil {
			b.Fatal(err)
		}
		for i := range cols.Times {
			cols.Times[i] += store.ChunkSamples * 1000
		}
	}
	b.ReportMetric(float64(b.N)*store.ChunkSamples/b.Elapsed().Seconds(), "samples/s")
}
