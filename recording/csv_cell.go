package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
)

// cellKind is what a cell holds.
type cellKind byte

const (
	cellGap    cellKind = iota
	cellNumber          // finite
	// cellWord is a gap that a device or a program put into words: that there
	// was one is said.
	cellWord
	cellDocument // JSON that is no number
	cellText     // whatever else
)

// parseCell returns what a cell holds, and its number, NaN where it has none.
func parseCell(cell []byte, quoted bool) (float64, cellKind) {
	switch string(cell) {
	case "", "NaN", "nan", "NAN", "NA", "N/A", "n/a", "null", "NULL", "None", "-", "--":
		return math.NaN(), cellGap
	case "unavailable", "unknown", "Unavailable", "Unknown", "#N/A", "?":
		return math.NaN(), cellWord
	}
	if quoted || cell[0] == '{' || cell[0] == '[' {
		if isDocument(cell) {
			return math.NaN(), cellDocument
		}
	}
	if cell[0] > '9' { // a letter: strconv would allocate an error
		return math.NaN(), cellText
	}
	v, err := strconv.ParseFloat(string(cell), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return math.NaN(), cellText
	}
	return v, cellNumber
}

// isDocument reports whether a cell is JSON, but not a number.
func isDocument(cell []byte) bool {
	first := bytes.TrimLeft(cell, " \t")
	if len(first) == 0 || first[0] == '-' || '0' <= first[0] && first[0] <= '9' {
		return false
	}
	return json.Valid(cell)
}

// document returns the JSON of a cell, in UTF-8.
func document(cell []byte) []byte {
	cell = bytes.TrimSpace(cell)
	if utf8.Valid(cell) {
		return cell
	}
	return []byte(toText(cell))
}

// oddCells counts the cells of a column that hold neither numbers nor nothing.
type oddCells struct {
	count   int64
	first   string
	line    int
	numbers int64 // that came behind the first, in a column that is left out
}

func (o *oddCells) add(cell []byte, line int) {
	if o.count++; o.count == 1 {
		o.first, o.line = toText(shorten(cell)), line
	}
}

// counted returns a number and what it counts.
func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// label names a column to people.
func (c *column) label() string {
	if c.name == "" {
		return fmt.Sprintf("column %d", c.index+1)
	}
	return fmt.Sprintf("column %q", cleanName(c.name))
}

// survey learns from a cell what the column holds, and refuses what it cannot.
func (c *column) survey(cell []byte, quoted bool, at int64, line int) error {
	_, kind := parseCell(cell, quoted)
	switch {
	case kind == cellGap:
	case kind == cellWord:
		c.odd.add(cell, line)
	case c.text:
		if kind == cellNumber {
			c.odd.numbers++
		}
	case kind == cellText && c.known:
		return fmt.Errorf("line %d: %q in %s: want a number", line, toText(shorten(cell)), c.label())
	case kind == cellText:
		c.text, c.odd = true, oddCells{}
		c.odd.add(cell, line)
	case kind == cellDocument && len(document(cell)) > sensocto.MaxDocumentBytes:
		return fmt.Errorf("line %d: %s: a document of %d bytes is longer than %d", line, c.label(), len(document(cell)), sensocto.MaxDocumentBytes)
	default:
		c.value(kind, at)
	}
	return nil
}

// value counts a number or a document.
func (c *column) value(kind cellKind, at int64) {
	if !c.known {
		c.known, c.first, c.last = true, at, at
	}
	c.first, c.last = min(c.first, at), max(c.last, at)
	c.numbers = c.numbers || kind == cellNumber
	c.documents = c.documents || kind == cellDocument
	c.count++
}

// ignored says what of the column is left out, "" where nothing is.
func (c *column) ignored() string {
	switch {
	case c.text && c.start:
		return fmt.Sprintf("%s: its first time is taken for the start, and the others are left out", c.label())
	case c.text && c.odd.numbers > 0:
		return fmt.Sprintf("%s: left out, because its first value %q (line %d) is no number; with it %s behind", c.label(), c.odd.first, c.odd.line, counted(c.odd.numbers, "number"))
	case c.text:
		return fmt.Sprintf("%s: left out, because it holds no numbers (%q in line %d)", c.label(), c.odd.first, c.odd.line)
	case c.odd.count > 0:
		return fmt.Sprintf("%s: no number in %s such as %q (line %d): left out", c.label(), counted(c.odd.count, "cell"), c.odd.first, c.odd.line)
	}
	return ""
}
