package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sensocto/sensocto"
)

// month is how many months a time is after the year 0. Chunks belong to the
// month, in UTC, in which they begin; what is before 2000 or after 2100 has one
// partition each, so that wrong clocks cannot make many.
type month int

const (
	firstMonth month = 2000 * 12
	endMonth   month = 2100 * 12
)

func monthOf(micros int64) month {
	t := time.UnixMicro(micros).UTC()
	m := month(t.Year()*12 + int(t.Month()) - 1)
	return min(max(m, firstMonth-1), endMonth)
}

// start returns when the month begins, in µs.
func (m month) start() int64 {
	return time.Date(int(m/12), time.Month(m%12+1), 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}

func (m month) table() string { return fmt.Sprintf("chunk_%04d_%02d", m/12, m%12+1) }

// ensureMonths makes the partitions that chunks need and that there are not.
func (w *writer) ensureMonths(ctx context.Context, chunks []sensocto.Chunk) error {
	if w.months == nil {
		if err := w.loadMonths(ctx); err != nil {
			return err
		}
	}
	for i := range chunks {
		m := monthOf(chunks[i].MinTime)
		if m < firstMonth || m >= endMonth || w.months[m] {
			continue
		}
		if err := w.makeMonth(ctx, m); err != nil {
			return fmt.Errorf("make partition %s: %w", m.table(), err)
		}
		w.months[m] = true
	}
	return nil
}

func (w *writer) loadMonths(ctx context.Context) error {
	rows, err := w.conn.Query(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'chunk'::regclass`)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	w.months = make(map[month]bool, len(names))
	for _, name := range names {
		var y, m int
		if n, _ := fmt.Sscanf(name, "chunk_%d_%d", &y, &m); n == 2 {
			w.months[month(y*12+m-1)] = true
		}
	}
	return nil
}

// makeMonth attaches a table that was made alone: unlike making it as a
// partition, that does not wait for who reads.
func (w *writer) makeMonth(ctx context.Context, m month) error {
	return pgx.BeginFunc(ctx, w.conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf(`CREATE TABLE %[1]s (LIKE chunk INCLUDING ALL);
			ALTER TABLE chunk ATTACH PARTITION %[1]s FOR VALUES FROM (%[2]d) TO (%[3]d)`, m.table(), m.start(), (m+1).start()))
		return err
	})
}
