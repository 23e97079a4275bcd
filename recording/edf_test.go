package recording_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto/recording"
)

// edfFile puts a file together: an EDF header with the fields that tests
// change, then the data.
type edfFile struct {
	version, id, date, reserved string
	records, duration           string
	signals                     []edfSignal
	data                        string
}

type edfSignal struct{ label, unit, pmin, pmax, dmin, dmax, samples string }

func (f edfFile) String() string {
	pad := func(n int, s string) string { return fmt.Sprintf("%-*s", n, s)[:n] }
	if f.version == "" {
		f.version = "0       "
	}
	if f.date == "" {
		f.date = "02.01.0310.20.30"
	}
	var s strings.Builder
	s.WriteString(f.version + pad(80, "") + pad(80, f.id) + f.date + pad(8, fmt.Sprint(256+256*len(f.signals))) +
		pad(44, f.reserved) + pad(8, f.records) + pad(8, f.duration) + pad(4, fmt.Sprint(len(f.signals))))
	for _, field := range []struct {
		width int
		of    func(edfSignal) string
	}{
		{16, func(s edfSignal) string { return s.label }}, {80, func(edfSignal) string { return "" }},
		{8, func(s edfSignal) string { return s.unit }}, {8, func(s edfSignal) string { return s.pmin }},
		{8, func(s edfSignal) string { return s.pmax }}, {8, func(s edfSignal) string { return s.dmin }},
		{8, func(s edfSignal) string { return s.dmax }}, {80, func(edfSignal) string { return "" }},
		{8, func(s edfSignal) string { return s.samples }}, {32, func(edfSignal) string { return "" }},
	} {
		for _, signal := range f.signals {
			s.WriteString(pad(field.width, field.of(signal)))
		}
	}
	return s.String() + f.data
}

func twoSignals() edfFile {
	return edfFile{
		records: "2", duration: "0.5",
		signals: []edfSignal{
			{"EEG Fpz-Cz", "uV", "-100", "100", "-200", "200", "2"},
			{"Temp", "degC", "30", "40", "0", "10", "1"},
		},
		data: "\x01\x00\xfe\xff\x05\x00" + "\xc8\x00\x38\xff\x0a\x00",
	}
}

func TestEDF(t *testing.T) {
	r := open(t, write(t, "night.edf", twoSignals().String()))
	all, notes := readAll(t, r)
	if !slices.Equal(all[0].Value, []float64{0.5, -1, 100, -100}) || !slices.Equal(all[0].Raw, []int32{1, -2, 200, -200}) {
		t.Errorf("EEG %v raw %v", all[0].Value, all[0].Raw)
	}
	if !slices.Equal(all[1].Value, []float64{35, 40}) || !slices.Equal(all[1].Offset, []int64{0, 500_000}) {
		t.Errorf("temperature %v at %v", all[1].Value, all[1].Offset)
	}
	s := r.Signals[0]
	if s.AttributeID != "EEG_Fpz-Cz" || s.Unit != "uV" || s.Rate != 4 || s.Count != 4 || s.Gain != 2 || s.Baseline != 0 || s.Bits != 16 {
		t.Errorf("signal %+v", s)
	}
	if r.Name != "night" || r.Format != recording.FormatEDF || len(notes) != 0 || r.Duration != time.Second || r.Last != 750_000 {
		t.Errorf("%s %s, %d annotations, %v long, last at %d", r.Name, r.Format, len(notes), r.Duration, r.Last)
	}
	if !r.Start.Equal(time.Date(2003, 1, 2, 10, 20, 30, 0, time.UTC)) {
		t.Errorf("starts %v", r.Start)
	}
}

func TestBDF(t *testing.T) {
	f := twoSignals()
	f.version = "\xffBIOSEMI"
	f.data = "\x01\x00\x00\xfe\xff\xff\x05\x00\x00" + "\xc8\x00\x00\x38\xff\xff\x0a\x00\x00"
	r := open(t, write(t, "r.bdf", f.String()))
	all, _ := readAll(t, r)
	if !slices.Equal(all[0].Value, []float64{0.5, -1, 100, -100}) || r.Signals[0].Bits != 24 {
		t.Errorf("%v, signal %+v", all[0].Value, r.Signals[0])
	}
}

// discontinuous is two data records, at 0.25 s and at 7.25 s.
func discontinuous() edfFile {
	return edfFile{
		records: "2", duration: "1", reserved: "EDF+D", id: "Startdate 02-JAN-2003 X X X",
		signals: []edfSignal{
			{"ECG", "\xb5V", "-100", "100", "-200", "200", "2"},
			{"EDF Annotations", "", "-1", "1", "-32768", "32767", "16"},
		},
		data: "\x01\x00\x02\x00" + lists("+0.25\x14\x14\x00+0.5\x151.5\x14Sleep\x14N1\x14\x00") +
			"\x03\x00\x04\x00" + lists("+7.25\x14\x14\x00+8\x14End\x14\x00"),
	}
}

// lists fills the 32 bytes of an annotation signal.
func lists(text string) string { return text + strings.Repeat("\x00", 32-len(text)) }

func TestEDFPlus_DiscontinuousWithAnnotations(t *testing.T) {
	r := open(t, write(t, "r.edf", discontinuous().String()))
	all, notes := readAll(t, r)
	if !slices.Equal(all[0].Offset, []int64{0, 500_000, 7_000_000, 7_500_000}) || !slices.Equal(all[0].Value, []float64{0.5, 1, 1.5, 2}) {
		t.Errorf("%v at %v", all[0].Value, all[0].Offset)
	}
	want := []recording.Annotation{
		{Offset: 250_000, Duration: 1_500_000, Text: "Sleep"}, {Offset: 250_000, Duration: 1_500_000, Text: "N1"}, {Offset: 7_750_000, Text: "End"},
	}
	if !slices.Equal(notes, want) {
		t.Errorf("annotations %+v", notes)
	}
	if !r.Start.Equal(time.Date(2003, 1, 2, 10, 20, 30, 25e7, time.UTC)) || r.Duration != 8*time.Second || r.Last != 7_750_000 {
		t.Errorf("starts %v, %v long, last at %d", r.Start, r.Duration, r.Last)
	}
	if len(r.Signals) != 1 || r.Signals[0].Unit != "µV" {
		t.Errorf("signals %+v", r.Signals)
	}
}

func TestEDF_LongRecordsAreCut(t *testing.T) {
	f := twoSignals()
	f.records, f.duration, f.signals[0].samples, f.signals[1].samples = "1", "10", "1000", "7"
	f.data = strings.Repeat("\x01\x00", 1007)
	r, err := recording.OpenWith(write(t, "r.edf", f.String()), recording.Options{BlockSpan: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := r.Next()
	if err != nil || b.To != 1_000_000 || len(b.Runs) != 2 || len(b.Runs[0].Values) != 100 || b.Runs[0].Before(500_000) != 50 {
		t.Fatalf("first block %+v, %v", b, err)
	}
	if err := r.Rewind(); err != nil {
		t.Fatal(err)
	}
	if all, _ := readAll(t, r); len(all[0].Value) != 1000 || len(all[1].Value) != 7 {
		t.Errorf("%d and %d samples", len(all[0].Value), len(all[1].Value))
	}
}

func TestEDF_Dates(t *testing.T) {
	for date, year := range map[string]int{"02.01.8510.20.30": 1985, "02.01.9910.20.30": 1999, "02.01.8410.20.30": 2084, "00.00.0010.20.30": 1} {
		f := twoSignals()
		f.date = date
		if r := open(t, write(t, "r.edf", f.String())); r.Start.Year() != year {
			t.Errorf("%s: starts %v", date, r.Start)
		}
	}
}

func TestEDF_DatesWithOtherSeparatorsAndDigits(t *testing.T) {
	want := time.Date(2024, 2, 1, 9, 1, 17, 0, time.UTC)
	for _, date := range []string{"01/02/2409:01:17", "01.02.2409:01:17", "01-02-2409-01-17", "1.2.24  9.1.17  ", "1.2.202409.01.17", "01:02:2409.01.17"} {
		f := twoSignals()
		f.date = date
		if r := open(t, write(t, "r.edf", f.String())); !r.Start.Equal(want) || r.StartText != "" {
			t.Errorf("%s: starts %v, or %q", date, r.Start, r.StartText)
		}
	}
	for date, text := range map[string]string{
		"2024.2.109.01.17": "2024.2.1 09.01.17", "32.01.2410.20.30": "32.01.24 10.20.30", "30.02.2410.20.30": "30.02.24 10.20.30",
		"01.02.2424.00.00": "01.02.24 24.00.00", "1.2.199 10.20.30": "1.2.199 10.20.30", "                ": "",
	} {
		f := twoSignals()
		f.date = date
		if r := open(t, write(t, "r.edf", f.String())); !r.Start.IsZero() || r.StartText != text {
			t.Errorf("%s: starts %v, or %q", date, r.Start, r.StartText)
		}
	}
}

func TestEDF_UnfinishedFile(t *testing.T) {
	f := twoSignals()
	f.records = "-1"
	f.data += "\x01"
	if all, _ := readAll(t, open(t, write(t, "r.edf", f.String()))); len(all[0].Value) != 4 {
		t.Errorf("%d samples", len(all[0].Value))
	}
}

// ignored checks what a recording says that it leaves out: one phrase with
// each text.
func ignored(t testing.TB, r *recording.Recording, want ...string) {
	t.Helper()
	if len(r.Ignored) != len(want) {
		t.Fatalf("ignored %q, want %q", r.Ignored, want)
	}
	for i, text := range want {
		if !strings.Contains(r.Ignored[i], text) {
			t.Errorf("ignored %q, want %q", r.Ignored[i], text)
		}
	}
}

func TestEDF_WhatTheFileHoldsCountsAndNotTheHeader(t *testing.T) {
	change := func(records, data string) string {
		f := twoSignals()
		f.records, f.data = records, data
		return f.String()
	}
	whole := twoSignals().data
	for name, c := range map[string]struct {
		file    string
		samples int
		ignored []string
	}{
		"as announced":     {change("2", whole), 4, nil},
		"too few":          {change("1", whole), 4, []string{"data records in the header, 1: the file holds 2"}},
		"none":             {change("0", whole), 4, []string{"data records in the header, 0: the file holds 2"}},
		"unknown and rest": {change("-1", whole+"xyz"), 4, []string{"3 bytes behind"}},
		"last one cut":     {change("2", whole[:11]), 2, []string{"1 of the 2 data records", "5 bytes behind"}},
		"far too many":     {change("99999999", whole), 4, []string{"99999997 of the 99999999 data records"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, write(t, "r.edf", c.file))
			ignored(t, r, c.ignored...)
			if all, _ := readAll(t, r); len(all[0].Value) != c.samples || r.Signals[0].Count != int64(c.samples) {
				t.Errorf("%d samples of %d, want %d", len(all[0].Value), r.Signals[0].Count, c.samples)
			}
		})
	}
}

func TestEDF_WhatIsNoRecordBehindThoseAnnouncedIsLeftOut(t *testing.T) {
	f := continuous("+0\x14\x14\x00")
	f.data += "\x01\x00\x02\x00" + lists("+1\x14\x14\x00+1\x14late\x14\x00") + strings.Repeat("\x00", 36)
	r := open(t, write(t, "r.edf", f.String()))
	ignored(t, r, "36 bytes behind the data records", "header, 1: the file holds 2")
	if all, notes := readAll(t, r); len(all[0].Value) != 4 || len(notes) != 1 || notes[0].Text != "late" {
		t.Errorf("%d samples, annotations %+v", len(all[0].Value), notes)
	}
}

func TestEDF_ASignalWithoutScaleIsLeftOut(t *testing.T) {
	for name, change := range map[string]func(*edfSignal){
		"physical": func(s *edfSignal) { s.pmin, s.pmax = "0", "0" },
		"digital":  func(s *edfSignal) { s.dmin, s.dmax = "5", "5" },
	} {
		f := twoSignals()
		change(&f.signals[0])
		r := open(t, write(t, "r.edf", f.String()))
		ignored(t, r, `signal "EEG Fpz-Cz": its physical or digital minimum`)
		if all, _ := readAll(t, r); len(all) != 1 || !slices.Equal(all[0].Value, []float64{35, 40}) {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// continuous is one data record of two samples with the lists of annotations.
func continuous(text string) edfFile {
	f := discontinuous()
	f.records, f.reserved = "1", "EDF+C"
	f.data = "\x01\x00\x02\x00" + lists(text)
	return f
}

func TestEDFPlus_Annotations(t *testing.T) {
	start := time.Date(2003, 1, 2, 10, 20, 30, 0, time.UTC)
	for name, c := range map[string]struct {
		lists string
		start time.Time
		want  []recording.Annotation
	}{
		"before the start":     {"+0\x14\x14\x00-5.5\x14Calibration\x14\x00", start, []recording.Annotation{{Offset: -5_500_000, Text: "Calibration"}}},
		"before a later start": {"+0.5\x14\x14\x00+0\x14early\x14\x00", start.Add(time.Second / 2), []recording.Annotation{{Offset: -500_000, Text: "early"}}},
		"in Latin-1":           {"+0\x14\x14\x00+0.5\x14Schl\xe4frig\x14\x00", start, []recording.Annotation{{Offset: 500_000, Text: "Schläfrig"}}},
		"with the clock":       {"+0\x14\x14Lights off\x14\x00", start, []recording.Annotation{{Text: "Lights off"}}},
		"without a clock":      {"+0.5\x14Spindle\x14\x00", start, []recording.Annotation{{Offset: 500_000, Text: "Spindle"}}},
		"none at all":          {"", start, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, write(t, "r.edf", continuous(c.lists).String()))
			all, notes := readAll(t, r)
			if !slices.Equal(notes, c.want) || !r.Start.Equal(c.start) || len(all[0].Value) != 2 {
				t.Errorf("%+v from %v, want %+v from %v", notes, r.Start, c.want, c.start)
			}
		})
	}
}

func TestEDF_BrokenFiles(t *testing.T) {
	edf := func(change func(*edfFile)) string {
		f := twoSignals()
		change(&f)
		return f.String()
	}
	plus := func(from, to string) string {
		f := discontinuous()
		f.data = strings.Replace(f.data, from, to, 1)
		return f.String()
	}
	whole := twoSignals().String()
	for name, c := range map[string]struct{ file, want string }{
		"empty":                 {"", "256 bytes expected, 0 found"},
		"not EDF":               {strings.Repeat("x", 300), "no EDF"},
		"first record cut":      {whole[:len(whole)-7], "774 bytes expected, 773 found"},
		"endless":               {edf(func(f *edfFile) { f.duration = "9e8" }), "no recording is as long"},
		"no signal left":        {edf(func(f *edfFile) { f.signals[0].pmin, f.signals[1].dmax = "100", "-1" }), "no signal can be read"},
		"header cut":            {whole[:700], "768 bytes expected, 700 found"},
		"records":               {edf(func(f *edfFile) { f.records = "many" }), "data records"},
		"duration":              {edf(func(f *edfFile) { f.duration = "NaN" }), "duration"},
		"no duration":           {edf(func(f *edfFile) { f.duration = "0" }), "last 0 s"},
		"no signals":            {edf(func(f *edfFile) { f.signals = nil }), "number of signals"},
		"no samples":            {edf(func(f *edfFile) { f.signals[0].samples = "0" }), "samples per data record"},
		"many samples":          {edf(func(f *edfFile) { f.signals[0].samples = "9999999" }), "expected"},
		"extremes no numbers":   {edf(func(f *edfFile) { f.signals[1].pmax = "warm" }), "physical maximum"},
		"annotation no sign":    {plus("+0.5", "00.5"), "onset with a sign"},
		"annotation no number":  {plus("+0.5", "+x.5"), "want seconds"},
		"annotation in no time": {plus("+0.5", "+2e9"), "want seconds"},
		"annotation not ended":  {plus("N1\x14\x00", "N1\x00\x00"), "byte 20"},
		"record without time":   {plus(lists("+7.25\x14\x14\x00+8\x14End\x14\x00"), lists("")), "time-keeping"},
		"records out of order":  {plus("+7.25", "+0.75"), "before the end"},
		"annotations overflow":  {plus("End\x14"+strings.Repeat("\x00", 17), "End\x14"+strings.Repeat("x", 17)), "does not end"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "r.edf", c.file)
			r, err := recording.Open(path)
			if err == nil {
				r.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Base(path)) {
				t.Errorf("error %q, want the path and %q", err, c.want)
			}
		})
	}
}
