package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// storeLoad is the writers of a run and what they count.
type storeLoad struct {
	cfg       StoreConfig
	store     sensocto.Store
	metrics   sensocto.MetricSource
	start     int64 // time of all first samples, in µs
	writers   []*storeWriter
	measuring atomic.Bool  // latencies count
	confirmed atomic.Int64 // samples
	refused   atomic.Int64 // batches, which are put again
	failed    atomic.Int64 // batches that Durable did not confirm
}

// storeWriter puts the samples of one sensor. Only the goroutine that runs it
// uses it, but for what confirm does.
type storeWriter struct {
	load    *storeLoad
	batch   sensocto.Batch
	signal  []float64
	offset  int
	next    int64         // number of the next sample
	window  chan struct{} // as many as batches wait for the disk
	latency Histogram     // of confirm alone, until all is confirmed
	// confirmed counts the samples; of confirm alone as well.
	confirmed int64
	fault     error
}

func newStoreLoad(cfg StoreConfig, opened OpenStore) *storeLoad {
	const past = 14 * 24 * time.Hour // at full speed their time is faster than the clock
	l := &storeLoad{cfg: cfg, store: opened.Store, metrics: opened.Metrics, start: time.Now().Add(-past).UnixMicro()}
	for i := range cfg.Sensors {
		id := fmt.Sprintf("bench-%05d", i)
		stream := sha256.Sum256([]byte(id))
		w := &storeWriter{
			load: l, batch: sensocto.Batch{SensorID: id, Stream: [16]byte(stream[:16]), Measurements: make([]sensocto.Measurement, cfg.Batch)},
			signal: cfg.Signals[i%len(cfg.Signals)], offset: i * 7919, window: make(chan struct{}, cfg.Window),
		}
		for j := range w.batch.Measurements {
			w.batch.Measurements[j].AttributeID = storeAttribute
		}
		l.writers = append(l.writers, w)
	}
	return l
}

// sample returns sample n of the writer's sensor.
func (w *storeWriter) sample(n int64) sensocto.Sample {
	micros := w.load.start + int64(math.Round(float64(n)*1e6/w.load.cfg.Rate))
	return sensocto.Sample{Timestamp: micros, Value: w.signal[(w.offset+int(n))%len(w.signal)]}
}

// run puts batches until ctx ends, and returns when all are confirmed.
func (w *storeWriter) run(ctx context.Context) {
	defer w.settle()
	for {
		select {
		case w.window <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if err := w.put(ctx); err != nil {
			<-w.window
			if ctx.Err() == nil {
				w.fault = err
			}
			return
		}
	}
}

// put puts the next batch, as often as it takes.
func (w *storeWriter) put(ctx context.Context) error {
	for i := range w.batch.Measurements {
		w.batch.Measurements[i].Sample = w.sample(w.next + int64(i))
	}
	w.batch.StreamSeq++
	began := time.Now()
	for {
		err := w.load.store.Put(ctx, &w.batch)
		if err == nil {
			break
		}
		if !errors.Is(err, sensocto.ErrUnavailable) || ctx.Err() != nil {
			w.batch.StreamSeq--
			return err
		}
		w.load.refused.Add(1)
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	w.next += int64(len(w.batch.Measurements))
	w.load.store.Durable(func(err error) { w.confirm(err, began) })
	return nil
}

// confirm takes in the answer of one batch; they come one after the other.
func (w *storeWriter) confirm(err error, began time.Time) {
	n := w.load.cfg.Batch
	if err != nil {
		w.load.failed.Add(1)
	} else {
		w.confirmed += int64(n)
		w.load.confirmed.Add(int64(n))
		if w.load.measuring.Load() {
			w.latency.Record(time.Since(began), n)
		}
	}
	<-w.window
}

// settle waits until nothing waits for the disk.
func (w *storeWriter) settle() {
	for range cap(w.window) {
		w.window <- struct{}{}
	}
}

// run plays all writers and measures.
func (l *storeLoad) run(ctx context.Context) (StoreResult, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var writers sync.WaitGroup
	for _, w := range l.writers {
		writers.Go(func() { w.run(ctx) })
	}
	result, err := l.measure(ctx)
	stop()
	writers.Wait()
	if err != nil {
		return result, err
	}
	var latency Histogram
	for _, w := range l.writers {
		latency.Merge(&w.latency)
		result.Put += w.next
		result.Confirmed += w.confirmed
		if w.fault != nil {
			result.fault("%s: %v", w.batch.SensorID, w.fault)
		}
	}
	result.Ack = latencyOf(&latency)
	if n := l.failed.Load(); n > 0 {
		result.fault("%d batches were not confirmed", n)
	}
	return result, nil
}

// measure waits, and looks at the store every now and then.
func (l *storeLoad) measure(ctx context.Context) (StoreResult, error) {
	every := min(100*time.Millisecond, l.cfg.Duration/40)
	r := StoreResult{Config: l.cfg}
	if err := pause(ctx, l.cfg.Warmup); err != nil {
		return r, err
	}
	l.measuring.Store(true)
	defer l.measuring.Store(false)
	before, err := l.mark()
	if err != nil {
		return r, err
	}
	for done := time.Duration(0); done < l.cfg.Duration; done = time.Since(before.at) {
		r.watch(float64(done)/float64(l.cfg.Duration), l.gauges())
		if err := pause(ctx, min(every, l.cfg.Duration-done)); err != nil {
			return r, err
		}
	}
	after, err := l.mark()
	r.between(before, after)
	return r, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gauges returns the present values of the store's metrics.
func (l *storeLoad) gauges() map[string]sensocto.Metric {
	all := make(map[string]sensocto.Metric)
	l.metrics.Metrics(func(m sensocto.Metric) {
		name := m.Name
		for i := 1; i < len(m.Labels); i += 2 {
			name += " " + m.Labels[i]
		}
		all[name] = m
	})
	return all
}
