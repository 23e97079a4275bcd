package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math/bits"

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
		for _, table := range []string{"rollup", "chunk"} {
			n, err := deleteSome(ctx, tx, table, id, limit)
			if err != nil {
				return err
			}
			limit -= n
		}
		if limit <= 0 {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM doomed WHERE series_id = ?`, id); err != nil {
			return err
		}
	}
	return nil
}

// deleteSome deletes up to limit rows of a series and returns how many.
func deleteSome(ctx context.Context, tx *sql.Tx, table string, series int64, limit int) (int, error) {
	result, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE id IN (SELECT id FROM `+table+` WHERE series_id = ? LIMIT ?)`, series, limit)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// DropChunks implements store.Cold. It looks up each span, as reading does.
func (db *DB) DropChunks(ctx context.Context, d sensocto.ChunkDrop) (dropped sensocto.DroppedChunks, err error) {
	err = db.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		id, spans, err := findSeries(ctx, tx, d.SensorID, d.AttributeID, d.Level)
		for ; err == nil && spans != 0; spans &= spans - 1 {
			limit := int64(-1)
			if d.Limit > 0 {
				limit = int64(d.Limit) - dropped.Chunks
			}
			err = dropSpan(ctx, tx, d, id, bits.TrailingZeros64(spans), limit, &dropped)
		}
		return err
	})
	if err != nil {
		return sensocto.DroppedChunks{}, err
	}
	return dropped, nil
}

// dropSpan drops up to limit chunks of one span; a negative limit is none.
func dropSpan(ctx context.Context, tx *sql.Tx, d sensocto.ChunkDrop, id int64, span int, limit int64, dropped *sensocto.DroppedChunks) error {
	table, key := tableOf(d.Level)
	rows, err := tx.QueryContext(ctx, `DELETE FROM `+table+` WHERE id IN (SELECT id FROM `+table+` WHERE `+key+
		` AND span = ? AND max_time < ? AND first_seq >= ? AND first_seq < ? LIMIT ?) RETURNING samples, length(data)`,
		append(keyArgs(id, d.Level), span, d.Before, d.FromSeq, d.BeforeSeq, limit)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var samples, bytes int64
		if err := rows.Scan(&samples, &bytes); err != nil {
			return err
		}
		dropped.Chunks++
		dropped.Samples += samples
		dropped.Bytes += bytes
	}
	return rows.Err()
}
