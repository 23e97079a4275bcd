package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// sizeAge is how long a size counts: adding up the files of many partitions is
// nothing for every scrape.
const sizeAge = time.Minute

// size is what the tables take on the database's disk, as it was found last.
type size struct {
	mu    sync.Mutex // guards at, and lets one at a time ask
	at    time.Time
	bytes atomic.Int64
}

// diskBytes returns the size of the tables with their indexes, 0 where it is
// not known yet. It asks the database now and then, and not for long.
func (db *DB) diskBytes(now time.Time) int64 {
	s := &db.size
	if !s.mu.TryLock() {
		return s.bytes.Load()
	}
	defer s.mu.Unlock()
	if now.Sub(s.at) < sizeAge || db.Err() != nil {
		return s.bytes.Load()
	}
	s.at = now
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var bytes int64
	err := db.query(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
			WHERE relnamespace = to_regnamespace($1) AND relkind = 'r'`, db.options.Schema).Scan(&bytes)
	})
	if err == nil { // otherwise the last one will do
		s.bytes.Store(bytes)
	}
	return s.bytes.Load()
}
