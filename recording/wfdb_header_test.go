package recording_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto/recording"
)

func TestWFDB_StartTimes(t *testing.T) {
	want := time.Date(2020, 5, 4, 9, 49, 17, 0, time.UTC)
	for _, text := range []string{
		"9:49:17 4/5/2020", "09:49:17 04/05/2020", "09:49:17.000 4/5/2020", "04-May-2020 09:49:17", "09:49:17 4-May-2020", "09:49:17 2020-05-04", "2020-05-04 09:49:17",
	} {
		r := open(t, write(t, "r.hea", "r 1 100 2 "+text+"\nr.dat 16\n", "r.dat", "\x01\x00\x02\x00"))
		if !r.Start.Equal(want) || r.StartText != "" {
			t.Errorf("%s: starts %v, or %q", text, r.Start, r.StartText)
		}
	}
	for _, text := range []string{"12:00:00", "12:00:00 01/10/199", "2006", "1:2:3:4 1/1/2020", "25:00:00 1/1/2020", "12:00:00 05-05-2020", ""} {
		r := open(t, write(t, "r.hea", "r 1 100 2 "+text+"\nr.dat 16\n", "r.dat", "\x01\x00\x02\x00"))
		if !r.Start.IsZero() || r.StartText != text {
			t.Errorf("%s: starts %v, or %q", text, r.Start, r.StartText)
		}
	}
}

func TestWFDB_HeadersOfOldProgramsBecomeUTF8(t *testing.T) {
	header := "\xef\xbb\xbfr 1 100 2\r\nr.dat 16 10(0)/\xb0C 16 0 0 0 0 Temp\xe9rature\r\n# Pr\xe9nom: X\r\n"
	r := open(t, write(t, "r.hea", header, "r.dat", "\x01\x00\x02\x00"))
	if s := r.Signals[0]; s.Unit != "°C" || s.Name != "Température" || r.Name != "r" || r.Comments[0] != "Prénom: X" {
		t.Errorf("%q in %q, record %q, comments %q", s.Name, s.Unit, r.Name, r.Comments)
	}
	atr := "\x0a\x58" + "\x09\xfcLage \xe4nde\x00" + "\x00\x00"
	r = open(t, write(t, "r.hea", "r 1 100 2\nr.dat 16\n", "r.dat", "\x01\x00\x02\x00", "r.atr", atr))
	if len(r.Annotations) != 1 || r.Annotations[0].Text != "Lage ände" {
		t.Errorf("annotations %+v", r.Annotations)
	}
}

func TestWFDB_NamesWithDirectories(t *testing.T) {
	for line, name := range map[string]string{"median/00001": "00001", "a/b/00001": "00001", "00001": "00001"} {
		r := open(t, write(t, "00001.hea", line+" 1 100 2\n"+line+".dat 16\n", "00001.dat", "\x01\x00\x02\x00"))
		if all, _ := readAll(t, r); r.Name != name || len(all[0].Value) != 2 {
			t.Errorf("%s: record %q with %d samples", line, r.Name, len(all[0].Value))
		}
	}
	r := open(t, write(t, "m.hea", "x/m/2 1 100 4\ns 2\ns 2\n", "s.hea", "s 1 100 2\ns.dat 16\n", "s.dat", "\x01\x00\x02\x00"))
	if all, _ := readAll(t, r); r.Name != "m" || len(all[0].Value) != 4 {
		t.Errorf("record %q with %d samples", r.Name, len(all[0].Value))
	}
}

// No header, of a record or of a segment, makes the reader open what is not
// below its own directory.
func TestWFDB_NoFileOutsideTheDirectoryIsOpened(t *testing.T) {
	for _, header := range []string{
		"r 1 100 2\n../secret.dat 16\n", "r 1 100 2\n/etc/passwd 80\n", "r 1 100 2\nx/../../secret.dat 16\n",
		"r/1 1 100 2\n../secret 2\n", "r/1 1 100 2\n/secret 2\n",
	} {
		path := write(t, "r.hea", header)
		if r, err := recording.Open(path); err == nil {
			r.Close()
			t.Errorf("%q: no error", header)
		} else if !strings.Contains(err.Error(), "must be beside the header") || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%q: %v", header, err)
		}
	}
}

// The skew of a signal counts its samples, not frames.
func TestWFDB_SkewCountsSamples(t *testing.T) {
	// Two frames of A, and of B with four samples; B begins with its fifth, and
	// with its sixth.
	data := "\x00\x00\x0a\x00\x0b\x00\x0c\x00\x0d\x00" + "\x01\x00\x0e\x00\x0f\x00\x10\x00\x11\x00"
	for skew, want := range map[string][]int32{"": {10, 11, 12, 13, 14, 15, 16, 17}, ":4": {14, 15, 16, 17}, ":5": {15, 16, 17}, ":1": {11, 12, 13, 14, 15, 16, 17}, ":8": nil, ":9": nil} {
		header := "r 2 100 2\nr.dat 16 1/mV\nr.dat 16x4" + skew + " 1/mV\n"
		for _, span := range []time.Duration{time.Second, time.Millisecond} {
			r, err := recording.OpenWith(write(t, "r.hea", header, "r.dat", data), recording.Options{BlockSpan: span})
			if err != nil {
				t.Fatal(err)
			}
			all, _ := readAll(t, r)
			r.Close()
			if !slices.Equal(all[1].Raw, want) || r.Signals[1].Count != int64(len(want)) || !slices.Equal(all[0].Raw, []int32{0, 1}) {
				t.Errorf("skew %q: %v of %d, want %v", skew, all[1].Raw, r.Signals[1].Count, want)
			}
			if len(want) > 1 && all[1].Offset[1] != 2500 {
				t.Errorf("skew %q: the second sample is at %d", skew, all[1].Offset[1])
			}
		}
	}
}

func TestWFDB_SignalsOfOneNameKeepTheirOrderInSegments(t *testing.T) {
	r := open(t, write(t, "m.hea", "m/3 3 1 4\nlay 0\ns1 2\ns2 2\n",
		"lay.hea", "lay 3 1 0\n~ 0 1/bpm 16 0 0 0 0 HR\n~ 0 1/NU 16 0 0 0 0 E\n~ 0 1/NU 16 0 0 0 0 E\n",
		"s1.hea", "s1 3 1 2\ns1.dat 16 1/bpm 16 0 0 0 0 HR\ns1.dat 16 1/NU 16 0 0 0 0 E\ns1.dat 16 1/NU 16 0 0 0 0 E\n",
		"s2.hea", "s2 2 1 2\ns2.dat 16 1/NU 16 0 0 0 0 E\ns2.dat 16 1/NU 16 0 0 0 0 E\n",
		"s1.dat", "\x01\x00\x02\x00\x03\x00\x01\x00\x02\x00\x03\x00", "s2.dat", "\x04\x00\x05\x00\x04\x00\x05\x00"))
	all, _ := readAll(t, r)
	for i, want := range [][]int32{{1, 1}, {2, 2, 4, 4}, {3, 3, 5, 5}} {
		if !slices.Equal(all[i].Raw, want) {
			t.Errorf("signal %d: %v, want %v", i, all[i].Raw, want)
		}
	}
}

func TestWFDB_SaysWhatItLeavesOutAndAssumes(t *testing.T) {
	for name, c := range map[string]struct {
		header, data string
		ignored      []string
	}{
		"all of it":         {"r 1 100 2\nr.dat 16 1/mV 16 0 0 0 0 A\n", "\x01\x00\x02\x00", nil},
		"more frames":       {"r 1 100 2\nr.dat 16 1/mV 16 0 0 0 0 A\n", "\x01\x00\x02\x00\x03\x00\x04\x00", []string{"2 frames of r.dat behind the 2"}},
		"a filled group":    {"r 1 100 1\nr.dat 212 1/mV 16 0 0 0 0 A\n", "\x01\x00\x00", nil},
		"not calibrated":    {"r 1 100 2\nr.dat 16 0/mmHg 16 0 0 0 0 ABP\n", "\x01\x00\x02\x00", []string{`"ABP" is not calibrated: 200 steps per mmHg`}},
		"without a gain":    {"r 1 100 2\nr.dat 16\n", "\x01\x00\x02\x00", []string{"200 steps per mV"}},
		"without rate":      {"r 1\nr.dat 16 1/mV 16 0 0 0 0 A\n", "\x01\x00\x02\x00", []string{"no sampling frequency: 250 Hz"}},
		"frequency of 0":    {"r 1 0 2\nr.dat 16 1/mV 16 0 0 0 0 A\n", "\x01\x00\x02\x00", []string{"no sampling frequency: 250 Hz"}},
		"said only once":    {"r/2 1 100 2\ns 1\ns 1\n", "", []string{"not calibrated", "1 frames of s.dat"}},
		"very many signals": {"r 200 100 1\n" + strings.Repeat("r.dat 16\n", 200), strings.Repeat("\x01\x00", 200), nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, write(t, "r.hea", c.header, "r.dat", c.data, "s.hea", "s 1 100 1\ns.dat 16 0/mV 16 0 0 0 0 A\n", "s.dat", "\x01\x00\x02\x00"))
			if name != "very many signals" {
				slices.Sort(r.Ignored)
				slices.Sort(c.ignored)
				ignored(t, r, c.ignored...)
			}
			if len(r.Ignored) > 101 {
				t.Errorf("%d phrases", len(r.Ignored))
			}
		})
	}
}

func TestWFDB_AnnotationsOfOthersAreSaid(t *testing.T) {
	path := write(t, "r.hea", "r 1 100 2\nr.dat 16 1/mV 16 0 0 0 0 A\n", "r.dat", "\x01\x00\x02\x00", "r.atr", "\x00\x04\x00\x00", "r.qrs", "\x01\x04\x01\x04\x00\x00")
	r := open(t, path)
	if ignored(t, r, `annotations in "r.qrs"`); len(r.Annotations) != 1 {
		t.Errorf("annotations %+v", r.Annotations)
	}
	r, err := recording.OpenWith(path, recording.Options{Annotator: "qrs"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if ignored(t, r, `annotations in "r.atr"`); len(r.Annotations) != 2 {
		t.Errorf("annotations %+v", r.Annotations)
	}
}
