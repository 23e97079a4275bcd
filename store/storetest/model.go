package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

// RunModel compares a store over the cold tier with a naive model: random
// puts, imports, flushes, evictions, restarts, clean-ups and reads.
func RunModel(t *testing.T, newPlace func(t testing.TB) Place) {
	place, runs := newPlace(t), 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++ // each run has sensors of its own
		m := &machine{t: rt, run: runs, place: place, tb: t, model: make(map[key][]sensocto.Sample), ctx: t.Context()}
		m.restart()
		rt.Repeat(map[string]func(*rapid.T){
			"put":      m.put,
			"flush":    func(*rapid.T) { m.flush() },
			"restart":  func(*rapid.T) { m.flush(); m.restart() },
			"fail":     m.fail,
			"cleanup":  m.cleanup,
			"read":     m.read,
			"page":     m.page,
			"latest":   m.latest,
			"maintain": m.maintain,
			"history":  m.history,
			"import":   m.importing,
		})
	})
}

const epoch = int64(1_700_000_000_000_000)

// machine holds the store and the model: samples in order of arrival.
type machine struct {
	t     *rapid.T
	run   int
	tb    testing.TB
	ctx   context.Context
	place Place
	cold  *faulty
	store *store.Store
	model map[key][]sensocto.Sample
}

func (m *machine) must(err error) {
	if err != nil {
		m.t.Fatal(err)
	}
}

// flush leaves nothing behind.
func (m *machine) flush() {
	m.must(m.store.Flush(m.ctx))
	for k := range m.model {
		if c := m.store.Counts(k.sensor)[k.attribute]; c.Unflushed != 0 {
			m.t.Fatalf("%d samples of %v were not flushed", c.Unflushed, k)
		}
	}
}

func (m *machine) restart() {
	var err error
	m.cold = &faulty{Cold: m.place.Open(m.tb)}
	m.store, err = store.Open(m.ctx, m.cold, store.Options{
		HotSamples: 50, TransactionBytes: 3000, RollupFan: [4]int{2, 2, 2, 2},
		WarmBytes:  rapid.SampledFrom([]int64{1, 30_000, 64 << 20}).Draw(m.t, "warm bytes"),
		WarmWindow: rapid.SampledFrom([]time.Duration{time.Second, 20 * time.Second, time.Hour}).Draw(m.t, "warm window"),
	})
	m.must(err)
}

// fail lets a flush fail half-way.
func (m *machine) fail(t *rapid.T) {
	m.failing(t, func() { _ = m.store.Flush(m.ctx) }) // it may have had less to write
}

// failing lets writes fail while f runs, from one of the first on.
func (m *machine) failing(t *rapid.T, f func()) {
	m.cold.good = rapid.IntRange(0, 3).Draw(t, "good writes")
	m.cold.late = rapid.Bool().Draw(t, "written all the same")
	m.cold.err = errors.New("injected")
	f()
	m.cold.err = nil
}

func (m *machine) key(t *rapid.T) key {
	sensor := fmt.Sprintf("s%d-%d", m.run, rapid.IntRange(1, 2).Draw(t, "sensor"))
	return key{sensor, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "attribute")}
}

// put adds a batch of one sensor, most of it to one attribute.
func (m *machine) put(t *rapid.T) {
	k := m.key(t)
	n := rapid.SampledFrom([]int{1, 2, 20, 300, 5000}).Draw(t, "samples")
	shape := rapid.SampledFrom([]string{"regular", "late", "equal", "random", "documents", "far"}).Draw(t, "shape")
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	batch := &sensocto.Batch{SensorID: k.sensor}
	for i := range n {
		s := sensocto.Sample{Timestamp: m.timestamp(shape, k, i, r), Value: float64(r.IntN(4096)-2048) / 200}
		if shape == "documents" && r.IntN(3) == 0 || r.IntN(500) == 0 {
			s = sensocto.Sample{Timestamp: s.Timestamp, Document: fmt.Appendf(nil, `{"n":%d}`, r.IntN(1000))}
		}
		attribute := k.attribute
		if r.IntN(10) == 0 {
			attribute = "c"
		}
		batch.Measurements = append(batch.Measurements, sensocto.Measurement{AttributeID: attribute, Sample: s})
	}
	m.must(m.store.Put(m.ctx, batch))
	for _, x := range batch.Measurements {
		at := key{k.sensor, x.AttributeID}
		m.model[at] = append(m.model[at], x.Sample)
	}
}

func (m *machine) timestamp(shape string, k key, i int, r *rand.Rand) int64 {
	now := epoch + int64(len(m.model[k])+i)*2778
	switch shape {
	case "late":
		return now - r.Int64N(1_000_000)
	case "equal":
		return now / 50_000 * 50_000
	case "random":
		return epoch + r.Int64N(20_000_000)
	case "far":
		if r.IntN(100) == 0 {
			return now - 1<<40
		}
	}
	return now
}

func (m *machine) cleanup(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "cleanup") > 0 {
		return
	}
	sensor := m.key(t).sensor
	want := sensocto.Removed{}
	for k, samples := range m.model {
		if k.sensor == sensor && len(samples) > 0 {
			want.Series++
			want.Samples += int64(len(samples))
			delete(m.model, k)
		}
	}
	removed, err := m.store.Cleanup(m.ctx, sensor)
	m.must(err)
	if removed != want {
		t.Fatalf("removed %+v, want %+v", removed, want)
	}
}

// query draws bounds that matter: near samples that exist.
func (m *machine) query(t *rapid.T, k key) sensocto.Query {
	bound := func(name string) int64 {
		if len(m.model[k]) == 0 || rapid.Bool().Draw(t, "no "+name) {
			return 0
		}
		i := rapid.IntRange(0, len(m.model[k])-1).Draw(t, name)
		return m.model[k][i].Timestamp + rapid.Int64Range(-1, 1).Draw(t, "beside")
	}
	return sensocto.Query{
		From: bound("from"), To: bound("to"),
		Limit: rapid.SampledFrom([]int{0, 1, 10, 1000}).Draw(t, "limit"),
		Order: rapid.SampledFrom([]sensocto.Order{sensocto.Ascending, sensocto.Descending}).Draw(t, "order"),
	}
}

// expect is the answer of the model, without the limit.
func (m *machine) expect(k key, q sensocto.Query) []sensocto.Sample {
	list := slices.DeleteFunc(slices.Clone(m.model[k]), func(s sensocto.Sample) bool {
		return s.Timestamp < q.From || q.To != 0 && s.Timestamp >= q.To
	})
	slices.SortStableFunc(list, func(a, b sensocto.Sample) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	if q.Order == sensocto.Descending {
		slices.Reverse(list)
	}
	return list
}

func (m *machine) read(t *rapid.T) {
	k := m.key(t)
	q := m.query(t, k)
	page, err := m.store.Read(m.ctx, k.sensor, k.attribute, q)
	m.must(err)
	want := m.expect(k, q)
	if more := q.Limit > 0 && len(want) > q.Limit; more != (page.Next != nil) {
		t.Fatalf("cursor %v of %d samples with limit %d", page.Next, len(want), q.Limit)
	}
	if q.Limit > 0 {
		want = want[:min(q.Limit, len(want))]
	}
	sameSamples(t, page.Samples, want)
}

// page reads page by page, with a flush in between, and with samples that come
// too late to be on a page.
func (m *machine) page(t *rapid.T) {
	k := m.key(t)
	q := m.query(t, k)
	q.Limit = rapid.SampledFrom([]int{7, 100, 4096, 5000}).Draw(t, "page size")
	want := m.expect(k, q)
	var got []sensocto.Sample
	for pages := 0; ; pages++ {
		page, err := m.store.Read(m.ctx, k.sensor, k.attribute, q)
		m.must(err)
		got = append(got, page.Samples...)
		if q.After = page.Next; page.Next == nil || pages == 20 {
			break
		}
		if pages == 1 {
			m.must(m.store.Flush(m.ctx))
		}
		if pages < 3 {
			m.put(t)
		}
	}
	if q.After != nil {
		want = want[:len(got)]
	}
	sameSamples(t, got, want)
}

func (m *machine) latest(t *rapid.T) {
	sensor, n := m.key(t).sensor, rapid.SampledFrom([]int{1, 10, 200}).Draw(t, "n")
	got, err := m.store.Latest(m.ctx, sensor, sensocto.LatestQuery{Limit: n})
	m.must(err)
	known := 0
	for k := range m.model {
		if k.sensor != sensor || len(m.model[k]) == 0 {
			continue
		}
		known++
		want := m.expect(k, sensocto.Query{})
		sameSamples(t, got[k.attribute].Samples, want[max(0, len(want)-n):])
		if end := int64(len(m.model[k])); got[k.attribute].End < end {
			t.Fatalf("the next number is %d after %d samples", got[k.attribute].End, end)
		}
	}
	if known != len(got) {
		t.Fatalf("%d attributes, want %d", len(got), known)
	}
}

func sameSamples(t *rapid.T, got, want []sensocto.Sample) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
	for i := range want {
		g, w := got[i], want[i]
		if g.Timestamp != w.Timestamp || !bytes.Equal(g.Document, w.Document) || !w.IsDocument() && g.Value != w.Value {
			t.Fatalf("sample %d is %+v, want %+v", i, g, w)
		}
	}
}
