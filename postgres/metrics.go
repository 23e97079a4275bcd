package postgres

import (
	"time"

	"github.com/sensocto/sensocto"
)

// Metrics implements sensocto.MetricSource.
func (db *DB) Metrics(emit func(sensocto.Metric)) {
	for _, h := range []struct {
		name, help string
		histogram  *sensocto.Histogram
	}{
		{"database_write_seconds", "Time of a write transaction, the sync to disk included.", &db.latency},
		{"database_read_seconds", "Time of a read, with the use that is made of it while it streams.", &db.reading},
	} {
		emit(sensocto.Metric{Name: h.name, Help: h.help, Kind: sensocto.KindHistogram, Histogram: h.histogram.Snapshot()})
	}
	up := 1.0
	if db.Err() != nil {
		up = 0
	}
	emit(sensocto.Metric{Name: "database_up", Help: "1 while the database can be reached.", Kind: sensocto.KindGauge, Value: up})
	emit(sensocto.Metric{Name: "database_bytes", Help: "Size of the database's files.", Kind: sensocto.KindGauge,
		Labels: []string{"file", "tables"}, Value: float64(db.diskBytes(time.Now()))})
	emit(sensocto.Metric{Name: "database_outages_total", Help: "How often the database went away.",
		Kind: sensocto.KindCounter, Value: float64(db.health.outages.Load())})
	emit(sensocto.Metric{Name: "database_reconnects_total", Help: "How often the database came back.",
		Kind: sensocto.KindCounter, Value: float64(db.health.reconnects.Load())})
	pool := db.read.Stat()
	for state, n := range map[string]int32{"busy": pool.AcquiredConns(), "idle": pool.IdleConns(), "opening": pool.ConstructingConns()} {
		emit(sensocto.Metric{Name: "database_readers", Help: "Reading connections by state.",
			Kind: sensocto.KindGauge, Labels: []string{"state", state}, Value: float64(n)})
	}
	emit(sensocto.Metric{Name: "database_reader_waits_total", Help: "Reads that waited for a connection.",
		Kind: sensocto.KindCounter, Value: float64(pool.EmptyAcquireCount())})
}
