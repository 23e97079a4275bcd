package sqlite

import (
	"context"
	"database/sql"
)

// Update runs f in a transaction that may write. Once it has begun it is not
// interrupted by ctx. With View it is what package peopledb needs.
func (db *DB) Update(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error {
	return db.transact(ctx, f)
}

// View runs f, which only reads.
func (db *DB) View(ctx context.Context, f func(ctx context.Context, db *sql.DB) error) error {
	return explain(f(ctx, db.read))
}
