package sqlite_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

// Readers see a growing series without holes while it is written, merged and
// evicted, and another process changes tokens.
func TestStore_ReadsWhileWriting(t *testing.T) {
	path := dbPath(t)
	db := open(t, path, sqlite.Options{Exclusive: true})
	s, err := store.Open(t.Context(), db, store.Options{HotSamples: 10, FlushInterval: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1) // the one result of Run
	go func() { done <- s.Run(ctx) }()

	const total = 20_000
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() {
			for last := 0; last < total && !t.Failed(); {
				page, err := s.Read(ctx, "s", "a", sensocto.Query{})
				if err != nil || len(page.Samples) < last {
					t.Errorf("%d samples after %d: %v", len(page.Samples), last, err)
				}
				last = len(page.Samples)
				for i := range page.Samples {
					if page.Samples[i].Value != float64(i) {
						t.Errorf("sample %d is %v", i, page.Samples[i].Value)
						return
					}
				}
			}
		})
	}
	work.Go(func() {
		command := open(t, path, sqlite.Options{})
		for range 10 {
			if err := command.SaveSensor(ctx, sensocto.Sensor{ID: "x"}); err != nil {
				t.Error(err)
			}
		}
	})
	for at := 0; at < total; at += 200 {
		b := &sensocto.Batch{SensorID: "s"}
		for i := at; i < at+200; i++ {
			b.Measurements = append(b.Measurements, sensocto.Measurement{AttributeID: "a",
				Sample: sensocto.Sample{Timestamp: 1_700_000_000_000_000 + int64(i)*1953, Value: float64(i)}})
		}
		if err := s.Put(ctx, b); err != nil {
			t.Fatal(err)
		}
		flushed := make(chan error, 1) // the one answer
		s.Durable(func(err error) { flushed <- err })
		if err := <-flushed; err != nil {
			t.Error(err)
		}
	}
	work.Wait()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
