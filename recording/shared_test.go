package recording_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sensocto/sensocto/recording"
)

// shared returns the path of a real recording, which is not part of the
// project, and skips the test where there is none.
func shared(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no real recordings beside the project (%s): only the test's own are read", path)
	}
	return path
}

// samples is everything that one signal delivered.
type samples struct {
	Index  []int64
	Offset []int64
	Value  []float64
	Raw    []int32
}

// readAll reads a recording to its end, and checks what is promised of blocks.
func readAll(t testing.TB, r *recording.Recording) ([]samples, []recording.Annotation) {
	t.Helper()
	all, notes, err := collect(t, r)
	if err != nil {
		t.Fatal(err)
	}
	return all, notes
}

func collect(t testing.TB, r *recording.Recording) ([]samples, []recording.Annotation, error) {
	t.Helper()
	all := make([]samples, len(r.Signals))
	var notes []recording.Annotation
	var to int64
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, notes, nil
		}
		if err != nil {
			return all, notes, err
		}
		if b.From < to || b.To <= b.From {
			t.Fatalf("block [%d, %d) after one that ended at %d", b.From, b.To, to)
		}
		to = b.To
		notes = append(notes, b.Annotations...)
		for _, run := range b.Runs {
			s := &all[run.Signal]
			for k, v := range run.Values {
				at := run.Offset(k)
				if at < b.From || at >= b.To {
					t.Fatalf("signal %d, sample at %d is outside its block [%d, %d)", run.Signal, at, b.From, b.To)
				}
				s.Index = append(s.Index, run.First+int64(k))
				s.Offset = append(s.Offset, at)
				s.Value = append(s.Value, v)
			}
			s.Raw = append(s.Raw, run.Raw...)
		}
	}
}

func open(t testing.TB, path string) *recording.Recording {
	t.Helper()
	r, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestShared_Record100(t *testing.T) {
	r := open(t, shared(t, "100.hea"))
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	all, notes := readAll(t, r)
	if r.Name != "100" || len(r.Signals) != 2 || r.Signals[0].AttributeID != "MLII" || r.Signals[1].AttributeID != "V5" {
		t.Errorf("%q with signals %+v", r.Name, r.Signals)
	}
	for i, first := range []float64{-0.145, -0.065} {
		if s := all[i]; len(s.Value) != 650000 || s.Value[0] != first || s.Value[1] != first || s.Offset[649999] != 1805552778 {
			t.Errorf("signal %d: %d samples, first %v, last at %d", i, len(s.Value), s.Value[0], s.Offset[len(s.Offset)-1])
		}
	}
	if len(notes) != 2274 || notes[0].Type != "+" || notes[0].Text != "(N" || notes[1].Type != "N" || notes[1].Offset != 213889 {
		t.Errorf("%d annotations, first %+v %+v", len(notes), notes[0], notes[1])
	}
	if r.Last != 1805552778 || r.Duration.Microseconds() != 1805555556 {
		t.Errorf("last sample at %d µs, duration %v", r.Last, r.Duration)
	}
}

func TestShared_SeveralRates(t *testing.T) {
	r := open(t, shared(t, "03700181.hea"))
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	all, _ := readAll(t, r)
	for i, want := range []struct {
		id, unit string
		rate     float64
		count    int
	}{{"MCL1", "mV", 500, 300000}, {"ABP", "mmHg", 125, 75000}, {"RESP", "mV", 125, 74996}} {
		s := r.Signals[i]
		if s.AttributeID != want.id || s.Unit != want.unit || s.Rate != want.rate {
			t.Errorf("signal %d is %+v, want %+v", i, s, want)
		}
		if s.Count != int64(want.count) || len(all[i].Value) > want.count {
			t.Errorf("%s: %d samples, %d valid, want up to %d", want.id, s.Count, len(all[i].Value), want.count)
		}
	}
}

func TestShared_EDFPlus(t *testing.T) {
	r := open(t, shared(t, "test_generator_2.edf"))
	if len(r.Signals) != 11 || r.Duration != 10*time.Minute || !r.Start.Equal(time.Date(2009, 12, 10, 12, 44, 2, 0, time.UTC)) {
		t.Errorf("%d signals, %v long, starts %v", len(r.Signals), r.Duration, r.Start)
	}
	all, notes := readAll(t, r)
	for i, s := range all {
		if int64(len(s.Value)) != r.Signals[i].Count {
			t.Errorf("%s: %d samples, want %d", r.Signals[i].Name, len(s.Value), r.Signals[i].Count)
		}
	}
	if len(notes) != 2 || notes[1].Text != "REC STOP" || notes[1].Offset != 600_000_000 {
		t.Errorf("annotations %+v", notes)
	}
}
