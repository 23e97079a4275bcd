package recording

import (
	"fmt"
	"io"
	"math"
	"os"
	"time"
)

// table reads a CSV file: a header line, then one row per moment.
//
//   - The text is UTF-8, UTF-16 with a byte order mark, or Windows-1252. Lines
//     end with LF, CR LF or CR. Lines that begin with # or % are comments.
//   - Fields are separated by commas, semicolons or tabs, whichever the
//     header has most of or a first line "sep=;" says, and may be quoted.
//     Numbers have a decimal point, or all of them a decimal comma.
//   - A header "name (unit)" or "name [unit]" gives a unit; so does a second
//     line that has units alone.
//   - The time is the first column named time, timestamp, t, datetime,
//     elapsed, … (with a unit in brackets or as a suffix, "time_ms"), a date
//     and a time beside each other, or the first column if it has no name and
//     holds dates. It is a number or a date; see timeColumn.learn for what
//     numbers mean. Rows may come in any order of time.
//   - Without a time column the rate must be known: from the options, or from
//     a comment line "# rate: 250" before the header; "# start: 2024-05-01T10:00:00Z"
//     gives the start.
//   - Empty cells, and words such as NaN, null or unavailable, are gaps.
//   - A quoted cell of JSON that is no number is a document.
//   - A column whose first value is neither a number nor a document is left
//     out, which Recording.Ignored says; a later value that is neither is an
//     error.
//   - Fields that are missing at the end of a row are gaps only if their
//     columns hold no values in any row. A last line without an end that is no
//     complete row is left out, which Recording.Ignored says.
type table struct {
	path    string
	file    *os.File // in UTF-8
	size    int64
	lines   *lineReader
	body    position // of the first row
	time    timeColumn
	decimal decimalMark
	columns []column
	width   int       // cells per row
	start   time.Time // of time 0, where the file says it beside the time column
	origin  int64     // earliest time, µs, that the offsets count from
	signals []Signal
	rate    float64 // where there is no time column
	span    int64   // of a block, µs
	found   findings
	order   *rowOrder // nil where the rows are in order of time

	row     int64 // next row
	total   int64 // rows in all
	pending bool  // cells of a row that belongs to the next block wait
	waiting waitingRow
	highest int64 // end of the blocks so far
	rows    rows
}

// maxColumns bounds what a line makes the reader keep.
const maxColumns = 10_000

// column is a column of the file that may become a signal.
type column struct {
	index     int // in a row
	name      string
	unit      string
	known     bool // a number or a document was seen
	documents bool // a document was seen
	numbers   bool // a number was seen
	text      bool // the first value was neither
	start     bool // its first cell says when the recording began
	odd       oddCells
	count     int64
	first     int64 // times of the earliest and the latest value
	last      int64
	signal    int
	// delivered counts the values of a column with times, while reading.
	delivered int64
}

func openCSV(path string, o Options) (_ *Recording, err error) {
	t := &table{path: path, rate: o.Rate, span: max(o.BlockSpan.Microseconds(), 1), total: math.MaxInt64}
	t.time = timeColumn{index: -1, date: -1, zone: o.Zone}
	if t.file, t.size, err = openText(path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	r := &Recording{Name: stem(path), Format: FormatCSV, source: t}
	if err := t.open(r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func (t *table) open(r *Recording) error {
	t.goTo(position{})
	if err := t.readHeader(r); err != nil {
		return err
	}
	if err := t.survey(); err != nil {
		return err
	}
	if t.found.late > 0 {
		if err := t.sortRows(); err != nil {
			return err
		}
	}
	if err := t.describe(r); err != nil {
		return err
	}
	return t.rewind()
}

// goTo continues to read lines at a position.
func (t *table) goTo(p position) {
	separator := byte(',')
	if t.lines != nil {
		separator = t.lines.separator
	}
	t.lines = newLineReader(io.NewSectionReader(t.file, p.offset, t.size-p.offset), p)
	t.lines.separator = separator
	t.time.previous = math.MinInt64
}

func (t *table) rewind() error {
	t.goTo(t.body)
	t.row, t.pending, t.highest = 0, false, 0
	for i := range t.columns {
		t.columns[i].delivered = 0
	}
	if t.order != nil {
		return t.order.rewind()
	}
	return nil
}

// verify has nothing more to find: opening has read the whole file.
func (t *table) verify() error { return nil }

func (t *table) Close() error {
	err := t.file.Close()
	if t.order != nil {
		_ = t.order.close()
	}
	return err
}

// startOf returns when the recording began, zero where it is not known.
func (t *table) startOf() time.Time {
	switch {
	case t.time.absolute:
		return time.UnixMicro(t.origin).UTC()
	case !t.start.IsZero():
		return t.start.Add(time.Duration(t.origin) * time.Microsecond)
	}
	return time.Time{}
}
