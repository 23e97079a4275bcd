package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Recount adds up the totals of all series again, from their chunks: one
// series at a time, because a long history takes a while. Numbers and bounds of
// time do not go back, as they do not when chunks are deleted.
func (db *DB) Recount(ctx context.Context) error {
	var ids []int64
	err := db.query(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT id FROM series`)
		if err == nil {
			ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		}
		return err
	})
	for i := 0; i < len(ids) && err == nil; i++ {
		err = db.recount(ctx, ids[i])
	}
	return err
}

func (db *DB) recount(ctx context.Context, id int64) error {
	// The span of a chunk is at most 16: all bits are a mask that misses none.
	const allSpans = int64(1<<17 - 1)
	return db.transact(ctx, func(ctx context.Context, _ *writer, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE series s SET
				samples = c.samples, chunks = c.chunks, bytes = c.bytes, rollup_bytes = c.rollup_bytes,
				next_seq = greatest(s.next_seq, c.next_seq), min_time = least(s.min_time, c.min_time), max_time = greatest(s.max_time, c.max_time),
				rolled = ARRAY[greatest(s.rolled[1], c.rolled_1), greatest(s.rolled[2], c.rolled_2), greatest(s.rolled[3], c.rolled_3), greatest(s.rolled[4], c.rolled_4)],
				spans = $2, rollup_spans = $2
			FROM (SELECT
				coalesce(sum(samples) FILTER (WHERE level = 0), 0)::bigint AS samples, count(*) FILTER (WHERE level = 0) AS chunks,
				coalesce(sum(octet_length(data)) FILTER (WHERE level = 0), 0)::bigint AS bytes,
				coalesce(sum(octet_length(data)) FILTER (WHERE level > 0), 0)::bigint AS rollup_bytes,
				max(first_seq + samples) FILTER (WHERE level = 0) AS next_seq,
				min(min_time) FILTER (WHERE level = 0) AS min_time, max(max_time) FILTER (WHERE level = 0) AS max_time,
				max(first_seq + samples) FILTER (WHERE level = 1) AS rolled_1, max(first_seq + samples) FILTER (WHERE level = 2) AS rolled_2,
				max(first_seq + samples) FILTER (WHERE level = 3) AS rolled_3, max(first_seq + samples) FILTER (WHERE level = 4) AS rolled_4
				FROM chunk WHERE series_id = $1) c
			WHERE s.id = $1`, id, allSpans)
		return err
	})
}
