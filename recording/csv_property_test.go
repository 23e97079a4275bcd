package recording_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
	"pgregory.net/rapid"
)

// drawDocument returns JSON that is no number.
func drawDocument(t *rapid.T) []byte {
	text := rapid.StringOf(rapid.SampledFrom([]rune("aä€\"\\,;\n\r\t '{}[]#%1.,-"))).Draw(t, "text")
	value := rapid.SampledFrom([]any{nil, true, false, text, []any{}, []any{1.5, text}, map[string]any{"k": text, "n": 1}, "NaN", "1,5", "null"}).Draw(t, "document")
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// drawSamples returns samples of one attribute in order of time.
func drawSamples(t *rapid.T, documents bool) []sensocto.Sample {
	times := rapid.SliceOfN(rapid.Int64Range(1_700_000_000_000_000, 1_700_000_000_000_020), 1, 20).Draw(t, "times")
	slices.Sort(times)
	list := make([]sensocto.Sample, len(times))
	for i, at := range times {
		list[i] = sensocto.Sample{Timestamp: at}
		if documents && rapid.Bool().Draw(t, "document or number") {
			list[i].Document = drawDocument(t)
			continue
		}
		list[i].Value = rapid.Float64().Filter(func(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }).Draw(t, "number")
	}
	return list
}

// What is exported as CSV is read as it was: ids, names, units, times, numbers
// to the bit, documents, and samples of one time.
func TestCSV_AnExportIsReadAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.csv")
	rapid.Check(t, func(t *rapid.T) {
		want, e := cells{}, recording.Export{SensorID: "s"}
		samples := map[string][]sensocto.Sample{}
		for i := range rapid.IntRange(1, 4).Draw(t, "attributes") {
			a := drawAttribute(t, i)
			e.Attributes = append(e.Attributes, a)
			samples[a.ID] = drawSamples(t, rapid.Bool().Draw(t, "documents"))
		}
		e.Read = func(_ context.Context, _, attribute string, q sensocto.Query) (sensocto.Page, error) {
			return sensocto.Page{Samples: slices.Clone(samples[attribute])}, nil
		}
		start := int64(math.MaxInt64)
		for _, list := range samples {
			start = min(start, list[0].Timestamp)
		}
		for id, list := range samples {
			for _, s := range list {
				want[id] = append(want[id], cell(s.Timestamp-start, s.Value, s.Document))
			}
		}
		exportTo(t, e, path)
		got := map[string][]string{}
		readCells(t, path, start, e.Attributes, func(id string, offset int64, value float64, document []byte) {
			got[id] = append(got[id], cell(offset, value, document))
		})
		for id := range want {
			slices.Sort(want[id]) // of one time, documents and numbers may change places
			slices.Sort(got[id])
			if !reflect.DeepEqual(got[id], want[id]) {
				text, _ := os.ReadFile(path)
				t.Fatalf("%s:\nhas  %q\nwant %q\n%s", id, got[id], want[id], text)
			}
		}
	})
}

func cell(offset int64, value float64, document []byte) string {
	if document != nil {
		var compact bytes.Buffer
		if err := json.Compact(&compact, document); err != nil {
			return "not JSON: " + string(document)
		}
		return fmt.Sprintf("%03d=%s", offset, compact.Bytes())
	}
	return fmt.Sprintf("%03d=%s %x", offset, strconv.FormatFloat(value, 'g', -1, 64), math.Float64bits(value))
}

// drawAttribute returns one whose name may mean something in a CSV file.
func drawAttribute(t *rapid.T, i int) sensocto.Attribute {
	id := rapid.SampledFrom([]string{"a", "time", "Date", "timestamp", "annotations", "epoch", "t_ms", "sep"}).Draw(t, "id") + strconv.Itoa(i)
	if i == 0 {
		id = rapid.SampledFrom([]string{"time", "Date", "a", "t", "sep"}).Draw(t, "first id")
	}
	return sensocto.Attribute{ID: id, Name: id, Unit: rapid.SampledFrom([]string{"", "mV", "°C", "m/s²", "a,b", "s", "[x]", "\"", "%"}).Draw(t, "unit")}
}

func exportTo(t *rapid.T, e recording.Export, path string) {
	file, err := e.Prepare(t.Context(), recording.FormatCSV)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out bytes.Buffer
	if err := file.Write(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// readCells reads a file whose signals must be the attributes.
func readCells(t *rapid.T, path string, start int64, attributes []sensocto.Attribute, add func(string, int64, float64, []byte)) {
	r, err := recording.Open(path)
	if err != nil {
		text, _ := os.ReadFile(path)
		t.Fatalf("%v\n%s", err, text)
	}
	defer r.Close()
	if r.Start.UnixMicro() != start || len(r.Signals) != len(attributes) || len(r.Ignored) > 0 {
		t.Fatalf("starts at %d, want %d; %d signals, want %d; says %q", r.Start.UnixMicro(), start, len(r.Signals), len(attributes), r.Ignored)
	}
	for i, a := range attributes {
		if s := r.Signals[i]; s.AttributeID != a.ID || s.Unit != a.Unit {
			t.Fatalf("attribute %q in %q is read as %q in %q", a.ID, a.Unit, s.AttributeID, s.Unit)
		}
	}
	for {
		b, err := r.Next()
		if err != nil {
			return
		}
		for i := range b.Runs {
			run := &b.Runs[i]
			for k, v := range run.Values {
				add(r.Signals[run.Signal].AttributeID, run.Offset(k), v, nil)
			}
		}
		for _, d := range b.Documents {
			add(r.Signals[d.Signal].AttributeID, d.Offset, 0, d.JSON)
		}
	}
}

// tableRow is a row of a table of numbers.
type tableRow struct {
	at     int64 // ms
	values []float64
}

// writing is how a program writes a table.
type writing struct {
	separator, end       string
	comma, quotes, dates bool
}

func drawWriting(t *rapid.T) writing {
	w := writing{
		separator: rapid.SampledFrom([]string{",", ";", "\t"}).Draw(t, "separator"),
		end:       rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "line end"),
		comma:     rapid.Bool().Draw(t, "decimal comma"),
		dates:     rapid.Bool().Draw(t, "dates"),
	}
	w.quotes = w.comma && w.separator == "," || rapid.Bool().Draw(t, "quotes")
	return w
}

func (w writing) cell(text string) string {
	if w.comma {
		text = strings.Replace(text, ".", ",", 1)
	}
	if w.quotes {
		text = `"` + text + `"`
	}
	return text
}

// table writes rows. No number has three decimals, which might be thousands.
func (w writing) table(rows []tableRow) string {
	text := "time" + strings.Repeat(w.separator+"x", len(rows[0].values)) + w.end
	for _, r := range rows {
		at := strconv.FormatFloat(float64(r.at)/1000, 'f', 4, 64)
		if w.dates {
			at = time.UnixMilli(1_700_000_000_000 + r.at).UTC().Format("2006-01-02 15:04:05.000")
		}
		text += w.cell(at)
		for _, v := range r.values {
			text += w.separator + w.cell(strconv.FormatFloat(v, 'f', 5, 64))
		}
		text += w.end
	}
	return text
}

// However a program writes a table, it is read as the same numbers.
func TestCSV_EveryWritingOfATableIsReadTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.csv")
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 3).Draw(t, "columns")
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) tableRow {
			r := tableRow{at: rapid.Int64Range(0, 5000).Draw(t, "at")}
			for range columns {
				r.values = append(r.values, float64(rapid.IntRange(-9999, 9999).Draw(t, "value"))/16)
			}
			return r
		}), 1, 30).Draw(t, "rows")
		text := drawWriting(t).table(rows)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		slices.SortStableFunc(rows, func(a, b tableRow) int { return cmp.Compare(a.at, b.at) })
		r, err := recording.Open(path)
		if err != nil {
			t.Fatalf("%v\n%q", err, text)
		}
		defer r.Close()
		for range 2 {
			checkRows(t, r, rows, text)
			if err := r.Rewind(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// checkRows reads a recording, which must have the rows.
func checkRows(t *rapid.T, r *recording.Recording, rows []tableRow, text string) {
	next := make([]int, len(rows[0].values))
	for {
		b, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%q", err, text)
		}
		for i := range b.Runs {
			run := &b.Runs[i]
			for k, v := range run.Values {
				want := rows[next[run.Signal]]
				if at := want.at - rows[0].at; v != want.values[run.Signal] || run.Offset(k) != 1000*at {
					t.Fatalf("column %d has %v at %d, want %v at %d ms\n%q", run.Signal, v, run.Offset(k), want.values[run.Signal], at, text)
				}
				next[run.Signal]++
			}
		}
	}
	for i, n := range next {
		if n != len(rows) {
			t.Fatalf("column %d has %d of %d values\n%q", i, n, len(rows), text)
		}
	}
}

// FuzzCSVReadsTheSameTwice: whatever a file is, it is refused, or read the same
// each time: in order of time, finite, in UTF-8.
func FuzzCSVReadsTheSameTwice(f *testing.F) {
	for _, seed := range []string{
		"time,a\n1,3\n0,1\n1,2\n", "time;a\n1;2,5\n0;1,5\n", "Date,Time,a\n31.05.2024,10:00:00,1\n31.05.2024,10:00:01,2",
		"sep=;\ntime;a;b\ns;V;x\n0;1,5;\"{\"\"k\"\":1}\"\n1;unavailable;\"[]\"\n", "\xff\xfet\x00;\x00a\x00\n\x000\x00;\x001\x00\n\x00",
		"1717149600.0\n64.0\n1\n2\n", "%Sample Rate = 2\nx,y\r1,2\r3,4\r", "time,a,b\n0,1\n1,2\n2,\"3", ",v\n01/02/2024,1\n31/01/2024,2\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := recording.Open(write(t, "r.csv", string(data)))
		if err != nil {
			return
		}
		defer r.Close()
		checkTexts(t, r)
		first := contents(t, r)
		if err := r.Rewind(); err != nil {
			t.Fatal(err)
		}
		if second := contents(t, r); !reflect.DeepEqual(first, second) {
			t.Fatalf("first %v, then %v", first, second)
		}
	})
}

func checkTexts(t *testing.T, r *recording.Recording) {
	t.Helper()
	texts := slices.Concat(r.Ignored, r.Comments, []string{r.Name})
	for _, s := range r.Signals {
		texts = append(texts, s.Name, s.Unit)
	}
	for _, text := range texts {
		if !utf8.ValidString(text) {
			t.Errorf("%q is not UTF-8", text)
		}
	}
}
