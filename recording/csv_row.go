package recording

import "fmt"

// readRow returns the cells of the next row that holds something, as many as
// the header has.
func (t *table) readRow() ([][]byte, error) {
	for {
		line, err := t.lines.row()
		if err != nil {
			return nil, err
		}
		cells, err := t.cellsOf(line)
		if err != nil {
			return nil, err
		}
		if t.time.index < 0 || !empty(cells) {
			return cells, nil
		}
	}
}

func empty(cells [][]byte) bool {
	for _, c := range cells {
		if len(c) > 0 {
			return false
		}
	}
	return true
}

// cellsOf splits a line. It leaves out empty fields behind those of the header,
// and adds empty ones for those that are missing: whether that is right is
// known when all rows are.
func (t *table) cellsOf(line []byte) ([][]byte, error) {
	cells, err := t.lines.split(line)
	if err != nil {
		return nil, err
	}
	for len(cells) > t.width && len(cells[len(cells)-1]) == 0 {
		cells = cells[:len(cells)-1]
	}
	if len(cells) > t.width || len(cells) <= t.time.index {
		return nil, t.badWidth(t.lines.number, len(cells))
	}
	t.lines.fields = len(cells)
	if len(cells) < t.width && len(cells) < t.found.shortest && !t.lines.unended {
		t.found.shortest, t.found.short = len(cells), t.lines.number
	}
	for len(cells) < t.width {
		t.lines.add(nil, false)
		cells = t.lines.cells
	}
	return cells, t.decimal.apply(t.lines, cells)
}

func (t *table) badWidth(line, fields int) error {
	return fmt.Errorf("line %d: %d fields, but the header has %d", line, fields, t.width)
}

// timeOf returns a row's time in µs.
func (t *table) timeOf(cells [][]byte, row int64) (int64, error) {
	if t.time.index < 0 {
		if t.rate == 0 {
			return 0, t.checkRate()
		}
		return offset(row, t.rate), nil
	}
	at, err := t.time.parse(t.time.textOf(cells))
	if err != nil {
		return 0, fmt.Errorf("line %d: %w", t.lines.number, err)
	}
	return at, nil
}
