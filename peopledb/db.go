package peopledb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// SQL is a database that has the tables. Statements name their parameters $1,
// $2, … in order.
type SQL interface {
	// Update runs f in a transaction that may write, which f's error undoes.
	Update(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error
	// View runs f, which only reads.
	View(ctx context.Context, f func(ctx context.Context, db *sql.DB) error) error
}

// DB is safe for concurrent use.
type DB struct {
	sql SQL

	mu        sync.Mutex // guards listeners
	listeners map[*listener]struct{}
}

type listener struct{ changed func([]sensocto.Change) }

// New returns a DB on a database.
func New(s SQL) *DB { return &DB{sql: s, listeners: make(map[*listener]struct{})} }

// OnChange calls f after each change that is made through this DB, before the
// call that makes it returns, until stop is called. Changes of other processes
// are in Changes alone.
func (db *DB) OnChange(f func([]sensocto.Change)) (stop func()) {
	l := &listener{f}
	db.mu.Lock()
	defer db.mu.Unlock()
	db.listeners[l] = struct{}{}
	return func() {
		db.mu.Lock()
		defer db.mu.Unlock()
		delete(db.listeners, l)
	}
}

func (db *DB) tell(changes []sensocto.Change) {
	db.mu.Lock()
	listeners := slices.Collect(maps.Keys(db.listeners))
	db.mu.Unlock()
	for _, l := range listeners {
		l.changed(changes)
	}
}

// runner is what a statement needs: a transaction or a pool.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// errConflict says that another change came first.
var errConflict = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "changed_meanwhile", Message: "somebody else changed it meanwhile: read it again"}

// keptChanges is how many changes are kept for those who follow them. Who is
// further behind reads everything anew.
const keptChanges = 10_000

// update runs f in a transaction that makes the changes.
func (db *DB) update(ctx context.Context, changes []sensocto.Change, f func(ctx context.Context, tx *sql.Tx) error) error {
	return db.commit(ctx, func(ctx context.Context, tx *sql.Tx) ([]sensocto.Change, error) { return changes, f(ctx, tx) })
}

// commit runs f in a transaction, notes the changes that it returns for those
// who follow them, and tells those in this process.
func (db *DB) commit(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) ([]sensocto.Change, error)) error {
	var changes []sensocto.Change
	err := db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		if changes, err = f(ctx, tx); err != nil {
			return err
		}
		return note(ctx, tx, changes)
	})
	if err == nil {
		db.tell(changes)
	}
	return err
}

// note numbers changes. The counter's row stays locked until the transaction
// ends, so the numbers are in order of commit: who has seen one has seen all
// before it.
func note(ctx context.Context, tx *sql.Tx, changes []sensocto.Change) error {
	for _, c := range changes {
		var version int64
		if err := tx.QueryRowContext(ctx, `UPDATE change_version SET version = version + 1 RETURNING version`).Scan(&version); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO change (version, kind, id) VALUES ($1, $2, $3)`, version, string(c.Kind), c.ID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM change WHERE version <= $1`, version-keptChanges); err != nil {
			return err
		}
	}
	return nil
}

// Changes returns what has changed since a version that an earlier call
// returned, oldest first, and the present version. all reports that more has
// changed than is remembered: whoever caches something reads it anew. With
// after -1, all is true and nothing else is read.
func (db *DB) Changes(ctx context.Context, after int64) (changes []sensocto.Change, version int64, all bool, err error) {
	err = db.sql.View(ctx, func(ctx context.Context, pool *sql.DB) error {
		if err := pool.QueryRowContext(ctx, `SELECT version FROM change_version`).Scan(&version); err != nil {
			return err
		}
		switch {
		case version == after:
			return nil
		case after < 0 || version < after || version-after > keptChanges:
			all = true
			return nil
		}
		changes, err = list(ctx, pool, func(rows *sql.Rows) (c sensocto.Change, err error) {
			err = rows.Scan(&c.Kind, &c.ID)
			return c, err
		}, `SELECT kind, id FROM change WHERE version > $1 AND version <= $2 ORDER BY version`, after, version)
		// Rows may have been forgotten between the two reads.
		all = err == nil && int64(len(changes)) != version-after
		return err
	})
	return changes, version, all, err
}

// list reads all rows of a query.
func list[T any](ctx context.Context, r runner, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := r.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, rows.Err()
}

// view reads all rows of a query outside of a transaction.
func view[T any](ctx context.Context, db *DB, scan func(*sql.Rows) (T, error), query string, args ...any) (all []T, err error) {
	err = db.sql.View(ctx, func(ctx context.Context, pool *sql.DB) error {
		all, err = list(ctx, pool, scan, query, args...)
		return err
	})
	return all, err
}

// one reads the only row of a query, or returns sensocto.ErrNotFound.
func one[T any](ctx context.Context, db *DB, scan func(*sql.Rows) (T, error), query string, args ...any) (item T, err error) {
	all, err := view(ctx, db, scan, query, args...)
	switch {
	case err != nil:
		return item, err
	case len(all) == 0:
		return item, sensocto.ErrNotFound
	}
	return all[0], nil
}

// among returns the right side of IN for some values, and its parameters. With no
// values it matches nothing: not every database takes an empty list.
func among(values []string) (in string, args []any) {
	if len(values) == 0 {
		return "(NULL)", nil
	}
	var b strings.Builder
	for i, v := range values {
		fmt.Fprintf(&b, ",$%d", i+1)
		args = append(args, v)
	}
	return "(" + b.String()[1:] + ")", args
}

// affect runs a statement and returns how many rows it changed.
func affect(ctx context.Context, tx *sql.Tx, query string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// mustAffect is affect, and returns otherwise where nothing was changed.
func mustAffect(ctx context.Context, tx *sql.Tx, otherwise error, query string, args ...any) error {
	n, err := affect(ctx, tx, query, args...)
	if err == nil && n == 0 {
		return otherwise
	}
	return err
}

// micros is how times are stored; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// bit is how a bool is stored: SQLite has no type of its own for it.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// optional stores "" as NULL, so that a unique column may be empty more than once.
func optional(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// isNoRows reports whether a query that reads one row found none.
func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }
