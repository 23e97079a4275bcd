package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sensocto/sensocto"
)

// A long history has millions of chunks: deleting them at once would hold up
// writing for minutes. So a deleted series is out of sight at once, and its
// chunks go a number at a time, the rest with the writes that follow.
const (
	purgeAtDelete = 4096
	purgeAtWrite  = 256
)

// DeleteSamples implements store.Cold.
func (db *DB) DeleteSamples(ctx context.Context, sensorID string) (removed sensocto.Removed, err error) {
	err = db.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(samples), 0) FROM series WHERE sensor_id = ?`, sensorID)
		if err := row.Scan(&removed.Series, &removed.Samples); err != nil || removed.Series == 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO doomed SELECT id FROM series WHERE sensor_id = ?`, sensorID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM series WHERE sensor_id = ?`, sensorID); err != nil {
			return err
		}
		return purge(ctx, tx, purgeAtDelete)
	})
	if err != nil {
		return sensocto.Removed{}, err
	}
	db.forgetIDs(sensorID)
	return removed, nil
}

// purge deletes up to limit chunks of deleted series.
func purge(ctx context.Context, tx *sql.Tx, limit int) error {
	for limit > 0 {
		var id int64
		err := tx.QueryRowContext(ctx, `SELECT series_id FROM doomed LIMIT 1`).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `DELETE FROM chunk WHERE id IN (SELECT id FROM chunk WHERE series_id = ? LIMIT ?)`, id, limit)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if n < int64(limit) {
			if _, err := tx.ExecContext(ctx, `DELETE FROM doomed WHERE series_id = ?`, id); err != nil {
				return err
			}
		}
		limit -= int(n)
	}
	return nil
}
