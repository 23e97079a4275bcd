package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable is where goose keeps the version of a schema.
func versionTable(schema string) string { return schema + ".goose_db_version" }

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

// migrate brings the schema up to date. Another process may be doing the same:
// whoever comes second finds nothing left to do.
func migrate(ctx context.Context, conn *pgx.Conn, config *pgx.ConnConfig, schema string) error {
	if version, err := checkVersion(ctx, conn, schema); err != nil || version == SchemaVersion() {
		return err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1, $2)", lockClass, lockMigrate); err != nil {
		return err
	}
	if version, err := checkVersion(ctx, conn, schema); err != nil || version == SchemaVersion() {
		return err // it ends the connection, and the lock with it
	}
	if _, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema); err != nil {
		return err
	}
	return applyMigrations(ctx, config, schema)
}

func applyMigrations(ctx context.Context, config *pgx.ConnConfig, schema string) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	config = config.Copy()
	delete(config.RuntimeParams, "statement_timeout") // a large database may take long
	if schema != Schema {
		config.RuntimeParams["check_function_bodies"] = "off" // they name the schema whose place this one is to take
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable(schema)))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// checkVersion returns the version of the schema, -1 where there is none. It
// refuses what this program must not touch, before anything is written.
func checkVersion(ctx context.Context, conn *pgx.Conn, schema string) (version int64, err error) {
	var tables int
	err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace($1)`, schema).Scan(&tables)
	if err != nil || tables == 0 {
		return -1, err
	}
	err = conn.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versionTable(schema)+" WHERE is_applied").Scan(&version)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "42P01" { // no such table
		return -1, fmt.Errorf("its schema %s belongs to another program: choose another database", schema)
	}
	if err == nil && version > SchemaVersion() {
		return version, fmt.Errorf("it was written by a newer version of sensocto (schema %d, this program knows up to %d): "+
			"use that version, or restore a backup made before it; nothing was changed", version, SchemaVersion())
	}
	return version, err
}
