package recording

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// maxLineBytes bounds a line of a CSV file, so that a file without line ends
// is not read whole. It has room for a document in each of a hundred columns.
const maxLineBytes = 16 << 20

// position is a place in a file between two lines.
type position struct {
	offset int64 // bytes before it
	lines  int   // lines before it
}

// lineReader reads a CSV file line by line. A row is one line: numbers and
// times have no line ends in them, and documents can do without.
type lineReader struct {
	in        *bufio.Scanner
	separator byte
	number    int   // of the line read last, from 1
	start     int64 // where it begins
	next      int64 // where the following begins
	unended   bool  // the file ends in it
	fields    int   // in it
	cells     [][]byte
	quotes    []bool // which of the cells were in quotes
	unquoted  []byte
}

func newLineReader(r io.Reader, at position) *lineReader {
	l := &lineReader{in: bufio.NewScanner(r), separator: ',', number: at.lines, next: at.offset}
	l.in.Buffer(make([]byte, 0, 64<<10), maxLineBytes)
	l.in.Split(l.scan)
	return l
}

// scan is a bufio.SplitFunc for lines that end with LF, CR LF or CR.
func (l *lineReader) scan(data []byte, atEOF bool) (advance int, line []byte, err error) {
	end, width := lineEnd(data)
	switch {
	case end >= 0 && end+width == len(data) && data[end] == '\r' && !atEOF:
		return 0, nil, nil // whether an LF follows
	case end < 0 && (!atEOF || len(data) == 0):
		return 0, nil, nil
	case end < 0:
		end = len(data)
		l.unended = true
	}
	l.start = l.next
	l.next += int64(end + width)
	return end + width, data[:end:end], nil
}

// lineEnd returns where the first line of data ends, and how long its end is;
// -1 and 0 where there is none. It looks at a few KiB at a time: where lines
// end with CR, it would look for an LF in all of data for each line.
func lineEnd(data []byte) (at, width int) {
	const step = 4 << 10
	for from := 0; from < len(data); from += step {
		part := data[from:min(from+step, len(data))]
		lf := bytes.IndexByte(part, '\n')
		if lf >= 0 {
			part = part[:lf]
		}
		cr := bytes.IndexByte(part, '\r')
		switch {
		case cr >= 0 && from+cr+1 < len(data) && data[from+cr+1] == '\n':
			return from + cr, 2
		case cr >= 0:
			return from + cr, 1
		case lf >= 0:
			return from + lf, 1
		}
	}
	return -1, 0
}

// line returns the next line that is not blank, without its end, or io.EOF.
func (l *lineReader) line() ([]byte, error) {
	for l.in.Scan() {
		l.number++
		line := l.in.Bytes()
		if l.start == 0 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			if bytes.IndexByte(line, 0) >= 0 {
				return nil, errors.New("line 1: is not text in UTF-8, nor in UTF-16 with a byte order mark")
			}
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return line, nil
		}
	}
	if err := l.in.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("line %d: longer than %d bytes", l.number+1, maxLineBytes)
	} else if err != nil {
		return nil, err
	}
	return nil, io.EOF
}

// row returns the next line that is neither blank nor a comment.
func (l *lineReader) row() ([]byte, error) {
	for {
		line, err := l.line()
		if err != nil || !isComment(line) {
			return line, err
		}
	}
}

func isComment(line []byte) bool { return line[0] == '#' || line[0] == '%' }

// position returns where the following line begins.
func (l *lineReader) position() position { return position{l.next, l.number} }

// split cuts a line into cells without quotes and surrounding blanks. They are
// valid until the next call, and as long as the line.
func (l *lineReader) split(line []byte) ([][]byte, error) {
	l.cells, l.quotes, l.unquoted = l.cells[:0], l.quotes[:0], slices.Grow(l.unquoted[:0], len(line))
	for len(l.cells) <= maxColumns {
		line = l.trimLeft(line)
		if len(line) > 0 && line[0] == '"' {
			cell, rest, ok := l.unquote(line[1:])
			rest = l.trimLeft(rest)
			if !ok || len(rest) > 0 && rest[0] != l.separator {
				return nil, fmt.Errorf("line %d: quotes are not closed, or not at the end of a field", l.number)
			}
			l.add(cell, true)
			if len(rest) == 0 {
				return l.cells, nil
			}
			line = rest[1:]
			continue
		}
		end := bytes.IndexByte(line, l.separator)
		if end < 0 {
			l.add(bytes.TrimSpace(line), false)
			return l.cells, nil
		}
		l.add(bytes.TrimSpace(line[:end]), false)
		line = line[end+1:]
	}
	return nil, fmt.Errorf("line %d: more than %d fields", l.number, maxColumns)
}

func (l *lineReader) add(cell []byte, quoted bool) {
	l.cells, l.quotes = append(l.cells, cell), append(l.quotes, quoted)
}

// trimLeft cuts blanks in front of a field. A tab is none where it separates.
func (l *lineReader) trimLeft(line []byte) []byte {
	for len(line) > 0 && (line[0] == ' ' || line[0] == '\t' && l.separator != '\t') {
		line = line[1:]
	}
	return line
}

// unquote reads a field behind its opening quote, in which two quotes stand
// for one.
func (l *lineReader) unquote(line []byte) (cell, rest []byte, ok bool) {
	start := len(l.unquoted)
	for {
		end := bytes.IndexByte(line, '"')
		if end < 0 {
			return nil, nil, false
		}
		l.unquoted = append(l.unquoted, line[:end]...)
		line = line[end+1:]
		if len(line) == 0 || line[0] != '"' {
			return l.unquoted[start:len(l.unquoted):len(l.unquoted)], line, true
		}
		l.unquoted, line = append(l.unquoted, '"'), line[1:]
	}
}
