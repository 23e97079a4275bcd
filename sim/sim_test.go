package sim_test

import (
	"encoding/json"
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sim"
)

func device(t testing.TB, o sim.Options) *sim.Device {
	t.Helper()
	d, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func ecg(t testing.TB, o sim.Options, seconds int) []float64 {
	t.Helper()
	o.Scenario = "ecg"
	s := device(t, o).Signals[0]
	v := make([]float64, int(s.Rate)*seconds)
	s.Fill(v)
	return v
}

func TestScenarios_SignalsAreValid(t *testing.T) {
	for _, name := range sim.Scenarios() {
		if sim.Describe(name) == "" {
			t.Errorf("%s is not described", name)
		}
		seen := map[string]bool{}
		for _, s := range device(t, sim.Options{Scenario: name}).Signals {
			if !sensocto.ValidAttributeID(s.ID) || seen[s.ID] || s.Name == "" || s.Type == "" || !(s.Rate > 0) {
				t.Errorf("%s: signal %+v", name, s)
			}
			seen[s.ID] = true
			for range 2000 {
				v, doc := s.Next()
				if s.IsDocument() != (doc != nil) || doc == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
					t.Fatalf("%s: %s: value %v, document %s", name, s.ID, v, doc)
				}
				if doc != nil && !json.Valid(doc) {
					t.Fatalf("%s: %s: %s is no JSON", name, s.ID, doc)
				}
			}
		}
	}
}

func TestNew_Refuses(t *testing.T) {
	for name, o := range map[string]sim.Options{
		"unknown scenario": {Scenario: "moon"},
		"rate":             {Rate: -1},
		"not a rate":       {Rate: math.NaN()},
		"heart rate":       {HeartRate: 1000},
		"noise":            {Noise: -1},
	} {
		if _, err := sim.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDevice_IsDeterministic(t *testing.T) {
	run := func(seed uint64, stride int64) map[string][]sim.Sample {
		d := device(t, sim.Options{Scenario: "all", Seed: seed, Noise: 0.01})
		got := map[string][]sim.Sample{}
		for to := stride; to <= 30_000_000; to += stride {
			d.Advance(to, func(s sim.Sample) {
				got[s.Signal.ID] = append(got[s.Signal.ID], s)
			})
		}
		return got
	}
	a, b, other := run(1, 1_000_000), run(1, 250_000), run(2, 1_000_000)
	for id := range a {
		if len(a[id]) != len(b[id]) {
			t.Fatalf("%s: %d and %d samples", id, len(a[id]), len(b[id]))
		}
		differs := false
		for i, s := range a[id] {
			if u := b[id][i]; s.Value != u.Value || string(s.Document) != string(u.Document) || s.Offset != u.Offset {
				t.Fatalf("%s: sample %d is %+v, then %+v", id, i, s, u)
			}
			o := other[id][i]
			differs = differs || s.Value != o.Value || string(s.Document) != string(o.Document)
		}
		if !differs {
			t.Errorf("%s: another seed makes the same", id)
		}
	}
}

func TestSignal_SampleTimes(t *testing.T) {
	d := device(t, sim.Options{Rate: 360})
	next := int64(0)
	for _, to := range []int64{1, 2777, 2778, 2779, 1_000_000, 1_000_001, 100_000_000} {
		d.Advance(to, func(s sim.Sample) {
			if s.Index != next || s.Offset != int64(math.Round(float64(next)*1e6/360)) || s.Offset >= to {
				t.Fatalf("until %d: sample %d at %d, want number %d", to, s.Index, s.Offset, next)
			}
			next++
		})
	}
	if next != 36_000 || d.Signals[0].Index() != next {
		t.Errorf("%d samples in 100 s at 360 Hz, index %d", next, d.Signals[0].Index())
	}
}

func TestSignal_Float32(t *testing.T) {
	for _, v := range ecg(t, sim.Options{Float32: true, Noise: 0.02}, 2) {
		if float64(float32(v)) != v {
			t.Fatalf("%v needs more than 32 bits", v)
		}
	}
}

// peaks returns the times (s) and heights of the R waves.
func peaks(v []float64, rate float64) (times, heights []float64) {
	for i := 1; i+1 < len(v); i++ {
		if v[i] > 0.5 && v[i] >= v[i-1] && v[i] > v[i+1] {
			// The vertex of the parabola through the three.
			shift := (v[i-1] - v[i+1]) / (2 * (v[i-1] - 2*v[i] + v[i+1]))
			times = append(times, (float64(i)+shift)/rate)
			heights = append(heights, v[i])
		}
	}
	return times, heights
}

func TestECG_BeatsAndAmplitude(t *testing.T) {
	for _, bpm := range []float64{45, 60, 90, 150} {
		for _, rate := range []float64{128, 512, 1000} {
			times, heights := peaks(ecg(t, sim.Options{HeartRate: bpm, Rate: rate, Seed: 7}, 300), rate)
			if n := float64(len(times)); math.Abs(n-5*bpm) > 5*bpm*0.02+1 {
				t.Errorf("%v bpm at %v Hz: %v beats in 5 minutes", bpm, rate, n)
			}
			if m := mean(heights); math.Abs(m-1) > 0.05 {
				t.Errorf("%v bpm at %v Hz: R waves of %.3f mV", bpm, rate, m)
			}
			for _, h := range heights {
				if math.Abs(h-1) > 0.25 {
					t.Fatalf("%v bpm at %v Hz: an R wave of %.3f mV", bpm, rate, h)
				}
			}
		}
	}
}

func TestECG_HasAllWaves(t *testing.T) {
	v := ecg(t, sim.Options{HeartRate: 60, Seed: 3}, 20)
	times, _ := peaks(v, 512)
	r := int(times[10] * 512)
	part := func(from, to float64) []float64 { return v[r+int(from*512) : r+int(to*512)] }
	p, q, s, w := slices.Max(part(-0.25, -0.1)), slices.Min(part(-0.08, 0)), slices.Min(part(0, 0.08)), slices.Max(part(0.15, 0.4))
	if !(p > 0.05 && p < 0.4 && q < 0 && s < q && w > 0.1 && w < 0.6) {
		t.Errorf("P %.2f Q %.2f S %.2f T %.2f mV", p, q, s, w)
	}
}

func TestECG_Noise(t *testing.T) {
	clean, noisy := ecg(t, sim.Options{Seed: 5}, 20), ecg(t, sim.Options{Seed: 5, Noise: 0.05}, 20)
	var sum float64
	for i := range clean {
		sum += (noisy[i] - clean[i]) * (noisy[i] - clean[i])
	}
	if sd := math.Sqrt(sum / float64(len(clean))); math.Abs(sd-0.05) > 0.002 {
		t.Errorf("noise of %.4f mV, want 0.05", sd)
	}
}

// TestECG_HeartRateVariability looks for the two peaks of the spectrum of RR.
func TestECG_HeartRateVariability(t *testing.T) {
	times, _ := peaks(ecg(t, sim.Options{HeartRate: 60, Seed: 11}, 1200), 512)
	band := func(low, high float64) (power float64) {
		const width = 0.0004
		for f := low; f < high; f += width {
			var x complex128
			for i := 1; i < len(times); i++ {
				x += complex(times[i]-times[i-1]-1, 0) * cmplx.Exp(complex(0, -2*math.Pi*f*times[i]))
			}
			power += real(x)*real(x) + imag(x)*imag(x)
		}
		return power
	}
	lf, hf := band(0.06, 0.14), band(0.21, 0.29)
	rest := band(0.15, 0.2) + band(0.3, 0.45) + band(0.005, 0.05)
	if ratio := lf / hf; ratio < 0.3 || ratio > 0.8 {
		t.Errorf("LF/HF is %.2f, want about 0.5", ratio)
	}
	if rest > (lf+hf)/5 {
		t.Errorf("%.0f %% of the power lies outside the peaks", 100*rest/(lf+hf+rest))
	}
	var rr []float64
	for i := 1; i < len(times); i++ {
		rr = append(rr, times[i]-times[i-1])
	}
	var square float64
	for _, v := range rr {
		square += (v - mean(rr)) * (v - mean(rr))
	}
	if sd := math.Sqrt(square / float64(len(rr))); sd < 0.02 || sd > 0.06 {
		t.Errorf("RR varies by %.3f s, want about 0.04", sd)
	}
}

func TestPPG_FollowsTheHeart(t *testing.T) {
	d := device(t, sim.Options{Scenario: "vitals", HeartRate: 72, Seed: 9})
	v := make([]float64, 60*100)
	for _, s := range d.Signals {
		switch s.ID {
		case "ppg":
			s.Fill(v)
			n := 0
			for i := 10; i+10 < len(v); i++ {
				if v[i] > 0.7 && v[i] == slices.Max(v[i-10:i+10]) {
					n++
				}
			}
			if n < 69 || n > 75 {
				t.Errorf("%d pulses in a minute at 72 bpm", n)
			}
		case "heartrate":
			s.Fill(v[:600])
			if m := mean(v[:600]); math.Abs(m-72) > 1.5 {
				t.Errorf("heart rate %.1f, want 72", m)
			}
		}
	}
}

func TestDocuments_HaveTheirFields(t *testing.T) {
	fields := map[string][]string{
		"accelerometer": {"x", "y", "z"}, "gyroscope": {"x", "y", "z"},
		"geolocation": {"accuracy", "altitude", "latitude", "longitude"},
		"battery":     {"charging", "level"},
	}
	for _, s := range device(t, sim.Options{Scenario: "all"}).Signals {
		if !s.IsDocument() {
			continue
		}
		_, doc := s.Next()
		var object map[string]any
		if err := json.Unmarshal(doc, &object); err != nil {
			t.Fatal(err)
		}
		for _, f := range fields[s.ID] {
			if _, ok := object[f]; !ok || len(object) != len(fields[s.ID]) {
				t.Errorf("%s: %s, want the fields %v", s.ID, doc, fields[s.ID])
			}
		}
	}
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func BenchmarkECG(b *testing.B) {
	s := device(b, sim.Options{Noise: 0.01, Float32: true}).Signals[0]
	b.ReportAllocs()
	for b.Loop() {
		s.Next()
	}
}

func BenchmarkAccelerometer(b *testing.B) {
	s := device(b, sim.Options{Scenario: "imu"}).Signals[0]
	b.ReportAllocs()
	for b.Loop() {
		s.Next()
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		device(b, sim.Options{Scenario: "ecg"})
	}
}
