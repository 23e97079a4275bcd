package store

import (
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

type metrics struct {
	taken, refused, imported  atomic.Uint64 // samples
	chunksWritten, chunkBytes atomic.Uint64
	flushErrors               atomic.Uint64
	flushTime                 sensocto.Histogram

	recoveryPercent, recoveryNanos atomic.Int64
	recoveredSamples               atomic.Uint64

	coldSamples, coldChunks, coldBytes atomic.Int64

	rollups, compacted, upkeepErrors atomic.Uint64
	rollupBytes                      atomic.Int64
}

// Metrics implements sensocto.MetricSource.
func (s *Store) Metrics(emit func(sensocto.Metric)) {
	gauge := func(name, help string, v float64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Value: v, Labels: labels})
	}
	counter := func(name, help string, v uint64) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Value: float64(v)})
	}
	m, hot := &s.metrics, s.hotSize()
	const samples, bytes, series = "Samples in a tier.", "Bytes of the samples of a tier.", "Series in a tier."
	gauge("store_samples", samples, float64(hot.samples), "tier", "hot")
	gauge("store_samples", samples, float64(m.coldSamples.Load()), "tier", "cold")
	gauge("store_bytes", bytes, float64(hot.bytes), "tier", "hot")
	gauge("store_bytes", bytes, float64(m.coldBytes.Load()), "tier", "cold")
	gauge("store_series", series, float64(hot.series), "tier", "hot")
	gauge("store_series", series, float64(hot.coldSeries), "tier", "cold")
	gauge("store_chunks", "Chunks in the cold tier.", float64(m.coldChunks.Load()))
	gauge("store_bytes_per_sample", "Encoded bytes a sample in the cold tier.", float64(m.coldBytes.Load())/float64(max(1, m.coldSamples.Load())))
	gauge("store_unflushed_bytes", "Bytes of samples that wait for the cold tier.", float64(s.unflushed.Load()))
	gauge("store_failing", "1 while the cold tier fails.", float64(btoi(s.failing.Load() != nil)))
	gauge("store_rollup_bytes", "Encoded bytes of rollups in the cold tier.", float64(m.rollupBytes.Load()))
	counter("store_rollups_total", "Rollups made.", m.rollups.Load())
	counter("store_compacted_chunks_total", "Small chunks that compaction merged away.", m.compacted.Load())
	counter("store_upkeep_errors_total", "Pieces of maintenance that failed.", m.upkeepErrors.Load())
	counter("store_samples_total", "Samples taken.", m.taken.Load())
	counter("store_refused_total", "Samples refused because the cold tier could not follow.", m.refused.Load())
	counter("store_imported_total", "Samples that imports brought past the hot tier.", m.imported.Load())
	counter("store_chunks_written_total", "Chunks written to the cold tier, replaced ones included.", m.chunksWritten.Load())
	counter("store_chunk_bytes_written_total", "Bytes of these chunks.", m.chunkBytes.Load())
	counter("store_flush_errors_total", "Flushes that failed.", m.flushErrors.Load())
	if s.journal != nil {
		s.journal.Metrics(emit)
		gauge("journal_recovery_seconds", "Time in which the last start read the journal.", time.Duration(m.recoveryNanos.Load()).Seconds())
		gauge("journal_recovered_samples", "Samples that the last start brought from the journal to the cold tier.", float64(m.recoveredSamples.Load()))
	}
	emit(sensocto.Metric{Name: "store_flush_seconds", Help: "Time of a flush.", Kind: sensocto.KindHistogram, Histogram: m.flushTime.Snapshot()})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// hotSize is what the series hold in memory.
type hotSize struct{ samples, bytes, series, coldSeries int64 }

func (s *Store) hotSize() (size hotSize) {
	for _, n := range s.allSensors() {
		n.mu.Lock()
		for _, r := range n.series {
			size.samples += r.next - r.head
			size.bytes += int64(len(r.ring))*sampleBytes + int64(r.documentBytes)
			size.series += int64(btoi(r.next > r.head))
			size.coldSeries += int64(btoi(r.chunks > 0))
		}
		n.mu.Unlock()
	}
	return size
}

// Count is how many samples of a series there are and where.
type Count struct {
	Samples   int64 // all
	Hot       int64 // in memory
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
		counts[id] = Count{Samples: r.next, Hot: r.next - r.head, Unflushed: r.next - r.flushed, Chunks: r.chunks}
	}
	return counts
}
