package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	applicationID = 1397641299 // as in the first migration
	versionTable  = "goose_db_version"
)

// SchemaVersion returns the version of the schema that this program writes:
// the number of the last migration.
func SchemaVersion() int64 {
	var last int64
	names, _ := fs.Glob(migrations, "migrations/*.sql") // in order; the pattern is good
	for _, name := range names {
		last, _ = strconv.ParseInt(name[len("migrations/"):len("migrations/")+5], 10, 64)
	}
	return last
}

// checkVersion refuses what this program must not touch, before anything is
// written.
func checkVersion(ctx context.Context, db *sql.DB) error {
	var id, tables int64
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return explain(err)
	}
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return explain(err)
	}
	version, err := schemaVersion(ctx, db)
	// An interrupted first start leaves the table of versions and its sequence.
	begun := tables == 0 || version == 0 && tables <= 2
	switch {
	case err != nil:
		return explain(err)
	case id != applicationID && !begun:
		return errors.New("it is a database of another program: choose another data directory")
	case version > SchemaVersion():
		return fmt.Errorf("it was written by a newer version of sensocto (schema %d, this program knows up to %d): "+
			"use that version, or restore a backup made before it; nothing was changed", version, SchemaVersion())
	}
	return nil
}

// schemaVersion returns -1 where there is no version.
func schemaVersion(ctx context.Context, db *sql.DB) (version int64, err error) {
	var tables int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = ?", versionTable).Scan(&tables)
	if err != nil || tables == 0 {
		return -1, err
	}
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versionTable+" WHERE is_applied").Scan(&version)
	return version, err
}

// migrate applies the migrations that are missing. Another process may be
// doing the same: whoever comes second finds nothing left to do.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	for range 5 {
		if _, err = provider.Up(ctx); err == nil {
			return nil
		}
		if pending, e := provider.HasPending(ctx); e == nil && !pending {
			return nil
		}
	}
	return fmt.Errorf("migrate: %w", explain(err))
}

// explain adds to errors of SQLite what an operator can do.
func explain(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("it is not a database: choose another data directory, or restore a backup: %w", err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("the database is damaged: stop the server, keep a copy of the data directory and restore a backup: %w", err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("the disk is full: make room: %w", err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("another process holds the database for long: %w", err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("no right to write the data directory: check its owner and mode: %w", err)
	}
	return err
}
