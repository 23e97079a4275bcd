package postgres

import (
	"context"
	"errors"
	"math/bits"

	"github.com/jackc/pgx/v5"

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
	err = db.transact(ctx, func(ctx context.Context, w *writer, tx pgx.Tx) error {
		row := tx.QueryRow(ctx, `WITH gone AS (DELETE FROM series WHERE sensor_id = $1 RETURNING id, samples),
			kept AS (INSERT INTO doomed SELECT id FROM gone)
			SELECT count(*), coalesce(sum(samples), 0)::bigint FROM gone`, sensorID)
		if err := row.Scan(&removed.Series, &removed.Samples); err != nil || removed.Series == 0 {
			return err
		}
		w.forget(sensorID)
		w.doomed = true
		return w.purge(ctx, tx, purgeAtDelete)
	})
	if err != nil {
		return sensocto.Removed{}, err
	}
	return removed, nil
}

func (w *writer) forget(sensorID string) {
	for key := range w.ids {
		if key.sensor == sensorID {
			delete(w.ids, key)
		}
	}
}

// purge deletes up to limit chunks of deleted series.
func (w *writer) purge(ctx context.Context, tx pgx.Tx, limit int64) error {
	for limit > 0 && w.doomed {
		var id int64
		err := tx.QueryRow(ctx, `SELECT series_id FROM doomed LIMIT 1`).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			w.doomed = false // should this transaction fail, the next delete says so again
			return nil
		}
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `WITH few AS (SELECT level, first_seq, min_time FROM chunk WHERE series_id = $1 LIMIT $2)
			DELETE FROM chunk c USING few s WHERE c.series_id = $1 AND c.level = s.level AND c.first_seq = s.first_seq AND c.min_time = s.min_time`, id, limit)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == limit {
			return nil
		}
		limit -= tag.RowsAffected()
		if _, err := tx.Exec(ctx, `DELETE FROM doomed WHERE series_id = $1`, id); err != nil {
			return err
		}
	}
	return nil
}

// DropChunks implements store.Cold. It looks up each span, as reading does.
func (db *DB) DropChunks(ctx context.Context, d sensocto.ChunkDrop) (dropped sensocto.DroppedChunks, err error) {
	err = db.transact(ctx, func(ctx context.Context, _ *writer, tx pgx.Tx) error {
		var id, spans, rollupSpans, first, last int64
		err := tx.QueryRow(ctx, selectSpans, d.SensorID, d.AttributeID).Scan(&id, &spans, &rollupSpans, &first, &last)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if d.Level > 0 {
			spans = rollupSpans
		}
		for left := uint64(spans); err == nil && left != 0; left &= left - 1 {
			limit := int64(1) << 62
			if d.Limit > 0 {
				limit = int64(d.Limit) - dropped.Chunks
			}
			err = dropSpan(ctx, tx, d, id, bits.TrailingZeros64(left), limit, &dropped)
		}
		if err == nil && dropped.Chunks > 0 {
			err = subtract(ctx, tx, d.Level, id, dropped)
		}
		return err
	})
	if err != nil {
		return sensocto.DroppedChunks{}, err
	}
	return dropped, nil
}

// dropSpan drops up to limit chunks of one span.
func dropSpan(ctx context.Context, tx pgx.Tx, d sensocto.ChunkDrop, id int64, span int, limit int64, dropped *sensocto.DroppedChunks) error {
	var n sensocto.DroppedChunks
	err := tx.QueryRow(ctx, `WITH old AS (
			SELECT first_seq, min_time FROM chunk WHERE series_id = $1 AND level = $2 AND span = $3 AND max_time < $4 AND min_time < $4
			AND first_seq >= $5 AND first_seq < $6 LIMIT $7
		), gone AS (
			DELETE FROM chunk c USING old o WHERE c.series_id = $1 AND c.level = $2 AND c.first_seq = o.first_seq AND c.min_time = o.min_time
			RETURNING c.samples, octet_length(c.data) AS bytes
		) SELECT count(*), coalesce(sum(samples), 0)::bigint, coalesce(sum(bytes), 0)::bigint FROM gone`,
		id, d.Level, span, d.Before, d.FromSeq, d.BeforeSeq, limit).Scan(&n.Chunks, &n.Samples, &n.Bytes)
	dropped.Chunks += n.Chunks
	dropped.Samples += n.Samples
	dropped.Bytes += n.Bytes
	return err
}

// subtract takes what was dropped from the totals of a series.
func subtract(ctx context.Context, tx pgx.Tx, level int, id int64, d sensocto.DroppedChunks) error {
	if level > 0 {
		_, err := tx.Exec(ctx, `UPDATE series SET rollup_bytes = rollup_bytes - $2 WHERE id = $1`, id, d.Bytes)
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE series SET samples = samples - $2, chunks = chunks - $3, bytes = bytes - $4 WHERE id = $1`, id, d.Samples, d.Chunks, d.Bytes)
	return err
}
