package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sensocto/sensocto"
)

// The advisory locks of a database: the first key is "SNSS".
const (
	lockClass   = 1397641299
	lockServer  = 1 // who stores samples
	lockMigrate = 2 // who changes the schema
)

// writer is the one connection through which everything is written. The lock of
// an exclusive one belongs to the connection: what is written through it is
// written under the lock.
type writer struct {
	db     *DB
	config *pgx.ConnConfig
	turn   chan struct{} // holds a token while somebody uses what follows

	conn    *pgx.Conn // nil while there is none
	last    backend   // of the connection before
	lost    bool      // there was a connection
	closed  bool
	ids     map[seriesID]int64 // of series that were written to
	months  map[month]bool     // partitions that exist
	doomed  bool               // there may be chunks of deleted series
	scratch scratch
}

// backend is the server's side of a connection.
type backend struct {
	pid     uint32
	started time.Time
}

func newWriter(db *DB, config *pgx.ConnConfig) *writer {
	return &writer{db: db, config: config, turn: make(chan struct{}, 1), ids: make(map[seriesID]int64)}
}

// acquire waits for the turn and a connection, which is made where there is
// none. Who gets no error releases.
func (w *writer) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := w.ready(ctx); err != nil {
		w.release()
		return err
	}
	return nil
}

func (w *writer) release() { <-w.turn }

// ready makes sure that there is a connection, with the lock.
func (w *writer) ready(ctx context.Context) error {
	switch {
	case w.closed:
		return errors.New("the database is closed")
	case w.conn != nil && !w.conn.IsClosed():
		return nil
	}
	w.drop(ctx)
	if err := w.db.health.admit(time.Now()); err != nil {
		return err
	}
	conn, err := w.db.connect(ctx, w.config)
	if err == nil {
		err = w.begin(ctx, conn)
	}
	err = w.db.explain(err)
	w.db.health.note(ctx, err)
	if err != nil {
		return err
	}
	if w.lost {
		w.db.options.Log.Info("the connection for writing was made anew", "database", w.db.name)
	}
	w.conn, w.lost, w.doomed = conn, true, true
	return nil
}

// begin takes the lock.
func (w *writer) begin(ctx context.Context, conn *pgx.Conn) (err error) {
	defer func() {
		if err != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
		}
	}()
	if !w.db.options.Exclusive {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.db.options.Timeout)
	defer cancel()
	if err := w.lock(ctx, conn); err != nil {
		return err
	}
	w.last.pid = conn.PgConn().PID()
	return conn.QueryRow(ctx, `SELECT backend_start FROM pg_stat_get_activity(pg_backend_pid())`).Scan(&w.last.started)
}

// lock takes the lock of the one server. What holds it may be the server's side
// of the connection that this process has lost: that is ended first.
func (w *writer) lock(ctx context.Context, conn *pgx.Conn) error {
	var locked bool
	if w.last.pid != 0 {
		_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(a.pid, 5000) FROM pg_stat_get_activity($1) a
			JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'advisory' AND l.classid = $3 AND l.objid = $4
			WHERE a.backend_start = $2`, int32(w.last.pid), w.last.started, lockClass, lockServer)
		if err != nil {
			return err
		}
	}
	for began := time.Now(); ; time.Sleep(lockPause) {
		if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1, $2)`, lockClass, lockServer).Scan(&locked); err != nil {
			return err
		}
		switch {
		case locked:
			return nil
		case w.last.pid != 0 || time.Since(began) > lockPatience:
			return &failure{text: ErrInUse.Error(), err: errors.Join(ErrInUse, sensocto.ErrUnavailable)}
		}
	}
}

// A server that was killed keeps the lock until PostgreSQL notices: who opens the
// database waits a little before it says that another one uses it.
const (
	lockPatience = 2 * time.Second
	lockPause    = 50 * time.Millisecond
)

// drop forgets a connection and what was known through it.
func (w *writer) drop(ctx context.Context) {
	if w.conn != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		_ = w.conn.Close(ctx) // it is of no use any more
		cancel()
	}
	w.conn, w.months = nil, nil
	clear(w.ids)
}

func (w *writer) close() error {
	w.turn <- struct{}{}
	defer w.release()
	w.closed = true
	w.drop(context.Background())
	return nil
}

// transact runs f in a transaction of the writing connection. Once it has begun
// it is not interrupted by ctx, but has a deadline of its own.
func (db *DB) transact(ctx context.Context, f func(ctx context.Context, w *writer, tx pgx.Tx) error) error {
	return db.transactWith(ctx, func(context.Context, *writer) error { return nil }, f)
}

// transactWith calls prepare before the transaction, on the same connection.
func (db *DB) transactWith(ctx context.Context, prepare func(context.Context, *writer) error,
	f func(ctx context.Context, w *writer, tx pgx.Tx) error) error {
	w := db.writer
	if err := w.acquire(ctx); err != nil {
		return err
	}
	defer w.release()
	started := time.Now()
	defer func() { db.latency.Observe(time.Since(started)) }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.options.Timeout)
	defer cancel()
	err := prepare(ctx, w)
	if err == nil {
		err = pgx.BeginFunc(ctx, w.conn, func(tx pgx.Tx) error { return f(ctx, w, tx) })
	}
	err = db.explain(err)
	db.health.note(context.Background(), err)
	if err != nil { // what we remember may be wrong: another process may have deleted a series
		clear(w.ids)
		w.months, w.doomed = nil, true
	}
	if w.conn.IsClosed() {
		w.drop(ctx)
	}
	return err
}
