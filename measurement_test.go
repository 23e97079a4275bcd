package sensocto_test

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
)

func TestAppendTimestamp(t *testing.T) {
	for micros, want := range map[int64]string{
		0: "0", 1_000: "1", 1_500: "1.5", 1_050: "1.05", 1_001: "1.001", 999: "0.999",
		1_700_000_000_123_000: "1700000000123", 1_700_000_000_123_450: "1700000000123.45", -1_500: "-1.5", -500: "-0.5",
	} {
		if got := string(sensocto.AppendTimestamp(nil, micros)); got != want {
			t.Errorf("%d µs: %s, want %s", micros, got, want)
		}
	}
}

func TestTimestamps_SurviveTheWire(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		micros := rapid.Int64Range(sensocto.MinTimestamp, 4_000_000_000_000_000).Draw(rt, "micros")
		ms, err := strconv.ParseFloat(string(sensocto.AppendTimestamp(nil, micros)), 64)
		if err != nil {
			rt.Fatal(err)
		}
		if got, ok := sensocto.TimestampFromMS(ms); !ok || got != micros {
			rt.Fatalf("%d came back as %d", micros, got)
		}
	})
}

func TestAppendNumber_IsExactAndLooksLikeJavaScript(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", -0.145: "-0.145", 1e15: "1000000000000000", 1e20: "100000000000000000000", 1e21: "1e+21", 1e-7: "1e-07", 12: "12", 1.5: "1.5",
	} {
		if got := string(sensocto.AppendNumber(nil, v)); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.Float64().Filter(func(v float64) bool { return !math.IsInf(v, 0) && !math.IsNaN(v) }).Draw(rt, "v")
		text := sensocto.AppendNumber(nil, v)
		var got float64
		if err := json.Unmarshal(text, &got); err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
		if math.Float64bits(got) != math.Float64bits(v) {
			rt.Fatalf("%v came back as %v from %s", v, got, text)
		}
	})
}

// What has few decimals is written without the general algorithm, and as that would.
func TestAppendNumber_ShortDecimals(t *testing.T) {
	check := func(fatal func(string, ...any), v float64) {
		if got, want := string(sensocto.AppendNumber(nil, v)), strconv.FormatFloat(v, 'f', -1, 64); got != want {
			fatal("%v: %s, want %s", v, got, want)
		}
	}
	for _, v := range []float64{1e-6, 1.5e-6, 0.3, math.Nextafter(0.3, 1), 999_999_999.999_999, 123_456_789.123_457, 1e9 + 0.5, math.Nextafter(1.5, 2), math.Nextafter(0.25, 0)} {
		check(t.Fatalf, v)
		check(t.Fatalf, -v)
	}
	rapid.Check(t, func(rt *rapid.T) {
		v := float64(rapid.Int64Range(-1e15, 1e15).Draw(rt, "digits")) / math.Pow10(rapid.IntRange(1, 9).Draw(rt, "decimals"))
		if v != math.Trunc(v) && math.Abs(v) >= 1e-6 {
			check(rt.Fatalf, v)
			check(rt.Fatalf, math.Nextafter(v, math.Copysign(math.MaxFloat64, v)))
		}
	})
}

func BenchmarkAppendNumber(b *testing.B) {
	for _, v := range []float64{-0.145, 1234.5678, math.Nextafter(0.3, 1)} {
		b.Run(strconv.FormatFloat(v, 'f', -1, 64), func(b *testing.B) {
			var dst []byte
			for b.Loop() {
				dst = sensocto.AppendNumber(dst[:0], v)
			}
		})
	}
}

func TestTimestampFromMS_RefusesWhatIsNoTime(t *testing.T) {
	for _, ms := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300} {
		if _, ok := sensocto.TimestampFromMS(ms); ok {
			t.Errorf("%v was taken", ms)
		}
	}
}

func TestCheckTimestamp(t *testing.T) {
	now := time.UnixMicro(1_700_000_000_000_000)
	for timestamp, want := range map[int64]error{
		sensocto.MinTimestamp:       nil,
		sensocto.MinTimestamp - 1:   sensocto.ErrTooOld,
		1_700_000_000:               sensocto.ErrTooOld, // seconds taken for microseconds
		now.UnixMicro() + 1_000_000: nil,
		now.UnixMicro() + 1_000_001: sensocto.ErrInFuture,
	} {
		if err := sensocto.CheckTimestamp(timestamp, now, time.Second); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", timestamp, err, want)
		}
	}
}

func TestBucket_MergeEqualsAddingOneByOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		values := rapid.SliceOfN(rapid.IntRange(-1000, 1000), 1, 50).Draw(rt, "values")
		cut := rapid.IntRange(0, len(values)).Draw(rt, "cut")
		var whole, left, right sensocto.Bucket
		for i, v := range values {
			whole.Add(int64(i), float64(v))
			if i < cut {
				left.Add(int64(i), float64(v))
			} else {
				right.Add(int64(i), float64(v))
			}
		}
		left.Merge(right)
		if left != whole {
			rt.Fatalf("merged %+v, one by one %+v", left, whole)
		}
	})
}

func TestIDs(t *testing.T) {
	long := string(make([]byte, 0))
	for range 129 {
		long += "a"
	}
	for id, want := range map[string]bool{"a": true, "A.b:c_d-9": true, "": false, "a b": false, "ä": false, long: false, long[:128]: true, "a/b": false, "a\n": false} {
		if sensocto.ValidID(id) != want {
			t.Errorf("ValidID(%q) is not %v", id, want)
		}
	}
	for id, want := range map[string]bool{"ecg": true, "9": true, "_a": false, "a_b-c": true, "": false, "a.b": false, long[:64]: true, long[:65]: false, "a\n": false} {
		if sensocto.ValidAttributeID(id) != want {
			t.Errorf("ValidAttributeID(%q) is not %v", id, want)
		}
	}
}
