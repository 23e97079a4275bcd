package recording_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
)

// found is what other software reads in a file of ours: testdata/read_files.py.
type found struct {
	Path        string
	Signals     []foundSignal
	Annotations []foundAnnotation
}

type foundAnnotation struct {
	At, Duration int64
	Type, Text   string
}

type foundSignal struct {
	Name, Unit             string
	Rate                   float64
	Times, Values, Digital string // names of files
	Documents              []string
}

// source is a recording that is exported: its samples, and its raw numbers
// where it has some.
type source struct {
	series     series
	attributes []sensocto.Attribute
	raw        map[string][]int32
	gain       map[string]float64
	floats     bool // not the steps of a converter
}

// loaded reads a recording as if it had been stored.
func loaded(t *testing.T, path string, start int64) source {
	t.Helper()
	r := open(t, path)
	s := source{series: series{}, raw: map[string][]int32{}, gain: map[string]float64{}}
	for _, signal := range r.Signals {
		s.attributes = append(s.attributes, sensocto.Attribute{ID: signal.AttributeID, Name: signal.Name, Unit: signal.Unit, SamplingRate: signal.Rate})
		s.gain[signal.AttributeID] = signal.Gain
	}
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range b.Runs {
			id := r.Signals[run.Signal].AttributeID
			for k, v := range run.Values {
				s.series[id] = append(s.series[id], sensocto.Sample{Timestamp: start + run.Offset(k), Value: v})
			}
			s.raw[id] = append(s.raw[id], run.Raw...)
		}
		for _, a := range b.Annotations {
			s.series[recording.AnnotationsID] = append(s.series[recording.AnnotationsID], sensocto.Sample{Timestamp: start + a.Offset, Document: a.Document()})
		}
	}
	if len(s.series[recording.AnnotationsID]) > 0 {
		s.attributes = append(s.attributes, sensocto.Attribute{ID: recording.AnnotationsID, Name: "Annotations"})
	}
	return s
}

// sources are what is exported: made up, and real where there is some.
func sources(t *testing.T) map[string]source {
	t.Helper()
	list := map[string]source{
		"steps": {
			series:     series{"ecg": regular(360, 0, 36_007, adc(200, -1000, 1000)), "resp": regular(90, 0, 9_000, adc(12.84, 0, 30_000)), "annotations": beats(100)},
			attributes: []sensocto.Attribute{attribute("ecg", "mV", 360), attribute("resp", "l/min", 90), attribute("annotations", "", 0)},
		},
		"floats": {
			series:     series{"emg": regular(1000, 0, 10_001, noise), "temp": regular(0.5, 0, 5, func(i int) float64 { return 36.6 + float64(i)/1000 })},
			attributes: []sensocto.Attribute{attribute("emg", "uV", 1000), attribute("temp", "degC", 0.5)}, floats: true,
		},
		"notes": { // before the first sample, with it, and in another alphabet
			series: series{"ecg": regular(100, 0, 950, adc(100, -900, 900)), "annotations": {
				annotation(-5_500_000, `{"text":"Calibration"}`), annotation(0, `{"text":"Recording starts"}`), annotation(0, `{"type":"+","text":"(N"}`), annotation(1_250_000, `{"text":"end"}`),
			}},
			attributes: []sensocto.Attribute{attribute("ecg", "mV", 100), attribute("annotations", "", 0)},
		},
		"start": {
			series: series{"ecg": regular(100, 0, 950, adc(100, -900, 900)), "annotations": {
				annotation(0, `{"text":"Recording starts"}`), annotation(1_250_000, `{"type":"N"}`),
			}},
			attributes: []sensocto.Attribute{attribute("ecg", "mV", 100), attribute("annotations", "", 0)},
		},
		"tail": {
			series:     series{"resp": regular(62.4725, 0, 100, adc(10, 100, 200))},
			attributes: []sensocto.Attribute{attribute("resp", "l", 62.4725)},
		},
		"gap": {
			series:     series{"ecg": slices.Concat(regular(250, 0, 1000, adc(100, -9, 9)), regular(250, 1100, 900, adc(100, -9, 9)))},
			attributes: []sensocto.Attribute{attribute("ecg", "mV", 250)},
		},
	}
	if real := filepath.Join("..", "..", "shared", "data"); isDir(real) {
		list["100"] = loaded(t, filepath.Join(real, "100.hea"), epoch)
		list["mimic"] = loaded(t, filepath.Join(real, "03700181.hea"), epoch)
	}
	return list
}

func beats(n int) (list []sensocto.Sample) {
	for i := range n {
		text := `{"type":"N"}`
		switch i % 10 {
		case 3:
			text = `{"type":"V","subtype":1,"channel":2,"number":3}`
		case 7:
			text = `{"type":"+","text":"(AFIB"}`
		}
		list = append(list, annotation(int64(math.Round(float64(i*301+17)*1e6/360)), text))
	}
	return list
}

func TestForeignFiles_ReadWhatIsExported(t *testing.T) {
	interpreter := python(t)
	dir := t.TempDir()
	all := sources(t)
	for name, s := range all {
		for _, format := range []recording.Format{recording.FormatCSV, recording.FormatEDF, recording.FormatParquet, recording.FormatWFDB} {
			e := export(s.series, s.attributes...)
			e.Name = name
			path, notes := exported(t, e, format)
			t.Logf("%s as %s: %q", name, format, notes)
			place := filepath.Join(dir, name+"-"+string(format))
			if err := os.Rename(filepath.Dir(path), place); err != nil {
				t.Fatal(err)
			}
		}
	}
	list := readFiles(t, interpreter, dir)
	if len(list) != 4*len(all) {
		t.Errorf("%d files were read, want %d", len(list), 4*len(all))
	}
	for _, f := range list {
		t.Run(filepath.Dir(f.Path), func(t *testing.T) {
			for name, s := range all {
				if place := filepath.Dir(f.Path); len(place) > len(name) && place[:len(name)] == name && place[len(name)] == '-' {
					f.compare(t, dir, s)
				}
			}
		})
	}
}

// Other software reads exports of hostile names and documents too.
func TestForeignFiles_ReadHostileTexts(t *testing.T) {
	interpreter, dir := python(t), t.TempDir()
	s, attributes := hostileTexts()
	for _, format := range []recording.Format{recording.FormatCSV, recording.FormatEDF, recording.FormatParquet, recording.FormatWFDB} {
		path, _ := exported(t, export(s, attributes...), format)
		if err := os.Rename(filepath.Dir(path), filepath.Join(dir, string(format))); err != nil {
			t.Fatal(err)
		}
	}
	list := readFiles(t, interpreter, dir)
	if len(list) != 4 {
		t.Errorf("%d files were read", len(list))
	}
	for _, f := range list {
		numeric, documents := 0, len(f.Annotations)
		for i, signal := range f.Signals {
			documents += len(signal.Documents)
			if values := readFloats(t, filepath.Join(dir, signal.Values)); len(values) > 0 {
				numeric++
				if want := s[attributes[i].ID]; len(values) != len(want) || math.Abs(values[99]-want[99].Value) > 1e-3 {
					t.Errorf("%s: %s has %d values", f.Path, signal.Name, len(values))
				}
			}
		}
		if numeric != 3 || documents != 2 {
			t.Errorf("%s: %d signals, %d annotations", f.Path, numeric, documents)
		}
	}
}

// readFiles returns what read_files.py finds in the files of a directory.
func readFiles(t *testing.T, interpreter, dir string) (list []found) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), interpreter, filepath.Join("testdata", "read_files.py"), dir).CombinedOutput(); err != nil {
		t.Fatalf("read_files.py: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "found.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func (f *found) compare(t *testing.T, dir string, s source) {
	numeric := 0
	for _, a := range s.attributes {
		documents := slices.ContainsFunc(s.series[a.ID], sensocto.Sample.IsDocument)
		i := slices.IndexFunc(f.Signals, func(x foundSignal) bool { return x.Name == a.ID || x.Name == a.ID+" ("+a.Unit+")" })
		switch {
		case documents && i >= 0:
			f.compareDocuments(t, s.series[a.ID], f.Signals[i].Documents)
		case documents:
			f.compareAnnotations(t, s.series[a.ID])
		case i < 0:
			t.Errorf("no signal %s in %+v", a.ID, f.Signals)
		default:
			numeric++
			f.compareSignal(t, dir, i, a, s)
		}
	}
}

func (f found) compareDocuments(t *testing.T, want []sensocto.Sample, got []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d documents, want %d", len(got), len(want))
	}
	for i, text := range got {
		if text != string(want[i].Document) {
			t.Fatalf("document %d is %s, want %s", i, text, want[i].Document)
		}
	}
}

func (f *found) compareAnnotations(t *testing.T, want []sensocto.Sample) {
	t.Helper()
	f.Annotations = slices.DeleteFunc(f.Annotations, func(a foundAnnotation) bool { return strings.HasPrefix(a.Text, "no signal@@") })
	if len(f.Annotations) != len(want) {
		t.Fatalf("%d annotations, want %d", len(f.Annotations), len(want))
	}
	for i, got := range f.Annotations {
		var fields struct{ Type, Text string }
		if err := json.Unmarshal(want[i].Document, &fields); err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(f.Path) == ".edf" { // EDF has texts alone
			switch {
			case fields.Text == "":
				fields.Text = fields.Type
			case fields.Type != "":
				fields.Text = fields.Type + " " + fields.Text
			}
			fields.Type = ""
		} else if fields.Type == "" { // WFDB has a symbol for a note
			fields.Type = `"`
		}
		if d := got.At - want[i].Timestamp; d < -1 || d > 1 || got.Type != fields.Type || got.Text != fields.Text {
			t.Fatalf("annotation %d is %+v, want %s at %d", i, got, want[i].Document, want[i].Timestamp)
		}
	}
}

func (f found) compareSignal(t *testing.T, dir string, i int, a sensocto.Attribute, s source) {
	t.Helper()
	x := f.Signals[i]
	if x.Rate != 0 && math.Abs(x.Rate-a.SamplingRate) > 1e-9 || x.Rate != 0 && x.Unit != a.Unit {
		t.Errorf("%s: %v Hz in %q, want %v Hz in %q", a.ID, x.Rate, x.Unit, a.SamplingRate, a.Unit)
	}
	values := readFloats(t, filepath.Join(dir, x.Values))
	times := readInts(t, filepath.Join(dir, x.Times))
	var digital []float64
	if x.Digital != "" {
		digital = readFloats(t, filepath.Join(dir, x.Digital))
	}
	edf := filepath.Ext(f.Path) == ".edf"
	half := 0.0
	if edf || filepath.Ext(f.Path) == ".hea" {
		half = halfStep(values, digital)
	}
	at := 0
	for k, want := range s.series[a.ID] {
		for at < len(values) && (math.IsNaN(values[at]) || edf && times[at] < want.Timestamp-500) {
			at++ // missing: padding in EDF
		}
		if at == len(values) {
			t.Fatalf("%s: only %d samples, want %d", a.ID, k, len(s.series[a.ID]))
		}
		exact := half == 0 || !edf && !s.floats
		if d := times[at] - want.Timestamp; d < -1 || d > 1 || exact && values[at] != want.Value || math.Abs(values[at]-want.Value) > half*(1+1e-9)+1e-12*math.Abs(want.Value) && !exact {
			t.Fatalf("%s: sample %d is %v at %d, want %v at %d within %v", a.ID, k, values[at], times[at], want.Value, want.Timestamp, half)
		}
		if raw := s.raw[a.ID]; raw != nil && digital != nil && k > 0 && digital[at]-digital[0] != float64(raw[k]-raw[0]) {
			t.Fatalf("%s: digital sample %d is %v, want %v, shifted as the others", a.ID, k, digital[at], raw[k])
		}
		at++
	}
	for _, v := range values[at:] {
		if !math.IsNaN(v) && v != values[at-1] {
			t.Fatalf("%s: %v behind the end, want the last value, %v", a.ID, v, values[at-1])
		}
	}
}

// halfStep returns half of what a digital number is worth.
func halfStep(values, digital []float64) float64 {
	low, high := 0, 0
	for i := range values {
		if digital[i] < digital[low] || math.IsNaN(digital[low]) {
			low = i
		}
		if digital[i] > digital[high] || math.IsNaN(digital[high]) {
			high = i
		}
	}
	if digital[low] == digital[high] {
		return math.Inf(1)
	}
	return 0.5 * (values[high] - values[low]) / (digital[high] - digital[low])
}

func readInts(t *testing.T, path string) []int64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v := make([]int64, len(data)/8)
	for i := range v {
		v[i] = int64(binary.LittleEndian.Uint64(data[8*i:]))
	}
	return v
}
