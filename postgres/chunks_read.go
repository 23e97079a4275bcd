package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sensocto/sensocto"
)

const selectSpans = `SELECT id, spans, rollup_spans, min_time, max_time FROM series WHERE sensor_id = $1 AND attribute_id = $2`

// How many rows are fetched at once: few at first, because most reads stop
// early, and then so many that the way to and fro does not count.
const (
	firstFetch  = 16
	fetchRows   = 64
	fetchNoData = 1024
)

// Series implements store.Cold.
func (db *DB) Series(ctx context.Context) (list []sensocto.SeriesInfo, err error) {
	err = db.query(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		list = nil
		rows, err := conn.Query(ctx, `SELECT sensor_id, attribute_id, next_seq, min_time, max_time, samples, chunks, bytes,
			rolled[1], rolled[2], rolled[3], rolled[4], rollup_bytes FROM series`)
		if err != nil {
			return err
		}
		var s sensocto.SeriesInfo
		_, err = pgx.ForEachRow(rows, []any{&s.SensorID, &s.AttributeID, &s.NextSeq, &s.MinTime, &s.MaxTime, &s.Samples, &s.Chunks, &s.Bytes,
			&s.Rolled[0], &s.Rolled[1], &s.Rolled[2], &s.Rolled[3], &s.RollupBytes}, func() error {
			list = append(list, s)
			return nil
		})
		return err
	})
	return list, err
}

// ReadChunks implements store.Cold.
func (db *DB) ReadChunks(ctx context.Context, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error {
	began := false
	return db.query(ctx, func(_ context.Context, conn *pgx.Conn) error {
		if began {
			return errInterrupted
		}
		c := cursor{db: db, conn: conn.PgConn(), r: r}
		more, err := c.open(ctx, conn)
		for err == nil && more {
			began = began || len(c.rows) > 0
			if !c.yield(yield) {
				break
			}
			more, err = c.fetch(ctx)
		}
		return errors.Join(err, c.close(ctx))
	})
}

// errInterrupted says that a read cannot begin again: some of it was used.
var errInterrupted = &failure{text: "the connection was lost while reading", err: errors.New("interrupted"), away: true}

// query runs f on a connection of the pool. Where the connection turns out to
// be dead, as after a restart of the database, f runs once more on a new one.
func (db *DB) query(ctx context.Context, f func(context.Context, *pgx.Conn) error) (err error) {
	for try := range 2 {
		if err := db.health.admit(time.Now()); err != nil {
			return err
		}
		err = db.explain(db.queryOnce(ctx, f))
		if e, ok := err.(*failure); !ok || !e.away || ctx.Err() != nil || try > 0 || errors.Is(err, context.DeadlineExceeded) {
			break
		}
		db.read.Reset()
	}
	db.health.note(ctx, err)
	return err
}

func (db *DB) queryOnce(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	bounded, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	conn, err := db.read.Acquire(bounded)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	defer conn.Release()
	started := time.Now()
	defer func() { db.reading.Observe(time.Since(started)) }()
	err = f(bounded, conn.Conn())
	if ctx.Err() != nil && err != nil {
		return context.Cause(ctx)
	}
	return err
}

// cursor is a read that streams, within a transaction of its own. Rows are
// fetched into memory and then yielded, so that whoever takes long over them
// does not hold up the connection.
type cursor struct {
	db    *DB
	conn  *pgconn.PgConn
	r     sensocto.ChunkRange
	rows  []sensocto.Chunk
	data  []byte // of the rows
	last  bool   // there are no more
	begun bool
}

// open begins the read, and fetches the first rows.
func (c *cursor) open(ctx context.Context, conn *pgx.Conn) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.db.options.Timeout)
	defer cancel()
	// What is learnt of the series and its chunks is of one moment: in between a
	// chunk could have a span that is new.
	c.begun = true
	if err := c.conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").Close(); err != nil {
		return false, err
	}
	var id, spans, rollupSpans, first, last int64
	err = conn.QueryRow(ctx, selectSpans, c.r.SensorID, c.r.AttributeID).Scan(&id, &spans, &rollupSpans, &first, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if c.r.Level > 0 {
		spans = rollupSpans
	}
	if err != nil || spans == 0 {
		return false, err
	}
	// So that partitions without any chunk of the series are not looked at.
	c.r.From = max(c.r.From, first)
	if c.r.To == 0 && last < math.MaxInt64 {
		c.r.To = last + 1
	}
	b := &pgconn.Batch{}
	b.ExecParams("DECLARE chunks NO SCROLL CURSOR FOR "+rangeQuery(c.r, id, uint64(spans)), nil, nil, nil, nil)
	b.ExecParams(fmt.Sprintf("FETCH %d FROM chunks", firstFetch), nil, nil, nil, []int16{pgx.BinaryFormatCode})
	return c.take(c.conn.ExecBatch(ctx, b), firstFetch)
}

func (c *cursor) fetch(ctx context.Context) (more bool, err error) {
	if c.last {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.db.options.Timeout)
	defer cancel()
	n := fetchRows
	if c.r.NoData {
		n = fetchNoData
	}
	b := &pgconn.Batch{}
	b.ExecParams(fmt.Sprintf("FETCH %d FROM chunks", n), nil, nil, nil, []int16{pgx.BinaryFormatCode})
	return c.take(c.conn.ExecBatch(ctx, b), n)
}

// take copies the rows of an answer.
func (c *cursor) take(results *pgconn.MultiResultReader, want int) (more bool, err error) {
	c.rows, c.data = c.rows[:0], c.data[:0]
	for results.NextResult() {
		rows := results.ResultReader()
		for rows.NextRow() {
			if err == nil {
				err = c.scan(rows.Values())
			}
		}
		if _, e := rows.Close(); e != nil && err == nil {
			err = e
		}
	}
	if e := results.Close(); err == nil {
		err = e
	}
	c.last = len(c.rows) < want
	return len(c.rows) > 0, err
}

// scan appends a row, whose columns are those of rangeQuery.
func (c *cursor) scan(values [][]byte) error {
	if len(values) != 14 {
		return fmt.Errorf("%d columns", len(values))
	}
	i64 := func(i int) int64 {
		if len(values[i]) != 8 {
			return 0 // NULL
		}
		return int64(binary.BigEndian.Uint64(values[i]))
	}
	f64 := func(i int) float64 { return math.Float64frombits(uint64(i64(i))) }
	start := len(c.data)
	c.data = append(c.data, values[13]...)
	row := sensocto.Chunk{
		SensorID: c.r.SensorID, AttributeID: c.r.AttributeID, Level: c.r.Level,
		FirstSeq: i64(0), Count: int(i64(1)), MinTime: i64(2), MaxTime: i64(3), Cell: i64(12),
		Numbers: sensocto.Bucket{Count: i64(4), Min: f64(5), Max: f64(6), Sum: f64(7), First: f64(8), Last: f64(9), From: i64(10), To: i64(11)},
	}
	if !c.r.NoData {
		row.Data = c.data[start:len(c.data):len(c.data)] // an older array stays with the rows that point to it
	}
	c.rows = append(c.rows, row)
	return nil
}

func (c *cursor) yield(yield func(*sensocto.Chunk) bool) bool {
	for i := range c.rows {
		if !yield(&c.rows[i]) {
			return false
		}
	}
	return true
}

// close ends the transaction, also where the caller has given up.
func (c *cursor) close(ctx context.Context) error {
	if !c.begun || c.conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.db.options.Timeout)
	defer cancel()
	return c.conn.Exec(ctx, "ROLLBACK").Close()
}

// rangeQuery asks for each span that occurs, because chunks of one span that
// overlap a range begin within a known distance before it: so every part of
// the query is a range of an index, in few partitions, whatever other spans
// there are, and PostgreSQL merges the parts as it goes.
func rangeQuery(r sensocto.ChunkRange, id int64, spans uint64) string {
	from, to := r.From, r.To
	if to == 0 {
		to = math.MaxInt64
	}
	list := `first_seq, samples::bigint, min_time, max_time, numbers::bigint, min, max, sum, first, last, from_time, to_time, cell, `
	if r.NoData {
		list += `NULL::bytea`
	} else {
		list += `data`
	}
	start := fmt.Sprintf(`SELECT %s FROM chunk WHERE series_id = %d AND level = %d`, list, id, r.Level)
	numbers := fmt.Sprintf(` AND first_seq >= %d AND first_seq < %d`, r.FromSeq, r.BeforeSeq)
	if r.ByNumber {
		return start + numbers + fmt.Sprintf(` AND max_time >= %d AND min_time < %d ORDER BY first_seq`, from, to)
	}
	order := ` ORDER BY min_time`
	if r.Order == sensocto.Descending {
		order = ` ORDER BY max_time DESC`
	}
	var parts []string
	for ; spans != 0; spans &= spans - 1 {
		span := bits.TrailingZeros64(spans)
		part := start + fmt.Sprintf(` AND span = %d AND min_time >= %d AND min_time < %d AND max_time >= %d`, span, shift(from, span, -1), to, from)
		if r.Order == sensocto.Descending {
			part += fmt.Sprintf(` AND max_time < %d`, shift(to, span, 1))
		}
		parts = append(parts, `(`+part+numbers+order+`)`)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return strings.Join(parts, ` UNION ALL `) + order
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
