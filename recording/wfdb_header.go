package recording

import (
	"bufio"
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// Bounds on what a WFDB header may ask for.
const (
	maxHeaderBytes   = 16 << 20
	maxSegmentBytes  = 128 << 20 // of the headers of all segments
	maxFrameSamples  = 1 << 20
	maxFrames        = 1 << 40
	maxSignals       = 10_000
	maxSegments      = 1 << 16
	defaultFrequency = 250
	defaultGain      = 200
	// Beyond these no physical value would be finite, or none but zero.
	minGain, maxGain = 1e-200, 1e200
)

// wfdbHeader is a parsed header file, see header(5).
type wfdbHeader struct {
	bytes     int64 // of its text
	name      string
	frequency float64 // frames per second
	frames    int64   // -1 where the header does not say
	start     time.Time
	startText string // what the header says of it
	signals   []wfdbSignal
	segments  []wfdbSegment // of a record of several; then there are no signals
	comments  []string

	directory string // that the names of its files begin with
	layout    bool   // of a variable layout: describes signals and has no samples

	assumedFrequency bool

	signalCount, segmentCount int // as the record line announces them
}

// wfdbSegment is a segment line: a record that is part of another one.
type wfdbSegment struct {
	name   string // "~": nothing was recorded
	frames int64
}

// wfdbSignal is a signal specification line.
type wfdbSignal struct {
	file        string
	format      int
	perFrame    int   // samples per frame
	skew        int64 // samples of the signal that precede the first one
	offset      int64 // bytes before the first sample of the file
	gain        float64
	baseline    int64
	calibrated  bool
	unit        string
	checksum    int16
	hasChecksum bool
	name        string
}

func readWFDBHeader(path string) (*wfdbHeader, error) {
	text, err := readRegular(path, maxHeaderBytes)
	if err != nil {
		return nil, err
	}
	h, err := parseWFDBHeader(text, stem(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	h.bytes = int64(len(text))
	return h, nil
}

// parseWFDBHeader reads the text of a header file, whose name without
// extension tells what "/" means in the record's name.
func parseWFDBHeader(text []byte, stem string) (*wfdbHeader, error) {
	h := &wfdbHeader{signalCount: -1} // unknown before the record line
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxHeaderBytes)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(toText(lines.Bytes()))
		var err error
		switch {
		case line == "":
		case line[0] == '#':
			h.comments = append(h.comments, strings.TrimSpace(line[1:]))
		case h.signalCount < 0:
			err = h.parseRecordLine(line, stem)
		case len(h.segments) < h.segmentCount:
			err = h.parseSegmentLine(line)
		case len(h.signals) < h.signalCount && h.segmentCount == 0:
			err = h.parseSignalLine(line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	switch {
	case lines.Err() != nil:
		return nil, lines.Err()
	case h.signalCount < 0:
		return nil, fmt.Errorf("no record line: this is no WFDB header")
	case len(h.segments) < h.segmentCount:
		return nil, fmt.Errorf("truncated: %d segments announced, %d named", h.segmentCount, len(h.segments))
	case len(h.signals) < h.signalCount && h.segmentCount == 0:
		return nil, fmt.Errorf("truncated: %d signals announced, %d described", h.signalCount, len(h.signals))
	}
	return h, nil
}

// parseRecordLine reads: name[/segments] signals [frequency[/counter[(base)]]
// [frames [time [date]]]].
func (h *wfdbHeader) parseRecordLine(line, stem string) (err error) {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return fmt.Errorf("record line %q: want a name and the number of signals", line)
	}
	if err := h.parseName(fields[0], stem); err != nil {
		return err
	}
	signals, err := strconv.Atoi(fields[1])
	if err != nil || signals < 0 || signals > maxSignals {
		return fmt.Errorf("number of signals %q: want a whole number up to %d", fields[1], maxSignals)
	}
	if err := h.parseFrequency(field(fields, 2)); err != nil {
		return err
	}
	h.frames = -1
	if text := field(fields, 3); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > maxFrames {
			return fmt.Errorf("number of samples %q: want a whole number up to %d", text, int64(maxFrames))
		}
		if n > 0 {
			h.frames = n
		}
	}
	h.start = parseBaseTime(field(fields, 4), field(fields, 5))
	h.startText = strings.Join(fields[min(4, len(fields)):min(6, len(fields))], " ")
	h.signalCount = signals
	return nil
}

// parseName reads the record's name, which a number of segments may follow.
// Where the name has directories before it, what follows the last slash is the
// name of the header file, and the names of signal files have them too.
func (h *wfdbHeader) parseName(text, stem string) (err error) {
	cut := strings.LastIndexByte(text, '/')
	if cut < 0 {
		h.name = text
		return nil
	}
	name, segments := path.Base(text[:cut]), text[cut+1:]
	if segments == stem && name != stem {
		h.name, h.directory = stem, text[:cut+1]
		return nil
	}
	h.name = name
	if h.segmentCount, err = strconv.Atoi(segments); err != nil || h.segmentCount < 1 || h.segmentCount > maxSegments {
		return fmt.Errorf("number of segments %q: want a whole number up to %d", segments, maxSegments)
	}
	return nil
}

// parseSegmentLine reads: name frames.
func (h *wfdbHeader) parseSegmentLine(line string) error {
	fields := strings.Fields(line)
	n, err := strconv.ParseInt(field(fields, 1), 10, 64)
	if err != nil || n < 0 || n > maxFrames {
		return fmt.Errorf("segment line %q: want a name and a number of samples", line)
	}
	h.segments = append(h.segments, wfdbSegment{name: fields[0], frames: n})
	return nil
}

func field(fields []string, i int) string {
	if i < len(fields) {
		return fields[i]
	}
	return ""
}

func (h *wfdbHeader) parseFrequency(text string) error {
	h.frequency, h.assumedFrequency = defaultFrequency, true
	if text == "" {
		return nil
	}
	text, _, _ = strings.Cut(text, "/") // the counter frequency is for displays
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f <= 1e9) {
		return fmt.Errorf("sampling frequency %q: want a number of Hz", text)
	}
	if f > 0 {
		h.frequency, h.assumedFrequency = f, false
	}
	if h.frequency < 1e-6 {
		return fmt.Errorf("sampling frequency %q is too low", text)
	}
	return nil
}
