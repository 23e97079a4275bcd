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
	rows, err := db.read.QueryContext(ctx, `SELECT sensor_id, attribute_id, next_seq, min_time, max_time, samples, chunks, bytes,
		rolled_1, rolled_2, rolled_3, rolled_4, rollup_bytes FROM series`)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var list []sensocto.SeriesInfo
	for rows.Next() {
		var s sensocto.SeriesInfo
		err := rows.Scan(&s.SensorID, &s.AttributeID, &s.NextSeq, &s.MinTime, &s.MaxTime, &s.Samples, &s.Chunks, &s.Bytes,
			&s.Rolled[0], &s.Rolled[1], &s.Rolled[2], &s.Rolled[3], &s.RollupBytes)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, explain(rows.Err())
}

// ReadChunks implements store.Cold. What it learns of the series and its chunks
// are of one moment: in between a chunk could have a span that is new.
func (db *DB) ReadChunks(ctx context.Context, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error {
	tx, err := db.read.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	defer func() { _ = tx.Rollback() }() // it only reads
	id, spans, err := findSeries(ctx, tx, r.SensorID, r.AttributeID, r.Level)
	if err != nil { // before spans, which is 0 then: half an answer must not pass for all
		return explain(err)
	}
	if spans == 0 {
		return nil
	}
	query, args := rangeQuery(r, id, spans)
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	return explain(yieldRows(rows, r, yield))
}

// findSeries returns the row of a series and the spans of its chunks of a
// level; there are none if there is no such series.
func findSeries(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, sensorID, attributeID string, level int) (id int64, spans uint64, err error) {
	var rollupSpans uint64
	err = db.QueryRowContext(ctx, `SELECT id, spans, rollup_spans FROM series WHERE sensor_id = ? AND attribute_id = ?`,
		sensorID, attributeID).Scan(&id, &spans, &rollupSpans)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, 0, nil
	case level > 0:
		return id, rollupSpans, err
	}
	return id, spans, err
}

func yieldRows(rows *sql.Rows, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error {
	for rows.Next() {
		c := sensocto.Chunk{SensorID: r.SensorID, AttributeID: r.AttributeID, Level: r.Level}
		n := &c.Numbers
		var data sql.RawBytes
		var numbers [5]sql.NullFloat64
		var from, to sql.NullInt64
		err := rows.Scan(&c.FirstSeq, &c.Count, &c.MinTime, &c.MaxTime, &n.Count,
			&numbers[0], &numbers[1], &numbers[2], &numbers[3], &numbers[4], &from, &to, &c.Cell, &data)
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

// tableOf returns the table of a level, and the condition that selects one
// series of that level; keyArgs returns what goes with it.
func tableOf(level int) (table, key string) {
	if level == 0 {
		return "chunk", "series_id = ?"
	}
	return "rollup", "series_id = ? AND level = ?"
}

func keyArgs(id int64, level int) []any {
	if level == 0 {
		return []any{id}
	}
	return []any{id, level}
}

// columns are what yieldRows scans.
func columns(r sensocto.ChunkRange) string {
	list := `first_seq, samples, min_time, max_time, numbers, min, max, sum, first, last, from_time, to_time`
	if r.Level == 0 {
		list += `, 0`
	} else {
		list += `, cell`
	}
	if r.NoData {
		return list + `, NULL`
	}
	return list + `, data`
}

// rangeQuery asks for each span that occurs, because chunks of one span that
// overlap a range begin within a known distance before it: so every part of
// the query is a range of an index, whatever other spans there are, and SQLite
// merges the parts as it goes.
func rangeQuery(r sensocto.ChunkRange, id int64, spans uint64) (query string, args []any) {
	table, key := tableOf(r.Level)
	from, to := r.From, r.To
	if to == 0 {
		to = math.MaxInt64
	}
	start := `SELECT ` + columns(r) + ` FROM ` + table + ` WHERE ` + key
	if r.ByNumber {
		return start + ` AND first_seq >= ? AND first_seq < ? AND max_time >= ? AND min_time < ? ORDER BY first_seq`,
			append(keyArgs(id, r.Level), r.FromSeq, r.BeforeSeq, from, to)
	}
	// The + keeps SQLite from choosing the index of the numbers.
	const numbers = ` AND +first_seq >= ? AND +first_seq < ?`
	bounds, order := ` AND span = ? AND min_time >= ? AND min_time < ? AND max_time >= ?`+numbers, ` ORDER BY min_time`
	if r.Order == sensocto.Descending {
		bounds, order = ` AND span = ? AND max_time >= ? AND max_time < ? AND min_time < ?`+numbers, ` ORDER BY max_time DESC`
	}
	var parts []string
	for ; spans != 0; spans &= spans - 1 {
		span := bits.TrailingZeros64(spans)
		parts = append(parts, start+bounds)
		args = append(args, keyArgs(id, r.Level)...)
		if r.Order == sensocto.Descending {
			args = append(args, span, from, shift(to, span, 1), to)
		} else {
			args = append(args, span, shift(from, span, -1), to, from)
		}
		args = append(args, r.FromSeq, r.BeforeSeq)
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
