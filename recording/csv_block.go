package recording

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
)

// maxBlockText bounds the documents of a block, unless one row has more.
const maxBlockText = 1 << 20

// waitingRow is a row that was read: a number for each column, NaN where it has
// none, and its documents.
type waitingRow struct {
	at        int64 // offset
	cells     []float64
	documents []Document
}

// rows are the cells of a block, row by row, with NaN for gaps.
type rows struct {
	cells     []float64
	times     []int64 // offsets
	documents []Document
	text      int   // bytes of the documents
	first     int64 // number of the first row
}

// next gathers rows until one lies a block's span behind the first.
func (t *table) next(b *Block) error {
	if !t.pending {
		if err := t.fetch(); err != nil {
			return err
		}
	}
	b.From = max(t.waiting.at, t.highest)
	limit := max(maxBlockSamples/max(len(t.columns), 1), 1)
	t.rows = rows{cells: t.rows.cells[:0], times: t.rows.times[:0], documents: t.rows.documents[:0], first: t.row - 1}
	for t.pending && t.waiting.at < b.From+t.span && len(t.rows.times) < limit && t.rows.text < maxBlockText {
		t.rows.add(&t.waiting)
		t.highest = max(t.highest, t.waiting.at+1)
		if err := t.fetch(); err != nil && err != io.EOF {
			return err
		}
	}
	t.highest = max(t.highest, b.From+1)
	b.To = t.highest
	t.addRuns(b)
	t.addDocuments(b)
	return nil
}

func (r *rows) add(w *waitingRow) {
	r.times = append(r.times, w.at)
	r.cells = append(r.cells, w.cells...)
	r.documents = append(r.documents, w.documents...)
	for _, d := range w.documents {
		r.text += len(d.JSON)
	}
}

// fetch reads the next row into waiting. At the end none is pending.
func (t *table) fetch() error {
	t.pending = false
	cells, at, err := t.nextRow()
	if err == io.EOF {
		return err
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.path, err)
	}
	t.waiting.at, t.waiting.documents = at-t.origin, t.waiting.documents[:0]
	for i := range t.columns {
		if err := t.fetchCell(&t.columns[i], cells); err != nil {
			return fmt.Errorf("%s: %w", t.path, err)
		}
	}
	t.row++
	t.pending = true
	return nil
}

// nextRow returns the cells of the next row in order of time, and its time.
func (t *table) nextRow() (cells [][]byte, at int64, err error) {
	if t.row == t.total {
		return nil, 0, io.EOF
	}
	if t.order != nil {
		at, line, err := t.order.next()
		if err != nil {
			return nil, 0, err
		}
		cells, err = t.cellsOf(line)
		return cells, at, err
	}
	if cells, err = t.readRow(); err != nil {
		return nil, 0, err
	}
	at, err = t.timeOf(cells, t.row)
	return cells, at, err
}

// fetchCell reads a cell of a row, which the survey has read before.
func (t *table) fetchCell(c *column, cells [][]byte) error {
	cell := cells[c.index]
	v, kind := parseCell(cell, t.lines.quotes[c.index])
	t.waiting.cells[c.signal] = v
	switch kind {
	case cellDocument:
		text := append([]byte(nil), document(cell)...)
		t.waiting.documents = append(t.waiting.documents, Document{Signal: c.signal, Offset: t.waiting.at, JSON: text})
	case cellText:
		return fmt.Errorf("the file changed while it was read: %q in %s is no number", toText(shorten(cell)), c.label())
	}
	return nil
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

// addDocuments adds the documents, ordered by signal and time.
func (t *table) addDocuments(b *Block) {
	b.Documents = append(b.Documents, t.rows.documents...)
	slices.SortStableFunc(b.Documents, func(x, y Document) int { return cmp.Compare(x.Signal, y.Signal) })
}
