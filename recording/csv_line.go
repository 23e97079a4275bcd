package recording

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLineBytes bounds a line of a CSV file, so that a file without line ends
// is not read whole.
const maxLineBytes = 1 << 20

// lineReader reads a CSV file line by line. A row is one line: numbers and
// times have no line ends in them.
type lineReader struct {
	in        *bufio.Scanner
	separator byte
	number    int // of the line read last, from 1
	cells     [][]byte
	unquoted  []byte
}

func newLineReader(r io.Reader) *lineReader {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 64<<10), maxLineBytes)
	return &lineReader{in: in, separator: ','}
}

// line returns the next line that is not empty, without its end, or io.EOF.
func (l *lineReader) line() ([]byte, error) {
	for l.in.Scan() {
		l.number++
		line := l.in.Bytes()
		if l.number == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			if bytes.IndexByte(line, 0) >= 0 || bytes.HasPrefix(line, []byte("\xff\xfe")) {
				return nil, errors.New("line 1: is not text in UTF-8")
			}
		}
		if line = bytes.TrimSuffix(line, []byte("\r")); len(bytes.TrimSpace(line)) > 0 {
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

// row returns the cells of the next line that is no comment. They are valid
// until the next call.
func (l *lineReader) row() ([][]byte, error) {
	for {
		line, err := l.line()
		if err != nil {
			return nil, err
		}
		if line[0] == '#' {
			continue
		}
		return l.split(line)
	}
}

// split cuts a line into cells without quotes and surrounding blanks.
func (l *lineReader) split(line []byte) ([][]byte, error) {
	l.cells, l.unquoted = l.cells[:0], l.unquoted[:0]
	for {
		line = bytes.TrimLeft(line, l.blanks())
		if len(line) > 0 && line[0] == '"' {
			cell, rest, ok := l.quoted(line[1:])
			rest = bytes.TrimLeft(rest, l.blanks())
			if !ok || len(rest) > 0 && rest[0] != l.separator {
				return nil, fmt.Errorf("line %d: quotes are not closed, or not at the end of a field", l.number)
			}
			l.cells = append(l.cells, cell)
			if len(rest) == 0 {
				return l.cells, nil
			}
			line = rest[1:]
			continue
		}
		end := bytes.IndexByte(line, l.separator)
		if end < 0 {
			l.cells = append(l.cells, bytes.TrimSpace(line))
			return l.cells, nil
		}
		l.cells = append(l.cells, bytes.TrimSpace(line[:end]))
		line = line[end+1:]
	}
}

func (l *lineReader) blanks() string {
	if l.separator == '\t' {
		return " "
	}
	return " \t"
}

// quoted reads a field behind its opening quote, in which two quotes stand
// for one.
func (l *lineReader) quoted(line []byte) (cell, rest []byte, ok bool) {
	start := len(l.unquoted)
	for {
		end := bytes.IndexByte(line, '"')
		if end < 0 {
			return nil, nil, false
		}
		l.unquoted = append(l.unquoted, line[:end]...)
		line = line[end+1:]
		if len(line) == 0 || line[0] != '"' {
			return l.unquoted[start:], line, true
		}
		l.unquoted, line = append(l.unquoted, '"'), line[1:]
	}
}

// separatorOf guesses what separates the fields of a header line.
func separatorOf(header []byte) byte {
	best, most := byte(','), 0
	for _, c := range []byte(",;\t") {
		n, inside := 0, false
		for _, b := range header {
			switch {
			case b == '"':
				inside = !inside
			case b == c && !inside:
				n++
			}
		}
		if n > most {
			best, most = c, n
		}
	}
	return best
}

// splitUnit cuts "name (unit)" or "name [unit]".
func splitUnit(header string) (name, unit string) {
	for _, brackets := range []string{"()", "[]"} {
		if !strings.HasSuffix(header, brackets[1:]) {
			continue
		}
		if i := strings.LastIndex(header, brackets[:1]); i >= 0 {
			return strings.TrimSpace(header[:i]), strings.TrimSpace(header[i+1 : len(header)-1])
		}
	}
	return header, ""
}
