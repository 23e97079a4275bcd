package sensocto

import (
	"sync/atomic"
	"time"
)

// Metric is one value of one metric, as a part of the program reports it.
// Package web shows them to Prometheus.
type Metric struct {
	Name   string // without the prefix sensocto_, with unit and, for counters, _total
	Help   string
	Kind   MetricKind
	Labels []string // name, value, name, value, …
	Value  float64
	// Histogram is set instead of Value for KindHistogram.
	Histogram *HistogramSnapshot
}

// MetricKind tells how a metric's value behaves.
type MetricKind uint8

// The kinds of metrics.
const (
	KindCounter MetricKind = iota // only grows
	KindGauge
	KindHistogram
)

// MetricSource is a part of the program that has metrics.
type MetricSource interface {
	// Metrics calls emit with every present value. It is called at each
	// scrape and must be quick.
	Metrics(emit func(Metric))
}

// histogramBounds are upper bounds in seconds, fit for disks and queues.
var histogramBounds = [...]float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}

// Histogram counts durations in buckets. The zero value is ready; it is safe
// for concurrent use.
type Histogram struct {
	counts [len(histogramBounds) + 1]atomic.Uint64
	nanos  atomic.Int64
}

// Observe counts one duration.
func (h *Histogram) Observe(d time.Duration) {
	i, s := 0, d.Seconds()
	for i < len(histogramBounds) && s > histogramBounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.nanos.Add(int64(d))
}

// HistogramSnapshot is a histogram at one time.
type HistogramSnapshot struct {
	Count   uint64
	Sum     float64            // seconds, or what sizes are of
	Buckets map[float64]uint64 // cumulative count by upper bound, in the same unit
}

// Snapshot returns the present counts.
func (h *Histogram) Snapshot() *HistogramSnapshot {
	s := &HistogramSnapshot{Buckets: make(map[float64]uint64, len(histogramBounds)), Sum: time.Duration(h.nanos.Load()).Seconds()}
	for i := range h.counts {
		s.Count += h.counts[i].Load()
		if i < len(histogramBounds) {
			s.Buckets[histogramBounds[i]] = s.Count
		}
	}
	return s
}
