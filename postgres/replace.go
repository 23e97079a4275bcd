package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

var errNotBeside = errors.New("it is not a database that was made beside another")

// TakePlace gives this database, which was made in a schema of its own, the
// place of the usual one, in one transaction. What was there is kept in a schema
// of the name aside, or deleted where that is empty. The database is of no use
// afterwards: it has to be opened again.
func (db *DB) TakePlace(ctx context.Context, aside string) error {
	if db.options.Schema == Schema {
		return errNotBeside
	}
	return db.transact(ctx, func(ctx context.Context, _ *writer, tx pgx.Tx) error {
		var found bool
		if err := tx.QueryRow(ctx, `SELECT to_regnamespace($1) IS NOT NULL`, Schema).Scan(&found); err != nil {
			return err
		}
		var err error
		switch {
		case found && aside != "":
			err = renameSchema(ctx, tx, Schema, aside)
		case found:
			err = dropSchema(ctx, tx, Schema)
		}
		if err != nil {
			return err
		}
		return renameSchema(ctx, tx, db.options.Schema, Schema)
	})
}

func renameSchema(ctx context.Context, tx pgx.Tx, from, to string) error {
	_, err := tx.Exec(ctx, "ALTER SCHEMA "+pgx.Identifier{from}.Sanitize()+" RENAME TO "+pgx.Identifier{to}.Sanitize())
	return err
}

// Discard deletes a database that was made in a schema of its own.
func (db *DB) Discard(ctx context.Context) error {
	if db.options.Schema == Schema {
		return errNotBeside
	}
	return db.transact(ctx, func(ctx context.Context, _ *writer, tx pgx.Tx) error {
		return dropSchema(ctx, tx, db.options.Schema)
	})
}

func dropSchema(ctx context.Context, tx pgx.Tx, name string) error {
	_, err := tx.Exec(ctx, "DROP SCHEMA "+pgx.Identifier{name}.Sanitize()+" CASCADE")
	return err
}
