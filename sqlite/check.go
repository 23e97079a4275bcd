package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Problems are what SQLite finds wrong with a database file, at most 100: the
// structure of its pages and indexes, not what is in the chunks. It reads the
// whole file and needs it to itself. The error is for a file that cannot be
// read at all.
func Problems(ctx context.Context, path string) (list []string, err error) {
	if path, err = filepath.Abs(path); err != nil { // as a URI needs it
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path, "rw", Options{}.withDefaults(), "query_only(1)"))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if err := checkVersion(ctx, db); err != nil {
		return asProblem(ctx, err)
	}
	rows, err := db.QueryContext(ctx, `PRAGMA integrity_check(100)`)
	if err != nil {
		return asProblem(ctx, explain(err))
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return asProblem(ctx, explain(err))
		}
		if text != "ok" {
			list = append(list, text)
		}
	}
	if err := rows.Err(); err != nil {
		return asProblem(ctx, explain(err))
	}
	return list, nil
}

// asProblem tells what SQLite says of the file from what kept it from looking.
func asProblem(ctx context.Context, err error) ([]string, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return nil, err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT:
		return nil, err
	}
	return []string{err.Error()}, nil
}

// Reindex makes all indexes again from the rows.
func (db *DB) Reindex(ctx context.Context) error {
	return db.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `REINDEX`); err != nil {
			return fmt.Errorf("reindex: %w", err)
		}
		return nil
	})
}

// Recount adds up the totals of all series again, from their chunks.
func (db *DB) Recount(ctx context.Context) error {
	// The span of a chunk is at most 16: all bits are a mask that misses none.
	const allSpans = 1<<17 - 1
	return db.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE series SET
			(samples, chunks, bytes, next_seq, min_time, max_time) = (SELECT coalesce(sum(c.samples), 0), count(*), coalesce(sum(length(c.data)), 0),
				max(series.next_seq, coalesce(max(c.first_seq + c.samples), 0)),
				min(series.min_time, coalesce(min(c.min_time), series.min_time)), max(series.max_time, coalesce(max(c.max_time), series.max_time))
				FROM chunk c WHERE c.series_id = series.id),
			rollup_bytes = (SELECT coalesce(sum(length(r.data)), 0) FROM rollup r WHERE r.series_id = series.id),
			spans = ?, rollup_spans = ?`, allSpans, allSpans)
		return err
	})
}
