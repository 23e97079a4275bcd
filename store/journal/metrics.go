package journal

import (
	"sync/atomic"

	"github.com/sensocto/sensocto"
)

type metrics struct {
	groups, written, failures, waits, refused, torn, vanished, spareless atomic.Uint64
	syncTime                                                             sensocto.Histogram
}

// Metrics implements sensocto.MetricSource.
func (j *Journal) Metrics(emit func(sensocto.Metric)) {
	gauge := func(name, help string, v float64) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Value: v})
	}
	counter := func(name, help string, v uint64) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Value: float64(v)})
	}
	j.mu.Lock()
	segments, end, kept := len(j.segments), j.end, j.before
	if segments > 0 {
		kept = max(kept, j.segments[0].first)
	}
	j.mu.Unlock()
	failing := 0.0
	if j.failing.Load() != nil {
		failing = 1
	}
	m := &j.metrics
	gauge("journal_segments", "Segment files of the journal.", float64(segments))
	gauge("journal_bytes", "Bytes of these files.", float64(j.disk.Load()))
	gauge("journal_pending_bytes", "Bytes of records in memory that are not on disk.", float64(j.unsynced.Load()))
	gauge("journal_lag_records", "Records that the cold tier may not have yet.", float64(end-min(kept, end)))
	gauge("journal_failing", "1 while the journal cannot be written.", failing)
	counter("journal_records_total", "Records ever appended to this journal, those before the last start included.", uint64(end))
	counter("journal_groups_total", "Groups of records written.", m.groups.Load())
	counter("journal_written_bytes_total", "Bytes of these groups.", m.written.Load())
	counter("journal_failures_total", "Writes and syncs that failed, after which a new segment was begun.", m.failures.Load())
	counter("journal_spare_failures_total", "Times that the file of the next segment could not be created ahead.", m.spareless.Load())
	counter("journal_vanished_total", "Segments that were deleted, moved or replaced under the running server.", m.vanished.Load())
	counter("journal_waits_total", "Batches that waited for room in memory.", m.waits.Load())
	counter("journal_refused_total", "Batches refused because the journal was full or could not be written.", m.refused.Load())
	counter("journal_torn_bytes_total", "Bytes at the end of the journal that a crash had torn.", m.torn.Load())
	emit(sensocto.Metric{Name: "journal_sync_seconds", Help: "Time of a sync to disk.", Kind: sensocto.KindHistogram, Histogram: m.syncTime.Snapshot()})
}
