package recording_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/sensocto/sensocto/recording"
)

// foreign is what other software reads in a recording: testdata/make_files.py.
type foreign struct {
	Name, Path string
	Exact      bool // bit for bit, otherwise up to rounding
	Start      string
	Signals    []struct {
		Name, Unit string
		Rate       float64
		Values     string
	}
	Annotations []struct {
		Offset, Duration int64
		Type, Text       string
	}
}

func python(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("SENSOCTO_PYTHON"); path != "" {
		return path
	}
	path, err := filepath.Abs(filepath.Join("..", ".cache", "venv", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join("..", ".cache", "venv", "installed")); err != nil { // the last thing that an installation does
		t.Skip("no Python with wfdb and pyedflib in .cache/venv: `make test` installs it, or SENSOCTO_PYTHON names one")
	}
	return path
}

func TestForeignFiles_AreReadAsTheirSoftwareReadsThem(t *testing.T) {
	dir := t.TempDir()
	args := []string{filepath.Join("testdata", "make_files.py"), dir}
	if real := filepath.Join("..", "..", "shared", "data"); isDir(real) {
		args = append(args, real)
	}
	if out, err := exec.CommandContext(t.Context(), python(t), args...).CombinedOutput(); err != nil {
		t.Fatalf("make_files.py: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []foreign
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 30 {
		t.Errorf("only %d files were made", len(list))
	}
	for _, f := range list {
		t.Run(f.Name, func(t *testing.T) { f.compare(t, dir) })
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (f foreign) compare(t *testing.T, dir string) {
	r := open(t, f.Path)
	if len(r.Signals) != len(f.Signals) {
		t.Fatalf("%d signals, want %d", len(r.Signals), len(f.Signals))
	}
	f.compareStart(t, r.Start)
	all, notes := readAll(t, r)
	for i, want := range f.Signals {
		s := r.Signals[i]
		if s.Name != want.Name || s.Unit != want.Unit || s.Rate != want.Rate {
			t.Errorf("signal %d is %q in %q at %v Hz, want %+v", i, s.Name, s.Unit, s.Rate, want)
		}
		f.compareValues(t, s, all[i], readFloats(t, filepath.Join(dir, want.Values)))
	}
	f.compareNotes(t, notes)
	if err := r.Verify(); err != nil && f.Path[len(f.Path)-4:] != ".edf" && f.Name[0] == 'w' {
		t.Error(err)
	}
}

func (f foreign) compareStart(t *testing.T, got time.Time) {
	var want time.Time
	if f.Start != "" {
		var err error
		if want, err = time.Parse("2006-01-02T15:04:05", f.Start); err != nil {
			t.Fatal(err)
		}
	}
	if !got.Equal(want) {
		t.Errorf("starts %v, want %v", got, want)
	}
}

// compareValues compares with values among which NaN stands for a gap.
func (f foreign) compareValues(t *testing.T, s recording.Signal, got samples, want []float64) {
	t.Helper()
	n := 0
	for i, v := range want {
		if math.IsNaN(v) {
			continue
		}
		if n == len(got.Value) {
			t.Errorf("%s: only %d samples", s.Name, n)
			return
		}
		if got.Index[n] != int64(i) || got.Offset[n] != int64(math.Round(float64(i)*1e6/s.Rate)) {
			t.Fatalf("%s: sample %d is number %d at %d µs, want %d", s.Name, n, got.Index[n], got.Offset[n], i)
		}
		tolerance := 0.0
		if !f.Exact {
			tolerance = 1e-12 * (math.Abs(v) + math.Abs(s.Baseline/s.Gain) + 1)
		}
		if d := math.Abs(got.Value[n] - v); !(d <= tolerance) {
			t.Fatalf("%s: sample %d is %v, want %v", s.Name, i, got.Value[n], v)
		}
		if raw := (float64(got.Raw[n]) - s.Baseline) / s.Gain; raw != got.Value[n] {
			t.Fatalf("%s: sample %d is %v, but raw %d gives %v", s.Name, i, got.Value[n], got.Raw[n], raw)
		}
		n++
	}
	if n != len(got.Value) {
		t.Errorf("%s: %d samples, want %d", s.Name, len(got.Value), n)
	}
}

func (f foreign) compareNotes(t *testing.T, got []recording.Annotation) {
	t.Helper()
	if len(got) != len(f.Annotations) {
		t.Fatalf("%d annotations, want %d", len(got), len(f.Annotations))
	}
	for i, want := range f.Annotations {
		if a := got[i]; a.Offset != want.Offset || a.Type != want.Type || a.Text != want.Text || a.Duration != want.Duration {
			t.Fatalf("annotation %d is %+v, want %+v", i, a, want)
		}
	}
}

func readFloats(t *testing.T, path string) []float64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float64, len(data)/8)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
	}
	return v
}
