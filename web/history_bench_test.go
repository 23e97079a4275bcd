package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sim"
	"github.com/sensocto/sensocto/store"
)

// day gives the world's sensor s1 a day of a 512 Hz ECG, rolled up.
func (w *world) day(b *testing.B) {
	b.Helper()
	const rate, batch = 512, 1 << 14
	device, err := sim.New(sim.Options{Seed: 1, Rate: rate, Noise: 0.01, Float32: true})
	if err != nil {
		b.Fatal(err)
	}
	values := make([]float64, 64*batch) // repeated: that is quicker by far
	for _, s := range device.Signals {
		if s.Type == "ecg" {
			s.Fill(values)
		}
	}
	s := w.store.(*store.Store)
	measurements := make([]sensocto.Measurement, batch)
	for first := 0; first < 24*3600*rate; first += batch {
		for i := range measurements {
			n := first + i
			measurements[i] = sensocto.Measurement{AttributeID: "ecg", Sample: sensocto.Sample{
				Timestamp: 1_700_000_000_000_000 + int64(n)*15625/8, Value: values[n%len(values)],
			}}
		}
		for s.Put(b.Context(), &sensocto.Batch{SensorID: "s1", Measurements: measurements}) != nil {
			runtime.Gosched() // the disk is slower
		}
	}
	if err := s.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := s.Maintain(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkHistoryHTTP asks for parts of a day over a loopback connection, to
// the last byte of the answer.
func BenchmarkHistoryHTTP(b *testing.B) {
	w := newWorld(b, setup{})
	w.connect(b, "s1")
	w.day(b)
	server := httptest.NewServer(w)
	defer server.Close()
	const from, minute = 1_700_000_000_000 + 12*3_600_000 + 7_000, 60_000 // ms
	for _, q := range []struct{ name, path string }{
		{"hour", fmt.Sprintf("%s?from=%d&to=%d", historyPath, from, from+60*minute)},
		{"hour_csv", fmt.Sprintf("%s?from=%d&to=%d&format=csv", historyPath, from, from+60*minute)},
		{"day", historyPath},
		{"60s_raw", fmt.Sprintf("%s?from=%d&to=%d&limit=40000", measurementsPath, from, from+minute)},
	} {
		b.Run(q.name, func(b *testing.B) {
			request, err := http.NewRequest(http.MethodGet, server.URL+q.path, nil)
			if err != nil {
				b.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+w.viewer)
			var size int64
			for b.Loop() {
				answer, err := server.Client().Do(request)
				if err != nil {
					b.Fatal(err)
				}
				size, err = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				if err != nil || answer.StatusCode != http.StatusOK {
					b.Fatal(answer.Status, err)
				}
			}
			b.ReportMetric(float64(size), "B/answer")
		})
	}
}
