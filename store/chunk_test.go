package store_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/sensocto/sensocto/store"
)

const t0 = int64(1_700_000_000_123_457)

// regular returns the times of a sensor with a fixed rate, rounded to unit µs.
func regular(n int, rate float64, unit int64) []int64 {
	times := make([]int64, n)
	for i := range times {
		times[i] = t0/unit*unit + int64(math.Round(float64(i)*1e6/rate/float64(unit)))*unit
	}
	return times
}

// ecg returns an ECG-like signal of a 12-bit converter as decimal mV.
func ecg(n int, rate float64) []float64 {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, n)
	for i := range values {
		t := math.Mod(float64(i)/rate, 0.8)
		mv := 1.2*math.Exp(-math.Pow((t-0.3)/0.012, 2)) - 0.2*math.Exp(-math.Pow((t-0.33)/0.015, 2)) +
			0.25*math.Exp(-math.Pow((t-0.55)/0.05, 2)) + 0.1*math.Sin(2*math.Pi*0.25*float64(i)/rate) + 0.01*r.NormFloat64()
		values[i] = math.Round(mv*200) / 200
	}
	return values
}

// record100 returns the first signal of a recording in WFDB format 212: two
// 12-bit samples in three bytes.
func record100(t testing.TB) *store.Columns {
	data, err := os.ReadFile("../../shared/data/100.dat")
	if err != nil {
		t.Skip("no recording beside the repository:", err)
	}
	cols := &store.Columns{}
	for i := 0; i+3 <= len(data); i += 3 {
		adc := int16(uint16(data[i])|uint16(data[i+1]&0xf)<<8) << 4 >> 4
		cols.Values = append(cols.Values, float64(adc-1024)/200)
	}
	cols.Times = regular(len(cols.Values), 360, 1)
	return cols
}

func requireSame(t testing.TB, want, got *store.Columns) {
	t.Helper()
	if len(want.Times) != len(got.Times) || len(want.Documents) != len(got.Documents) {
		t.Fatalf("got %d samples, %d documents; want %d, %d", len(got.Times), len(got.Documents), len(want.Times), len(want.Documents))
	}
	for i, d := range want.Documents {
		if g := got.Documents[i]; g.Index != d.Index || string(g.Text) != string(d.Text) {
			t.Fatalf("document %d: got %d %q, want %d %q", i, g.Index, g.Text, d.Index, d.Text)
		}
	}
	for i := range want.Times {
		if want.Times[i] != got.Times[i] {
			t.Fatalf("time %d: got %d, want %d", i, got.Times[i], want.Times[i])
		}
		w, g := want.Values[i], got.Values[i]
		if math.IsNaN(w) && math.IsNaN(g) { // a document
			continue
		}
		if math.Float64bits(w) != math.Float64bits(g) {
			t.Fatalf("value %d: got %x, want %x", i, math.Float64bits(g), math.Float64bits(w))
		}
	}
}

func roundTrip(t testing.TB, c *store.Codec, cols *store.Columns) []byte {
	t.Helper()
	data := c.Append(nil, cols)
	var got store.Columns
	if err := c.Decode(data, &got); err != nil {
		t.Fatal(err)
	}
	requireSame(t, cols, &got)
	return data
}

func TestCodec_KeepsEveryBit(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	noise := func(n int, f func() float64) []float64 {
		values := make([]float64, n)
		for i := range values {
			values[i] = f()
		}
		return values
	}
	jitter := func(n int) []int64 {
		times := regular(n, 100, 1)
		for i := range times {
			times[i] += r.Int64N(5000) - 2500
		}
		return times
	}
	packets := func(n int) []int64 { // ten samples share a time
		times := regular(n, 512, 1000)
		for i := range times {
			times[i] = times[i/10*10]
		}
		return times
	}
	gaps := regular(4096, 512, 1)
	for i := range gaps {
		gaps[i] += int64(i/1000) * 12_345_678
	}
	extremes := []int64{math.MinInt64, math.MaxInt64, 0, math.MinInt64, -1, math.MaxInt64, math.MaxInt64}
	cases := map[string]struct {
		cols     store.Columns
		maxBytes int
	}{
		"one":             {store.Columns{Times: []int64{t0}, Values: []float64{36.6}}, 30},
		"two":             {store.Columns{Times: []int64{t0, t0 + 1}, Values: []float64{1, 2}}, 40},
		"equal times":     {store.Columns{Times: make([]int64, 100), Values: make([]float64, 100)}, 40},
		"360 Hz":          {store.Columns{Times: regular(4096, 360, 1), Values: make([]float64, 4096)}, 230},
		"512 Hz":          {store.Columns{Times: regular(4096, 512, 1), Values: make([]float64, 4096)}, 230},
		"512 Hz in ms":    {store.Columns{Times: regular(4096, 512, 1000), Values: make([]float64, 4096)}, 230},
		"127 Hz":          {store.Columns{Times: regular(4096, 127, 1), Values: make([]float64, 4096)}, 230},
		"0.1 Hz":          {store.Columns{Times: regular(4096, 0.1, 1), Values: make([]float64, 4096)}, 230},
		"62.37 Hz":        {store.Columns{Times: regular(4096, 62.37, 1), Values: make([]float64, 4096)}, 230},
		"with gaps":       {store.Columns{Times: gaps, Values: make([]float64, 4096)}, 260},
		"packets":         {store.Columns{Times: packets(4096), Values: make([]float64, 4096)}, 4096},
		"jitter":          {store.Columns{Times: jitter(4096), Values: make([]float64, 4096)}, 8000},
		"extreme times":   {store.Columns{Times: extremes, Values: make([]float64, len(extremes))}, 120},
		"ECG":             {store.Columns{Times: regular(4096, 512, 1), Values: ecg(4096, 512)}, 4096},
		"float32 noise":   {store.Columns{Times: regular(4096, 512, 1), Values: noise(4096, func() float64 { return float64(float32(r.NormFloat64() / 100)) })}, 16500},
		"float64 noise":   {store.Columns{Times: regular(4096, 512, 1), Values: noise(4096, r.NormFloat64)}, 32768},
		"integers":        {store.Columns{Times: regular(1000, 50, 1), Values: noise(1000, func() float64 { return float64(r.IntN(3)) })}, 500},
		"huge integers":   {store.Columns{Times: regular(99, 50, 1), Values: noise(99, func() float64 { return float64(r.Uint64()) })}, 1000},
		"zeros and signs": {store.Columns{Times: regular(4, 1, 1), Values: []float64{0, math.Copysign(0, -1), -1.5, 0}}, 60},
		"rare exceptions": {store.Columns{Times: regular(4096, 1, 1), Values: noise(4096, func() float64 {
			if r.IntN(500) == 0 {
				return r.NormFloat64()
			}
			return float64(r.IntN(100)) / 100
		})}, 4500},
		"limits": {store.Columns{Times: regular(5, 1, 1), Values: []float64{math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 1e300, 0.1}}, 100},
	}
	codec := store.NewCodec()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if data := roundTrip(t, codec, &c.cols); len(data) > c.maxBytes {
				t.Errorf("%d bytes, want at most %d", len(data), c.maxBytes)
			}
		})
	}
}

func TestCodec_Documents(t *testing.T) {
	codec, nan := store.NewCodec(), math.NaN()
	for name, cols := range map[string]*store.Columns{
		"only": {Times: []int64{1, 2}, Values: []float64{nan, nan}, Documents: []store.Document{{0, []byte(`"a"`)}, {1, []byte(`{"b":1}`)}}},
		"among numbers": {Times: []int64{5, 4, 3, 2, 1}, Values: []float64{1.5, nan, 2.5, nan, 3.5},
			Documents: []store.Document{{1, []byte(`true`)}, {3, []byte(`null`)}}},
		"at the ends": {Times: []int64{5, 4, 3}, Values: []float64{nan, 7, nan}, Documents: []store.Document{{0, []byte(`[]`)}, {2, []byte(`{}`)}}},
	} {
		t.Run(name, func(t *testing.T) { roundTrip(t, codec, cols) })
	}
}

func TestCodec_LengthsOneByOne(t *testing.T) {
	codec := store.NewCodec()
	for n := 1; n < 200; n++ {
		roundTrip(t, codec, &store.Columns{Times: regular(n, 360, 1), Values: ecg(n, 360)})
	}
}

func TestCodec_AWFDBRecordTakesLessThanAByteASample(t *testing.T) {
	all := record100(t)
	codec, size := store.NewCodec(), 0
	for at := 0; at < len(all.Times); at += store.ChunkSamples {
		end := min(at+store.ChunkSamples, len(all.Times))
		size += len(roundTrip(t, codec, &store.Columns{Times: all.Times[at:end], Values: all.Values[at:end]}))
	}
	perSample := float64(size) / float64(len(all.Times))
	t.Logf("%.3f bytes a sample", perSample)
	if perSample > 1 {
		t.Errorf("%.3f bytes a sample, want at most 1", perSample)
	}
}

func TestCodec_RefusesWhatIsNotAChunk(t *testing.T) {
	codec := store.NewCodec()
	good := codec.Append(nil, &store.Columns{Times: regular(100, 360, 1), Values: ecg(100, 360)})
	flip := func(i int) []byte {
		b := append([]byte(nil), good...)
		b[i] ^= 1
		return b
	}
	cases := map[string][]byte{"empty": nil, "short": good[:5], "truncated": good[:len(good)-1], "longer": append(append([]byte(nil), good...), 0)}
	for i := range good {
		cases["bit in byte "+string(rune('0'+i%10))] = flip(i)
		var cols store.Columns
		if err := codec.Decode(flip(i), &cols); !errors.Is(err, store.ErrCorrupt) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	for name, data := range cases {
		if err := codec.Decode(data, &store.Columns{}); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzChunk decodes arbitrary bytes behind a good checksum, and what decodes
// must survive another round trip.
func FuzzChunk(f *testing.F) {
	codec := store.NewCodec()
	for _, n := range []int{1, 64, 100} {
		f.Add(codec.Append(nil, &store.Columns{Times: regular(n, 360, 1), Values: ecg(n, 360)}))
	}
	r := rand.New(rand.NewPCG(5, 6))
	noisy := store.Columns{Times: []int64{5, 900_000, 17, 1 << 60, 3}}
	for range noisy.Times {
		noisy.Values = append(noisy.Values, r.NormFloat64())
	}
	f.Add(codec.Append(nil, &noisy))
	f.Add(codec.Append(nil, &store.Columns{Times: []int64{1, 2}, Values: []float64{math.NaN(), 1}, Documents: []store.Document{{0, []byte(`{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}`)}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var cols store.Columns
		if len(data) >= 8 {
			data = append([]byte(nil), data...)
			binary.LittleEndian.PutUint32(data[4:], store.Checksum(data))
		}
		if err := codec.Decode(data, &cols); err != nil {
			return
		}
		for i := range cols.Values { // not to be had from an encoder
			if math.IsNaN(cols.Values[i]) || math.IsInf(cols.Values[i], 0) {
				return
			}
		}
		roundTrip(t, codec, &cols)
	})
}

// FuzzCodec builds columns from arbitrary bytes: what goes in comes out.
func FuzzCodec(f *testing.F) {
	codec := store.NewCodec()
	f.Add([]byte("0123456789abcdef0123456789abcdef"), uint8(0))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 128, 1, 0, 0, 0, 0, 0, 0, 0}, uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, shape uint8) {
		cols := columnsFrom(data, shape)
		if len(cols.Times) > 0 {
			roundTrip(t, codec, cols)
		}
	})
}

func columnsFrom(data []byte, shape uint8) *store.Columns {
	cols := &store.Columns{}
	for len(data) >= 12 && len(cols.Times) < 5000 {
		a, b := binary.LittleEndian.Uint64(data), binary.LittleEndian.Uint32(data[8:])
		data = data[12:]
		time, value := int64(a), math.Float64frombits(a^uint64(b)<<32)
		if shape&1 != 0 {
			time = t0 + int64(len(cols.Times))*1953 + int64(b&3)
		}
		if shape&2 != 0 {
			value = float64(int32(b)) / 1000
		}
		if math.IsNaN(value) || math.IsInf(value, 0) {
			value = math.NaN()
			cols.Documents = append(cols.Documents, store.Document{Index: len(cols.Times), Text: []byte(`"x"`)})
		}
		cols.Times, cols.Values = append(cols.Times, time), append(cols.Values, value)
	}
	return cols
}

func benchmarkCodec(b *testing.B, cols *store.Columns) {
	codec := store.NewCodec()
	data := codec.Append(nil, cols)
	report := func(b *testing.B) {
		b.SetBytes(int64(len(cols.Times)) * 16)
		b.ReportMetric(float64(len(data))/float64(len(cols.Times)), "B/sample")
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		defer report(b) // the loop forgets what was reported before it
		for buf := []byte(nil); b.Loop(); {
			buf = codec.Append(buf[:0], cols)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		defer report(b)
		var got store.Columns
		for b.Loop() {
			if err := codec.Decode(data, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCodec(b *testing.B) {
	b.Run("ecg", func(b *testing.B) {
		benchmarkCodec(b, &store.Columns{Times: regular(store.ChunkSamples, 512, 1), Values: ecg(store.ChunkSamples, 512)})
	})
	b.Run("float32", func(b *testing.B) {
		benchmarkCodec(b, simulatedECG(b, store.ChunkSamples))
	})
	b.Run("record100", func(b *testing.B) {
		all := record100(b)
		const at = 100 * store.ChunkSamples
		benchmarkCodec(b, &store.Columns{Times: all.Times[at : at+store.ChunkSamples], Values: all.Values[at : at+store.ChunkSamples]})
	})
}
