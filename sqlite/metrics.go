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
			Name: "database_bytes", Help: "Size of the database's files.", Kind: sensocto.KindGauge,
			Labels: []string{"file", file}, Value: bytes,
		})
	}
	size("database", db.path)
	size("wal", db.path+"-wal")
	emit(sensocto.Metric{Name: "database_up", Help: "1 while the database can be reached: a file always can.", Kind: sensocto.KindGauge, Value: 1})
	pool := db.read.Stats()
	for state, n := range map[string]int{"busy": pool.InUse, "idle": pool.Idle} {
		emit(sensocto.Metric{Name: "database_readers", Help: "Reading connections by state.", Kind: sensocto.KindGauge, Labels: []string{"state", state}, Value: float64(n)})
	}
	emit(sensocto.Metric{Name: "database_reader_waits_total", Help: "Reads that waited for a connection.", Kind: sensocto.KindCounter, Value: float64(pool.WaitCount)})
}
