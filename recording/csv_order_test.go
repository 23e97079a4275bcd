package recording

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Rows come back sorted by time, those of one time in the order of the file,
// from however many parts, and with lines longer than what is read at once.
func TestRowOrder_IsAStableSort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lines")
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, 20), 0, 60).Draw(t, "times")
		end := rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "line end")
		long := rapid.SliceOfN(rapid.IntRange(0, 40_000), len(times), len(times)).Draw(t, "lengths")
		lines := make([]string, len(times))
		for i, at := range times {
			lines[i] = fmt.Sprintf("%d:%d:", at, i) + strings.Repeat("x", long[i])
		}
		text := strings.Join(lines, end)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		o, err := newRowOrder(f, int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		defer o.close()
		o.limit = rapid.IntRange(1, 8).Draw(t, "part")
		at := int64(0)
		for i, line := range lines {
			if err := o.add(rowPlace{times[i], at}); err != nil {
				t.Fatal(err)
			}
			at += int64(len(line) + len(end))
		}
		if err := o.flush(); err != nil {
			t.Fatal(err)
		}
		order := make([]int, len(times))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return compare(times[a], times[b]) })
		for range 2 {
			if err := o.rewind(); err != nil {
				t.Fatal(err)
			}
			for _, i := range order {
				if at, line, err := o.next(); err != nil || at != times[i] || string(line) != lines[i] {
					t.Fatalf("row at %d is %.40q, %v; want %.40q at %d", at, line, err, lines[i], times[i])
				}
			}
			if _, _, err := o.next(); !errors.Is(err, io.EOF) {
				t.Fatalf("more than all: %v", err)
			}
		}
	})
}

func TestScanDate(t *testing.T) {
	for text, want := range map[string]string{
		"2024-05-31T10:00:00Z":            "2024-05-31T10:00:00Z",
		"2024-05-31T10:00:00.1234567891Z": "2024-05-31T10:00:00.123457Z",
		"2024-05-31 10:00:00,5+02:00":     "2024-05-31T08:00:00.5Z",
		"2024-05-31 10:00:00 -0130":       "2024-05-31T11:30:00Z",
		"2024-05-31T10:00+01":             "2024-05-31T09:00:00Z",
		"2024:5:1 9:05:07":                "2024-05-01T09:05:07Z",
		"2024/5/1, 9:05 UTC":              "2024-05-01T09:05:00Z",
		"2024.05.01_09:05":                "2024-05-01T09:05:00Z",
		"2024-02-29":                      "2024-02-29T00:00:00Z",
		"31.12.2024 23:59:59.9999996":     "2025-01-01T00:00:00Z",
		"1.2.2024":                        "2024-02-01T00:00:00Z",
		"31/12/2024 12:00 AM":             "2024-12-31T00:00:00Z",
		"12/31/2024 12:00:01 pm":          "2024-12-31T12:00:01Z",
		"13-1-2024 1:00PM":                "2024-01-13T13:00:00Z",
	} {
		d, ok := scanDate(text)
		if !ok || d.order == orderUnknown {
			t.Errorf("%q is no date", text)
		} else if got := rfc3339(d.micros(nil, 0)); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{
		"", "1", "2024", "2024-05", "20240531T100000Z", "2024-13-01", "2023-02-29", "2024-04-31", "2024-05-00", "0000-01-01",
		"2024-05-31T24:00:00Z", "2024-05-31T10:60:00Z", "2016-12-31T23:59:60Z", "2024-05-31T10", "2024-05-31T10:00:00.Z", "2024-05-31T10:00:0",
		"2024-05-31x10:00", "2024-05-31 10:00 Europe", "2024-05-31T10:00:00+24:00", "2024-05-31T10:00:00+01:60", "10:00:00", "31/12/24", "2024-05/31",
		"2024-05-31 13:00 PM", "99/99/2024", "2024-05-31T10:00:00ZZ", "2024-05-31T",
	} {
		if d, ok := scanDate(text); ok {
			t.Errorf("%q is taken for %+v", text, d)
		}
	}
}

func rfc3339(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339Nano) }

func TestLineEnd_IsTheFirstOfAnyKind(t *testing.T) {
	kinds := []string{"\n", "\r\n", "\r"}
	for _, length := range []int{0, 1, 4094, 4095, 4096, 4097, 8191, 8192, 20_000} {
		for _, kind := range kinds {
			for _, behind := range []string{"", "x", "\nx", "\rx", "x\n"} {
				width := len(kind)
				if kind == "\r" && strings.HasPrefix(behind, "\n") {
					width = 2
				}
				at, w := lineEnd([]byte(strings.Repeat("x", length) + kind + behind))
				if at != length || w != width {
					t.Errorf("%d bytes, %q, %q: ends at %d with %d bytes", length, kind, behind, at, w)
				}
			}
		}
		if at, _ := lineEnd([]byte(strings.Repeat("x", length))); at != -1 {
			t.Errorf("%d bytes without an end end at %d", length, at)
		}
	}
}
