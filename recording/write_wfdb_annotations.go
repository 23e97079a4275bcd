package recording

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxAux is how long the text of an annotation may be: its length is a byte
// in WFDB's own library.
const maxAux = 255

// annotations returns the annotation file, in MIT format; nil where there are
// none.
func (w *wfdbWriter) annotations() []byte {
	if len(w.tracks.notes) == 0 {
		return nil
	}
	a := &atrWriter{origin: w.layout.stretches[0].origin, frequency: w.frequency}
	if w.notesAtZero() > 0 || !a.hits(w.tracks.notes) {
		// The times lie between the samples: count them in µs.
		a.frequency = 1e6
		a.put(codeNote, 0, Annotation{Text: "## time resolution: 1000000"})
	}
	list := make([]atrItem, len(w.tracks.notes))
	for i, n := range w.tracks.notes {
		item := &list[i]
		item.code, item.Annotation = wfdbNote(n.Annotation)
		if item.sample = a.sampleOf(n.at); item.code == codeNote {
			item.sample = max(item.sample, 1)
		}
	}
	slices.SortStableFunc(list, func(x, y atrItem) int { return cmp.Compare(x.sample, y.sample) })
	for _, item := range list {
		a.put(item.code, item.sample, item.Annotation)
	}
	return append(a.out, 0, 0)
}

// atrItem is an annotation with its code and its time in the annotation file.
type atrItem struct {
	code   int
	sample int64
	Annotation
}

// notesAtZero counts the notes at the very start. Other programs take a note at
// sample 0 for a definition of the file and leave it out.
func (w *wfdbWriter) notesAtZero() (n int) {
	for _, note := range w.tracks.notes {
		if code, _ := wfdbNote(note.Annotation); code == codeNote && note.at == w.layout.stretches[0].origin {
			n++
		}
	}
	return n
}

// atrWriter writes annotations in order of time.
type atrWriter struct {
	out       []byte
	origin    int64 // µs
	frequency float64
	sample    int64
	channel   int
	number    int
}

func (a *atrWriter) sampleOf(at int64) int64 {
	return int64(math.Round(float64(at-a.origin) * a.frequency / 1e6))
}

// hits reports whether every annotation lies on a sample.
func (a *atrWriter) hits(notes []note) bool {
	for _, n := range notes {
		if offset(a.sampleOf(n.at), a.frequency) != n.at-a.origin {
			return false
		}
	}
	return true
}

// wfdbNote returns the code for an annotation. What has no code becomes a
// note with a text.
func wfdbNote(n Annotation) (code int, _ Annotation) {
	n.Text = auxOf(n)
	if code, ok := annotationCode(n.Type); ok {
		return code, n
	}
	return codeNote, n
}

// auxOf returns the text of an annotation, with its type where WFDB does not
// know it. Control characters would end it, or reach somebody's terminal.
func auxOf(n Annotation) string {
	text := n.Text
	if _, ok := annotationCode(n.Type); !ok && n.Type != "" {
		text = strings.TrimSpace(n.Type + " " + n.Text)
	}
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, text)
}

// annotationCode is the inverse of annotationSymbol.
func annotationCode(symbol string) (int, bool) {
	if number, ok := strings.CutPrefix(symbol, "["); ok && strings.HasSuffix(number, "]") {
		code, err := strconv.Atoi(strings.TrimSuffix(number, "]"))
		return code, err == nil && code > 0 && code < codeSkip
	}
	for code := 1; code < 50; code++ {
		if annotationSymbol(code) == symbol {
			return code, true
		}
	}
	return 0, false
}

func (a *atrWriter) pair(code, value int) {
	a.out = binary.LittleEndian.AppendUint16(a.out, uint16(code<<10|value&0x3ff))
}

// put writes one annotation with its fields.
func (a *atrWriter) put(code int, sample int64, n Annotation) {
	delta := sample - a.sample
	a.sample = sample
	for delta < 0 || delta > 0x3ff {
		step := min(max(delta, math.MinInt32), math.MaxInt32)
		a.pair(codeSkip, 0)
		a.out = binary.LittleEndian.AppendUint16(a.out, uint16(uint32(step)>>16))
		a.out = binary.LittleEndian.AppendUint16(a.out, uint16(uint32(step)))
		delta -= step
	}
	a.pair(code, int(delta))
	if n.Subtype != 0 {
		a.pair(codeSub, n.Subtype&0xff)
	}
	if n.Channel != a.channel {
		a.channel = n.Channel
		a.pair(codeChan, n.Channel&0xff)
	}
	if n.Number != a.number {
		a.number = n.Number
		a.pair(codeNum, n.Number&0xff)
	}
	if text := fit(n.Text, maxAux); text != "" {
		a.pair(codeAux, len(text))
		a.out = append(a.out, text...)
		if len(text)%2 == 1 {
			a.out = append(a.out, 0)
		}
	}
}
