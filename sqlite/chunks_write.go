package sqlite

import (
	"context"
	"database/sql"
	"maps"
	"math/bits"

	"github.com/sensocto/sensocto"
)

type seriesID struct{ sensor, attribute string }

func (db *DB) prepare(ctx context.Context) (err error) {
	db.create, err = db.write.PrepareContext(ctx, `INSERT INTO series
		(sensor_id, attribute_id, next_seq, min_time, max_time, samples, chunks, bytes, spans)
		VALUES (?, ?, 0, ?, ?, 0, 0, 0, 0) ON CONFLICT DO UPDATE SET id = id RETURNING id`)
	if err != nil {
		return explain(err)
	}
	db.insert, err = db.write.PrepareContext(ctx, `INSERT INTO chunk
		(series_id, first_seq, samples, span, min_time, max_time, numbers, min, max, sum, first, last, from_time, to_time, data)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return explain(err)
	}
	db.insertRollup, err = db.write.PrepareContext(ctx, `INSERT INTO rollup
		(series_id, first_seq, samples, span, min_time, max_time, numbers, min, max, sum, first, last, from_time, to_time, data, level, cell)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	return explain(err)
}

// WriteChunks implements store.Cold.
func (db *DB) WriteChunks(ctx context.Context, chunks []sensocto.Chunk) error {
	made := make(map[seriesID]int64)
	err := db.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		w := writer{db: db, tx: tx, ctx: ctx, made: made, insert: tx.StmtContext(ctx, db.insert), insertRollup: tx.StmtContext(ctx, db.insertRollup)}
		for i := range chunks {
			if err := w.writeChunk(&chunks[i]); err != nil {
				return err
			}
		}
		return purge(ctx, tx, purgeAtWrite)
	})
	db.idMu.Lock()
	defer db.idMu.Unlock()
	if err != nil { // what we remember may be wrong: another process may have deleted a series
		clear(db.ids)
		return err
	}
	maps.Copy(db.ids, made)
	return nil
}

// writer is one transaction of chunks.
type writer struct {
	db   *DB
	tx   *sql.Tx
	ctx  context.Context
	made map[seriesID]int64 // rows that this transaction made or found; a rollback forgets them

	insert, insertRollup *sql.Stmt
}

// writeChunk inserts a chunk. Triggers delete those that it replaces and keep
// the totals of its series.
func (w *writer) writeChunk(c *sensocto.Chunk) error {
	id, err := w.seriesID(c)
	if err != nil {
		return err
	}
	n := &c.Numbers
	var numbers [7]any // NULL where there are none
	if n.Count > 0 {
		numbers = [7]any{n.Min, n.Max, n.Sum, n.First, n.Last, n.From, n.To}
	}
	row := [17]any{id, c.FirstSeq, c.Count, spanOf(c), c.MinTime, c.MaxTime, n.Count,
		numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], c.Data, c.Level, c.Cell}
	if c.Level == 0 {
		_, err = w.insert.ExecContext(w.ctx, row[:15]...)
	} else {
		_, err = w.insertRollup.ExecContext(w.ctx, row[:]...)
	}
	return err
}

// seriesID returns the row of a series, which it makes if there is none.
func (w *writer) seriesID(c *sensocto.Chunk) (id int64, err error) {
	key := seriesID{c.SensorID, c.AttributeID}
	if id, ok := w.made[key]; ok {
		return id, nil
	}
	w.db.idMu.Lock()
	id, ok := w.db.ids[key]
	w.db.idMu.Unlock()
	if ok {
		return id, nil
	}
	err = w.tx.StmtContext(w.ctx, w.db.create).QueryRowContext(w.ctx, c.SensorID, c.AttributeID, c.MinTime, c.MaxTime).Scan(&id)
	if err == nil {
		w.made[key] = id
	}
	return id, err
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
