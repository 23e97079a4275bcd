package recording_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sensocto/sensocto/recording"
)

// drain opens whatever the files are, and reads it to the end or to an error.
// Nothing may panic; all that is delivered must be finite and UTF-8, at times
// that do not overflow; and little may be allocated, whatever the files say.
func drain(t *testing.T, size int, path string) {
	before := allocated()
	t.Cleanup(func() {
		if n, limit := allocated()-before, uint64(32<<20+1000*size); n > limit {
			t.Errorf("%d bytes were allocated for a file of %d", n, size)
		}
	})
	r, err := recording.Open(path)
	if err != nil {
		return
	}
	defer r.Close()
	texts := append(slices.Concat(r.Comments, r.Ignored), r.Name, r.StartText)
	for _, s := range r.Signals {
		texts = append(texts, s.Name, s.Unit)
	}
	for _, text := range texts {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			t.Fatalf("text %q", text)
		}
	}
	for blocks := 0; blocks < 2000; blocks++ {
		b, err := r.Next()
		if err != nil {
			break
		}
		for _, run := range b.Runs {
			if len(run.Values) == 0 || run.Raw != nil && len(run.Raw) != len(run.Values) || run.Times != nil && len(run.Times) != len(run.Values) {
				t.Fatalf("run %+v", run)
			}
			for k, v := range run.Values {
				if at := run.Offset(k); at < -farthest || at > farthest || math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("value %v at %d", v, at)
				}
			}
		}
		for _, a := range b.Annotations {
			if a.Document(); a.Offset < -farthest || a.Offset > farthest || !utf8.ValidString(a.Type+a.Text) || strings.ContainsRune(a.Type+a.Text, 0) {
				t.Fatalf("annotation %+v", a)
			}
		}
	}
	_ = r.Verify()
}

// farthest is a bound on offsets, µs: beyond centuries times would overflow.
const farthest = 4e15

func FuzzWFDB(f *testing.F) {
	f.Add([]byte("r 2 360 2\nr.dat 212x2:1+1 200(3)/mV 12 0 0 0 0 a b\nr.dat 212 0 12 1024\n"), []byte("123456789012"), []byte("\x0a\x04\x00\xec\x01\x00\xa0\x86\x00\x70\x03\xfc(N\x00\x00\x02\xf4\x00\x00"))
	f.Add([]byte("r 1 62.5\nr.dat 310\n# c\n"), []byte("\x02\x00\xfc\x87\xfe\x03"), []byte("\x00\x00"))
	f.Add([]byte("r/2 1 1\n"), []byte(""), []byte(""))
	f.Add([]byte("d/r 2 100 2 04-May-2020 09:49:17\nd/r.dat 16 10/\xb5V\nd/r.dat 16x4:5 0/mV 0 0 0 0 0 T\xe9\n"), []byte("abcdefghijklmnopqrstuvwxyz"), []byte("\x00\xec\xff\x7f\xff\xff\x01\x04\x00\x00"))
	f.Add([]byte("r 2 1e9 1000000000000\n~ 0x1048576\n~ 0\n"), []byte(""), []byte("\x00\x58\x03\xfc\xe4\x00b\x00\x00\x00"))
	f.Add([]byte("r/1 1 1 1\nr 1\n"), []byte(""), []byte(""))
	f.Fuzz(func(t *testing.T, header, data, atr []byte) {
		drain(t, len(header)+len(data)+len(atr), write(t, "r.hea", string(header), "r.dat", string(data), "r.atr", string(atr)))
	})
}

func FuzzEDF(f *testing.F) {
	f.Add([]byte(twoSignals().String()))
	f.Add([]byte(discontinuous().String()))
	f.Add([]byte(continuous("+0.5\x14\x14\x00-5.5\x153\x14Schl\xe4frig\x14\x00").String()))
	dash := twoSignals()
	dash.records, dash.date, dash.signals[1].pmax = "9999999", "1/2/2024 9:1:17 ", "30"
	f.Add([]byte(dash.String()))
	f.Fuzz(func(t *testing.T, data []byte) { drain(t, len(data), write(t, "r.edf", string(data))) })
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("# rate: 10\na,b [mV]\n1,\n\"2\",-3e5\n"))
	f.Add([]byte("time,a (x),s\n2024-05-01T10:00:00Z,1,w\n2024-05-01T10:00:00.5Z,,\n"))
	f.Add([]byte("\ufeffTime [ms];a\r\n0;1\r\n500;2\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) { drain(t, len(data), write(t, "r.csv", string(data))) })
}
