package recording_test

import (
	"encoding/binary"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
)

// plainEDF is what a program sees in an EDF file that knows nothing of
// annotations: the digital numbers of each signal, and the bytes of the last one.
type plainEDF struct {
	duration float64
	digital  [][]int16
	lists    string
}

func readPlainEDF(t *testing.T, path string) (p plainEDF) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	number := func(from, width int) float64 {
		v, err := strconv.ParseFloat(strings.TrimSpace(string(data[from:from+width])), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	p.duration = number(244, 8)
	signals := int(number(252, 4))
	p.digital = make([][]int16, signals-1)
	rest := data[256*(signals+1):]
	for range int(number(236, 8)) {
		for i := range signals {
			n := 2 * int(number(256+216*signals+8*i, 8))
			if i == signals-1 {
				p.lists += string(rest[:n])
			} else {
				for k := 0; k < n; k += 2 {
					p.digital[i] = append(p.digital[i], int16(binary.LittleEndian.Uint16(rest[k:])))
				}
			}
			rest = rest[n:]
		}
	}
	if len(rest) > 0 {
		t.Errorf("%d bytes behind the last record", len(rest))
	}
	return p
}

func TestExportEDF_RecordsThatLeaveNothingOverWherePossible(t *testing.T) {
	for name, c := range map[string]struct {
		rates    []float64
		samples  []int
		duration float64
	}{
		"whole seconds":      {[]float64{250}, []int{1000}, 1},
		"parts of a second":  {[]float64{250}, []int{900}, 0.9},
		"shorter than one":   {[]float64{250}, []int{7}, 0.028},
		"several rates":      {[]float64{360, 90}, []int{36 * 36, 9 * 36}, 0.9},
		"an odd number":      {[]float64{1000}, []int{10_007}, 10.007},
		"not representable":  {[]float64{360}, []int{650}, 0},
		"ends beside others": {[]float64{250, 250}, []int{900, 901}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, attributes := series{}, []sensocto.Attribute{}
			for i, rate := range c.rates {
				id := "s" + strconv.Itoa(i)
				s[id] = regular(rate, 0, c.samples[i], adc(200, -1000, 1000))
				attributes = append(attributes, attribute(id, "mV", rate))
			}
			path, notes := exported(t, export(s, attributes...), recording.FormatEDF)
			sameSeries(t, path, s, false)
			p := readPlainEDF(t, path)
			filled := slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "filled up") })
			if c.duration == 0 {
				if !filled || !strings.Contains(p.lists, "no signal@@s0") {
					t.Errorf("padded in silence: notes %q, annotations %q", notes, p.lists)
				}
				return
			}
			if math.Abs(p.duration-c.duration) > 1e-9 || filled || strings.Contains(p.lists, "no signal") {
				t.Errorf("records of %v s, want %v; notes %q", p.duration, c.duration, notes)
			}
			for i, want := range c.samples {
				if len(p.digital[i]) != want {
					t.Errorf("signal %d has %d places, want %d", i, len(p.digital[i]), want)
				}
			}
		})
	}
}

// Where nothing was measured the last value is repeated, also for who does not
// know what the annotations mean.
func TestExportEDF_PaddingRepeatsTheLastValue(t *testing.T) {
	value := func(i int) float64 { return float64(i%100) / 10 }
	s := series{
		"a": slices.Concat(regular(100, 0, 120, value), regular(100, 150, 200, value)), // a gap inside a record
		"b": regular(100, 30, 150, value),                                              // begins later and ends earlier
	}
	path, notes := exported(t, export(s, attribute("a", "mV", 100), attribute("b", "mV", 100)), recording.FormatEDF)
	p := readPlainEDF(t, path)
	a, b := p.digital[0], p.digital[1]
	if len(a) != 400 || a[120] != a[119] || a[149] != a[119] || a[150] == a[119] || a[399] != a[349] {
		t.Errorf("a: %v", a)
	}
	if len(b) != 400 || b[0] != b[30] || b[31] == b[30] || b[399] != b[179] {
		t.Errorf("b: %v", b)
	}
	for _, want := range []string{"+1.878901\x150.3\x14no signal@@a", "\x150.5\x14no signal@@a", "+0.678901\x150.3\x14no signal@@b", "\x152.2\x14no signal@@b"} {
		if !strings.Contains(p.lists, want) {
			t.Errorf("no %q in %q", want, p.lists)
		}
	}
	if len(notes) != 2 || !strings.Contains(notes[0], "(2 times) its last value is repeated") || !strings.Contains(notes[1], "(signals: 2, by up to 2.2s)") {
		t.Errorf("notes %q", notes)
	}
	sameSeries(t, path, s, false)
}

// A note before the first sample makes no record that holds nothing.
func TestExportEDF_NotesBeforeTheFirstSample(t *testing.T) {
	s := series{"a": regular(100, 0, 200, adc(10, 0, 50)), "annotations": {annotation(-5_500_000, `{"text":"Calibration"}`), annotation(500_000, `{"text":"late"}`)}}
	path, notes := exported(t, export(s, attribute("a", "mV", 100), attribute("annotations", "", 0)), recording.FormatEDF)
	got := sameSeries(t, path, s, false)
	want := []recording.Annotation{{Offset: -5_500_000, Text: "Calibration"}, {Offset: 500_000, Text: "late"}}
	if p := readPlainEDF(t, path); !slices.Equal(got, want) || len(p.digital[0]) != 200 || len(notes) != 0 {
		t.Errorf("annotations %+v, %d places, notes %q", got, len(p.digital[0]), notes)
	}
}

func TestCases_EDFExportTailPadding(t *testing.T) {
	in := loaded(t, cases(t, "edf-export-tail-padding/p.csv"), epoch)
	path, notes := exported(t, export(in.series, in.attributes...), recording.FormatEDF)
	sameSeries(t, path, in.series, false)
	p := readPlainEDF(t, path)
	if n := len(in.series["resp"]); n != 100 || len(p.digital[0]) <= n || p.digital[0][len(p.digital[0])-1] != p.digital[0][n-1] {
		t.Errorf("%d samples in %d places", n, len(p.digital[0]))
	}
	if !strings.Contains(p.lists, "no signal@@resp") || !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "filled up") }) {
		t.Errorf("annotations %q, notes %q", p.lists, notes)
	}
}
