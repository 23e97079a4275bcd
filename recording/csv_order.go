package recording

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// Bounds on what sorting the rows of a table keeps: in memory, and in a
// temporary file of 16 bytes a row.
const (
	orderRows  = 1 << 20
	orderBytes = 8 << 30
	// orderWindow is how much of the file is read around a line at once.
	orderWindow = 16 << 10
)

// rowOrder gives the rows of a file in order of their times, and rows of one
// time in the order of the file. It sorts where the rows lie, not the rows: in
// parts that fit in memory, which are merged when they are read.
type rowOrder struct {
	spool  *spool
	limit  int // rows of a part
	part   []rowPlace
	parts  []orderPart
	heap   []int // of parts, that with the earliest row first
	window fileWindow
	line   []byte // that next returned
}

// rowPlace says where the line of a row begins, and its time in µs.
type rowPlace struct{ at, offset int64 }

type orderPart struct {
	from, count int64 // in the spool
	reader      *spoolReader
}

func newRowOrder(f *os.File, size int64) (*rowOrder, error) {
	s, err := newSpool("", orderBytes)
	return &rowOrder{spool: s, limit: orderRows, window: fileWindow{file: f, size: size}}, err
}

// sortRows notes where every row lies.
func (t *table) sortRows() error {
	o, err := newRowOrder(t.file, t.size)
	if err != nil {
		return err
	}
	t.order = o
	t.goTo(t.body)
	for row := range t.total {
		cells, err := t.readRow()
		if err != nil {
			return err
		}
		at, err := t.timeOf(cells, row)
		if err != nil {
			return err
		}
		if err := o.add(rowPlace{at, t.lines.start}); err != nil {
			return err
		}
	}
	return o.flush()
}

func (o *rowOrder) add(p rowPlace) error {
	o.part = append(o.part, p)
	if len(o.part) < o.limit {
		return nil
	}
	return o.flush()
}

// flush writes the part in memory, sorted.
func (o *rowOrder) flush() error {
	slices.SortFunc(o.part, func(a, b rowPlace) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.offset, b.offset)) })
	o.parts = append(o.parts, orderPart{from: o.spool.size, count: int64(len(o.part))})
	for _, p := range o.part {
		// The spool holds pairs of a time and a number; offsets are exact
		// below 2^53.
		if err := o.spool.add(p.at, float64(p.offset)); err != nil {
			return fmt.Errorf("sort the rows: %w", err)
		}
	}
	o.part = o.part[:0]
	return o.spool.flush()
}

func (o *rowOrder) rewind() error {
	o.heap = o.heap[:0]
	for i := range o.parts {
		p := &o.parts[i]
		p.reader = o.spool.reader(p.from, p.count, len(o.parts))
		ok, err := p.reader.next()
		if err != nil {
			return err
		}
		if ok {
			o.heap = append(o.heap, i)
		}
	}
	heapify(o.heap, o.before)
	return nil
}

func (o *rowOrder) before(a, b int) bool {
	x, y := o.parts[o.heap[a]].reader, o.parts[o.heap[b]].reader
	return x.at < y.at || x.at == y.at && x.v < y.v
}

// next returns the time and the line of the next row.
func (o *rowOrder) next() (at int64, line []byte, err error) {
	if len(o.heap) == 0 {
		return 0, nil, io.EOF
	}
	r := o.parts[o.heap[0]].reader
	at, offset := r.at, int64(r.v)
	ok, err := r.next()
	if err != nil {
		return 0, nil, err
	}
	if !ok {
		o.heap[0] = o.heap[len(o.heap)-1]
		o.heap = o.heap[:len(o.heap)-1]
	}
	siftDown(o.heap, 0, o.before)
	if line, err = o.window.line(offset); err != nil {
		return 0, nil, err
	}
	o.line = append(o.line[:0], line...) // whoever reads cells changes decimal commas
	return at, o.line, nil
}

func (o *rowOrder) close() error { return o.spool.close() }

// fileWindow reads lines of a file that lie anywhere in it, often close to
// each other.
type fileWindow struct {
	file  *os.File
	size  int64
	start int64 // of buf in the file
	buf   []byte
}

// line returns the line that begins at an offset. It is valid until the next
// call.
func (w *fileWindow) line(at int64) ([]byte, error) {
	for length := int64(orderWindow); ; length *= 2 {
		if at >= w.start && at < w.start+int64(len(w.buf)) {
			rest := w.buf[at-w.start:]
			if end, _ := lineEnd(rest); end >= 0 {
				return rest[:end:end], nil
			}
			if w.start+int64(len(w.buf)) == w.size {
				return rest, nil
			}
		}
		if length > 4*maxLineBytes {
			return nil, fmt.Errorf("the file changed while it was read: at byte %d is no line", at)
		}
		if err := w.fill(max(at-length/2, 0), length); err != nil {
			return nil, err
		}
	}
}

func (w *fileWindow) fill(from, length int64) error {
	length = min(length, w.size-from, math.MaxInt32)
	if int64(cap(w.buf)) < length {
		w.buf = make([]byte, length)
	}
	w.buf, w.start = w.buf[:length], from
	_, err := w.file.ReadAt(w.buf, from)
	if err == io.EOF {
		err = fmt.Errorf("the file changed while it was read: it is shorter now")
	}
	return err
}
