package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Options configure a database. The zero value is good for a command beside
// a server.
type Options struct {
	// Exclusive is for the one process that stores samples: Open fails while
	// another has the database open so.
	Exclusive bool
	// BusyTimeout is how long a write waits for another process. Default 5 s.
	BusyTimeout time.Duration
	// Readers is how many connections read at the same time. Default: twice
	// the number of processors, at least 4.
	Readers int
}

func (o Options) withDefaults() Options {
	o.BusyTimeout = cmp.Or(o.BusyTimeout, 5*time.Second)
	o.Readers = cmp.Or(o.Readers, max(4, 2*runtime.GOMAXPROCS(0)))
	return o
}

// ErrInUse is wrapped by Open where another process stores samples.
var ErrInUse = errors.New("another server uses it: stop that one, or choose another data directory")

// DB is an open database. It is safe for concurrent use.
type DB struct {
	opened []opened // does not change once the database is open
	path   string
	write  *sql.DB // one connection: SQLite has one writer
	read   *sql.DB
	unlock func() error

	insert, insertRollup, create *sql.Stmt // prepared on the writing connection

	idMu sync.Mutex         // guards ids
	ids  map[seriesID]int64 // of series that were written to

	latency sensocto.Histogram // of write transactions
	close   func() error
}

// Lock takes what Open takes where it is exclusive, and makes the directory if
// there is none: until unlock, no other process stores samples in the database
// in a file, whether there is one or not.
func Lock(path string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return lockFile(path + ".lock")
}

// Open opens the database in a file, which it makes, with its directory, if
// there is none, and brings its schema up to date.
func Open(ctx context.Context, path string, options Options) (*DB, error) {
	db, err := open(ctx, path, options.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return db, nil
}

func open(ctx context.Context, path string, o Options) (_ *DB, err error) {
	if path, err = createFile(path); err != nil {
		return nil, err
	}
	db := &DB{path: path, ids: make(map[seriesID]int64), unlock: func() error { return nil }}
	db.close = sync.OnceValue(db.closeAll)
	defer func() {
		if err != nil {
			_ = db.Close()
		}
	}()
	if o.Exclusive {
		if db.unlock, err = lockFile(path + ".lock"); err != nil {
			return nil, err
		}
	}
	if db.read, err = sql.Open("sqlite", dsn(path, "ro", o, "query_only(1)")); err != nil {
		return nil, err
	}
	db.read.SetMaxOpenConns(o.Readers)
	db.read.SetMaxIdleConns(o.Readers)
	if err = checkVersion(ctx, db.read); isInterrupted(err) {
		if err = rollBack(ctx, path, o); err == nil {
			err = checkVersion(ctx, db.read)
		}
	}
	if err != nil {
		return nil, err
	}
	if err = db.openWriter(ctx, o); err != nil {
		return nil, err
	}
	return db, nil
}

// isInterrupted reports whether a process was killed in the first moments of a
// new database, when its write-ahead log was not there yet: who only reads may
// not take back what it had begun.
func isInterrupted(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code() == sqlite3.SQLITE_READONLY_ROLLBACK
}

// rollBack takes back what an interrupted transaction had begun, as SQLite does
// for everybody who may write.
func rollBack(ctx context.Context, path string, o Options) error {
	db, err := sql.Open("sqlite", dsn(path, "rw", o))
	if err != nil {
		return err
	}
	_, err = schemaVersion(ctx, db)
	return explain(errors.Join(err, db.Close()))
}

func (db *DB) openWriter(ctx context.Context, o Options) (err error) {
	// Pages keep SQLite's 4 KiB: larger ones save 8 % of the file, but double
	// the time of a flush of many slow series. What is deleted is overwritten
	// where its page is written anyway; Erase does the rest.
	name := dsn(db.path, "rw", o, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"secure_delete(FAST)", "journal_size_limit(67108864)", "cache_size(-16384)") + "&_txlock=immediate"
	if db.write, err = sql.Open("sqlite", name); err != nil {
		return err
	}
	db.write.SetMaxOpenConns(1)
	db.write.SetMaxIdleConns(1)
	if err := migrate(ctx, db.write); err != nil {
		return err
	}
	db.notePresent()
	return db.prepare(ctx)
}

// dsn puts the pragmas into the name, because they belong to a connection and
// the pool makes connections as it likes.
func dsn(path, mode string, o Options, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_error_rc": {"1"}}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", o.BusyTimeout.Milliseconds()))
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return u.String()
}

// createFile makes the file, readable to its owner alone, and returns its
// absolute path. It does not open one that exists: closing it would drop
// SQLite's locks on it.
func createFile(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	return path, f.Close()
}

// Close waits for running calls and closes the file. It may be called twice.
func (db *DB) Close() error { return db.close() }

func (db *DB) closeAll() error {
	var errs []error
	for _, pool := range []*sql.DB{db.read, db.write} { // the writer last: it empties the write-ahead log
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(append(errs, db.unlock())...)
}

// transact runs f in a write transaction. Once it has begun it is not
// interrupted; what it waits for is bounded by the busy timeout.
func (db *DB) transact(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error {
	if err := db.present(); err != nil {
		return err
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return explain(err)
	}
	defer conn.Close()
	started := time.Now()
	defer func() { db.latency.Observe(time.Since(started)) }()
	ctx = context.WithoutCancel(ctx) // the driver starts a goroutine for every statement that can be cancelled
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	if err := f(ctx, tx); err != nil {
		_ = tx.Rollback()
		return explain(err)
	}
	if err := tx.Commit(); err != nil {
		return explain(err)
	}
	return db.present() // a commit to a file that is gone is none
}
