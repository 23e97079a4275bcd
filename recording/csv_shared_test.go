package recording_test

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto/recording"
)

// caseFile returns the path of a file of day-to-day programs, which is not part
// of the project, and skips the test where there is none.
func caseFile(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "cases", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no files of other programs beside the project (%s): only the test's own are read", path)
	}
	return path
}

// cells are what one column gives, as "offset in µs=value".
type cells map[string][]string

// wanted is what a CSV file must give: its signals, or an error.
type wanted struct {
	start string // RFC 3339, "" where the file does not say
	has   cells  // by attribute
	says  []string
	fails string
}

func (w wanted) check(t *testing.T, path string, o recording.Options) {
	t.Helper()
	r, err := recording.OpenWith(path, o)
	if w.fails != "" {
		if err == nil {
			r.Close()
			t.Fatalf("no error, want %q", w.fails)
		}
		if !strings.Contains(err.Error(), w.fails) || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Fatalf("error %q, want the path and %q", err, w.fails)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 {
		if got := contents(t, r); !reflect.DeepEqual(got, w.has) {
			t.Errorf("has %v\nwant %v", got, w.has)
		}
		if err := r.Rewind(); err != nil {
			t.Fatal(err)
		}
	}
	if start := w.time(t); !r.Start.Equal(start) {
		t.Errorf("starts %v, want %v", r.Start, start)
	}
	if len(r.Ignored) != len(w.says) {
		t.Errorf("says %q, want %q", r.Ignored, w.says)
		return
	}
	for i, want := range w.says {
		if !strings.Contains(r.Ignored[i], want) {
			t.Errorf("says %q, want %q", r.Ignored[i], want)
		}
	}
}

func (w wanted) time(t *testing.T) (start time.Time) {
	t.Helper()
	if w.start == "" {
		return start
	}
	start, err := time.Parse(time.RFC3339Nano, w.start)
	if err != nil {
		t.Fatal(err)
	}
	return start
}

// contents reads a recording, numbers and documents.
func contents(t *testing.T, r *recording.Recording) cells {
	t.Helper()
	found := cells{}
	for _, s := range r.Signals {
		found[s.AttributeID+" "+s.Unit] = nil
	}
	add := func(signal int, offset int64, value string) {
		s := r.Signals[signal]
		key := s.AttributeID + " " + s.Unit
		found[key] = append(found[key], strconv.FormatInt(offset, 10)+"="+value)
	}
	var to int64
	for {
		b, err := r.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if b.From < to || b.To <= b.From {
			t.Fatalf("block [%d, %d) behind %d", b.From, b.To, to)
		}
		to = b.To
		documents := b.Documents
		for i := range b.Runs {
			run := &b.Runs[i]
			for k, v := range run.Values {
				at := run.Offset(k)
				for len(documents) > 0 && (documents[0].Signal < run.Signal || documents[0].Signal == run.Signal && documents[0].Offset <= at) {
					add(documents[0].Signal, documents[0].Offset, string(documents[0].JSON))
					documents = documents[1:]
				}
				add(run.Signal, at, strconv.FormatFloat(v, 'g', -1, 64))
			}
		}
		for _, d := range documents {
			add(d.Signal, d.Offset, string(d.JSON))
		}
	}
}

func TestCSV_FilesOfOtherPrograms(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const newYear = "2024-01-01T00:00:00Z"
	for name, w := range map[string]wanted{
		"csv-actigraph/f.csv":                       {fails: "no time column"},
		"csv-annotation-named-column/f.csv":         {has: cells{"annotations ": {"0=1", "1000000=2"}}},
		"csv-comma-decimal-in-comma-file/f.csv":     {start: newYear, has: cells{"a ": {"0=20.33", "1000000=40.21"}}},
		"csv-comma-millis/f.csv":                    {start: "2022-12-20T16:40:40.125Z", has: cells{"a ": {"0=1.5", "125000=2.5"}}},
		"csv-cr-only/f.csv":                         {has: cells{"a ": {"0=1", "1000000=2"}}},
		"csv-cut-last-line/f.csv":                   {start: newYear, has: cells{"a ": {"0=1", "1000000=3"}, "b ": {"0=2", "1000000=4"}}, says: []string{"line 4: ends in the middle"}},
		"csv-date-and-time-columns/f.csv":           {start: "2022-12-20T16:40:40Z", has: cells{"a ": {"0=1", "1000000=2"}}},
		"csv-duplicate-column-names/f.csv":          {has: cells{"ecg ": {"0=1", "1000000=3"}, "ecg_2 ": {"0=2", "1000000=4"}}},
		"csv-empatica-e4/BVP.csv":                   {start: "2018-12-05T16:28:57Z", has: cells{"BVP ": {"0=0.5", "15625=0.51", "31250=0.52"}}},
		"csv-epoch-ms-float/f.csv":                  {start: "2023-11-14T22:13:20.123Z", has: cells{"a ": {"0=1", "1000=2"}}},
		"csv-excel-sep-line/f.csv":                  {start: newYear, has: cells{"temp ": {"0=21.5", "1000000=21.6"}}},
		"csv-excel-utf16/f.csv":                     {has: cells{"a ": {"0=1", "1000000=2"}}},
		"csv-export-reimport/f.csv":                 {start: newYear, has: cells{"MLII mV": {"0=-0.145", "2778=-0.145"}, "annotations ": {`2778={"type":"N"}`}}},
		"csv-first-value-unavailable/f.csv":         {start: newYear, has: cells{"temp ": {"1000000=21.5", "2000000=21.6"}, "hum ": {"0=50", "1000000=51", "2000000=52"}}, says: []string{`column "temp": no number in 1 cell such as "unavailable" (line 2)`}},
		"csv-header-only/f.csv":                     {has: cells{"a ": nil}},
		"csv-header-trailing-separator/f.csv":       {has: cells{"a ": {"0=1", "1000000=3"}, "b ": {"0=2", "1000000=4"}}},
		"csv-home-assistant/f.csv":                  {fails: "no time column"},
		"csv-inf/f.csv":                             {fails: `line 3: "inf" in column "a"`},
		"csv-influx-annotated/f.csv":                {fails: "no time column"},
		"csv-iso-basic/f.csv":                       {fails: `time "20240101T000000Z"`},
		"csv-later-value-unavailable/f.csv":         {start: newYear, has: cells{"temp ": {"0=21.4", "2000000=21.6"}, "hum ": {"0=50", "1000000=51", "2000000=52"}}, says: []string{`column "temp": no number in 1 cell such as "unavailable" (line 3)`}},
		"csv-leap-second/f.csv":                     {fails: `line 3: time "2016-12-31T23:59:60Z"`},
		"csv-matlab-tab-spaces/f.txt":               {fails: "no time column"},
		"csv-mind-monitor/f.csv":                    {start: "2017-11-20T22:41:01.738Z", has: cells{"Delta_TP9 ": {"0=0.9025755", "2000=0.9025755", "382000=0.9025755"}, "RAW_TP9 ": {"0=856.2271", "2000=857.2271", "382000=858.2271"}, "Battery ": {"0=97.94", "2000=97.94", "382000=97.94"}}, says: []string{`column "Elements": left out`}},
		"csv-mixed-decimals-point-ids/f.csv":        {fails: `line 2: "2,5": the numbers before have a decimal point`},
		"csv-mixed-time-forms/f.csv":                {fails: "line 3"},
		"csv-names-collide/f.csv":                   {start: newYear, has: cells{"EEG_C3-A2 ": {"0=1", "1000000=4"}, "EEG_C3_A2 ": {"0=2", "1000000=5"}, "EEG_C3_A2_2 ": {"0=3", "1000000=6"}}},
		"csv-newest-first/f.csv":                    {start: newYear, has: cells{"a ": {"0=1", "1000000=2", "2000000=3"}}, says: []string{"2 rows earlier"}},
		"csv-no-header/f.csv":                       {fails: "only numbers"},
		"csv-nul-bytes-inside/f.csv":                {fails: "line 3"},
		"csv-openvibe/f.csv":                        {has: cells{"Epoch ": {"0=0", "1953=0"}, "Fp1 ": {"0=1.5", "1953=1.6"}, "Fp2 ": {"0=2.5", "1953=2.6"}, "Event_Id ": {"1953=33025"}}},
		"csv-out-of-order-before-first/f.csv":       {start: newYear, has: cells{"a ": {"0=2", "1000000=3", "2000000=1"}}, says: []string{"2 rows earlier"}},
		"csv-out-of-order-inside/f.csv":             {start: newYear, has: cells{"a ": {"0=1", "1000000=3", "2000000=2", "3000000=4"}}, says: []string{"1 row earlier"}},
		"csv-pandas-index/f.csv":                    {start: newYear, has: cells{"ecg ": {"0=1", "1000000=2"}}},
		"csv-pandas-unnamed-number-index/f.csv":     {start: newYear, has: cells{"signal_1 ": {"0=0", "1000000=1"}, "ecg ": {"0=1", "1000000=2"}}},
		"csv-quoted-newline/f.csv":                  {fails: "line 2: quotes"},
		"csv-slash-date/f.csv":                      {start: "2022-12-20T16:40:40Z", has: cells{"a ": {"0=1", "1000000=2"}}},
		"csv-slash-date-named-time/f.csv":           {start: "2022-12-20T16:40:40.5Z", has: cells{"a ": {"0=1", "500000=2"}}},
		"csv-thousands-eu-integers/f.csv":           {fails: "line 3"},
		"csv-time-24-00/f.csv":                      {fails: "line 3: time"},
		"csv-time-with-blank/f.csv":                 {fails: "line 3: time"},
		"csv-trailing-separator/f.csv":              {has: cells{"a ": {"0=1", "1000000=3"}, "b ": {"0=2", "1000000=4"}}},
		"csv-units-second-row/f.csv":                {has: cells{"temp degC": {"0=36.6", "1000000=36.7"}, "hr bpm": {"0=60", "1000000=61"}}},
		"csv-unix-float-seconds/f.csv":              {start: "2023-11-14T22:13:20.123456Z", has: cells{"a ": {"0=1", "1=2", "876544=3"}}},
		"csv-polar-sensor-logger/Polar_H10_ECG.txt": {start: "2022-01-03T10:00:00.123Z", has: cells{"sensor_timestamp ns": {"0=5.996160001234568e+17", "7692=5.996160001311488e+17", "15384=5.996160001388408e+17"}, "ecg uV": {"0=-27", "7692=-30", "15384=-31"}}, says: []string{`column "Phone timestamp": its first time`}},
	} {
		t.Run(name, func(t *testing.T) { w.check(t, caseFile(t, name), recording.Options{}) })
	}
	t.Run("csv-dst-fallback/f.csv", func(t *testing.T) {
		w := wanted{start: "2024-10-27T00:59:58Z", has: cells{"a ": {"0=1", "1000000=2", "2000000=3", "3000000=4"}}}
		w.check(t, caseFile(t, "csv-dst-fallback/f.csv"), recording.Options{Zone: berlin})
	})
	t.Run("csv-openbci-v5/OpenBCI-RAW.txt", func(t *testing.T) {
		r := open(t, caseFile(t, "csv-openbci-v5/OpenBCI-RAW.txt"))
		has := contents(t, r)
		if want := []string{"0=-187500.02235174447", "0=-187500.02235174447", "8000=-187500.02235174447"}; !reflect.DeepEqual(has["EXG_Channel_0 "], want) {
			t.Errorf("channel 0 is %v", has["EXG_Channel_0 "])
		}
		if want := []string{"0=-3.5", "0=-4.5", "8000=-5.5"}; !reflect.DeepEqual(has["EXG_Channel_1 "], want) {
			t.Errorf("channel 1 is %v", has["EXG_Channel_1 "])
		}
		if r.Start.Format(time.RFC3339Nano) != "2022-12-20T22:40:40.953868Z" {
			t.Errorf("starts %v", r.Start)
		}
	})
}
