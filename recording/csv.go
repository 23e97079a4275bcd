package recording

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// table reads a CSV file: a header line, then one row per moment.
//
//   - Fields are separated by commas, semicolons or tabs, whichever the
//     header has most of, and may be quoted. Numbers have a decimal point, or,
//     where commas do not separate the fields, all a decimal comma.
//   - A header "name (unit)" or "name [unit]" gives a unit.
//   - The time is the first column named time, timestamp, t, datetime,
//     elapsed, … (with a unit in brackets or as a suffix, "time_ms"), or the
//     first column if it has no name and holds dates. It is a number or a
//     date as in ISO 8601; see timeColumn.learn for what numbers mean.
//   - Without a time column the rate must be known: from the options, or from
//     a comment line "# rate: 250" before the header; "# start: 2024-05-01T10:00:00Z"
//     gives the start.
//   - Empty cells, and NaN, NA, null, None and -, are gaps.
//   - A column whose first value is no number is ignored (Recording.Ignored);
//     a later value that is none is an error.
//   - Lines that begin with # are comments.
type table struct {
	path    string
	file    *os.File
	lines   *lineReader
	time    timeColumn
	decimal decimalMark
	columns []column
	width   int   // cells per row
	origin  int64 // first time, µs, that the offsets count from
	signals []Signal
	rate    float64 // where there is no time column
	span    int64   // of a block, µs

	row     int64     // next row
	pending bool      // cells of a row that belongs to the next block wait
	at      int64     // its offset
	waiting []float64 // its values
	highest int64     // end of the blocks so far
	rows    rows
}

// maxColumns bounds what a header line makes the reader keep.
const maxColumns = 10_000

// column is a column of the file that became a signal.
type column struct {
	index  int // in a row
	name   string
	unit   string
	known  bool // a value was seen
	text   bool // the first value was no number
	count  int64
	first  int64 // offsets of the first and the last value
	last   int64
	signal int
	// delivered counts the values of a column with times, while reading.
	delivered int64
}

func openCSV(path string, o Options) (_ *Recording, err error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	t := &table{path: path, file: f, rate: o.Rate, span: max(o.BlockSpan.Microseconds(), 1)}
	r := &Recording{Name: stem(path), Format: FormatCSV, source: t}
	if err := t.readHeader(r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := t.survey(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t.describe(r)
	return r, t.rewind()
}

// readHeader reads the comments and the header line.
func (t *table) readHeader(r *Recording) error {
	t.lines = newLineReader(t.file)
	for {
		line, err := t.lines.line()
		if err == io.EOF {
			return errors.New("is empty: a header line with the names of the columns is missing")
		}
		if err != nil {
			return err
		}
		if line[0] != '#' {
			t.lines.separator = separatorOf(line)
			cells, err := t.lines.split(line)
			if err != nil {
				return err
			}
			return t.parseHeader(cells)
		}
		text := strings.ToValidUTF8(strings.TrimSpace(string(line[1:])), "?")
		r.Comments = append(r.Comments, text)
		if len(r.Comments) > 10_000 {
			return errors.New("too many comment lines before the header")
		}
		if err := t.parseComment(r, text); err != nil {
			return fmt.Errorf("line %d: %w", t.lines.number, err)
		}
	}
}

// parseComment takes "rate: 250 Hz" and "start: 2024-05-01T10:00:00Z".
func (t *table) parseComment(r *Recording, text string) error {
	key, value, ok := strings.Cut(text, ":")
	if !ok {
		return nil
	}
	value = strings.TrimSpace(value)
	switch strings.ToLower(strings.TrimSpace(key)) {
	case "rate", "sampling rate", "sampling_rate", "sample rate", "sample_rate", "fs":
		number := strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(value, "Hz"), "hz"))
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || !(v > 0) {
			return fmt.Errorf("rate %q: want a number of Hz", value)
		}
		if t.rate == 0 {
			t.rate = v
		}
	case "start", "start time", "start_time":
		start, ok := parseISO(value)
		if !ok {
			return fmt.Errorf("start %q: want a date as in ISO 8601", value)
		}
		r.Start = start.UTC()
	}
	return nil
}

func (t *table) parseHeader(cells [][]byte) error {
	t.time.index, t.width = -1, len(cells)
	if t.width > maxColumns {
		return fmt.Errorf("line %d: %d columns are more than %d", t.lines.number, t.width, maxColumns)
	}
	for i, cell := range cells {
		header := strings.ToValidUTF8(string(cell), "?")
		if unit, ok := recogniseTime(header); ok && t.time.index < 0 {
			t.time = timeColumn{index: i, unit: unit}
			continue
		}
		name, unit := splitUnit(header)
		t.columns = append(t.columns, column{index: i, name: name, unit: unit})
	}
	if numeric := !slices.ContainsFunc(cells, func(c []byte) bool { _, err := parseCell(c); return err != nil }); numeric {
		return fmt.Errorf("line %d: the first line has only numbers: a header line with the names of the columns is missing", t.lines.number)
	}
	return nil
}

func (t *table) rewind() error {
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	separator := t.lines.separator
	t.lines = newLineReader(t.file)
	t.lines.separator = separator
	t.row, t.pending, t.highest = 0, false, 0
	for i := range t.columns {
		t.columns[i].delivered = 0
	}
	_, err := t.lines.row() // the header
	return err
}

// verify has nothing more to find: opening has read the whole file.
func (t *table) verify() error { return nil }

func (t *table) Close() error { return t.file.Close() }
