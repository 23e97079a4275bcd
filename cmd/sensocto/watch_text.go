package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
)

// textScreen draws a table of the attributes again and again: in place on a
// terminal, and every few seconds below each other elsewhere.
type textScreen struct {
	w        io.Writer
	terminal bool
	level    string // at which the sensors are looked at

	// mu guards the fields below: the reader changes, run draws.
	mu     sync.Mutex
	rows   map[rowKey]*row
	lagged int64
	lines  int // drawn last time
}

type rowKey struct{ sensor, attribute string }

// row is what is shown of one attribute.
type row struct {
	unit  string
	last  client.Item
	count int64 // samples since drawn
	rate  float64
	trace trace
}

func newTextScreen(w io.Writer, level string) *textScreen {
	return &textScreen{w: w, terminal: isTerminal(w), level: level, rows: make(map[rowKey]*row)}
}

func (s *textScreen) row(sensor, attribute string) *row {
	key := rowKey{sensor, attribute}
	r := s.rows[key]
	if r == nil {
		r = &row{}
		s.rows[key] = r
	}
	return r
}

func (s *textScreen) joined(j client.Joined) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range j.Sensor.Attributes {
		r := s.row(j.Sensor.ID, a.ID)
		r.unit = a.Unit
		if a.LastValue != nil {
			r.last = client.Item{AttributeID: a.ID, Sample: *a.LastValue}
		}
	}
}

func (s *textScreen) update(u client.Update) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lagged += u.Lagged
	newest := newestOf(u.Items)
	// What came together is drawn as it was measured, the newest of it now.
	when := func(micros int64) time.Time { return now.Add(time.Duration(micros-newest) * time.Microsecond) }
	for _, item := range u.Items {
		r := s.row(u.SensorID, item.AttributeID)
		r.last = item
		switch b := item.Bucket; {
		case b != nil:
			r.count += b.Count
			r.trace.add(when(b.From), when(b.To), b.Min, b.Max)
		case !item.IsDocument():
			r.count++
			r.trace.add(when(item.Timestamp), when(item.Timestamp), item.Value, item.Value)
		default:
			r.count++
		}
	}
}

// newestOf returns the latest timestamp. That of a bucket is its last.
func newestOf(items []client.Item) (newest int64) {
	for i := range items {
		newest = max(newest, items[i].Timestamp)
	}
	return newest
}

// run draws until ctx ends.
func (s *textScreen) run(ctx context.Context) {
	every := refresh
	if !s.terminal {
		every = 2 * time.Second
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		s.draw(every)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			s.draw(every)
			return
		}
	}
}

// draw renders under the lock and writes without it.
func (s *textScreen) draw(since time.Duration) {
	s.w.Write(s.render(since))
}

func (s *textScreen) render(since time.Duration) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	if s.terminal && s.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.lines)
	}
	s.lines = 0
	line := func(format string, args ...any) {
		fmt.Fprintf(&b, format, args...)
		if s.terminal {
			b.WriteString("\x1b[K")
		}
		b.WriteByte('\n')
		s.lines++
	}
	line("%-20s %-16s %9s  %-22s %s", "SENSOR", "ATTRIBUTE", "PER S", "LAST", "")
	for _, key := range s.sorted() {
		r := s.rows[key]
		// A running mean: single intervals jump with the size of batches.
		r.rate += (float64(r.count)/since.Seconds() - r.rate) * min(1, since.Seconds())
		r.count = 0
		line("%-20.20s %-16.16s %9.1f  %-22.22s %s", key.sensor, key.attribute, r.rate, r.value(), r.trace.draw(time.Now()))
	}
	if len(s.rows) == 0 {
		line("waiting for measurements …")
	}
	if s.lagged > 0 {
		line("%d samples came merged: %s", s.lagged, s.why())
	}
	return b.Bytes()
}

// why says what samples are merged for.
func (s *textScreen) why() string {
	if s.level == sensocto.AttentionHigh.String() {
		return "this terminal or its network is too slow for them"
	}
	return "so it is at level " + s.level + ", and traces show their range"
}

func (s *textScreen) sorted() []rowKey {
	keys := make([]rowKey, 0, len(s.rows))
	for k := range s.rows {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b rowKey) int {
		return cmp.Or(cmp.Compare(a.sensor, b.sensor), cmp.Compare(a.attribute, b.attribute))
	})
	return keys
}

// value is the last value with its unit, and the range of those that were
// merged with it.
func (r *row) value() string {
	switch {
	case r.last.AttributeID == "":
		return "-"
	case r.last.IsDocument():
		return string(r.last.Document)
	case r.last.Bucket != nil:
		b := r.last.Bucket
		return fmt.Sprintf("%.4g…%.4g %s (%d)", b.Min, b.Max, r.unit, b.Count)
	}
	return string(sensocto.AppendNumber(nil, r.last.Value)) + " " + r.unit
}

const (
	traceSlots = 80 // two for each character
	traceSlot  = 50 * time.Millisecond
)

// trace is the range of values in each of the last slots of time.
type trace struct {
	slots [traceSlots]struct {
		number   int64 // which slot of time this is
		min, max float64
	}
}

// add draws a range of values over a range of time. What is older than the
// trace shows is left out.
func (t *trace) add(from, to time.Time, low, high float64) {
	last := to.UnixNano() / int64(traceSlot)
	for n := max(from.UnixNano()/int64(traceSlot), last-traceSlots+1); n <= last; n++ {
		switch s := &t.slots[n%traceSlots]; {
		case s.number < n:
			s.number, s.min, s.max = n, low, high
		case s.number == n:
			s.min, s.max = min(s.min, low), max(s.max, high)
		}
	}
}

// draw returns the trace in Braille characters: two columns of four dots each.
func (t *trace) draw(now time.Time) string {
	last := now.UnixNano() / int64(traceSlot)
	low, high := math.Inf(1), math.Inf(-1)
	for i := range t.slots {
		if t.slots[i].number > last-traceSlots {
			low, high = min(low, t.slots[i].min), max(high, t.slots[i].max)
		}
	}
	text := make([]rune, traceSlots/2)
	for i := range text {
		text[i] = 0x2800
	}
	for i := range traceSlots {
		n := last - traceSlots + 1 + int64(i)
		if s := &t.slots[((n%traceSlots)+traceSlots)%traceSlots]; s.number == n {
			for dot := level(s.min, low, high); dot <= level(s.max, low, high); dot++ {
				text[i/2] |= brailleDot(i%2, dot)
			}
		}
	}
	return string(text)
}

// level is the dot, 0 at the bottom to 3, of a value between low and high.
func level(v, low, high float64) int {
	if !(high > low) {
		return 1
	}
	return int(min(3, math.Floor((v-low)/(high-low)*4)))
}

// brailleDot is the bit of a dot in the Unicode block of Braille patterns.
func brailleDot(column, dot int) rune {
	bits := [2][4]rune{{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}}
	return bits[column][dot]
}
