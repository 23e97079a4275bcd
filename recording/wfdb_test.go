package recording_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto/recording"
)

// write puts files into a new directory and returns the path of the first.
func write(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

// TestWFDB_Formats reads the samples 1, −2, invalid and the highest number.
func TestWFDB_Formats(t *testing.T) {
	for _, c := range []struct {
		format, bytes string
		highest       int32
	}{
		{"16", "\x01\x00\xfe\xff\x00\x80\xff\x7f", 32767},
		{"24", "\x01\x00\x00\xfe\xff\xff\x00\x00\x80\xff\xff\x7f", 8388607},
		{"32", "\x01\x00\x00\x00\xfe\xff\xff\xff\x00\x00\x00\x80\xff\xff\xff\x7f", 2147483647},
		{"61", "\x00\x01\xff\xfe\x80\x00\x7f\xff", 32767},
		{"80", "\x81\x7e\x00\xff", 127},
		{"160", "\x01\x80\xfe\x7f\x00\x00\xff\xff", 32767},
		{"212", "\x01\xf0\xfe\x00\x78\xff", 2047},
		{"310", "\x02\x00\xfc\x87\xfe\x03", 511},
		{"311", "\x01\xf8\x0f\x20\xff\x01", 511},
		{"16+5", "MAT5.\x01\x00\xfe\xff\x00\x80\xff\x7f", 32767},
	} {
		t.Run(c.format, func(t *testing.T) {
			header := "r 1 360 4 10:20:30.5 2/1/2003\nr.dat " + c.format + " 2(-1)/l/min 12 0 1 0 0 flow of air\n# one\n"
			r := open(t, write(t, "r.hea", header, "r.dat", c.bytes))
			all, _ := readAll(t, r)
			got := all[0]
			want := []float64{1, -0.5, (float64(c.highest) + 1) / 2}
			if !slices.Equal(got.Value, want) || !slices.Equal(got.Raw, []int32{1, -2, c.highest}) {
				t.Errorf("values %v raw %v, want %v", got.Value, got.Raw, want)
			}
			if !slices.Equal(got.Index, []int64{0, 1, 3}) || !slices.Equal(got.Offset, []int64{0, 2778, 8333}) {
				t.Errorf("samples %v at %v", got.Index, got.Offset)
			}
			s := r.Signals[0]
			if s.AttributeID != "flow_of_air" || s.Unit != "l/min" || s.Rate != 360 || s.Count != 4 || s.Gain != 2 || s.Baseline != -1 || s.Uncalibrated {
				t.Errorf("signal %+v", s)
			}
			if start := time.Date(2003, 1, 2, 10, 20, 30, 5e8, time.UTC); !r.Start.Equal(start) || r.Name != "r" || r.Comments[0] != "one" {
				t.Errorf("%s starts %v, comments %q", r.Name, r.Start, r.Comments)
			}
			if r.Last != 8333 || r.Duration != 11111*time.Microsecond {
				t.Errorf("last sample at %d, duration %v", r.Last, r.Duration)
			}
		})
	}
}

func TestWFDB_Defaults(t *testing.T) {
	for name, c := range map[string]struct {
		line     string
		gain, at float64
		unit     string
		raw      bool
	}{
		"nothing but a format":         {"r.dat 16", 200, 0, "mV", true},
		"gain 0":                       {"r.dat 16 0 12 7", 200, 7, "mV", true},
		"baseline is the ADC's zero":   {"r.dat 16 50 12 1024", 50, 1024, "mV", false},
		"unit without baseline":        {"r.dat 16 12.5/mmHg 12 3", 12.5, 3, "mmHg", false},
		"baseline wins over ADC's one": {"r.dat 16 1e1(-5)/uV 12 1024", 10, -5, "uV", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, write(t, "r.hea", "r 1\n"+c.line+"\n", "r.dat", "\x00\x01"))
			s := r.Signals[0]
			if s.Gain != c.gain || s.Baseline != c.at || s.Unit != c.unit || s.Uncalibrated != c.raw || s.Rate != 250 || s.Count != 1 {
				t.Errorf("signal %+v", s)
			}
			if s.AttributeID != "signal_1" || !r.Start.IsZero() {
				t.Errorf("id %s, start %v", s.AttributeID, r.Start)
			}
		})
	}
}

func TestWFDB_FramesSkewAndFiles(t *testing.T) {
	r := open(t, write(t,
		"r.hea", "r 3 100/7(2) 3\n a.dat 80x2 1 8 0 0 0 0 fast\na.dat 80:1 1 8 0 0 0 0 late\nb.dat 61 1 16 0 0 0 0 other\n",
		"a.dat", "\x81\x82\x83"+"\x84\x85\x86"+"\x87\x88\x89", "b.dat", "\x00\x0a\x00\x0b\x00\x0c"))
	all, _ := readAll(t, r)
	for i, want := range [][]float64{{1, 2, 4, 5, 7, 8}, {6, 9}, {10, 11, 12}} {
		if !slices.Equal(all[i].Value, want) {
			t.Errorf("%s: %v, want %v", r.Signals[i].Name, all[i].Value, want)
		}
	}
	if r.Signals[0].Rate != 200 || !slices.Equal(all[0].Offset, []int64{0, 5000, 10000, 15000, 20000, 25000}) {
		t.Errorf("%v Hz, at %v", r.Signals[0].Rate, all[0].Offset)
	}
	if err := r.Rewind(); err != nil {
		t.Fatal(err)
	}
	if again, _ := readAll(t, r); !slices.Equal(again[1].Value, all[1].Value) {
		t.Errorf("after Rewind: %v", again[1].Value)
	}
}

func TestWFDB_Annotations(t *testing.T) {
	const atr = "\x0a\x04" + // N at 10
		"\x00\xec\x01\x00\xa0\x86" + "\x00\x70" + // skip 100000, then a change of rhythm
		"\x03\xfc(N\x00\x00" + "\x02\xf4" + // with a note and subtype 2
		"\x01\xf8" + "\x64\x14" + // on channel 1; V 100 later
		"\x00\x00"
	r := open(t, write(t, "r.hea", "r 1 1000 1\nr.dat 16\n", "r.dat", "\x00\x00", "r.atr", atr))
	_, notes := readAll(t, r)
	want := []recording.Annotation{
		{Offset: 10_000, Type: "N"},
		{Offset: 100_010_000, Type: "+", Text: "(N", Subtype: 2, Channel: 1},
		{Offset: 100_110_000, Type: "V", Channel: 1},
	}
	if !slices.Equal(notes, want) {
		t.Errorf("annotations %+v, want %+v", notes, want)
	}
	if doc := string(notes[1].Document()); doc != `{"type":"+","text":"(N","subtype":2,"channel":1}` {
		t.Errorf("document %s", doc)
	}
	if r.Last != 100_110_000 {
		t.Errorf("last at %d", r.Last)
	}
}

func TestWFDB_BrokenFiles(t *testing.T) {
	const good = "r 1 360 4\nr.dat 16 200 16 0 0 0 0 x\n"
	data := strings.Repeat("\x01\x00", 4)
	for name, c := range map[string]struct {
		header, data, atr, want string
	}{
		"empty header":       {"", data, "", "no record line"},
		"only comments":      {"# x\n", data, "", "no record line"},
		"a signal missing":   {"r 2 360 4\nr.dat 16\n", data, "", "2 signals announced, 1 described"},
		"truncated data":     {good, data[:7], "", "8 bytes expected, 7 found"},
		"no data":            {good, "", "", "8 bytes expected, 0 found"},
		"huge count":         {"r 1 360 1099511627776\nr.dat 16\n", data, "", "2199023255552 bytes expected"},
		"count too large":    {"r 1 360 99999999999999\nr.dat 16\n", data, "", "number of samples"},
		"huge frame":         {"r 1 360 4\nr.dat 16x99999999\n", data, "", "samples per frame"},
		"unknown format":     {"r 1 360 4\nr.dat 8\n", data, "", "format 8, which is not supported"},
		"no format":          {"r 1 360 4\nr.dat sixteen\n", data, "", "want a number"},
		"bad gain":           {"r 1 360 4\nr.dat 16 much\n", data, "", "gain"},
		"gain too small":     {"r 1 360 4\nr.dat 16 1e-300\n", data, "", "gain"},
		"bad frequency":      {"r 1 NaN 4\nr.dat 16\n", data, "", "frequency"},
		"other directory":    {"r 1 360 4\n../r.dat 16\n", data, "", "beside the header"},
		"missing file":       {"r 1 360 4\nq.dat 16\n", data, "", "q.dat"},
		"segments missing":   {"r/3 1 360 4\nq 4\n", data, "", "3 segments announced"},
		"segment line":       {"r/1 1 360 4\nr.dat sixteen\n", data, "", "segment line"},
		"no segment's file":  {"r/1 1 360 4\nq 4\n", data, "", "q.hea"},
		"segment elsewhere":  {"r/1 1 360 4\n../q 4\n", data, "", "beside the header"},
		"segment of itself":  {"r/1 1 360 4\nr 4\n", data, "", "has segments itself"},
		"endless segments":   {"r/99999999 1 360 4\n", data, "", "number of segments"},
		"mixed formats":      {"r 2 360 2\nr.dat 16\nr.dat 61\n", data, "", "differ in format"},
		"offset behind end":  {"r 1 360 4\nr.dat 16+99\n", data, "", "expected"},
		"annotations end":    {good, data, "\x0a\x04", "no end mark"},
		"annotation skip":    {good, data, "\x00\xec\x01", "truncated in a skip"},
		"annotation's note":  {good, data, "\x0a\x04\xff\xfcabc", "truncated in a note"},
		"negative skew":      {"r 1 360 4\nr.dat 16:-3\n", data, "", "whole number"},
		"signals not a word": {"r x 360 4\n", data, "", "number of signals"},
	} {
		t.Run(name, func(t *testing.T) {
			files := []string{"r.hea", c.header, "r.dat", c.data}
			if c.atr != "" {
				files = append(files, "r.atr", c.atr)
			}
			path := write(t, files...)
			r, err := recording.Open(path)
			if err == nil {
				r.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Dir(path)) {
				t.Errorf("error %q, want the path and %q", err, c.want)
			}
		})
	}
}

func TestWFDB_TruncatedErrorNamesTheLengths(t *testing.T) {
	_, err := recording.Open(write(t, "r.hea", "r 3 360 3\nr.dat 212\nr.dat 212\nr.dat 212\n", "r.dat", "1234567"))
	short, ok := errors.AsType[*recording.TruncatedError](err)
	if !ok || short.Expected != 14 || short.Actual != 7 || filepath.Base(short.Path) != "r.dat" {
		t.Errorf("%v", err)
	}
}

func TestWFDB_Verify(t *testing.T) {
	header := "r 2 360 2\nr.dat 16 200 16 0 1 4 0 a\nr.dat 16 200 16 0 2 -2 0 b\n"
	r := open(t, write(t, "r.hea", header, "r.dat", "\x01\x00\xff\xff\x03\x00\xff\xff"))
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	r = open(t, write(t, "r.hea", header, "r.dat", "\x01\x00\xff\xff\x03\x01\xff\xff"))
	if err := r.Verify(); err == nil || !strings.Contains(err.Error(), "checksum 260, the header says 4") {
		t.Errorf("a changed byte: %v", err)
	}
}

func TestOpen_FindsTheHeader(t *testing.T) {
	path := write(t, "r.hea", "r 1 360 1\nr.dat 16\n", "r.dat", "\x00\x00")
	for _, p := range []string{path, strings.TrimSuffix(path, ".hea"), strings.TrimSuffix(path, ".hea") + ".dat"} {
		if r := open(t, p); r.Format != recording.FormatWFDB || r.Name != "r" {
			t.Errorf("%s: %+v", p, r)
		}
	}
	if _, err := recording.Open(write(t, "x.bin", "hello world")); err == nil || !strings.Contains(err.Error(), "unknown kind") {
		t.Errorf("another file: %v", err)
	}
	if _, err := recording.Open(filepath.Join(t.TempDir(), "none.edf")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestAttributeIDs(t *testing.T) {
	names := []string{"ECG", "ECG", "_-x y", "", "µV", "ECG_2", "ECG", "***", strings.Repeat("a", 70), strings.Repeat("a", 70), "ECG", "signal_4"}
	want := []string{"ECG", "ECG_2", "x_y", "signal_4", "V", "ECG_2_2", "ECG_3", "signal_8", strings.Repeat("a", 64), strings.Repeat("a", 62) + "_2", "ECG_4", "signal_4_2"}
	var header strings.Builder
	header.WriteString("r 12 360 1\n")
	for _, n := range names {
		header.WriteString("r.dat 80 200 8 0 0 0 0 " + n + "\n")
	}
	r := open(t, write(t, "r.hea", header.String(), "r.dat", strings.Repeat("\x80", 12)))
	for i, s := range r.Signals {
		if s.AttributeID != want[i] {
			t.Errorf("%q: id %q, want %q", names[i], s.AttributeID, want[i])
		}
	}
	for name, id := range map[string]string{"100": "100", "my record/é": "my_record__", "": "recording"} {
		if got := recording.SensorID(name); got != id {
			t.Errorf("sensor id of %q is %q, want %q", name, got, id)
		}
	}
}
