package recording

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseSignalLine reads: file format[x…][:…][+…] [gain[(baseline)][/units]
// [resolution [zero [initial [checksum [block size [description]]]]]]].
func (h *wfdbHeader) parseSignalLine(line string) error {
	fields, description := cutFields(line, 8)
	if len(fields) < 2 {
		return fmt.Errorf("signal line %q: want a file name and a format", line)
	}
	s := wfdbSignal{file: strings.TrimPrefix(fields[0], h.directory), name: description}
	if err := s.parseFormat(fields[1]); err != nil {
		return err
	}
	numbers := [3]int64{} // resolution, zero, initial value
	for i := range numbers {
		if text := field(fields, 3+i); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return fmt.Errorf("signal line %q: %q is no whole number", line, text)
			}
			numbers[i] = n
		}
	}
	if err := s.parseGain(field(fields, 2), numbers[1]); err != nil {
		return err
	}
	if text := field(fields, 6); text != "" {
		sum, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("checksum %q: want a whole number", text)
		}
		// Programs that compute none write 0.
		s.checksum, s.hasChecksum = int16(sum), int16(sum) != 0
	}
	h.signals = append(h.signals, s)
	return nil
}

// cutFields splits off up to n fields; the rest of the line, which may
// contain spaces, is what follows them.
func cutFields(line string, n int) (fields []string, rest string) {
	rest = line
	for len(fields) < n && rest != "" {
		end := strings.IndexAny(rest, " \t")
		if end < 0 {
			end = len(rest)
		}
		fields = append(fields, rest[:end])
		rest = strings.TrimLeft(rest[end:], " \t")
	}
	return fields, rest
}

func (s *wfdbSignal) parseFormat(text string) error {
	end := strings.IndexAny(text, "x:+")
	if end < 0 {
		end = len(text)
	}
	n, err := strconv.Atoi(text[:end])
	if err != nil {
		return fmt.Errorf("format %q: want a number", text)
	}
	s.format, s.perFrame = n, 1
	for rest := text[end:]; rest != ""; {
		kind := rest[0]
		if end = strings.IndexAny(rest[1:], "x:+") + 1; end == 0 {
			end = len(rest)
		}
		n, err := strconv.ParseInt(rest[1:end], 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("format %q: want a whole number after %q", text, kind)
		}
		switch kind {
		case 'x':
			s.perFrame = int(max(n, 1))
		case ':':
			s.skew = n
		case '+':
			s.offset = n
		}
		rest = rest[end:]
	}
	if s.perFrame > maxFrameSamples || s.skew > maxFrames {
		return fmt.Errorf("format %q: too many samples per frame, or too much skew", text)
	}
	return nil
}

// parseGain reads gain[(baseline)][/units]. A gain that is missing or 0 means
// that the signal is not calibrated; 200 per mV is assumed then.
func (s *wfdbSignal) parseGain(text string, zero int64) error {
	s.gain, s.baseline, s.unit = 0, zero, "mV"
	rest, unit, ok := strings.Cut(text, "/")
	if ok && unit != "" {
		s.unit = unit
	}
	if unit == noUnit {
		s.unit = ""
	}
	gain, baseline, ok := strings.Cut(rest, "(")
	if ok {
		n, err := strconv.ParseInt(strings.TrimSuffix(baseline, ")"), 10, 64)
		if err != nil || n != int64(int32(n)) {
			return fmt.Errorf("gain %q: want gain(baseline)/units", text)
		}
		s.baseline = n
	}
	if gain != "" {
		g, err := strconv.ParseFloat(gain, 64)
		if err != nil || math.IsNaN(g) || g != 0 && (math.Abs(g) < minGain || math.Abs(g) > maxGain) {
			return fmt.Errorf("gain %q: want gain(baseline)/units", text)
		}
		s.gain = g
	}
	if s.calibrated = s.gain != 0; !s.calibrated {
		s.gain = defaultGain
	}
	return nil
}
