package storetest

import (
	"bytes"
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

// importing brings a recording, part of which is there already, and repeats it
// until nothing fails.
func (m *machine) importing(t *rapid.T) {
	k := m.key(t)
	list := m.recording(t, k)
	if rapid.Bool().Draw(t, "fails") {
		m.failing(t, func() { _, _ = m.bring(k, list) })
		if rapid.Bool().Draw(t, "restart") {
			m.flush()
			m.restart()
		}
	}
	done, err := m.bring(k, list)
	m.must(err)
	if n := done.Stored + done.Known; n != int64(len(list)) {
		t.Fatalf("%d samples were imported, want %d", n, len(list))
	}
	left := slices.Clone(m.model[k])
	for _, s := range list {
		if i := slices.IndexFunc(left, func(x sensocto.Sample) bool { return equal(x, s) }); i >= 0 {
			left = slices.Delete(left, i, i+1)
		} else {
			m.model[k] = append(m.model[k], s)
		}
	}
	if again, err := m.bring(k, list); err != nil || again.Stored != 0 {
		t.Fatalf("%d samples were stored again: %v", again.Stored, err)
	}
}

// recording is samples in order of time: new ones, and some of those that the
// series has.
func (m *machine) recording(t *rapid.T, k key) (list []sensocto.Sample) {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	shape := rapid.SampledFrom([]string{"regular", "equal", "random"}).Draw(t, "shape")
	for i := range rapid.SampledFrom([]int{1, 30, 600}).Draw(t, "samples") {
		s := sensocto.Sample{Timestamp: m.timestamp(shape, k, i, r), Value: float64(r.IntN(4096)) / 200}
		if r.IntN(40) == 0 {
			s = sensocto.Sample{Timestamp: s.Timestamp, Document: []byte(`{"type":"N"}`)}
		}
		list = append(list, s)
	}
	if n := len(m.model[k]); n > 0 {
		from := r.IntN(n)
		list = append(list, m.model[k][from:min(n, from+r.IntN(300))]...)
	}
	slices.SortStableFunc(list, func(a, b sensocto.Sample) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	return list
}

// bring imports the samples, some at a time.
func (m *machine) bring(k key, list []sensocto.Sample) (sensocto.Imported, error) {
	i := m.store.Import(k.sensor)
	for part := range slices.Chunk(list, 70) {
		var cols store.Columns
		for at, s := range part {
			v := s.Value
			if s.IsDocument() {
				v = math.NaN()
				cols.Documents = append(cols.Documents, store.Document{Index: at, Text: s.Document})
			}
			cols.Times, cols.Values = append(cols.Times, s.Timestamp), append(cols.Values, v)
		}
		if err := i.Add(m.ctx, k.attribute, &cols); err != nil {
			return i.Done(), err
		}
	}
	err := i.Flush(m.ctx)
	return i.Done(), err
}

func equal(a, b sensocto.Sample) bool {
	return a.Timestamp == b.Timestamp && a.IsDocument() == b.IsDocument() && bytes.Equal(a.Document, b.Document) &&
		(a.IsDocument() || a.Value == b.Value)
}
