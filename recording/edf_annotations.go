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

// scanAnnotations reads the annotation signals of all data records: when each
// record began, and what is remarked. Only those bytes of the file are read.
func (e *edf) scanAnnotations() error {
	keeper := true // the first annotation signal keeps the time
	for i := range e.header.signals {
		s := &e.header.signals[i]
		if !s.annotations {
			continue
		}
		for record := range e.records {
			at := e.recordAt(record) + s.offset
			b, err := e.file.bytes(at, int(s.samples*e.header.width))
			if err != nil {
				return err
			}
			if err := e.scanRecord(b, record, keeper); err != nil {
				return fmt.Errorf("%s: data record %d: %w", e.file.path, record+1, err)
			}
		}
		keeper = false
	}
	if e.header.discontinuous && keeper && e.records > 0 {
		return fmt.Errorf("%s: is discontinuous, but has no annotation signal that keeps the time", e.file.path)
	}
	return nil
}

// scanRecord reads the time-stamped annotation lists of one data record.
func (e *edf) scanRecord(b []byte, record int64, keeper bool) error {
	for first := true; ; first = false {
		b = bytes.TrimLeft(b, "\x00")
		if len(b) == 0 {
			if keeper && first {
				return errors.New("has no time-keeping annotation")
			}
			return nil
		}
		end := bytes.IndexByte(b, 0)
		if end < 0 {
			return fmt.Errorf("annotation %q does not end", shorten(b))
		}
		onset, err := e.scanList(b[:end])
		if err != nil {
			return fmt.Errorf("annotation %q: %w", shorten(b[:end]), err)
		}
		if keeper && first {
			if err := e.keepTime(record, onset); err != nil {
				return err
			}
		}
		b = b[end:]
	}
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
// at that time. It returns the onset.
func (e *edf) scanList(b []byte) (onset int64, err error) {
	const mark, durationMark = "\x14", "\x15"
	parts := strings.Split(string(b), mark)
	if len(parts) < 2 || parts[len(parts)-1] != "" {
		return 0, errors.New("want an onset and texts, each ended by a byte 20")
	}
	start, length, timed := strings.Cut(parts[0], durationMark)
	if start == "" || start[0] != '+' && start[0] != '-' {
		return 0, errors.New("want an onset with a sign")
	}
	if onset, err = edfMicros(start); err != nil {
		return 0, err
	}
	a := Annotation{Offset: onset}
	if timed {
		if a.Duration, err = edfMicros(length); err != nil {
			return 0, err
		}
	}
	for _, text := range parts[1:] {
		if text == "" {
			continue
		}
		if len(e.annotations) == maxAnnotations {
			return 0, fmt.Errorf("more than %d annotations", maxAnnotations)
		}
		a.Text = strings.ToValidUTF8(text, "?")
		e.annotations = append(e.annotations, a)
	}
	return onset, nil
}

func edfMicros(text string) (int64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(math.Abs(v) < 1e10) {
		return 0, fmt.Errorf("%q: want seconds", text)
	}
	return int64(math.Round(v * 1e6)), nil
}

// findPadding takes out of the annotations those that mark stretches of a
// signal as not measured, and gives them to the signals.
func (e *edf) findPadding() {
	kept := e.annotations[:0]
	for _, a := range e.annotations {
		label, ok := strings.CutPrefix(a.Text, noSignal)
		if s := e.signal(label); ok && s != nil {
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

func (e *edf) signal(label string) *edfSignal {
	for i := range e.header.signals {
		if s := &e.header.signals[i]; s.label == label && !s.annotations {
			return s
		}
	}
	return nil
}
