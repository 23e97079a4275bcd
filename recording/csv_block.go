package recording

import (
	"bytes"
	"fmt"
	"io"
	"math"
)

// rows are the cells of a block, row by row, with NaN for gaps.
type rows struct {
	cells []float64
	times []int64 // offsets
	first int64   // number of the first row
}

// next gathers rows until one lies a block's span behind the first.
func (t *table) next(b *Block) error {
	if !t.pending {
		if err := t.fetch(); err != nil {
			return err
		}
	}
	b.From = max(t.at, t.highest)
	limit := max(maxBlockSamples/max(len(t.columns), 1), 1)
	t.rows = rows{t.rows.cells[:0], t.rows.times[:0], t.row - 1}
	for t.pending && t.at < b.From+t.span && len(t.rows.times) < limit {
		t.rows.times = append(t.rows.times, t.at)
		t.rows.cells = append(t.rows.cells, t.waiting...)
		t.highest = max(t.highest, t.at+1)
		if err := t.fetch(); err != nil && err != io.EOF {
			return err
		}
	}
	t.highest = max(t.highest, b.From+1)
	b.To = t.highest
	t.addRuns(b)
	return nil
}

// fetch reads the next row into waiting. At the end none is pending.
func (t *table) fetch() error {
	t.pending = false
	cells, err := t.nextRow()
	if err == io.EOF {
		return err
	}
	if err == nil {
		t.at, err = t.timeOf(cells, t.row)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.path, err)
	}
	for i, c := range t.columns {
		if t.waiting[i], err = parseCell(cells[c.index]); err != nil {
			return fmt.Errorf("%s: %w", t.path, t.badCell(cells, &t.columns[i], err))
		}
	}
	t.row++
	t.pending = true
	return nil
}

func (t *table) badCell(cells [][]byte, c *column, err error) error {
	return fmt.Errorf("line %d: %q in column %q: %w", t.lines.number, bytes.ToValidUTF8(shorten(cells[c.index]), []byte("?")), c.name, err)
}

// addRuns turns the rows into runs, one column after the other.
func (t *table) addRuns(b *Block) {
	b.grow(len(t.rows.cells))
	if t.time.index >= 0 {
		b.growTimes(len(t.rows.cells))
	}
	for i := range t.columns {
		if t.time.index >= 0 {
			t.addTimed(b, i)
		} else {
			t.addRegular(b, i)
		}
	}
}

// addTimed adds a column whose values have times: one run without the gaps.
func (t *table) addTimed(b *Block, i int) {
	from := len(b.values)
	for row, at := range t.rows.times {
		if v := t.rows.cells[row*len(t.columns)+i]; !math.IsNaN(v) {
			b.values, b.times = append(b.values, v), append(b.times, at)
		}
	}
	n := len(b.values) - from
	if n == 0 {
		return
	}
	c := &t.columns[i]
	times := b.times[len(b.times)-n:]
	b.Runs = append(b.Runs, Run{Signal: c.signal, First: c.delivered, Rate: t.signals[i].Rate, Times: times, Values: b.values[from:]})
	c.delivered += int64(n)
}

// addRegular adds a column of a table with a rate: runs between the gaps.
func (t *table) addRegular(b *Block, i int) {
	open := false
	for row := range t.rows.times {
		v := t.rows.cells[row*len(t.columns)+i]
		if math.IsNaN(v) {
			open = false
			continue
		}
		b.values = append(b.values, v)
		if !open {
			b.Runs = append(b.Runs, Run{Signal: t.columns[i].signal, First: t.rows.first + int64(row), Rate: t.rate})
		}
		open = true
		run := &b.Runs[len(b.Runs)-1]
		run.Values = b.values[len(b.values)-len(run.Values)-1:]
	}
}
