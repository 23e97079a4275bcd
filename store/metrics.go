package store

import (
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// The tiers, as they are named in metrics.
const (
	tierHot = iota
	tierWarm
	tierCold
)

var tierNames = [...]string{"hot", "warm", "cold"}

type metrics struct {
	taken, refused, imported   atomic.Uint64 // samples
	chunksWritten, chunkBytes  atomic.Uint64
	refusedSeries, hotReleased atomic.Uint64
	flushErrors, presses       atomic.Uint64 // flushes, batches that waited for one
	flushTime                  sensocto.Histogram
	flushBytes, flushSamples   sensocto.Sizes // of each
	chunkSizes, chunkSamples   sensocto.Sizes // of each that was written
	readChunks                 [len(tierNames)]atomic.Uint64

	recoveryPercent, recoveryNanos atomic.Int64
	refillPercent                  atomic.Int64
	recoveredSamples               atomic.Uint64

	warmSamples, warmChunks, warmBytes atomic.Int64
	warmEvicted                        [evictedReasons]atomic.Uint64 // chunks
	coldSamples, coldChunks, coldBytes atomic.Int64

	rollups, compacted, upkeepErrors atomic.Uint64
	rollupBytes                      atomic.Int64
}

// noteChunk counts a chunk that was written.
func (m *metrics) noteChunk(c *sensocto.Chunk) {
	m.chunksWritten.Add(1)
	m.chunkBytes.Add(uint64(len(c.Data)))
	m.chunkSizes.Observe(int64(len(c.Data)))
	m.chunkSamples.Observe(int64(c.Count))
}

// lag is for how long something has been waiting for the cold tier.
func (s *Store) lag(now time.Time) (lag time.Duration) {
	s.dirtyMu.Lock()
	if len(s.dirty) > 0 {
		lag = now.Sub(s.dirtySince)
	}
	s.dirtyMu.Unlock()
	if f := s.failing.Load(); f != nil {
		lag = max(lag, now.Sub(f.since))
	}
	return lag
}

// emitter emits the metrics of a store.
type emitter func(sensocto.Metric)

func (emit emitter) gauge(name, help string, v float64, labels ...string) {
	emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Value: v, Labels: labels})
}

func (emit emitter) counter(name, help string, v uint64, labels ...string) {
	emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Value: float64(v), Labels: labels})
}

func (emit emitter) histogram(name, help string, h *sensocto.HistogramSnapshot) {
	emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindHistogram, Histogram: h})
}

// Metrics implements sensocto.MetricSource.
func (s *Store) Metrics(emit func(sensocto.Metric)) {
	s.tierMetrics(emit)
	s.flushMetrics(emit)
	s.upkeepMetrics(emit)
	if s.journal != nil {
		s.journal.Metrics(emit)
		m := &s.metrics
		emitter(emit).gauge("journal_recovery_seconds", "Time in which the last start read the journal.", time.Duration(m.recoveryNanos.Load()).Seconds())
		emitter(emit).gauge("journal_recovered_samples", "Samples that the last start brought from the journal to the cold tier.", float64(m.recoveredSamples.Load()))
	}
}

func (s *Store) tierMetrics(emit emitter) {
	m, hot := &s.metrics, s.hotSize()
	const samples, bytes, series, chunks = "Samples in a tier.", "Bytes of the samples of a tier.", "Series in a tier.", "Chunks in a tier."
	emit.gauge("store_samples", samples, float64(hot.samples), "tier", "hot")
	emit.gauge("store_samples", samples, float64(m.warmSamples.Load()), "tier", "warm")
	emit.gauge("store_samples", samples, float64(m.coldSamples.Load()), "tier", "cold")
	emit.gauge("store_bytes", bytes, float64(hot.bytes), "tier", "hot")
	emit.gauge("store_bytes", bytes, float64(m.warmBytes.Load()), "tier", "warm")
	emit.gauge("store_bytes", bytes, float64(m.coldBytes.Load()), "tier", "cold")
	emit.gauge("store_series", series, float64(hot.series), "tier", "hot")
	emit.gauge("store_series", series, float64(hot.warmSeries), "tier", "warm")
	emit.gauge("store_series", series, float64(hot.coldSeries), "tier", "cold")
	emit.gauge("store_chunks", chunks, float64(m.warmChunks.Load()), "tier", "warm")
	emit.gauge("store_chunks", chunks, float64(m.coldChunks.Load()), "tier", "cold")
	emit.gauge("store_bytes_per_sample", "Encoded bytes a sample in the cold tier.", float64(m.coldBytes.Load())/float64(max(1, m.coldSamples.Load())))
	emit.gauge("store_rollup_bytes", "Encoded bytes of rollups in the cold tier.", float64(m.rollupBytes.Load()))
	emit.gauge("store_warm_budget_bytes", "Memory that the warm tier may take.", float64(s.options.WarmBytes))
	emit.gauge("store_hot_budget_bytes", "Memory that the hot tier may take.", float64(s.options.HotBytes))
	emit.counter("store_hot_released_total", "Series whose newest samples left the hot tier because of its budget.", m.hotReleased.Load())
	emit.gauge("store_series_known", "Series that the store knows; at limits.series new ones are refused.", float64(s.known.Load()))
	emit.counter("store_series_refused_total", "Batches refused because they would make too many series.", m.refusedSeries.Load())
	emit.gauge("store_refill_percent", "How far the warm tier has been filled again since the start.", float64(m.refillPercent.Load()))
	for why := range m.warmEvicted {
		emit.counter("store_warm_evicted_total", "Chunks that left the warm tier, by reason.", m.warmEvicted[why].Load(), "reason", evictedNames[why])
	}
	for i, tier := range tierNames {
		emit.counter("store_read_chunks_total", "Chunks that reads took from a tier; of the hot one, stretches of its rings.", m.readChunks[i].Load(), "tier", tier)
	}
}

func (s *Store) flushMetrics(emit emitter) {
	m := &s.metrics
	emit.counter("store_samples_total", "Samples taken.", m.taken.Load())
	emit.counter("store_presses_total", "Batches that waited for the cold tier.", m.presses.Load())
	emit.counter("store_refused_total", "Samples refused because the cold tier could not follow.", m.refused.Load())
	emit.counter("store_imported_total", "Samples that imports brought past the hot tier.", m.imported.Load())
	emit.gauge("store_unflushed_bytes", "Bytes of samples that wait for the cold tier.", float64(s.unflushed.Load()))
	emit.gauge("store_lag_seconds", "For how long something has been waiting for the cold tier.", s.lag(time.Now()).Seconds())
	emit.gauge("store_failing", "1 while the cold tier fails.", float64(btoi(s.failing.Load() != nil)))
	emit.counter("store_flush_errors_total", "Flushes that failed.", m.flushErrors.Load())
	emit.histogram("store_flush_seconds", "Time of a flush.", m.flushTime.Snapshot())
	emit.histogram("store_flush_bytes", "Encoded bytes that a flush wrote.", m.flushBytes.Snapshot())
	emit.histogram("store_flush_samples", "New samples that a flush wrote.", m.flushSamples.Snapshot())
	emit.counter("store_chunks_written_total", "Chunks written to the cold tier, replaced ones included.", m.chunksWritten.Load())
	emit.counter("store_chunk_bytes_written_total", "Bytes of these chunks.", m.chunkBytes.Load())
	emit.histogram("store_chunk_bytes", "Encoded bytes of a chunk that was written.", m.chunkSizes.Snapshot())
	emit.histogram("store_chunk_samples", "Samples of a chunk that was written.", m.chunkSamples.Snapshot())
}

func (s *Store) upkeepMetrics(emit emitter) {
	m := &s.metrics
	emit.counter("store_rollups_total", "Rollups made.", m.rollups.Load())
	emit.counter("store_compacted_chunks_total", "Small chunks that compaction merged away.", m.compacted.Load())
	emit.counter("store_upkeep_errors_total", "Pieces of maintenance that failed.", m.upkeepErrors.Load())
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hotSize is what the series hold in memory.
type hotSize struct{ samples, bytes, series, warmSeries, coldSeries int64 }

func (s *Store) hotSize() (size hotSize) {
	for _, n := range s.allSensors() {
		n.mu.Lock()
		for _, r := range n.series {
			size.samples += r.next - r.head
			size.bytes += r.hotBytes()
			size.series += int64(btoi(r.next > r.head))
			size.warmSeries += int64(btoi(len(r.warm) > 0))
			size.coldSeries += int64(btoi(r.chunks > 0))
		}
		n.mu.Unlock()
	}
	return size
}

// Count is how many samples of a series there are and where.
type Count struct {
	Samples   int64 // all
	Hot       int64 // in the ring
	Warm      int64 // in warm chunks, some of them in the ring as well
	Unflushed int64 // only in memory
	Chunks    int64 // in the cold tier
}

// Counts returns the counts of a sensor's series by attribute.
func (s *Store) Counts(sensorID string) map[string]Count {
	counts := make(map[string]Count)
	n := s.sensor(sensorID)
	if n == nil {
		return counts
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, r := range n.series {
		warm := int64(0)
		for _, c := range r.warm {
			warm += int64(c.Count)
		}
		counts[id] = Count{Samples: r.next, Hot: r.next - r.head, Warm: warm, Unflushed: r.next - r.flushed, Chunks: r.chunks}
	}
	return counts
}
