package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/sensocto/sensocto"
)

// verify reads everything and compares it with what was put: all that was
// confirmed has to be there, once, in order, bit for bit.
func (l *storeLoad) verify(ctx context.Context, store sensocto.Store, r *StoreResult) error {
	var next, found atomic.Int64
	errs := make([]error, len(l.writers))
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(l.writers)); i = next.Add(1) - 1 {
				n, err := l.writers[i].verify(ctx, store)
				found.Add(n)
				errs[i] = err
			}
		})
	}
	readers.Wait()
	r.Found = found.Load()
	var wrong *wrongSample
	for _, err := range errs {
		switch {
		case errors.As(err, &wrong):
			r.fault("%v", err)
		case err != nil:
			return err
		}
	}
	return nil
}

// wrongSample is a difference between what was put and what was read.
type wrongSample struct {
	sensor string
	text   string
}

func (e *wrongSample) Error() string { return e.sensor + ": " + e.text }

func (w *storeWriter) wrong(format string, args ...any) error {
	return &wrongSample{w.batch.SensorID, fmt.Sprintf(format, args...)}
}

// verify returns how many samples of the sensor are there and as they were put.
func (w *storeWriter) verify(ctx context.Context, store sensocto.Store) (found int64, err error) {
	const page = 1 << 16
	q := sensocto.Query{Limit: page}
	for {
		p, err := store.Read(ctx, w.batch.SensorID, storeAttribute, q)
		if err != nil {
			return found, err
		}
		for i := range p.Samples {
			got, want := &p.Samples[i], w.sample(found)
			if got.Timestamp != want.Timestamp || math.Float64bits(got.Value) != math.Float64bits(want.Value) || got.Document != nil {
				return found, w.wrong("sample %d is %d %v, but %d %v was put", found, got.Timestamp, got.Value, want.Timestamp, want.Value)
			}
			found++
		}
		if p.Next == nil {
			break
		}
		q.After = p.Next
	}
	if found < w.confirmed || found > w.next {
		return found, w.wrong("%d samples are there, %d were confirmed, %d were put", found, w.confirmed, w.next)
	}
	return found, nil
}
