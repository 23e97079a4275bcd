package wire

import (
	"bytes"
	"math"
	"slices"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
)

// Bounds of what a Decoder remembers of how measurements are written; others are valid
// too, but take longer to read.
const (
	maxLayouts     = 8
	maxLayoutBytes = 256 // of a measurement's text
)

// layouts are those of the attributes that a device sends, in the order in which they
// came first: where attributes take turns, that of the next measurement is the next one.
type layouts struct {
	list []layout
	last int // the one of the last measurement
}

// scan reads the item at text[i] if it is good, and written like the last one of its
// attribute. Else end is -1: it has to be read like any other.
func (s *layouts) scan(text []byte, i int, latest int64) (attribute string, micros int64, value float64, end int) {
	at := s.last
	for range min(2, len(s.list)) {
		if at == len(s.list) {
			at = 0
		}
		l := &s.list[at]
		if micros, value, end = l.scan(text, i, latest); end >= 0 {
			s.last = at
			return l.attribute, micros, value, end
		}
		at++
	}
	return "", 0, 0, -1
}

// learn remembers how a good numeric item is written that was read from text[from:to].
func (s *layouts) learn(it *item, text []byte, from, to int, attribute string) {
	at := slices.IndexFunc(s.list, func(l layout) bool { return l.attribute == attribute })
	if at < 0 && len(s.list) == maxLayouts || to-from > maxLayoutBytes {
		return
	}
	if at < 0 {
		at = len(s.list)
		s.list = append(s.list, layout{attribute: attribute})
	}
	s.list[at].learn(it, text, from, to)
	s.last = at
}

// layout is how a measurement was written: the text around its two numbers. A device
// writes one like the other. Where the text is the same what it means is the same too,
// and only the numbers have to be read.
type layout struct {
	attribute      string
	text           []byte // before the first number, between the two and after the second, concatenated
	between, after int    // where in text these begin
	timestampFirst bool
}

func (l *layout) learn(it *item, text []byte, from, to int) {
	first, second := it.valueAt, it.timestampAt
	l.timestampFirst = second.from < first.from
	if l.timestampFirst {
		first, second = second, first
	}
	l.text = append(l.text[:0], text[from:first.from]...)
	l.between = len(l.text)
	l.text = append(l.text, text[first.to:second.from]...)
	l.after = len(l.text)
	l.text = append(l.text, text[second.to:to]...)
}

func (l *layout) scan(text []byte, i int, latest int64) (micros int64, value float64, end int) {
	before, between, after := l.text[:l.between], l.text[l.between:l.after], l.text[l.after:]
	if !bytes.HasPrefix(text[i:], before) {
		return 0, 0, -1
	}
	i += len(before)
	if l.timestampFirst {
		micros, i = timestamp(text, i)
	} else {
		value, i = jsonscan.Number(text, i)
	}
	if i < 0 || !bytes.HasPrefix(text[i:], between) {
		return 0, 0, -1
	}
	i += len(between)
	if l.timestampFirst {
		value, i = jsonscan.Number(text, i)
	} else {
		micros, i = timestamp(text, i)
	}
	if i < 0 || !bytes.HasPrefix(text[i:], after) || micros < sensocto.MinTimestamp || micros > latest || math.IsInf(value, 0) {
		return 0, 0, -1
	}
	return micros, value, i + len(after)
}
