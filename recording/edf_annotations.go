package recording

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxAnnotations bounds the list of annotations, which is held in memory.
const maxAnnotations = 1 << 21

// Marks in a time-stamped annotation list.
const (
	textMark     = 0x14 // ends the onset with its duration, and each text
	durationMark = 0x15 // between onset and duration
)

// scanAnnotations reads the annotation signals of all data records: when each
// record began, and what is remarked. Only those bytes of the file are read.
func (e *edf) scanAnnotations() error {
	h := e.header
	keeps := slices.ContainsFunc(h.signals, func(s edfSignal) bool { return s.annotations })
	if !keeps {
		if h.discontinuous && e.records > 0 {
			return fmt.Errorf("%s: is discontinuous, but has no annotation signal that keeps the time", e.file.path)
		}
		return nil
	}
	for record := range e.records {
		before := len(e.annotations)
		err := e.scanRecord(record)
		if err == nil {
			continue
		}
		if !e.announced(record) {
			e.ignore("%d bytes behind the data records that the header announces: they are none (%v)", (e.records-record)*h.recordBytes, err)
			e.records, e.annotations = record, e.annotations[:before]
			break
		}
		return fmt.Errorf("%s: data record %d: %w", e.file.path, record+1, err)
	}
	return nil
}

// announced reports whether the header counts a data record.
func (e *edf) announced(record int64) bool { return e.header.records < 0 || record < e.header.records }

// scanRecord reads the annotation signals of a data record. The first of them
// keeps the time.
func (e *edf) scanRecord(record int64) error {
	keeper := true
	for i := range e.header.signals {
		s := &e.header.signals[i]
		if !s.annotations {
			continue
		}
		b, err := e.file.bytes(e.recordAt(record)+s.offset, int(s.samples*e.header.width))
		if err != nil {
			return err
		}
		if err := e.scanLists(b, record, keeper); err != nil {
			return err
		}
		keeper = false
	}
	return nil
}

// scanLists reads the time-stamped annotation lists of one signal of a record.
func (e *edf) scanLists(b []byte, record int64, keeper bool) error {
	timed := false
	for first := true; ; first = false {
		b = bytes.TrimLeft(b, "\x00")
		if len(b) == 0 {
			break
		}
		end := bytes.IndexByte(b, 0)
		if end < 0 {
			return fmt.Errorf("annotation %q does not end", shorten(b))
		}
		onset, clock, err := e.scanList(b[:end])
		if err != nil {
			return fmt.Errorf("annotation %q: %w", shorten(b[:end]), err)
		}
		if keeper && first && (clock || e.header.discontinuous) {
			timed = true
			if err := e.keepTime(record, onset); err != nil {
				return err
			}
		}
		b = b[end:]
	}
	// Where the records join, those that do not say when they began are known.
	if keeper && !timed && (e.header.discontinuous || !e.announced(record)) {
		return errors.New("has no time-keeping annotation")
	}
	return nil
}

func shorten(b []byte) []byte { return b[:min(len(b), 40)] }

// keepTime notes when a data record began.
func (e *edf) keepTime(record, onset int64) error {
	if record == 0 {
		e.firstOnset = onset
	}
	if !e.header.discontinuous {
		return nil
	}
	onset -= e.firstOnset
	if n := len(e.onsets); n > 0 {
		// Onsets have few decimals, so that a record may seem to begin a
		// little before the end of the one before.
		const tolerance = 1000
		if end := e.onsets[n-1] + int64(math.Round(e.header.duration*1e6)); onset < end-tolerance {
			return fmt.Errorf("begins %d µs after the start, before the end of the one before (%d µs)", onset, end)
		}
	}
	e.onsets = append(e.onsets, onset)
	return nil
}

// scanList reads one list: an onset, perhaps a duration, and texts that hold
// at that time. It returns the onset, and whether the first text is empty: such
// a list keeps the time.
func (e *edf) scanList(b []byte) (onset int64, clock bool, err error) {
	head, texts, ok := bytes.Cut(b, []byte{textMark})
	if !ok || b[len(b)-1] != textMark {
		return 0, false, errors.New("want an onset and texts, each ended by a byte 20")
	}
	start, length, timed := bytes.Cut(head, []byte{durationMark})
	if len(start) == 0 || start[0] != '+' && start[0] != '-' {
		return 0, false, errors.New("want an onset with a sign")
	}
	if onset, err = edfMicros(start); err != nil {
		return 0, false, err
	}
	a := Annotation{Offset: onset}
	if timed {
		if a.Duration, err = edfMicros(length); err != nil {
			return 0, false, err
		}
		a.Duration = max(a.Duration, 0) // some programs write -1 where they know none
	}
	clock = len(texts) == 0 || texts[0] == textMark
	for len(texts) > 0 {
		var text []byte
		if text, texts, _ = bytes.Cut(texts, []byte{textMark}); len(text) == 0 {
			continue
		}
		if len(e.annotations) == maxAnnotations {
			return 0, false, fmt.Errorf("more than %d annotations", maxAnnotations)
		}
		a.Text = toText(text)
		e.annotations = append(e.annotations, a)
	}
	return onset, clock, nil
}

func edfMicros(text []byte) (int64, error) {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(math.Abs(v) <= maxSeconds) {
		return 0, fmt.Errorf("%q: want seconds", text)
	}
	return int64(math.Round(v * 1e6)), nil
}

// findPadding takes out of the annotations those that mark stretches of a
// signal as not measured, and gives them to the signals.
func (e *edf) findPadding() {
	byLabel := e.byLabel()
	kept := e.annotations[:0]
	for _, a := range e.annotations {
		label, ok := strings.CutPrefix(a.Text, noSignal)
		if s := byLabel[label]; ok && s != nil {
			// Times are rounded to µs; half a sample is far enough from the next.
			half := int64(math.Round(e.header.duration * 5e5 / float64(s.samples)))
			from := a.Offset - e.firstOnset - half
			s.padding = append(s.padding, span{from, from + a.Duration})
			continue
		}
		kept = append(kept, a)
	}
	e.annotations = kept
	for i := range e.header.signals {
		slices.SortFunc(e.header.signals[i].padding, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	}
}

// byLabel returns the first signal of each label.
func (e *edf) byLabel() map[string]*edfSignal {
	found := map[string]*edfSignal{}
	for i := range e.header.signals {
		s := &e.header.signals[i]
		if _, ok := found[s.label]; !ok && !s.annotations {
			found[s.label] = s
		}
	}
	return found
}
