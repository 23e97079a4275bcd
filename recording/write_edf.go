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
	// minEDFRecord is how small a data record may be for what surrounds the
	// samples not to be more than them.
	minEDFRecord = 64
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
	longest := int64(0) // behind the end
	inside := len(w.layout.gaps) - w.layout.tails
	for i, g := range w.layout.gaps {
		w.tracks.notes = append(w.tracks.notes, note{at: g.at, Annotation: Annotation{Text: noSignal + w.labels[g.track], Duration: g.duration}})
		if i >= inside {
			longest = max(longest, g.duration)
		}
	}
	if inside > 0 {
		w.tracks.said.add("Where a signal has no samples but its data record is there (%d times) its last value is repeated, and annotated as \"no signal\".", inside)
	}
	if w.layout.tails > 0 {
		w.tracks.said.add("Data records are filled up behind the last sample (signals: %d, by up to %s): the last value is repeated, and annotated as \"no signal\".", w.layout.tails, micros(longest))
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
	signals := make([]edfOutput, len(w.tracks.list))
	for i := range signals {
		c, err := w.tracks.cursor(i, &w.layout)
		if err != nil {
			return err
		}
		signals[i] = edfOutput{cursor: c, scale: w.scales[i], last: w.scales[i].digital(c.reader.v)}
	}
	number := int64(0)
	for k, s := range w.layout.stretches {
		for record := range s.records {
			if number&0xff == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			for i := range signals {
				if err := signals[i].write(b, k, record*w.layout.perRecord[i], w.layout.perRecord[i]); err != nil {
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

// edfOutput is a signal on its way.
type edfOutput struct {
	cursor  *cursor
	scale   edfScale
	last    int32 // that was measured; before the first, the first
	samples []int32
	bytes   []byte
}

// write writes the n samples of a data record, of a stretch from an index on.
// Where there is none the last one is repeated: whoever does not know of the
// annotation "no signal" sees nothing that was never measured.
func (o *edfOutput) write(b *bufio.Writer, stretch int, from, n int64) error {
	const missing = math.MinInt32 // no number of 16 bits
	o.samples = resize(o.samples, int(n), missing)
	if err := o.cursor.fill(o.samples, stretch, from, o.scale.digital); err != nil {
		return err
	}
	o.bytes = o.bytes[:0]
	for _, v := range o.samples {
		if v != missing {
			o.last = v
		}
		o.bytes = binary.LittleEndian.AppendUint16(o.bytes, uint16(o.last))
	}
	_, err := b.Write(o.bytes)
	return err
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
