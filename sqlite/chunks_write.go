package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"math/bits"

	"github.com/sensocto/sensocto"
)

// statement is prepared on the one writing connection.
type statement = *sql.Stmt

type seriesID struct{ sensor, attribute string }

func (db *DB) prepare(ctx context.Context) (err error) {
	for _, s := range []struct {
		to   *statement
		text string
	}{
		{&db.create, `INSERT INTO series (sensor_id, attribute_id, next_seq, min_time, max_time, samples, chunks, bytes, spans)
			VALUES (?, ?, 0, ?, ?, 0, 0, 0, 0) ON CONFLICT DO UPDATE SET id = id RETURNING id`},
		{&db.replaced, `DELETE FROM chunk WHERE series_id = ? AND first_seq >= ? AND first_seq < ? RETURNING samples, length(data)`},
		{&db.insert, `INSERT INTO chunk (series_id, first_seq, samples, span, min_time, max_time,
			numbers, min, max, sum, first, last, from_time, to_time, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&db.update, `UPDATE series SET next_seq = max(next_seq, ?), min_time = min(min_time, ?), max_time = max(max_time, ?),
			samples = samples + ?, chunks = chunks + ?, bytes = bytes + ?, spans = spans | ? WHERE id = ?`},
	} {
		if *s.to, err = db.write.PrepareContext(ctx, s.text); err != nil {
			return explain(err)
		}
	}
	return nil
}

// WriteChunks implements store.Cold.
func (db *DB) WriteChunks(ctx context.Context, chunks []sensocto.Chunk) error {
	made := make(map[seriesID]int64)
	err := db.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		w := writer{db: db, tx: tx, ctx: ctx, made: made}
		for len(chunks) > 0 {
			n := 1
			for n < len(chunks) && chunks[n].SensorID == chunks[0].SensorID && chunks[n].AttributeID == chunks[0].AttributeID {
				n++
			}
			if err := w.writeSeries(chunks[:n]); err != nil {
				return err
			}
			chunks = chunks[n:]
		}
		return purge(ctx, tx, purgeAtWrite)
	})
	if err == nil { // rows that were rolled back must not be remembered
		db.rememberIDs(made)
	}
	return err
}

// writer is one transaction of chunks.
type writer struct {
	db   *DB
	tx   *sql.Tx
	ctx  context.Context
	made map[seriesID]int64 // rows that this transaction made or found
}

// change is what a transaction does to a series.
type change struct {
	nextSeq, minTime, maxTime, samples, chunks, bytes, spans int64
}

// writeSeries writes chunks of one series.
func (w *writer) writeSeries(chunks []sensocto.Chunk) error {
	id, err := w.seriesID(&chunks[0])
	if err != nil {
		return err
	}
	total, err := w.writeChunks(id, chunks)
	if err != nil {
		return err
	}
	updated, err := w.updateSeries(id, total)
	if err == nil && !updated { // another process deleted the series that we remember
		w.db.forgetIDs(chunks[0].SensorID)
		return errors.New("series vanished: try again")
	}
	return err
}

func (w *writer) writeChunks(id int64, chunks []sensocto.Chunk) (total change, err error) {
	total.minTime, total.maxTime = chunks[0].MinTime, chunks[0].MaxTime
	for i := range chunks {
		c := &chunks[i]
		if err := w.deleteReplaced(id, c, &total); err != nil {
			return total, err
		}
		if err := w.insertChunk(id, c); err != nil {
			return total, err
		}
		total.nextSeq = max(total.nextSeq, c.FirstSeq+int64(c.Count))
		total.minTime, total.maxTime = min(total.minTime, c.MinTime), max(total.maxTime, c.MaxTime)
		total.samples += int64(c.Count)
		total.chunks++
		total.bytes += int64(len(c.Data))
		total.spans |= 1 << spanOf(c)
	}
	return total, nil
}

func (w *writer) deleteReplaced(id int64, c *sensocto.Chunk, total *change) error {
	rows, err := w.tx.StmtContext(w.ctx, w.db.replaced).QueryContext(w.ctx, id, c.FirstSeq, c.FirstSeq+int64(c.Count))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var samples, size int64
		if err := rows.Scan(&samples, &size); err != nil {
			return err
		}
		total.samples -= samples
		total.chunks--
		total.bytes -= size
	}
	return rows.Err()
}

func (w *writer) insertChunk(id int64, c *sensocto.Chunk) error {
	n := &c.Numbers
	var numbers [7]any // NULL where there are none
	if n.Count > 0 {
		numbers = [7]any{n.Min, n.Max, n.Sum, n.First, n.Last, n.From, n.To}
	}
	args := append([]any{id, c.FirstSeq, c.Count, spanOf(c), c.MinTime, c.MaxTime, n.Count}, numbers[:]...)
	_, err := w.tx.StmtContext(w.ctx, w.db.insert).ExecContext(w.ctx, append(args, c.Data)...)
	return err
}

func (w *writer) updateSeries(id int64, t change) (updated bool, err error) {
	result, err := w.tx.StmtContext(w.ctx, w.db.update).ExecContext(w.ctx,
		t.nextSeq, t.minTime, t.maxTime, t.samples, t.chunks, t.bytes, t.spans, id)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// seriesID returns the row of a series, which it makes if there is none.
func (w *writer) seriesID(c *sensocto.Chunk) (id int64, err error) {
	key := seriesID{c.SensorID, c.AttributeID}
	w.db.idMu.Lock()
	id, ok := w.db.ids[key]
	w.db.idMu.Unlock()
	if ok {
		return id, nil
	}
	err = w.tx.StmtContext(w.ctx, w.db.create).QueryRowContext(w.ctx, c.SensorID, c.AttributeID, c.MinTime, c.MaxTime).Scan(&id)
	if err != nil {
		return 0, err
	}
	w.made[key] = id
	return id, nil
}

func (db *DB) rememberIDs(made map[seriesID]int64) {
	db.idMu.Lock()
	defer db.idMu.Unlock()
	maps.Copy(db.ids, made)
}

func (db *DB) forgetIDs(sensorID string) {
	db.idMu.Lock()
	defer db.idMu.Unlock()
	for key := range db.ids {
		if key.sensor == sensorID {
			delete(db.ids, key)
		}
	}
}

// spanOf returns the least n such that the chunk spans less than 16^n µs.
func spanOf(c *sensocto.Chunk) int {
	return (bits.Len64(uint64(c.MaxTime-c.MinTime)) + 3) / 4
}
