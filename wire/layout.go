package wire

import (
	"bytes"
	"math"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
)

// layout is how the last good numeric measurement was written: the text around its two
// numbers. A device writes one measurement like the other. Where the text is the same
// what it means is the same too, and only the numbers have to be read.
type layout struct {
	before, between, after []byte
	timestampFirst         bool
	attribute              string // "" until something was learnt
}

// learn remembers how the item is written that was read from text[from:to].
func (l *layout) learn(it *item, text []byte, from, to int, attribute string) {
	first, second := it.valueAt, it.timestampAt
	l.timestampFirst = second.from < first.from
	if l.timestampFirst {
		first, second = second, first
	}
	l.before = append(l.before[:0], text[from:first.from]...)
	l.between = append(l.between[:0], text[first.to:second.from]...)
	l.after = append(l.after[:0], text[second.to:to]...)
	l.attribute = attribute
}

// scan reads the item at text[i] if it is written in this way and good. Else end is -1:
// it has to be read like any other.
func (l *layout) scan(text []byte, i int, latest int64) (micros int64, value float64, end int) {
	if l.attribute == "" || !bytes.HasPrefix(text[i:], l.before) {
		return 0, 0, -1
	}
	i += len(l.before)
	if l.timestampFirst {
		micros, i = timestamp(text, i)
	} else {
		value, i = jsonscan.Number(text, i)
	}
	if i < 0 || !bytes.HasPrefix(text[i:], l.between) {
		return 0, 0, -1
	}
	i += len(l.between)
	if l.timestampFirst {
		value, i = jsonscan.Number(text, i)
	} else {
		micros, i = timestamp(text, i)
	}
	if i < 0 || !bytes.HasPrefix(text[i:], l.after) || micros < sensocto.MinTimestamp || micros > latest || math.IsInf(value, 0) {
		return 0, 0, -1
	}
	return micros, value, i + len(l.after)
}
