package recording_test

import (
	"math"
	"testing"

	"github.com/sensocto/sensocto/recording"
)

// drain opens whatever the files are, and reads it to the end or to an error.
// Nothing may panic, and all that is delivered must be finite.
func drain(t *testing.T, path string) {
	r, err := recording.Open(path)
	if err != nil {
		return
	}
	defer r.Close()
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
				run.Offset(k)
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("value %v", v)
				}
			}
		}
		for _, a := range b.Annotations {
			a.Document()
		}
	}
	_ = r.Verify()
}

func FuzzWFDB(f *testing.F) {
	f.Add([]byte("r 2 360 2\nr.dat 212x2:1+1 200(3)/mV 12 0 0 0 0 a b\nr.dat 212 0 12 1024\n"), []byte("123456789012"), []byte("\x0a\x04\x00\xec\x01\x00\xa0\x86\x00\x70\x03\xfc(N\x00\x00\x02\xf4\x00\x00"))
	f.Add([]byte("r 1 62.5\nr.dat 310\n# c\n"), []byte("\x02\x00\xfc\x87\xfe\x03"), []byte("\x00\x00"))
	f.Add([]byte("r/2 1 1\n"), []byte(""), []byte(""))
	f.Fuzz(func(t *testing.T, header, data, atr []byte) {
		drain(t, write(t, "r.hea", string(header), "r.dat", string(data), "r.atr", string(atr)))
	})
}

func FuzzEDF(f *testing.F) {
	f.Add([]byte(twoSignals().String()))
	f.Add([]byte(discontinuous().String()))
	f.Fuzz(func(t *testing.T, data []byte) { drain(t, write(t, "r.edf", string(data))) })
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("# rate: 10\na,b [mV]\n1,\n\"2\",-3e5\n"))
	f.Add([]byte("time,a (x),s\n2024-05-01T10:00:00Z,1,w\n2024-05-01T10:00:00.5Z,,\n"))
	f.Add([]byte("\ufeffTime [ms];a\r\n0;1\r\n500;2\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) { drain(t, write(t, "r.csv", string(data))) })
}
