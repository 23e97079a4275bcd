package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sensocto/sensocto"
)

// Schema is where everything is in the database, where Options do not say otherwise.
const Schema = "sensocto"

// Options configure a database. The zero value is good for a command beside
// a server.
type Options struct {
	// Exclusive is for the one process that stores samples: Open fails while
	// another has the database open so.
	Exclusive bool
	// Plain appends the content of a chunk's data to dst in a form in which
	// nothing is compressed, so that SQL can read it; PostgreSQL compresses it
	// then. It returns nil where the data is so already, or no chunk at all.
	// Without it, data is kept as it comes.
	Plain func(dst, data []byte) []byte
	// Schema is where everything is; another than the usual one is for a
	// database that is made beside it and takes its place, see TakePlace. It is
	// a lower-case identifier.
	Schema string
	// Timeout bounds a call, or a step of a read that streams. Default 30 s.
	Timeout time.Duration
	// ConnectTimeout bounds making a connection, if the URL does not. Default 5 s.
	ConnectTimeout time.Duration
	// Readers is how many connections read at the same time. Default: twice
	// the number of processors, at least 4.
	Readers int
	// Log gets when the database goes away and comes back. Default: discarded.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	o.Schema = cmp.Or(o.Schema, Schema)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 5*time.Second)
	o.Readers = cmp.Or(o.Readers, max(4, 2*runtime.GOMAXPROCS(0)))
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return o
}

// ErrInUse is wrapped where another process stores samples.
var ErrInUse = errors.New("another server uses it: stop that one, or choose another database")

// DB is an open database. It is safe for concurrent use.
type DB struct {
	options Options
	name    string // the URL without its password
	secrets *strings.Replacer
	health  health
	writer  *writer
	read    *pgxpool.Pool

	peoplePool *pgxpool.Pool
	peopleSQL  *sql.DB // on peoplePool

	size             size
	latency, reading sensocto.Histogram // of transactions that write, and of reads
}

// Open opens the database with a URL such as postgres://user@host/name and
// brings its schema up to date.
func Open(ctx context.Context, url string, options Options) (*DB, error) {
	c, err := parse(url)
	if err != nil {
		return nil, err
	}
	db := &DB{options: options.withDefaults(), name: c.name, secrets: c.secrets}
	db.health.log, db.health.name = db.options.Log, db.name
	if err := db.open(ctx, c.pool); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open database %s: %w", db.name, err)
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, config *pgxpool.Config) error {
	db.configure(config)
	writing := config.ConnConfig.Copy()
	for name, value := range map[string]string{
		"statement_timeout": milliseconds(db.options.Timeout), "idle_in_transaction_session_timeout": milliseconds(db.options.Timeout),
		// What was committed is on disk, whatever the server's default is.
		"synchronous_commit": "on",
		// The server finds out soon that this process is gone, and frees the lock.
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
	} {
		setDefault(writing.RuntimeParams, name, value)
	}
	db.writer = newWriter(db, writing)
	conn, err := db.connect(ctx, writing)
	if err != nil {
		return db.explain(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := checkServer(ctx, conn); err != nil {
		return db.explain(err)
	}
	// With the lock first: who must not write does not migrate either.
	if db.options.Exclusive {
		if err := db.writer.acquire(ctx); err != nil {
			return err
		}
		db.writer.release()
	}
	if err := migrate(ctx, conn, writing, db.options.Schema); err != nil {
		return db.explain(err)
	}
	if err := db.openPeople(ctx, config); err != nil {
		return err
	}
	db.read, err = pgxpool.NewWithConfig(ctx, config)
	return db.explain(err)
}

// configure settles what both the pool and the writer's connection are like.
func (db *DB) configure(config *pgxpool.Config) {
	c := config.ConnConfig
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = db.options.ConnectTimeout
	}
	setDefault(c.RuntimeParams, "application_name", "sensocto")
	for name, value := range plannerParams {
		setDefault(c.RuntimeParams, name, value)
	}
	c.RuntimeParams["search_path"] = db.options.Schema
	c.RuntimeParams["extra_float_digits"] = "1"
	config.MaxConns = int32(db.options.Readers)
	config.MinConns = 0
	config.HealthCheckPeriod = 15 * time.Second
}

// plannerParams make every query walk along an index, whatever the planner
// believes of tables that it does not know yet: an answer that streams must not
// be sorted first.
var plannerParams = map[string]string{
	"enable_seqscan": "off", "enable_sort": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	"enable_bitmapscan": "off", "enable_material": "off", "enable_incremental_sort": "off", "jit": "off",
}

func setDefault(params map[string]string, name, value string) {
	if _, ok := params[name]; !ok {
		params[name] = value
	}
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// connect makes a connection outside of the pool.
func (db *DB) connect(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, config.ConnectTimeout)
	defer cancel()
	return pgx.ConnectConfig(ctx, config)
}

// checkServer refuses databases that cannot serve.
func checkServer(ctx context.Context, conn *pgx.Conn) error {
	var encoding string
	var version int
	var standby bool
	err := conn.QueryRow(ctx, `SELECT pg_encoding_to_char(encoding), current_setting('server_version_num')::int, pg_is_in_recovery()
		FROM pg_database WHERE datname = current_database()`).Scan(&encoding, &version, &standby)
	switch {
	case err != nil:
		return err
	case version < 140000:
		return fmt.Errorf("it is PostgreSQL %d: use 14 or later", version/10000)
	case standby:
		return errors.New("it is a standby, which cannot be written: name the primary in database_url")
	case encoding != "UTF8":
		return fmt.Errorf("its encoding is %s: make a database with ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

// Err returns why the database is not usable now, nil while it is.
func (db *DB) Err() error { return db.health.reason() }

// Close ends all connections. It may be called twice.
func (db *DB) Close() error {
	db.closePeople()
	if db.read != nil {
		db.read.Close()
	}
	if db.writer != nil {
		return db.writer.close()
	}
	return nil
}
