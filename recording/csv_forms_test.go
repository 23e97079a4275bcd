package recording_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/sensocto/sensocto/recording"
)

// In what forms programs write the same table: a is 1 and 2 at 0 and 1 s, from
// the last moment of May 2024 on where there are dates.
func TestCSV_FormsOfOtherPrograms(t *testing.T) {
	const day = "2024-05-31T10:00:00Z"
	plain := cells{"a ": {"0=1", "1000000=2"}}
	celsius := cells{"a °C": {"0=1", "1000000=2"}}
	utf16Text := func(text string, bigEndian bool) string {
		var b []byte
		for _, c := range utf16.Encode([]rune("\ufeff" + text)) {
			if bigEndian {
				b = append(b, byte(c>>8), byte(c))
			} else {
				b = append(b, byte(c), byte(c>>8))
			}
		}
		return string(b)
	}
	for name, c := range map[string]struct {
		text string
		w    wanted
	}{
		"CR":                       {"time,a\r0,1\r1,2\r", wanted{has: plain}},
		"CR CR LF":                 {"time,a\r\r\n0,1\r\r\n1,2\r\r\n", wanted{has: plain}},
		"no end":                   {"time,a\n0,1\n1,2", wanted{has: plain}},
		"UTF-16 LE":                {utf16Text("time;a (°C)\r\n0;1\r\n1;2\r\n", false), wanted{has: celsius}},
		"UTF-16 BE, newest first":  {utf16Text("time;a (°C)\r\n1;2\r\n0;1\r\n", true), wanted{has: celsius, says: []string{"1 row earlier"}}},
		"Latin-1":                  {"time,a (\xb0C)\n0,1\n1,2\n", wanted{has: celsius}},
		"Latin-1 in a label":       {"time,a,label\n0,1,sch\xf6n\n1,2,\n", wanted{has: plain, says: []string{`"schön"`}}},
		"NUL in a name":            {"time,b\n\x00" + "0,1\n", wanted{fails: `line 2: time ""`}},
		"control character":        {"time,\x1b]0;a\a\n0,1\n1,2\n", wanted{has: cells{"0_a ": {"0=1", "1000000=2"}}}},
		"sep":                      {"sep=|\ntime|a\n0|1\n1|2\n", wanted{has: plain}},
		"quoted sep, LF":           {"\"sep=;\"\n\ntime;a\n0;1,0\n1;2,0\n", wanted{has: plain}},
		"percent":                  {"%Sample Rate = 1 Hz\n%x\na\n1\n2\n", wanted{has: plain}},
		"start beside seconds":     {"# start = 2024-05-31 10:00:00\ntime,a\n0,1\n1,2\n", wanted{start: day, has: plain}},
		"units in the second line": {"time,a\n(ms),[°C]\n0,1\n1000,2\n", wanted{has: celsius}},
		"units without the time's": {"time,a\n,°C\n0,1\n1,2\n", wanted{has: celsius}},
		"month first":              {"Date/Time,a\n05/31/2024 10:00:00 AM,1\n05/31/2024 10:00:01 AM,2\n", wanted{start: day, has: plain}},
		"day first":                {"Date,a\n31/5/2024 10:00:00,1\n31/5/2024 10:00:01,2\n", wanted{start: day, has: plain}},
		"day first, with points":   {"time;a\n31.05.2024 10:00:00;1,0\n31.05.2024 10:00:01;2,0\n", wanted{start: day, has: plain}},
		"order shown later":        {"time,a,b\n01/05/2024 00:00:00,1,\n01/05/2024 00:00:01,2,\n31/05/2024 00:00:00,,3\n", wanted{start: "2024-05-01T00:00:00Z", has: cells{"a ": {"0=1", "1000000=2"}, "b ": {"2592000000000=3"}}}},
		"date and time":            {"a,Date,Time\n1,31.05.2024,10:00:00\n2,31.05.2024,10:00:01\n", wanted{start: day, has: plain}},
		"date and seconds":         {"Date,time,a\n2024-05-31 10:00:00,0,1\n2024-05-31 10:00:01,1,2\n", wanted{start: day, has: plain, says: []string{`column "Date": its first time`}}},
		"date and full time":       {"Date,time,a\n5,2024-05-31T10:00:00Z,1\n6,2024-05-31T10:00:01Z,2\n", wanted{start: day, has: cells{"a ": {"0=1", "1000000=2"}, "Date ": {"0=5", "1000000=6"}}}},
		"newest first, relative":   {"time,stamp,a\n11,2024-05-31T10:00:01Z,2\n10,2024-05-31T10:00:00Z,1\n", wanted{start: day, has: plain, says: []string{`column "stamp"`, "1 row earlier"}}},
		"decimal commas, unsorted": {"time;a\n1;2,0\n0;1,0\n", wanted{has: plain, says: []string{"1 row earlier"}}},
		"equal times, unsorted":    {"time,a\n1,3\n0,1\n1,2\n0,4\n", wanted{has: cells{"a ": {"0=1", "0=4", "1000000=3", "1000000=2"}}, says: []string{"2 rows earlier"}}},
		"decimal commas in quotes": {"time,a\n\"0,0\",\"1,0\"\n\"1,0\",\"2,000\"\n", wanted{has: plain}},
		"separator at the end":     {"time,a\n0,1,\n1,2,,,\n,,\n", wanted{has: plain}},
		"short rows of no values":  {"time,a,label\n0,1\n0.5,,x\n1,2\n", wanted{has: plain, says: []string{`column "label"`}}},
		"cut in a number":          {"time,a\n0,1\n1,2\n2.5e", wanted{has: plain, says: []string{"line 4: ends in the middle"}}},
		"cut in quotes":            {"time,a\n0,1\n1,2\n2,\"1", wanted{has: plain, says: []string{"line 4: ends in the middle"}}},
		"cut in a date":            {"time,a\n2024-05-31T10:00:00Z,1\n2024-05-31T10:00:01Z,2\n2024-05-31T10:0,", wanted{start: day, has: plain, says: []string{"line 4: ends in the middle"}}},
		"words":                    {"time,a\n0,unknown\n0,1\n1,2\n2,#N/A\n3,?\n", wanted{has: plain, says: []string{`column "a": no number in 3 cells such as "unknown" (line 2)`}}},
		"numbers behind a word":    {"time,a,b\n0,1,off\n1,2,7\n", wanted{has: plain, says: []string{`column "b": left out, because its first value "off" (line 2) is no number; with it 1 number behind`}}},
		"documents and numbers":    {"time,a\n0,1\n0,\"{\"\"x\"\": \"\"\xe9\"\"}\"\n1,\"[]\"\n1,2\n", wanted{has: cells{"a ": {`0={"x": "é"}`, "0=1", "1000000=[]", "1000000=2"}}}},
		"documents at a rate":      {"# rate: 1\na\n1\n\"\"\"text\"\"\"\n\"true\"\n", wanted{has: cells{"a ": {"0=1", `1000000="text"`, "2000000=true"}}}},
		"Empatica, three axes":     {"1717149600.0, 1717149600.0\n1.0, 1.0\n1,2\n2,3\n", wanted{start: day, has: cells{"r_1 ": {"0=1", "1000000=2"}, "r_2 ": {"0=2", "1000000=3"}}}},
		"two numbers, no header":   {"1717149600.0\n64000\n1\n", wanted{fails: "only numbers"}},
		"a long name":              {"time," + strings.Repeat("ä", 200) + "\n0,1\n1,2\n", wanted{has: cells{"signal_1 ": {"0=1", "1000000=2"}}, says: []string{"of its name of 200 characters the first 128"}}},
		"thousands of years":       {"time,a\n0001-01-01,1\n9999-12-31,2\n", wanted{fails: "its times lie 9"}},
		"seconds for ever":         {"time,a\n0,1\n9e9,2\n", wanted{fails: "its times lie 2"}},
		"a clock that went back":   {"time,a\n2024-05-31 10:00:01,2\n2024-05-31 10:00:00,1\n", wanted{start: day, has: plain, says: []string{"name their time zone"}}},
		"no end, bad number":       {"time,a\n0,x", wanted{fails: `column "a": left out, because it holds no numbers ("x" in line 2)`}},
	} {
		t.Run(name, func(t *testing.T) { c.w.check(t, write(t, "r.csv", c.text), recording.Options{}) })
	}
}

func TestCSV_LocalTimes(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	o := recording.Options{Zone: berlin}
	back := write(t, "r.csv", "time,a\n2024-10-27 02:59:59.5,1\n2024-10-27 02:00:00.5,2\n2024-10-27 03:00:00,3\n2024-10-27T10:00:00Z,4\n")
	wanted{start: "2024-10-27T00:59:59.5Z", has: cells{"a ": {"0=1", "1000000=2", "3600500000=3", "32400500000=4"}}}.check(t, back, o)
	summer := write(t, "r.csv", "time,a\n2024-07-01 12:00:00,1\n2024-01-01 12:00:00,2\n")
	wanted{start: "2024-01-01T11:00:00Z", has: cells{"a ": {"0=2", "15721200000000=1"}}, says: []string{"1 row earlier"}}.check(t, summer, o)
}

// What a file says of itself does not make the reader keep much of it.
func TestCSV_MemoryIsBounded(t *testing.T) {
	const size = 1 << 30
	for name, begin := range map[string]string{
		"a row without an end":          "time,a\n0,1\n1,",
		"quotes that are never closed":  "time,a\n0,1\n1,\"",
		"a header without an end":       "time,a",
		"a comment without an end":      "# rate: 1",
		"a row of a million fields":     "time,a\n0,1\n" + strings.Repeat(",", 1_000_000) + "\n",
		"a header of a million columns": strings.Repeat("a,", 1_000_000) + "time\n0\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r.csv")
			if err := os.WriteFile(path, []byte(begin), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, size); err != nil { // the rest is NUL, and takes no space
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := recording.Open(path)
			runtime.ReadMemStats(&after)
			if err == nil {
				r.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), "line ") {
				t.Errorf("error %q does not say where", err)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 80<<20 {
				t.Errorf("%d MiB were allocated", grown>>20)
			}
		})
	}
}
