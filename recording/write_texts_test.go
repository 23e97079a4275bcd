package recording_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
)

// hostileTexts is what may be in a catalog and in documents at the worst.
func hostileTexts() (series, []sensocto.Attribute) {
	attributes := []sensocto.Attribute{
		{ID: "x1_2", Name: "=x1+2", Unit: "\xb5V\x00x", SamplingRate: 100},
		{ID: "cmd", Name: "@cmd", Unit: "a,\"b\"\n", SamplingRate: 100},
		{ID: "a__31mb", Name: "a\x1b[31mb", SamplingRate: 100},
		{ID: "annotations"},
	}
	s := series{"annotations": {annotation(5000, "{\"text\":\"Schl\xe4frig\\u0000\\u001b[2J\\u0014\"}"), annotation(7000, `"=1+2"`)}}
	for _, a := range attributes[:3] {
		s[a.ID] = regular(100, 0, 100, adc(10, 0, 50))
	}
	return s, attributes
}

// What is in a catalog may be older than the rules for names: whatever it
// holds, no export has a text that is not UTF-8, a control character in a name,
// or a name that a spreadsheet computes.
func TestExport_HostileTexts(t *testing.T) {
	s, attributes := hostileTexts()
	for _, format := range []recording.Format{recording.FormatCSV, recording.FormatEDF, recording.FormatWFDB, recording.FormatParquet} {
		t.Run(string(format), func(t *testing.T) {
			e := export(s, attributes...)
			e.SensorName = "strap\x1b]0;\x07\xff"
			path, _ := exported(t, e, format)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if format == recording.FormatCSV || format == recording.FormatWFDB {
				plain(t, string(text))
			}
			if format == recording.FormatParquet {
				if !strings.Contains(string(text), "strap ]0;") {
					t.Error("no clean name in the metadata")
				}
				return
			}
			if format == recording.FormatCSV {
				for _, name := range strings.Split(strings.SplitN(string(text), "\n", 2)[0], ",") {
					if strings.IndexAny(strings.TrimLeft(name, `"`), "=+-@") == 0 {
						t.Errorf("column %q is a formula", name)
					}
				}
				return
			}
			r := open(t, path)
			if _, notes := readAll(t, r); len(notes) != 2 || !strings.HasPrefix(notes[0].Text, "Schl\ufffdfrig") || strings.ContainsFunc(notes[0].Text, unicode.IsControl) {
				t.Errorf("annotations %+v", notes)
			}
			if ids := []string{r.Signals[0].AttributeID, r.Signals[1].AttributeID, r.Signals[2].AttributeID}; !slices.Equal(ids, []string{"x1_2", "cmd", "a__31mb"}) {
				t.Errorf("attributes %q", ids)
			}
		})
	}
}

// plain fails on what is not printable UTF-8 in lines.
func plain(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("not UTF-8: %q", text[:min(len(text), 200)])
	}
	for _, c := range text {
		if unicode.IsControl(c) && c != '\n' {
			t.Fatalf("control character %q in %q", c, text[:min(len(text), 200)])
		}
	}
}

// A note at sample 0 is taken for a definition of the file by other programs.
func TestExportWFDB_ANoteAtTheStartIsNoDefinition(t *testing.T) {
	s := series{"a": regular(100, 0, 200, adc(10, 0, 50)), "annotations": {
		annotation(0, `{"text":"Recording starts"}`), annotation(0, `{"type":"+","text":"(N"}`), annotation(0, `{"text":"## time resolution: 5"}`), annotation(500_000, `{"type":"N"}`),
		annotation(600_000, `{"id":"n1","text":"stood up","by":"Ada"}`),
		annotation(650_000, `{"id":"n2","text":"sat down"}`), annotation(650_000, `{"id":"n2","removed":true}`),
		annotation(660_000, `{"id":"n3","text":"lay down"}`), annotation(660_000, `{"id":"n3","removed":true}`), annotation(660_000, `{"id":"n3","text":"lay down"}`),
	}}
	path, notes := exported(t, export(s, attribute("a", "mV", 100), attribute("annotations", "", 0)), recording.FormatWFDB)
	if len(notes) != 1 || !strings.Contains(notes[0], "Notes at the start (2) are written 1 µs later") {
		t.Errorf("notes %q", notes)
	}
	want := []recording.Annotation{
		{Type: "+", Text: "(N"}, {Offset: 1, Type: `"`, Text: "Recording starts"}, {Offset: 1, Type: `"`, Text: "## time resolution: 5"}, {Offset: 500_000, Type: "N"},
		{Offset: 600_000, Type: `"`, Text: "stood up"}, // people's notes name who wrote them: no format has a place for it
		{Offset: 660_000, Type: `"`, Text: "lay down"}, // removed and brought back, unlike n2
	}
	if got := sameSeries(t, path, s, true); !slices.Equal(got, want) {
		t.Errorf("annotations %+v", got)
	}
}

func TestCases_WFDBExportNoteAtZero(t *testing.T) {
	in := loaded(t, cases(t, "wfdb-export-note-at-zero/f.edf"), epoch)
	path, _ := exported(t, export(in.series, in.attributes...), recording.FormatWFDB)
	notes := sameSeries(t, path, in.series, true)
	if len(notes) != 2 || notes[0].Offset != 1 || notes[0].Text != "Recording starts" {
		t.Errorf("annotations %+v", notes)
	}
}
