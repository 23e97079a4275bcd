package recording_test

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto/recording"
)

func TestCSV_WithTime(t *testing.T) {
	day := time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		text  string
		start time.Time
	}{
		"seconds":          {"time,a [mV]\n0,1\n0.5,\n1.25,-3\n", time.Time{}},
		"from the middle":  {"t (s),a [mV]\n10,1\n10.5,\n11.25,-3\n", time.Time{}},
		"milliseconds":     {"a (mV),time_ms\n1,0\nNaN,500\n-3,1250\n", time.Time{}},
		"semicolons":       {"\ufeffTime [ms]; \"a (mV)\" \r\n0;1\r\n\r\n500;\r\n1250;-3\r\n", time.Time{}},
		"decimal commas":   {"t;a [mV]\n0;1\n0,5;\n1,25;-3,0\n", time.Time{}},
		"commas and tabs":  {"t\ta [mV]\n0\t1,0\n0,5\t\n12,5e-1\t-3\n", time.Time{}},
		"commas and dates": {"timestamp;a [mV]\n2024-05-01T10:00:00,000Z;1,0\n2024-05-01T10:00:00,5Z;\n2024-05-01T10:00:01,25Z;-3\n", day},
		"tabs":             {"t\ta [mV]\n0\t1\n0.5\t\n1.25\t-3\n", time.Time{}},
		"dates":            {"timestamp,a [mV]\n2024-05-01T10:00:00Z,1\n2024-05-01T10:00:00.5Z,\n2024-05-01T10:00:01.25Z,-3\n", day},
		"dates with zone":  {"timestamp,a [mV]\n2024-05-01 12:00:00+02:00,1\n2024-05-01 12:00:00.5+02:00,\n2024-05-01 12:00:01.25+02:00,-3\n", day},
		"nameless index":   {",a [mV]\n2024-05-01 10:00:00,1\n2024-05-01 10:00:00.5,\n2024-05-01 10:00:01.25,-3\n", day},
		"Unix seconds":     {"time,a [mV]\n1714557600,1\n1714557600.5,\n1714557601.25,-3\n", day},
		"Unix ms":          {"timestamp,a [mV]\n1714557600000,1\n1714557600500,\n1714557601250,-3\n", day},
		"Unix µs":          {"timestamp,a [mV]\n1714557600000000,1\n1714557600500000,\n1714557601250000,-3\n", day},
		"Unix ns":          {"timestamp,a [mV]\n1714557600000000000,1\n1714557600500000000,\n1714557601250000000,-3\n", day},
		"start in comment": {"# start: 2024-05-01T10:00:00Z\ntime,a [mV]\n0,1\n0.5,null\n# pause\n1.25,-3\n", day},
		"ignored column":   {"time,label,a [mV]\n0,\"walk, \"\"fast\"\"\",1\n0.5,run,\n1.25,,-3\n", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, write(t, "table.csv", c.text))
			all, _ := readAll(t, r)
			if !slices.Equal(all[0].Value, []float64{1, -3}) || !slices.Equal(all[0].Offset, []int64{0, 1_250_000}) {
				t.Errorf("%v at %v", all[0].Value, all[0].Offset)
			}
			if s := r.Signals[0]; s.AttributeID != "a" || s.Unit != "mV" || s.Digital || s.Count != 2 || math.Abs(s.Rate-0.8) > 1e-9 {
				t.Errorf("signal %+v", s)
			}
			if !r.Start.Equal(c.start) || r.Last != 1_250_000 || r.Name != "table" || r.Duration != 1875*time.Millisecond {
				t.Errorf("starts %v, last at %d, %v long", r.Start, r.Last, r.Duration)
			}
			if left := strings.Join(r.Ignored, "; "); strings.Contains(c.text, "label") != strings.Contains(left, `column "label": left out`) {
				t.Errorf("ignored %q", left)
			}
		})
	}
}

func TestCSV_WithRate(t *testing.T) {
	const rows = "a,b,a\n1,2,3\n,4,5\n6,,7e-1\n"
	r := open(t, write(t, "r.csv", "# rate: 360 Hz\n"+rows))
	for range 2 {
		all, _ := readAll(t, r)
		if !slices.Equal(all[0].Value, []float64{1, 6}) || !slices.Equal(all[0].Index, []int64{0, 2}) || !slices.Equal(all[0].Offset, []int64{0, 5556}) {
			t.Errorf("a: %+v", all[0])
		}
		if !slices.Equal(all[1].Value, []float64{2, 4}) || !slices.Equal(all[2].Value, []float64{3, 5, 0.7}) {
			t.Errorf("b: %+v, a_2: %+v", all[1], all[2])
		}
		if err := r.Rewind(); err != nil {
			t.Fatal(err)
		}
	}
	if r.Signals[2].AttributeID != "a_2" || r.Signals[2].Rate != 360 || r.Signals[2].Count != 3 || r.Duration != 8333*time.Microsecond {
		t.Errorf("%+v, %v long", r.Signals[2], r.Duration)
	}
	given, err := recording.OpenWith(write(t, "r.csv", rows), recording.Options{Rate: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer given.Close()
	if all, _ := readAll(t, given); !slices.Equal(all[0].Offset, []int64{0, 200_000}) {
		t.Errorf("at 10 Hz: %+v", all[0])
	}
}

func TestCSV_LongTableInBlocks(t *testing.T) {
	var text strings.Builder
	text.WriteString("# rate: 1000\nx\n")
	for range 150_000 {
		text.WriteString("1\n")
	}
	if all, _ := readAll(t, open(t, write(t, "r.csv", text.String()))); len(all[0].Value) != 150_000 {
		t.Errorf("%d samples", len(all[0].Value))
	}
}

func TestCSV_BrokenFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":               {"", "is empty"},
		"only comments":       {"# x\n", "is empty"},
		"no time, no rate":    {"a,b\n1,2\n", "sampling rate is not known"},
		"no header":           {"1,2\n3,4\n", "line 1: the first line has only numbers"},
		"missing field":       {"t,a,b\n0,1,2\n1,2\n", "line 3: 2 fields, but the header has 3"},
		"more fields":         {"# c\nt,a\n0,1\n\n1,2,3\n", "line 5: 3 fields"},
		"no number":           {"t,a\n0,1\n1,x1\n", `line 3: "x1" in column "a": want a number`},
		"infinite":            {"t,a\n0,1\n1,inf\n", "line 3"},
		"comma, then point":   {"t;a\n0;1,5\n1;1.234\n", `line 3: "1.234": the numbers before have a decimal comma`},
		"point, then comma":   {"t;a\n0;1.5\n1;1,234\n", `line 3: "1,234": the numbers before have a decimal point`},
		"thousands":           {"t;a\n0;1,5\n1;1.234,5\n", `line 3: "1.234,5" in column "a"`},
		"time is a word":      {"t,a\nnoon,1\n", `line 2: time "noon"`},
		"time becomes one":    {"t,a\n0,1\nnoon,1\n", `line 3: time "noon"`},
		"time is empty":       {"t,a\n0,1\n,1\n", "line 3: time"},
		"quotes not closed":   {"t,a\n0,\"1\n1,2\n", "line 2: quotes"},
		"text behind quotes":  {"t,a\n0,\"1\"x\n", "line 2: quotes"},
		"bad rate":            {"# rate: fast\na\n1\n", "line 1: rate"},
		"bad start":           {"# start: today\na\n1\n", "line 1: start"},
		"UTF-16, no mark":     {"t\x00,\x00a\x00\n\x00", "UTF-8"},
		"endless line":        {"t,a\n0,1\n" + strings.Repeat("1", 17<<20), "line 3: longer than"},
		"endless header":      {strings.Repeat("a,", 9<<20), "line 1: longer than"},
		"too many columns":    {strings.Repeat("a,", 2<<20) + "t\n", "line 1: more than 10000 fields"},
		"too many fields":     {"t,a\n0,1\n" + strings.Repeat("1,", 2<<20) + "\n", "line 3: more than 10000 fields"},
		"quotes for ever":     {"t,a\n0,\"1\n" + strings.Repeat("1,2\n", 1<<18), "line 2: quotes"},
		"short row":           {"t,a,b\n0,1,2\n1,2\n2,3,4\n", "line 3: 2 fields, but the header has 3"},
		"nothing but words":   {"t,a\n0,on\n1,off\n", "holds no numbers"},
		"thousands?":          {"t,a\n0,\"1,234\"\n1,\"5,678\"\n", "line 2: \"1,234\": whether the comma"},
		"day or month?":       {"t,a\n01/02/2024 10:00,1\n01/03/2024 10:00,2\n", `line 2: time "01/02/2024 10:00": which is the day`},
		"day, then month":     {"t,a\n31/01/2024 10:00,1\n01/31/2024 10:00,2\n", `line 3: time "01/31/2024 10:00": want a date`},
		"date, then number":   {"t,a\n2024-01-01T00:00:00Z,1\n1704067201,2\n", `line 3: time "1704067201"`},
		"no day of that name": {"t,a\n2023-02-29 10:00,1\n", `line 2: time "2023-02-29 10:00"`},
		"document too long":   {"t,a\n0,\"[\"\"" + strings.Repeat("x", 64<<10) + "\"\"]\"\n", `line 2: column "a": a document of 65540 bytes`},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "r.csv", c.text)
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
