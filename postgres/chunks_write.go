package postgres

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/bits"

	"github.com/jackc/pgx/v5"

	"github.com/sensocto/sensocto"
)

type seriesID struct{ sensor, attribute string }

// Statements of a write. The first finds rows for series that are not known yet.
const (
	makeSeries = `INSERT INTO series (sensor_id, attribute_id, min_time, max_time)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
		ON CONFLICT (sensor_id, attribute_id) DO UPDATE SET sensor_id = series.sensor_id
		RETURNING id, sensor_id, attribute_id`

	// replaceChunks deletes what the new chunks take the place of, and brings
	// the totals of their series up to date; it returns how many series there
	// were. Chunks of samples are looked for only in the time of the new one,
	// which holds all of theirs: so few partitions are looked at.
	replaceChunks = `WITH new AS (
			SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
			AS n (series_id, level, first_seq, end_seq, from_time, to_time)
		), gone AS (
			DELETE FROM chunk c USING new n
			WHERE c.series_id = n.series_id AND c.level = n.level AND c.first_seq >= n.first_seq AND c.first_seq < n.end_seq
			AND c.min_time >= n.from_time AND c.min_time <= n.to_time
			RETURNING c.series_id, c.level, c.samples, octet_length(c.data) AS bytes
		), change AS (
			SELECT series_id, max(next_seq) AS next_seq, min(min_time) AS min_time, max(max_time) AS max_time,
				sum(samples)::bigint AS samples, sum(chunks)::bigint AS chunks, sum(bytes)::bigint AS bytes, bit_or(spans) AS spans,
				sum(rollup_bytes)::bigint AS rollup_bytes, bit_or(rollup_spans) AS rollup_spans,
				max(rolled_1) AS rolled_1, max(rolled_2) AS rolled_2, max(rolled_3) AS rolled_3, max(rolled_4) AS rolled_4
			FROM (
				SELECT * FROM unnest($7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
					$15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[])
				AS m (series_id, next_seq, min_time, max_time, samples, chunks, bytes, spans, rollup_bytes, rollup_spans, rolled_1, rolled_2, rolled_3, rolled_4)
				UNION ALL
				SELECT series_id, NULL, NULL, NULL, CASE WHEN level = 0 THEN -samples ELSE 0 END, CASE WHEN level = 0 THEN -1 ELSE 0 END,
					CASE WHEN level = 0 THEN -bytes ELSE 0 END, NULL, CASE WHEN level = 0 THEN 0 ELSE -bytes END, NULL, NULL, NULL, NULL, NULL
				FROM gone
			) AS both_ways GROUP BY series_id
		), changed AS (
			UPDATE series s SET
				next_seq = greatest(s.next_seq, c.next_seq), min_time = least(s.min_time, c.min_time), max_time = greatest(s.max_time, c.max_time),
				samples = s.samples + c.samples, chunks = s.chunks + c.chunks, bytes = s.bytes + c.bytes, spans = s.spans | c.spans,
				rollup_bytes = s.rollup_bytes + c.rollup_bytes, rollup_spans = s.rollup_spans | c.rollup_spans,
				rolled = ARRAY[greatest(s.rolled[1], c.rolled_1), greatest(s.rolled[2], c.rolled_2), greatest(s.rolled[3], c.rolled_3), greatest(s.rolled[4], c.rolled_4)]
			FROM change c WHERE s.id = c.series_id
			RETURNING 1
		) SELECT count(*) FROM changed`

	copyChunks = `COPY chunk (series_id, first_seq, min_time, max_time, from_time, to_time, cell, min, max, sum, first, last,
		samples, numbers, level, span, data) FROM STDIN (FORMAT binary)`
)

// WriteChunks implements store.Cold.
func (db *DB) WriteChunks(ctx context.Context, chunks []sensocto.Chunk) error {
	return db.transactWith(ctx, func(ctx context.Context, w *writer) error { return w.ensureMonths(ctx, chunks) },
		func(ctx context.Context, w *writer, tx pgx.Tx) error {
			if err := w.write(ctx, tx, chunks); err != nil {
				return err
			}
			return w.purge(ctx, tx, purgeAtWrite)
		})
}

func (w *writer) write(ctx context.Context, tx pgx.Tx, chunks []sensocto.Chunk) error {
	if len(chunks) == 0 {
		return nil
	}
	if err := w.findSeries(ctx, tx, chunks); err != nil {
		return err
	}
	s := &w.scratch
	s.reset()
	for i := range chunks {
		s.add(w.ids[seriesID{chunks[i].SensorID, chunks[i].AttributeID}], &chunks[i], w.db.options.Plain)
	}
	var changed int
	if err := tx.QueryRow(ctx, replaceChunks, s.args()...).Scan(&changed); err != nil {
		return err
	}
	if changed != len(s.series.ids) {
		return fmt.Errorf("%d of %d series are gone: another process deleted them", len(s.series.ids)-changed, len(s.series.ids))
	}
	tag, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(s.copyBody()), copyChunks)
	if err == nil && tag.RowsAffected() != int64(s.rows) {
		err = fmt.Errorf("%d chunks of %d were written", tag.RowsAffected(), s.rows)
	}
	return err
}

// findSeries learns the rows of series, which it makes where there are none. A
// transaction that fails forgets them all.
func (w *writer) findSeries(ctx context.Context, tx pgx.Tx, chunks []sensocto.Chunk) error {
	var sensors, attributes []string
	var from, to []int64
	for i := range chunks {
		c, key := &chunks[i], seriesID{chunks[i].SensorID, chunks[i].AttributeID}
		if _, ok := w.ids[key]; !ok {
			w.ids[key] = 0 // once only
			sensors, attributes = append(sensors, key.sensor), append(attributes, key.attribute)
			from, to = append(from, c.MinTime), append(to, c.MaxTime)
		}
	}
	if len(sensors) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, makeSeries, sensors, attributes, from, to)
	if err != nil {
		return err
	}
	var id int64
	var key seriesID
	_, err = pgx.ForEachRow(rows, []any{&id, &key.sensor, &key.attribute}, func() error {
		w.ids[key] = id
		return nil
	})
	return err
}

// spanOf returns the least n such that the chunk spans less than 16^n µs.
func spanOf(c *sensocto.Chunk) int {
	return (bits.Len64(uint64(c.MaxTime-c.MinTime)) + 3) / 4
}

// replaced bounds the times of what a chunk takes the place of. A rollup may
// have been made anew of fewer samples, so of those any time will do.
func replaced(c *sensocto.Chunk) (from, to int64) {
	if c.Level == 0 {
		return c.MinTime, c.MaxTime
	}
	return math.MinInt64, math.MaxInt64
}
