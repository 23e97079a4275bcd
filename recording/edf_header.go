package recording

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lengths in an EDF header: a part about the recording, and one per signal.
const (
	edfFixed     = 256
	edfPerSignal = 256
)

// edfHeader is the header of an EDF, EDF+ or BDF file.
type edfHeader struct {
	format        Format
	discontinuous bool // EDF+D: each data record says when it began
	start         time.Time
	startText     string  // what the header says of it
	records       int64   // -1 where the file was not finished
	duration      float64 // of a data record, s
	signals       []edfSignal
	recordBytes   int64
	width         int64 // bytes per sample
	ignored       []string
}

// edfSignal is a signal as it lies in each data record.
type edfSignal struct {
	label, unit string
	annotations bool
	unscaled    bool  // without a physical value: left out
	samples     int64 // per data record
	offset      int64 // of the first in the data record, bytes
	gain        float64
	baseline    float64
	valid       int64  // samples up to the last that was measured, -1: all
	padding     []span // stretches that were not measured, in order of time
}

// span is a stretch of time, in µs after the start.
type span struct{ from, to int64 }

// bdfMark is the first field of a BDF file; EDF files say "0".
const bdfMark = "\xffBIOSEMI"

func isEDF(head []byte) bool {
	return string(head) == bdfMark || string(head) == "0       "
}

func readEDFHeader(f *file) (*edfHeader, error) {
	fixed, err := f.bytes(0, edfFixed)
	if err != nil {
		return nil, err
	}
	h := &edfHeader{format: FormatEDF, width: 2}
	if !isEDF(fixed[:8]) {
		return nil, fmt.Errorf("%s: this is no EDF or BDF file: it begins with %q", f.path, fixed[:8])
	}
	if fixed[0] == bdfMark[0] {
		h.format, h.width = FormatBDF, 3
	}
	count, err := h.parseFixed(fixed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	rest, err := f.bytes(edfFixed, count*edfPerSignal)
	if err != nil {
		return nil, err
	}
	if err := h.parseSignals(rest, count); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	return h, nil
}

// parseFixed reads the part about the recording, and returns the number of
// signals.
func (h *edfHeader) parseFixed(b []byte) (signals int, err error) {
	text := func(from, length int) string { return edfText(b[from : from+length]) }
	reserved := text(192, 44)
	h.discontinuous = strings.HasPrefix(reserved, "EDF+D") || strings.HasPrefix(reserved, "BDF+D")
	h.start = edfStart(text(168, 8), text(176, 8), text(88, 80))
	h.startText = strings.TrimSpace(text(168, 8) + " " + text(176, 8))
	if h.records, err = strconv.ParseInt(text(236, 8), 10, 64); err != nil || h.records < -1 {
		return 0, fmt.Errorf("number of data records %q: want a whole number, or -1", text(236, 8))
	}
	if h.duration, err = edfNumber(text(244, 8)); err != nil || h.duration < 0 || h.duration > maxSeconds || h.duration > 0 && h.duration < 1e-6 {
		return 0, fmt.Errorf("duration of a data record %q: want seconds", text(244, 8))
	}
	signals, err = strconv.Atoi(text(252, 4))
	if err != nil || signals < 1 {
		return 0, fmt.Errorf("number of signals %q: want at least 1", text(252, 4))
	}
	length, err := strconv.Atoi(text(184, 8))
	if err != nil || length != edfFixed+signals*edfPerSignal {
		return 0, fmt.Errorf("header length %q: want %d bytes for %d signals", text(184, 8), edfFixed+signals*edfPerSignal, signals)
	}
	return signals, nil
}

// parseSignals reads the part about the signals: each field for all signals,
// one field after the other.
func (h *edfHeader) parseSignals(b []byte, count int) error {
	fields := make([][]string, 0, 10)
	for _, width := range []int{16, 80, 8, 8, 8, 8, 8, 80, 8, 32} {
		column := make([]string, count)
		for i := range column {
			column[i], b = edfText(b[:width]), b[width:]
		}
		fields = append(fields, column)
	}
	for i := range count {
		s, err := h.signal(i, fields)
		if err != nil {
			return fmt.Errorf("signal %d (%s): %w", i+1, s.label, err)
		}
		h.recordBytes += s.samples * h.width
		h.signals = append(h.signals, s)
	}
	if !slices.ContainsFunc(h.signals, func(s edfSignal) bool { return !s.unscaled }) {
		return fmt.Errorf("no signal can be read: %s", h.ignored[0])
	}
	return nil
}

// signal reads the fields of signal i.
func (h *edfHeader) signal(i int, fields [][]string) (edfSignal, error) {
	s := edfSignal{label: fields[0][i], unit: fields[2][i], offset: h.recordBytes, valid: validSamples(fields[9][i])}
	s.annotations = s.label == "EDF Annotations" || s.label == "BDF Annotations"
	var err error
	if s.samples, err = strconv.ParseInt(fields[8][i], 10, 64); err != nil || s.samples < 1 || s.samples > math.MaxInt32 {
		return s, fmt.Errorf("%q samples per data record: want at least 1", fields[8][i])
	}
	switch {
	case s.annotations && s.samples*h.width > maxAnnotationSignal:
		return s, fmt.Errorf("%d bytes of annotations per data record: at most %d are read", s.samples*h.width, maxAnnotationSignal)
	case s.annotations:
		return s, nil
	case h.duration == 0:
		return s, errors.New("has samples, but data records last 0 s")
	}
	err = s.calibrate([4]string{fields[3][i], fields[4][i], fields[5][i], fields[6][i]})
	if errors.Is(err, errNoScale) {
		// Montages have channels that nothing is plugged into.
		s.unscaled, err = true, nil
		h.ignored = append(h.ignored, fmt.Sprintf("signal %q: its physical or digital minimum is not below the maximum (%s to %s, %s to %s)",
			s.label, fields[3][i], fields[4][i], fields[5][i], fields[6][i]))
	}
	return s, err
}

// maxAnnotationSignal bounds the annotations of one data record, in bytes.
const maxAnnotationSignal = 16 << 20

// validSamples reads what our own files say in the reserved field: how many
// samples there are before those that only fill the last data record.
func validSamples(reserved string) int64 {
	text, ok := strings.CutSuffix(reserved, validSuffix)
	if n, err := strconv.ParseInt(text, 10, 64); ok && err == nil && n >= 0 {
		return n
	}
	return -1
}

// errNoScale says that a signal has no physical values.
var errNoScale = errors.New("physical or digital minimum and maximum give no scale")

// calibrate computes gain and baseline from the physical and the digital
// extremes, so that (digital − baseline) / gain is the physical value.
func (s *edfSignal) calibrate(fields [4]string) error {
	var v [4]float64 // physical minimum, maximum, digital minimum, maximum
	for i, text := range fields {
		var err error
		if v[i], err = edfNumber(text); err != nil {
			return fmt.Errorf("%s %q: want a number", []string{"physical minimum", "physical maximum", "digital minimum", "digital maximum"}[i], text)
		}
	}
	if v[0] == v[1] || v[2] >= v[3] {
		return errNoScale
	}
	s.gain = (v[3] - v[2]) / (v[1] - v[0])
	s.baseline = v[3] - v[1]*s.gain
	if g := math.Abs(s.gain); !(g >= minGain && g <= maxGain) || math.IsInf(s.baseline, 0) {
		return fmt.Errorf("physical minimum %v and maximum %v cannot be right", v[0], v[1])
	}
	return nil
}

// edfText returns a field without its padding. The standard wants ASCII, but
// units such as µV come in Latin-1 and in UTF-8.
func edfText(b []byte) string {
	return strings.TrimSpace(toText(bytes.TrimLeft(b, " \x00")))
}

// edfNumber reads a number; some programs write a decimal comma.
func edfNumber(text string) (float64, error) {
	v, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	if err == nil && (math.IsNaN(v) || math.Abs(v) > 1e15) {
		err = strconv.ErrRange
	}
	return v, err
}
