package recording_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto/recording"
)

// cases returns the path of a file of the collection of difficult files, which
// is not part of the project, and skips the test where there is none.
func cases(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "cases", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no collection of difficult files beside the project (%s): only the test's own are read", path)
	}
	return path
}

// steps returns count values from first on, each a step later.
func steps(first, step float64, count int) []float64 {
	list := make([]float64, count)
	for i := range list {
		list[i] = first + float64(i)*step
	}
	return list
}

func TestCases_EDFAndWFDB(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	feb1 := at("2024-02-01T10:00:00Z")
	newYear := at("2024-01-01T00:00:00Z")
	for name, want := range map[string]struct {
		start   time.Time
		text    string // what the file says of a start that is none
		signal  string
		values  []float64
		notes   []recording.Annotation
		ignored []string
	}{
		"edf-blank-channel-physical/f.edf":           {start: feb1, values: steps(0, 0.1, 30), ignored: []string{`"dash"`}},
		"edf-colon-time/f.edf":                       {start: at("2024-02-01T09:01:17Z"), values: steps(0, 0.1, 30)},
		"edf-colon-time-only/f.edf":                  {start: at("2024-02-01T09:01:17Z"), values: steps(0, 0.1, 30)},
		"edf-decimal-comma/f.edf":                    {start: feb1},
		"edf-four-digit-year-wrong/f.edf":            {text: "2024.2.1 09.01.17"},
		"edf-latin1-annotation/f.edf":                {start: feb1, notes: []recording.Annotation{{Offset: 500_000, Text: "Schläfrig, Rückenlage"}}},
		"edf-more-records-than-header/f.edf":         {start: feb1, values: steps(0, 0.1, 30), ignored: []string{"header, 2: the file holds 3"}},
		"edf-negative-onset/f.edf":                   {start: feb1, notes: []recording.Annotation{{Offset: -5_500_000, Text: "Calibration"}, {Offset: 1_250_000, Text: "Event"}}},
		"edf-no-timekeeping-in-one-record/f.edf":     {start: feb1, values: steps(0, 0.1, 30)},
		"edf-plus-without-annotations/f.edf":         {start: feb1},
		"edf-records-minus-one/f.edf":                {start: feb1, values: steps(0, 0.1, 30), ignored: []string{"3 bytes behind"}},
		"edf-startdate-french/f.edf":                 {start: feb1},
		"edf-startdate-x-1985/f.edf":                 {start: at("1985-01-01T00:00:00Z")},
		"edf-truncated/f.edf":                        {start: feb1, values: steps(0, 0.1, 20), ignored: []string{"1 of the 3 data records", "70 bytes behind"}},
		"wfdb-bom-crlf/r.hea":                        {start: newYear},
		"wfdb-date-before-time/E07835.hea":           {start: at("2020-05-05T09:49:17Z")},
		"wfdb-duplicate-names-variable-layout/m.hea": {start: newYear, signal: "HR"},
		"wfdb-future-date/m.hea":                     {start: at("2704-05-04T10:44:18.529Z")},
		"wfdb-latin1-header/r.hea":                   {start: newYear, signal: "Température"},
		"wfdb-name-with-directory/median/00001.hea":  {signal: "I", values: steps(0, 0.001, 20)},
		"wfdb-skew-in-samples/sk.hea":                {start: newYear, signal: "B", values: steps(1008, 1, 192)},
		"wfdb-three-digit-year/mgh025.hea":           {text: "12:00:00 01/10/199"},
		"wfdb-uncalibrated/u.hea":                    {start: newYear, ignored: []string{`"ABP" is not calibrated`}},
		"wfdb-wrong-checksum/c.hea":                  {start: newYear},
		"wfdb-year-only-date/S0287ECG.hea":           {text: "2006"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, cases(t, name))
			ignored(t, r, want.ignored...)
			all, notes := readAll(t, r)
			if err := r.Verify(); (err != nil) != strings.Contains(name, "checksum") {
				t.Errorf("verified: %v", err)
			}
			if !r.Start.Equal(want.start) || r.StartText != want.text {
				t.Errorf("starts %v, or %q", r.Start, r.StartText)
			}
			if want.notes != nil && !slices.Equal(notes, want.notes) {
				t.Errorf("annotations %+v", notes)
			}
			i := 0
			if want.signal != "" {
				i = slices.IndexFunc(r.Signals, func(s recording.Signal) bool { return s.Name == want.signal })
			}
			if i < 0 || want.values != nil && !slices.EqualFunc(all[i].Value, want.values, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
				t.Errorf("signals %+v with %+v, want %v", r.Signals, all, want.values)
			}
		})
	}
}

func TestCases_EDFAndWFDBThatAreRefused(t *testing.T) {
	for name, want := range map[string]string{
		"edf-header-length-blank/f.edf":            "header length",
		"edf-onset-without-sign/f.edf":             "onset with a sign",
		"edf-record-duration-0/f.edf":              "last 0 s",
		"edf-version-text/f.edf":                   "no EDF",
		"wfdb-fewer-samples-than-header/r.hea":     "truncated",
		"wfdb-fewer-segments-than-announced/m.hea": "3 segments announced, 2 named",
		"wfdb-gain-units-swapped/r.hea":            "want gain(baseline)/units",
		"wfdb-segment-file-missing/m.hea":          "missing",
	} {
		t.Run(name, func(t *testing.T) {
			if r, err := recording.Open(cases(t, name)); err == nil {
				r.Close()
				t.Error("no error")
			} else if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q, want %q", err, want)
			}
		})
	}
}
