package recording

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// maxAnnotationBytes bounds an annotation file, which is held in memory: it
// is enough for years of heartbeats.
const maxAnnotationBytes = 64 << 20

// Annotation codes with a meaning for the file itself, see annot(5).
const (
	codeNote = 22
	codeSkip = 59
	codeNum  = 60
	codeSub  = 61
	codeChan = 62
	codeAux  = 63
)

// annotationSymbol returns the symbol that WFDB prints for an annotation code.
func annotationSymbol(code int) string {
	const symbols = " NLRaVFJASEj/Q~ | sT*D\"=pB^t+u?![]en@xf()r"
	if 0 < code && code < len(symbols) && symbols[code] != ' ' {
		return symbols[code : code+1]
	}
	return "[" + strconv.Itoa(code) + "]"
}

// readWFDBAnnotations reads the annotation file beside a header. Where it was
// not asked for by name it may be missing.
func readWFDBAnnotations(header string, h *wfdbHeader, annotator string) ([]Annotation, error) {
	optional := annotator == ""
	if optional {
		annotator = "atr"
	}
	path := strings.TrimSuffix(header, ".hea") + "." + annotator
	data, err := readRegular(path, maxAnnotationBytes)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read annotations: %w", err)
	}
	list, err := parseWFDBAnnotations(data, h.frequency)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// otherAnnotators are the usual suffixes of annotation files: of other experts
// and of programs.
var otherAnnotators = strings.Fields("ann apn ari atr cmp ecg epi gqrs man mea mrk nqrs oart pu pu0 pu1 pwave q1c q2c qrs qrsc qt1 qt2 sqrs st st- sta stb stc stf wabp wqrs xqrs")

// otherAnnotations names the annotation files beside a header that are not read.
func otherAnnotations(header, annotator string) (ignored []string) {
	annotator = cmp.Or(annotator, "atr")
	for _, suffix := range otherAnnotators {
		path := strings.TrimSuffix(header, ".hea") + "." + suffix
		if suffix != annotator && isFile(path) {
			ignored = append(ignored, fmt.Sprintf("the annotations in %q: those of one annotator are read, of %q", filepath.Base(path), annotator))
		}
	}
	return ignored
}

// atrReader reads annotations in MIT format: pairs of bytes, six bits of code
// and ten of time since the annotation before.
type atrReader struct {
	in        *bufio.Reader
	frequency float64
	labels    map[int]string // symbols that the file defines
	defining  bool
	list      []Annotation

	sample int64
	// The annotation being read: code 0 is none. Channel and number hold until
	// they change.
	code, subtype, channel, number int
	aux                            string
}

func parseWFDBAnnotations(data []byte, frequency float64) ([]Annotation, error) {
	a := &atrReader{in: bufio.NewReader(bytes.NewReader(data)), frequency: frequency, labels: map[int]string{}}
	for {
		var pair [2]byte
		if _, err := io.ReadFull(a.in, pair[:]); err != nil {
			return nil, fmt.Errorf("truncated after %d annotations: no end mark", len(a.list))
		}
		v := binary.LittleEndian.Uint16(pair[:])
		code, value := int(v>>10), int(v&0x3ff)
		if code == 0 && value == 0 {
			break
		}
		if len(a.list) >= maxAnnotations {
			return nil, fmt.Errorf("more than %d annotations", maxAnnotations)
		}
		if err := a.item(code, value); err != nil {
			return nil, fmt.Errorf("after %d annotations: %w", len(a.list), err)
		}
	}
	if err := a.finish(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(a.list, func(x, y Annotation) int { return cmp.Compare(x.Offset, y.Offset) })
	return a.list, nil
}

// item takes one pair: a new annotation, or a field of the one being read.
func (a *atrReader) item(code, value int) error {
	switch code {
	case codeSkip:
		var long [4]byte // a PDP-11 long: the high word first
		if _, err := io.ReadFull(a.in, long[:]); err != nil {
			return errors.New("truncated in a skip")
		}
		high, low := binary.LittleEndian.Uint16(long[:]), binary.LittleEndian.Uint16(long[2:])
		if err := a.finish(); err != nil {
			return err
		}
		a.sample += int64(int32(uint32(high)<<16 | uint32(low)))
	case codeNum:
		a.number = int(int8(value))
	case codeSub:
		a.subtype = int(int8(value))
	case codeChan:
		a.channel = value & 0xff
	case codeAux:
		text := make([]byte, value+value%2)
		if _, err := io.ReadFull(a.in, text); err != nil {
			return errors.New("truncated in a note")
		}
		a.aux = toText(text[:value])
	default:
		if err := a.finish(); err != nil {
			return err
		}
		a.code = code
		a.sample += int64(value)
	}
	return nil
}

// finish adds the annotation being read to the list, unless it is one by
// which the file describes itself.
func (a *atrReader) finish() error {
	code, aux := a.code, a.aux
	subtype := a.subtype
	a.code, a.aux, a.subtype = 0, "", 0
	if code == 0 || code == codeNote && a.sample == 0 && a.definition(aux) {
		return nil
	}
	if math.Abs(float64(a.sample)/a.frequency) > maxSeconds {
		return fmt.Errorf("one lies %.3g s from the start: no recording is as long", float64(a.sample)/a.frequency)
	}
	symbol, ok := a.labels[code]
	if !ok {
		symbol = annotationSymbol(code)
	}
	a.list = append(a.list, Annotation{
		Offset: offset(a.sample, a.frequency), Type: symbol, Text: aux,
		Subtype: subtype, Channel: a.channel, Number: a.number,
	})
	return nil
}

// definition takes a note at the very start that tells the time resolution
// or names annotation codes. It reports whether it was one.
func (a *atrReader) definition(note string) bool {
	resolution, ok := strings.CutPrefix(note, "## time resolution: ")
	switch {
	case ok:
		if f, err := strconv.ParseFloat(strings.TrimSpace(resolution), 64); err == nil && f >= 1e-6 && f <= 1e9 {
			a.frequency = f
		}
	case note == "## annotation type definitions":
		a.defining = true
	case note == "## end of definitions":
		a.defining = false
	case a.defining:
		if f := strings.Fields(note); len(f) >= 2 {
			if code, err := strconv.Atoi(f[0]); err == nil {
				a.labels[code] = f[1]
			}
		}
	default:
		return false
	}
	return true
}
