package sqlite

import (
	"os"

	"github.com/sensocto/sensocto"
)

// Metrics implements sensocto.MetricSource.
func (db *DB) Metrics(emit func(sensocto.Metric)) {
	emit(sensocto.Metric{
		Name: "database_write_seconds", Help: "Time of a write transaction, the sync to disk included.",
		Kind: sensocto.KindHistogram, Histogram: db.latency.Snapshot(),
	})
	size := func(file, path string) {
		var bytes float64
		if info, err := os.Stat(path); err == nil { // there is no log while nothing was written
			bytes = float64(info.Size())
		}
		emit(sensocto.Metric{
			Name: "database_bytes", Help: "Size of a database file.", Kind: sensocto.KindGauge,
			Labels: []string{"file", file}, Value: bytes,
		})
	}
	size("database", db.path)
	size("wal", db.path+"-wal")
	emit(sensocto.Metric{
		Name: "database_readers_busy", Help: "Reading connections in use.",
		Kind: sensocto.KindGauge, Value: float64(db.read.Stats().InUse),
	})
}
