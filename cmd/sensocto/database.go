package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

// database is what keeps everything that outlives the process: a file in the
// data directory, or PostgreSQL.
type database interface {
	store.Cold
	sensor.Catalog
	peopledb.SQL
	sensocto.MetricSource
	Close() error
}

// databaseURL names a PostgreSQL database. It shows itself without its password.
type databaseURL string

// String returns the URL as people may see it.
func (u databaseURL) String() string {
	if u == "" {
		return ""
	}
	return postgres.Redact(string(u))
}

// GoString is String, for %#v.
func (u databaseURL) GoString() string { return u.String() }

// LogValue is String, for logs.
func (u databaseURL) LogValue() slog.Value { return slog.StringValue(u.String()) }

// place says where the data is, for people.
func (c Config) place() string {
	if c.DatabaseURL != "" {
		return c.DatabaseURL.String()
	}
	return c.DataDir
}

// placeFlag is the flag that chooses another place.
func (c Config) placeFlag() string {
	if c.DatabaseURL != "" {
		return "--database-url"
	}
	return "--data-dir"
}

// inUse reports whether an error of openDatabase says that a server has it open.
func inUse(err error) bool {
	return errors.Is(err, sqlite.ErrInUse) || errors.Is(err, postgres.ErrInUse)
}

// openDatabase opens the database as the one process that stores samples.
func openDatabase(ctx context.Context, c Config, log *slog.Logger) (database, error) {
	if c.DatabaseURL != "" {
		return openPostgres(ctx, c, log)
	}
	db, err := sqlite.Open(ctx, c.database(), sqlite.Options{Exclusive: true})
	if err != nil {
		return nil, explainDataDir(c, err)
	}
	return db, nil
}

// explainDataDir says what to do about a data directory that cannot be written.
func explainDataDir(c Config, err error) error {
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%w\nThe data directory %s cannot be written: change its owner or mode, or choose another with --data-dir", err, c.DataDir)
	}
	return err
}

// lockedPostgres is a database whose server also owns its data directory.
type lockedPostgres struct {
	*postgres.DB
	unlock func() error
}

// Close closes the database and lets the directory go.
func (l lockedPostgres) Close() error { return errors.Join(l.DB.Close(), l.unlock()) }

func openPostgres(ctx context.Context, c Config, log *slog.Logger) (database, error) {
	unlock, err := sqlite.Lock(c.database())
	if err != nil {
		return nil, explainDataDir(c, err)
	}
	db, err := postgres.Open(ctx, string(c.DatabaseURL), postgres.Options{Exclusive: true, Plain: store.Plain(), Log: log})
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return lockedPostgres{db, unlock}, nil
}

// openBeside opens the database for a command that may run beside a server.
func openBeside(ctx context.Context, c Config) (database, error) {
	if c.DatabaseURL != "" {
		return asDatabase(postgres.Open(ctx, string(c.DatabaseURL), postgres.Options{}))
	}
	return asDatabase(sqlite.Open(ctx, c.database(), sqlite.Options{}))
}

// asDatabase keeps a nil pointer from becoming an interface that is not nil.
func asDatabase[D database](db D, err error) (database, error) {
	if err != nil {
		return nil, err
	}
	return db, nil
}

// How long a server that starts waits for its PostgreSQL: at the start of a
// machine that may come later; and it may take a moment to notice that the
// server before was killed.
const (
	awayPatience  = 30 * time.Second
	inUsePatience = 5 * time.Second
)

// awaitDatabase is openDatabase for a server.
func awaitDatabase(ctx context.Context, c Config, log *slog.Logger) (database, error) {
	began, told := time.Now(), false
	for {
		db, err := openDatabase(ctx, c, log)
		if err == nil || time.Since(began) > patienceFor(err) {
			return db, err
		}
		if !told {
			log.Warn("waiting for the database", "err", err, "for", patienceFor(err))
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// patienceFor returns how long it may take until an error has passed.
func patienceFor(err error) time.Duration {
	switch {
	case errors.Is(err, postgres.ErrInUse):
		return inUsePatience
	case errors.Is(err, sensocto.ErrUnavailable):
		return awayPatience
	}
	return 0
}

// progress says what a server that is ready still does after its start, and
// what it does not do until somebody sees to it.
func (s *server) progress() string {
	for _, why := range []string{s.clock.trouble(), s.retainer.Held()} {
		if why != "" {
			return why
		}
	}
	return s.store.Progress()
}

// readiness says why the server cannot do its work: because of the database
// before anything that follows from it.
func readiness(db database, others func() error) func() error {
	return func() error {
		if away, ok := db.(interface{ Err() error }); ok {
			if err := away.Err(); err != nil {
				return fmt.Errorf("degraded: measurements are taken and kept, and written when the database is back: %w", err)
			}
		}
		return others()
	}
}
