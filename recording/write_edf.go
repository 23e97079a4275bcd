package recording

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"math"
	"strings"
	"time"
)

// edfWriter writes an EDF+ file: EDF+C where no record is missing, otherwise
// EDF+D. What is missing in a record is padded and annotated as "no signal".
type edfWriter struct {
	export  Export
	tracks  *tracks
	layout  layout
	scales  []edfScale
	labels  []string // unique, as the file has them
	start   int64    // time in the header: a full second, µs
	packing edfPacking
}

const (
	// maxEDFRecord is how large a data record should be (the specification
	// recommends 61,440 bytes).
	maxEDFRecord = 61440
	// maxEDFRecords has as many digits as the header has room for.
	maxEDFRecords = 99_999_999
	// noSignal is the text that marks a stretch of one signal as padding. The
	// signal's label follows it, behind "@@".
	noSignal = "no signal@@"
	// validSuffix follows, in a signal's reserved field, the number of samples
	// up to its last: what is behind it only fills the last data record.
	validSuffix = " samples"
)

func prepareEDF(ctx context.Context, e Export) (_ File, err error) {
	w := &edfWriter{export: e}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if w.tracks, err = e.gather(ctx); err != nil {
		return nil, err
	}
	if err = w.tracks.arrangeEDF(ctx, &w.layout); err != nil {
		return nil, err
	}
	for i, t := range w.tracks.list {
		s, note, err := t.edfScale(ctx, w.tracks.spool)
		if err != nil {
			return nil, err
		}
		if note != "" {
			w.tracks.said.add("%s: %s", t.label, note)
		}
		w.scales = append(w.scales, s)
		w.tracks.sayMoved(i, &w.layout)
	}
	w.labels = edfLabels(w.tracks)
	w.annotateGaps()
	return w, w.pack()
}

// sayMoved notes that samples lie beside their times.
func (t *tracks) sayMoved(i int, l *layout) {
	if l.moved[i] > 1 {
		t.said.add("%s: times are moved by up to %s, onto the grid of %v Hz.", t.list[i].label, micros(l.moved[i]), t.list[i].rate)
	}
}

// arrangeEDF chooses the duration of a data record and lays the samples out.
func (t *tracks) arrangeEDF(ctx context.Context, l *layout) error {
	if len(t.list) == 0 { // annotations alone
		l.stretches = []stretch{{origin: t.from}}
		return nil
	}
	if err := l.chooseDuration(t); err != nil {
		return err
	}
	return t.arrange(ctx, l, false, maxEDFRecords)
}

// chooseDuration finds a duration of whole samples for every rate: seconds
// where that gives records of a good size, otherwise a part of one.
func (l *layout) chooseDuration(t *tracks) error {
	var shortest []int64
	for d := 1.0; d <= 86400; d++ {
		counts, size := wholeSamples(t, d)
		if counts == nil {
			continue
		}
		shortest, l.duration = counts, d
		if size <= maxEDFRecord || d > 1 {
			break
		}
		// A second is too much: part it.
		for _, part := range []float64{0.5, 0.25, 0.2, 0.125, 0.1, 0.05, 0.04, 0.025, 0.02, 0.01, 0.005, 0.004, 0.002, 0.001} {
			if counts, size := wholeSamples(t, part); counts != nil {
				shortest, l.duration = counts, part
				if size <= maxEDFRecord {
					break
				}
			}
		}
		break
	}
	if shortest == nil {
		var rates []string
		for _, track := range t.list {
			rates = append(rates, track.label+" "+formatFloat(track.rate)+" Hz")
		}
		return refused("no data record of up to a day has a whole number of samples of every rate (%s): ask for a rate to resample to", strings.Join(rates, ", "))
	}
	l.perRecord = shortest
	return nil
}

// wholeSamples returns how many samples of each track a duration has, and
// their bytes; nil where they are not whole.
func wholeSamples(t *tracks, duration float64) (counts []int64, size int64) {
	for _, track := range t.list {
		n := track.rate * duration
		whole := math.Round(n)
		if whole < 1 || whole > 1<<24 || math.Abs(n-whole) > 1e-9*n {
			return nil, 0
		}
		counts = append(counts, int64(whole))
		size += 2 * int64(whole)
	}
	return counts, size
}

// edfLabels returns labels of at most 16 ASCII characters, each once.
func edfLabels(t *tracks) []string {
	taken := map[string]int{"EDF Annotations": 1}
	labels := make([]string, len(t.list))
	for i, track := range t.list {
		text := track.label
		if len(text) > 16 || edfASCII(text) != text {
			text = fit(track.attribute.ID, 16)
		}
		labels[i] = uniqueWithin(text, taken, 16)
		if attributeID(labels[i], 0) != track.attribute.ID {
			t.said.add("%s is called %s: labels of EDF have 16 characters.", track.attribute.ID, labels[i])
		}
	}
	return labels
}

// edfASCII replaces what a header must not have.
func edfASCII(text string) string {
	text = strings.NewReplacer("µ", "u", "μ", "u", "°", "deg", "Ω", "Ohm").Replace(text)
	return strings.Map(func(c rune) rune {
		if c < 32 || c > 126 {
			return '_'
		}
		return c
	}, text)
}

// annotateGaps adds an annotation for each stretch that is padding.
func (w *edfWriter) annotateGaps() {
	for _, g := range w.layout.gaps {
		w.tracks.notes = append(w.tracks.notes, note{at: g.at, Annotation: Annotation{Text: noSignal + w.labels[g.track], Duration: g.duration}})
	}
	if n := len(w.layout.gaps); n > 0 {
		w.tracks.said.add("Where a signal has no samples but its data record is there (%d times) it is padded, and annotated as \"no signal\".", n)
	}
	if n := len(w.layout.stretches); n > 1 {
		w.tracks.said.add("The file is discontinuous (EDF+D): %d stretches with gaps between them.", n)
	}
	w.layout.gaps = nil
}

// Notes implements File.
func (w *edfWriter) Notes() []string { return w.tracks.said }

// Close implements File.
func (w *edfWriter) Close() error {
	if w.tracks == nil || w.tracks.spool == nil {
		return nil
	}
	return w.tracks.spool.close()
}

// Write implements File.
func (w *edfWriter) Write(ctx context.Context, out io.Writer) error {
	if w.tracks.spool.f == nil {
		return errClosed
	}
	b := bufio.NewWriterSize(out, 256<<10)
	if _, err := b.Write(w.header()); err != nil {
		return err
	}
	if err := w.writeRecords(ctx, b); err != nil {
		return err
	}
	return b.Flush()
}

func (w *edfWriter) writeRecords(ctx context.Context, b *bufio.Writer) error {
	cursors := make([]*cursor, len(w.tracks.list))
	for i := range cursors {
		var err error
		if cursors[i], err = w.tracks.cursor(i, &w.layout); err != nil {
			return err
		}
	}
	var samples []int32
	var bytes []byte
	number := int64(0)
	for k, s := range w.layout.stretches {
		for record := range s.records {
			if number&0xff == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			for i, c := range cursors {
				n := w.layout.perRecord[i]
				samples = resize(samples, int(n), int32(w.scales[i].padding))
				if err := c.fill(samples, k, record*n, w.scales[i].digital); err != nil {
					return err
				}
				bytes = bytes[:0]
				for _, v := range samples {
					bytes = binary.LittleEndian.AppendUint16(bytes, uint16(v))
				}
				if _, err := b.Write(bytes); err != nil {
					return err
				}
			}
			if err := w.writeNotes(b, number, w.recordOnset(s, record)); err != nil {
				return err
			}
			number++
		}
	}
	return nil
}

// recordOnset returns when a record of a stretch begins, µs after the time in
// the header.
func (w *edfWriter) recordOnset(s stretch, record int64) int64 {
	return s.origin - w.start + int64(math.Round(float64(record)*w.layout.duration*1e6))
}

// resize returns n values, all the same.
func resize(s []int32, n int, v int32) []int32 {
	if cap(s) < n {
		s = make([]int32, n)
	}
	s = s[:n]
	for i := range s {
		s[i] = v
	}
	return s
}

// floorSecond returns the full second before a time.
func floorSecond(us int64) int64 { return time.UnixMicro(us).Truncate(time.Second).UnixMicro() }
