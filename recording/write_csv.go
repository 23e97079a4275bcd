package recording

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// csvWriter writes a table: a row for each moment, a column for each
// attribute. Samples of one attribute at the same time stand in rows of their
// own, in their order. Numbers read back as the very same; what is no number
// is its JSON text, quoted.
type csvWriter struct {
	export Export
	line   []byte
}

func newCSVWriter(e Export) *csvWriter { return &csvWriter{export: e} }

// Notes implements File: nothing is left out.
func (w *csvWriter) Notes() []string { return nil }

// Close implements File.
func (w *csvWriter) Close() error { return nil }

// Write implements File.
func (w *csvWriter) Write(ctx context.Context, out io.Writer) error {
	b := bufio.NewWriterSize(out, 64<<10)
	if err := w.header(b); err != nil {
		return err
	}
	columns := make([]*pages, len(w.export.Attributes))
	var heap []int // columns that have more, the earliest first
	for i, a := range w.export.Attributes {
		columns[i] = w.export.pages(a, len(columns))
		s, err := columns[i].peek(ctx)
		if err != nil {
			return err
		}
		if s != nil {
			heap = append(heap, i)
		}
	}
	before := func(a, b int) bool {
		x, y := columns[heap[a]].page[0].Timestamp, columns[heap[b]].page[0].Timestamp
		return x < y || x == y && heap[a] < heap[b]
	}
	heapify(heap, before)
	row := csvRow{cells: make([]*sensocto.Sample, len(columns))}
	for len(heap) > 0 {
		i := heap[0]
		s := columns[i].page[0]
		if !row.takes(i, &s) {
			if err := w.row(b, &row); err != nil {
				return err
			}
			row.takes(i, &s)
		}
		columns[i].take()
		next, err := columns[i].peek(ctx)
		if err != nil {
			return err
		}
		if next == nil {
			heap[0] = heap[len(heap)-1]
			heap = heap[:len(heap)-1]
		}
		siftDown(heap, 0, before)
	}
	if err := w.row(b, &row); err != nil {
		return err
	}
	return b.Flush()
}

// csvRow is a row that is being gathered.
type csvRow struct {
	at    int64
	cells []*sensocto.Sample // nil where a column has none
	store []sensocto.Sample  // what cells point at
	set   int
}

// takes puts a sample into the row, unless it belongs to the next one: it is
// later, or its cell is taken.
func (r *csvRow) takes(i int, s *sensocto.Sample) bool {
	if r.store == nil {
		r.store = make([]sensocto.Sample, len(r.cells))
	}
	if r.set > 0 && (s.Timestamp != r.at || r.cells[i] != nil) {
		return false
	}
	r.at = s.Timestamp
	r.store[i] = *s
	r.cells[i] = &r.store[i]
	r.set++
	return true
}

func (w *csvWriter) row(b *bufio.Writer, r *csvRow) error {
	if r.set == 0 {
		return nil
	}
	line := appendMicros(w.line[:0], r.at)
	for i, s := range r.cells {
		line = append(line, ',')
		if s != nil {
			line = appendCell(line, s)
		}
		r.cells[i] = nil
	}
	r.set = 0
	w.line = append(line, '\n')
	_, err := b.Write(w.line)
	return err
}

// appendMicros appends a time as in ISO 8601, with six decimals.
func appendMicros(dst []byte, us int64) []byte {
	return time.UnixMicro(us).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z")
}

func appendCell(dst []byte, s *sensocto.Sample) []byte {
	if !s.IsDocument() {
		return sensocto.AppendNumber(dst, s.Value)
	}
	dst = append(dst, '"')
	if string(s.Document) == "null" {
		dst = append(dst, ' ') // a cell null is a gap to every reader of CSV
	}
	for _, c := range s.Document {
		switch c {
		case '"':
			dst = append(dst, '"', '"')
		case '\n', '\r': // white space between tokens: inside strings JSON has none
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// header writes the names of the columns, with units in brackets.
func (w *csvWriter) header(b *bufio.Writer) error {
	var line bytes.Buffer
	line.WriteString("time")
	for _, a := range w.export.Attributes {
		name := label(a)
		if strings.ContainsAny(name, "()[]") {
			name = a.ID // brackets hold units
		}
		if strings.IndexAny(name, "=+-@") == 0 {
			name = a.ID // a spreadsheet would take it for a formula
		}
		if a.Unit != "" && !strings.ContainsAny(a.Unit, "()") {
			name += " (" + a.Unit + ")"
		}
		line.WriteByte(',')
		if strings.ContainsAny(name, ",\"\r\n;\t") || strings.TrimSpace(name) != name {
			name = `"` + strings.NewReplacer(`"`, `""`, "\r", " ", "\n", " ").Replace(name) + `"`
		}
		line.WriteString(name)
	}
	line.WriteByte('\n')
	_, err := b.Write(line.Bytes())
	return err
}
