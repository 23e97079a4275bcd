package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"math/bits"
	"strings"

	"github.com/sensocto/sensocto"
)

// Series implements store.Cold.
func (db *DB) Series(ctx context.Context) ([]sensocto.SeriesInfo, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT sensor_id, attribute_id, next_seq, min_time, max_time, samples, chunks, bytes FROM series`)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var list []sensocto.SeriesInfo
	for rows.Next() {
		var s sensocto.SeriesInfo
		if err := rows.Scan(&s.SensorID, &s.AttributeID, &s.NextSeq, &s.MinTime, &s.MaxTime, &s.Samples, &s.Chunks, &s.Bytes); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, explain(rows.Err())
}

// ReadChunks implements store.Cold.
func (db *DB) ReadChunks(ctx context.Context, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error {
	var id int64
	var spans uint64
	err := db.read.QueryRowContext(ctx, `SELECT id, spans FROM series WHERE sensor_id = ? AND attribute_id = ?`,
		r.SensorID, r.AttributeID).Scan(&id, &spans)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && spans == 0:
		return nil
	case err != nil: // before spans, which is 0 then: half an answer must not pass for all
		return explain(err)
	}
	query, args := rangeQuery(r, id, spans)
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	return explain(yieldRows(rows, r, yield))
}

func yieldRows(rows *sql.Rows, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error {
	for rows.Next() {
		c := sensocto.Chunk{SensorID: r.SensorID, AttributeID: r.AttributeID}
		n := &c.Numbers
		var data sql.RawBytes
		var numbers [5]sql.NullFloat64
		var from, to sql.NullInt64
		err := rows.Scan(&c.FirstSeq, &c.Count, &c.MinTime, &c.MaxTime, &n.Count,
			&numbers[0], &numbers[1], &numbers[2], &numbers[3], &numbers[4], &from, &to, &data)
		if err != nil {
			return err
		}
		n.Min, n.Max, n.Sum, n.First, n.Last = numbers[0].Float64, numbers[1].Float64, numbers[2].Float64, numbers[3].Float64, numbers[4].Float64
		n.From, n.To, c.Data = from.Int64, to.Int64, data
		if !yield(&c) {
			return nil
		}
	}
	return rows.Err()
}

// rangeQuery asks for each span that occurs, because chunks of one span that
// overlap a range begin within a known distance before it: so every part of
// the query is a range of an index, whatever other spans there are, and SQLite
// merges the parts as it goes.
func rangeQuery(r sensocto.ChunkRange, id int64, spans uint64) (query string, args []any) {
	const columns = `SELECT first_seq, samples, min_time, max_time, numbers, min, max, sum, first, last, from_time, to_time, data FROM chunk`
	from, to := r.From, r.To
	if to == 0 {
		to = math.MaxInt64
	}
	bounds, order := ` WHERE series_id = ? AND span = ? AND min_time >= ? AND min_time < ? AND max_time >= ? AND first_seq < ?`, ` ORDER BY min_time`
	if r.Order == sensocto.Descending {
		bounds, order = ` WHERE series_id = ? AND span = ? AND max_time >= ? AND max_time < ? AND min_time < ? AND first_seq < ?`, ` ORDER BY max_time DESC`
	}
	var parts []string
	for ; spans != 0; spans &= spans - 1 {
		span := bits.TrailingZeros64(spans)
		parts = append(parts, columns+bounds)
		if r.Order == sensocto.Descending {
			args = append(args, id, span, from, shift(to, span, 1), to, r.BeforeSeq)
		} else {
			args = append(args, id, span, shift(from, span, -1), to, from, r.BeforeSeq)
		}
	}
	return strings.Join(parts, ` UNION ALL `) + order, args
}

// shift moves a time by the width of a span, and stops at the ends of int64.
func shift(t int64, span int, sign int64) int64 {
	if span > 15 {
		return sign * math.MaxInt64
	}
	width := int64(1) << (4 * span)
	switch {
	case sign > 0 && t > math.MaxInt64-width:
		return math.MaxInt64
	case sign < 0 && t < math.MinInt64+width:
		return math.MinInt64
	}
	return t + sign*width
}
