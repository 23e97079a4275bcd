package recording_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
)

// series is what a test exports: the samples of each attribute.
type series map[string][]sensocto.Sample

// read is Export.Read over a series.
func (s series) read(_ context.Context, _, attribute string, q sensocto.Query) (page sensocto.Page, err error) {
	list := s[attribute]
	i := 0
	if q.After != nil {
		i = int(q.After.Seq) + 1
	}
	for ; i < len(list); i++ {
		at := list[i].Timestamp
		if at < q.From || q.To != 0 && at >= q.To {
			continue
		}
		if q.Limit > 0 && len(page.Samples) == q.Limit {
			page.Next = &sensocto.Cursor{Timestamp: list[i-1].Timestamp, Seq: int64(i - 1)}
			break
		}
		page.Samples = append(page.Samples, list[i])
	}
	return page, nil
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC).UnixMicro()

// regular returns samples of a rate from an index on, computed by f.
func regular(rate float64, from, n int, f func(i int) float64) []sensocto.Sample {
	list := make([]sensocto.Sample, n)
	for k := range list {
		i := from + k
		list[k] = sensocto.Sample{Timestamp: epoch + int64(math.Round(float64(i)*1e6/rate)), Value: f(i)}
	}
	return list
}

// adc returns the values of a converter: whole steps divided by its gain.
func adc(gain float64, low, high int) func(int) float64 {
	r := rand.New(rand.NewPCG(1, 2))
	return func(int) float64 { return float64(low+r.IntN(high-low+1)) / gain }
}

func noise(int) float64 { return rand.Float64()*5 - 2 }

func attribute(id, unit string, rate float64) sensocto.Attribute {
	return sensocto.Attribute{ID: id, Name: id, Unit: unit, SamplingRate: rate}
}

func annotation(offset int64, text string) sensocto.Sample {
	return sensocto.Sample{Timestamp: epoch + offset, Document: []byte(text)}
}

// exported writes an export as a file that Open can open.
func exported(t testing.TB, e recording.Export, format recording.Format) (path string, notes []string) {
	t.Helper()
	f, err := e.Prepare(t.Context(), format)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out bytes.Buffer
	if err := f.Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if format == recording.FormatWFDB {
		return unzip(t, dir, out.Bytes()), f.Notes()
	}
	path = filepath.Join(dir, "export"+format.Extension())
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, f.Notes()
}

// unzip returns the path of the header.
func unzip(t testing.TB, dir string, archive []byte) (header string) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range z.File {
		in, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, part.Name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".hea") {
			header = path
		}
	}
	return header
}

func export(s series, attributes ...sensocto.Attribute) recording.Export {
	return recording.Export{SensorID: "strap-7", SensorName: "Strap", Attributes: attributes, Read: s.read}
}

// sameSeries compares what a file holds with the numbers that went in.
func sameSeries(t *testing.T, path string, s series, exact bool) []recording.Annotation {
	t.Helper()
	r := open(t, path)
	all, notes := readAll(t, r)
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	for i, signal := range r.Signals {
		var want []sensocto.Sample
		for _, x := range s[signal.AttributeID] {
			if !x.IsDocument() {
				want = append(want, x)
			}
		}
		got := all[i]
		if len(got.Value) != len(want) {
			t.Errorf("%s: %d samples, want %d", signal.AttributeID, len(got.Value), len(want))
			continue
		}
		for k, w := range want {
			at := r.Start.UnixMicro() + got.Offset[k]
			if math.Abs(float64(at-w.Timestamp)) > 1 || exact && got.Value[k] != w.Value {
				t.Errorf("%s: sample %d of %d is %v at %d, want %v at %d", signal.AttributeID, k, len(want), got.Value[k], at, w.Value, w.Timestamp)
				break
			}
			if step := 1 / signal.Gain; !exact && math.Abs(got.Value[k]-w.Value) > 0.5*step*(1+1e-9) {
				t.Errorf("%s: sample %d is %v, want %v within %v", signal.AttributeID, k, got.Value[k], w.Value, step/2)
				break
			}
		}
	}
	return notes
}

func TestExport_ReadsBackAsItWas(t *testing.T) {
	ecg, abp, resp := attribute("ecg", "mV", 360), attribute("abp", "mmHg", 120), attribute("resp", "l/min", 12.5)
	for name, c := range map[string]struct {
		series     series
		attributes []sensocto.Attribute
		floats     bool // not the steps of a converter
	}{
		"one rate": {series: series{"ecg": regular(360, 0, 3601, adc(200, -1000, 1000))}, attributes: []sensocto.Attribute{ecg}},
		"several rates": {
			series: series{
				"ecg": regular(360, 0, 3601, adc(200, -30000, 30000)), "abp": regular(120, 0, 1111, adc(12.84, 0, 2000)),
				"resp": regular(12.5, 0, 130, adc(1, 0, 40)),
			},
			attributes: []sensocto.Attribute{ecg, abp, resp},
		},
		"a gap": {
			series:     series{"ecg": slices.Concat(regular(360, 0, 500, adc(200, -5, 5)), regular(360, 700, 1000, adc(200, -5, 5)))},
			attributes: []sensocto.Attribute{ecg},
		},
		"gaps in one of two": {
			series: series{
				"ecg": slices.Concat(regular(360, 5, 500, adc(200, -5, 5)), regular(360, 650, 3000, adc(200, -5, 5)), regular(360, 10000, 777, adc(200, -5, 5))),
				"abp": regular(120, 0, 900, adc(10, 0, 2000)),
			},
			attributes: []sensocto.Attribute{ecg, abp},
		},
		"one sample":    {series: series{"ecg": regular(360, 0, 1, adc(200, 7, 7))}, attributes: []sensocto.Attribute{ecg}},
		"one value":     {series: series{"ecg": regular(360, 0, 99, adc(200, 0, 0))}, attributes: []sensocto.Attribute{ecg}},
		"far from zero": {series: series{"ecg": regular(360, 0, 999, adc(1, 1_000_000, 1_060_000))}, attributes: []sensocto.Attribute{ecg}},
		"small steps":   {series: series{"ecg": regular(360, 0, 999, adc(1e6, -30_000, 30_000))}, attributes: []sensocto.Attribute{ecg}},
		"floats":        {series: series{"ecg": regular(360, 0, 1999, noise)}, attributes: []sensocto.Attribute{ecg}, floats: true},
		"rate not told": {series: series{"ecg": regular(250, 0, 1999, adc(200, -5, 5))}, attributes: []sensocto.Attribute{attribute("ecg", "mV", 0)}},
		"wrong rate":    {series: series{"ecg": regular(1, 0, 199, adc(200, -5, 5))}, attributes: []sensocto.Attribute{ecg}},
	} {
		for _, format := range []recording.Format{recording.FormatCSV, recording.FormatEDF, recording.FormatWFDB} {
			t.Run(name+"/"+string(format), func(t *testing.T) {
				path, notes := exported(t, export(c.series, c.attributes...), format)
				exact := format == recording.FormatCSV || format == recording.FormatWFDB && !c.floats
				sameSeries(t, path, c.series, exact)
				if c.floats != slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "rounded") }) && format != recording.FormatCSV {
					t.Errorf("notes %q", notes)
				}
			})
		}
	}
}

// An attribute of which there is nothing is no signal of a file, and that is said.
func TestExport_SaysWhichAttributesHaveNoSamples(t *testing.T) {
	ecg, abp := attribute("ecg", "mV", 360), attribute("abp", "mmHg", 120)
	for _, format := range []recording.Format{recording.FormatEDF, recording.FormatWFDB} {
		_, notes := exported(t, export(series{"ecg": regular(360, 0, 999, adc(200, -5, 5))}, ecg, abp), format)
		if !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "abp") && strings.Contains(n, "no samples") }) {
			t.Errorf("%s: notes %q", format, notes)
		}
	}
}
