package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// When memory is given back. A burst (ten thousand viewers join, a year is
// exported) leaves garbage that a quiet server would keep for minutes, because
// it collects only when the heap has grown again.
const (
	trimEvery = 5 * time.Second
	quietRate = 1 << 20  // bytes allocated per second below which a server is quiet
	worthTrim = 32 << 20 // bytes allocated since the last time that make it worth while
)

// trimMemory returns memory to the system once it is quiet after a burst,
// until ctx ends.
func trimMemory(ctx context.Context) error {
	ticker := time.NewTicker(trimEvery)
	defer ticker.Stop()
	before, trimmed := allocated(), uint64(0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := allocated()
		if now-before < quietRate*uint64(trimEvery/time.Second) && now-trimmed > worthTrim {
			debug.FreeOSMemory()
			trimmed = now
		}
		before = now
	}
}

// allocated returns the bytes allocated since the program's start.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
