package sensor_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

func benchRegistry(b *testing.B) *sensor.Registry {
	b.Helper()
	st, err := store.Open(context.Background(), storetest.NewMemory(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	r := sensor.NewRegistry(sensor.Options{Store: st, PubSub: pubsub.New(), Catalog: newCatalog(), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{}, 2)
	go func() { _ = st.Run(ctx); ended <- struct{}{} }()
	go func() { _ = r.Run(ctx); ended <- struct{}{} }()
	b.Cleanup(func() { cancel(); <-ended; <-ended })
	return r
}

// BenchmarkSensor is the way of a batch of 20 from the mailbox into the store.
func BenchmarkSensor(b *testing.B) {
	r := benchRegistry(b)
	l, err := r.Connect(b.Context(), operator, sensocto.Registration{SensorID: "s1"}, &device{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := l.Push(context.Background(), fill(l.Batch(), "ecg", i, 20), nil); err != nil {
			b.Fatal(err)
		}
		i += 20
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(i), "ns/sample")
}

// BenchmarkIdleSensor tells the memory of a connected sensor with one
// attribute that has sent one sample.
func BenchmarkIdleSensor(b *testing.B) {
	for b.Loop() {
		r := benchRegistry(b)
		const n = 2000
		before := memory()
		for i := range n {
			l, err := r.Connect(b.Context(), operator, sensocto.Registration{SensorID: fmt.Sprint("s", i)}, &device{})
			if err != nil {
				b.Fatal(err)
			}
			done := make(chan error, 1)
			if err := l.Push(context.Background(), fill(l.Batch(), "ecg", 0, 1), func(err error) { done <- err }); err != nil {
				b.Fatal(err)
			}
			<-done
		}
		b.ReportMetric(float64(memory()-before)/n, "B/sensor")
		runtime.KeepAlive(r)
	}
}

func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
