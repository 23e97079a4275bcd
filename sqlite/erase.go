package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Erase rewrites the file so that nothing of what was deleted is left in it or
// beside it, and gives its room back. It needs as much room again while it
// works, nobody else writes meanwhile, and nobody may be reading at its end.
func (db *DB) Erase(ctx context.Context) error {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		var err error
		if more, err = db.purgeSome(ctx); err != nil {
			return fmt.Errorf("delete the rest: %w", err)
		}
	}
	// Not in a transaction, which would be one inside another. An interrupted
	// one leaves everything as it was.
	if _, err := db.write.ExecContext(ctx, `VACUUM`); err != nil {
		return fmt.Errorf("rewrite the file: %w", explain(err))
	}
	var busy, pages, moved int
	if err := db.write.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved); err != nil {
		return fmt.Errorf("empty the write-ahead log: %w", explain(err))
	}
	if busy != 0 {
		return errors.New("somebody reads the database, and what was deleted is still beside it: try again")
	}
	return nil
}

// purgeSome deletes chunks of deleted series and reports whether there are more.
func (db *DB) purgeSome(ctx context.Context) (more bool, err error) {
	err = db.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := purge(ctx, tx, purgeAtDelete); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM doomed)`).Scan(&more)
	})
	return more, err
}
