package audit_test

import (
	"context"
	"database/sql"

	"github.com/sensocto/sensocto/peopledb"
)

func update(ctx context.Context, db peopledb.SQL, statement string) error {
	return db.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	})
}
