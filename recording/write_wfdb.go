package recording

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// wfdbWriter writes a WFDB record as a ZIP archive: signals, annotations, and
// last the header, which has the checksums. What is missing has the mark that
// WFDB has for it. Several rates become several samples per frame.
type wfdbWriter struct {
	tracks    *tracks
	layout    layout
	name      string
	frequency float64 // frames per second
	format    int
	gap       int32
	signals   []wfdbOutput
}

// noUnit is what WFDB headers say of a quantity without a unit: without it they
// would mean mV.
const noUnit = "NU"

// wfdbOutput is a signal on its way.
type wfdbOutput struct {
	scale    scale
	initial  int32
	checksum uint16
}

func prepareWFDB(ctx context.Context, e Export) (_ File, err error) {
	w := &wfdbWriter{name: recordName(e.Name)}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if w.tracks, err = e.gather(ctx); err != nil {
		return nil, err
	}
	if len(w.tracks.list) == 0 {
		return nil, refused("there are no numbers to export: a WFDB record needs a signal; use CSV, EDF+ or Parquet")
	}
	if err := w.chooseFrames(); err != nil {
		return nil, err
	}
	if err := w.tracks.arrange(ctx, &w.layout, true, w.frameLimit()); err != nil {
		return nil, err
	}
	bits := 0
	for i, t := range w.tracks.list {
		s, err := w.chooseScale(ctx, t)
		if err != nil {
			return nil, err
		}
		w.signals = append(w.signals, wfdbOutput{scale: s})
		bits = max(bits, bitsOf(s.low, s.high))
		w.tracks.sayMoved(i, &w.layout)
	}
	w.format, w.gap = formatOf(bits)
	w.sayLost()
	return w, nil
}

// recordName keeps what the name of a WFDB record may have.
func recordName(name string) string {
	name = strings.TrimLeft(strings.Map(func(c rune) rune {
		if alphanumeric(c) || c == '_' || c == '-' {
			return c
		}
		return '_'
	}, name), "-")
	if name == "" {
		return "record"
	}
	return name
}

// chooseFrames finds the shortest frame with whole numbers of samples.
func (w *wfdbWriter) chooseFrames() error {
	highest := 0.0
	for _, t := range w.tracks.list {
		highest = max(highest, t.rate)
	}
	for k := 1.0; k <= 1<<16; k++ {
		if counts, size := wholeSamples(w.tracks, k/highest); counts != nil {
			if size/2 > maxFrameSamples {
				break
			}
			w.frequency, w.layout.duration, w.layout.perRecord = highest/k, k/highest, counts
			return nil
		}
	}
	return refused("the rates have no common frame: export the attributes one by one, or ask for a rate to resample to")
}

// frameLimit bounds how much of a file may be gaps.
func (w *wfdbWriter) frameLimit() int64 {
	most, frame := int64(0), int64(0)
	for i, t := range w.tracks.list {
		most = max(most, t.count/w.layout.perRecord[i]+1)
		frame += w.layout.perRecord[i]
	}
	return 16*most + (32<<20)/frame
}

// chooseScale takes the steps of the values where they have such, which loses
// nothing; otherwise the finest that 32 bits can hold.
func (w *wfdbWriter) chooseScale(ctx context.Context, t *track) (scale, error) {
	s, ok, err := t.findScale(ctx, w.tracks.spool)
	if err != nil {
		return s, err
	}
	if ok && s.exact && s.low > math.MinInt32 && s.high <= math.MaxInt32 {
		return s, nil
	}
	const most = 1<<31 - 1024
	s = scale{gain: most / max(math.Abs(t.low), math.Abs(t.high))}
	s.gain, _ = strconv.ParseFloat(strconv.FormatFloat(s.gain, 'g', 9, 64), 64)
	s.low, s.high = s.raw(t.low), s.raw(t.high)
	w.tracks.said.add("%s: values are rounded to 32 bits: by at most %s %s.", t.label, formatFloat(0.5/s.gain), t.attribute.Unit)
	return s, nil
}

// bitsOf returns how many bits hold a range beside the mark of a gap.
func bitsOf(low, high int64) int {
	for _, bits := range []int{12, 16, 24} {
		if limit := int64(1)<<(bits-1) - 1; low >= -limit && high <= limit {
			return bits
		}
	}
	return 32
}

// formatOf returns the format that holds so many bits, and its mark of a gap.
func formatOf(bits int) (format int, gap int32) {
	switch bits {
	case 12:
		return 212, -1 << 11
	case 16:
		return 16, -1 << 15
	case 24:
		return 24, -1 << 23
	}
	return 32, math.MinInt32
}

// sayLost notes what annotation files have no room for.
func (w *wfdbWriter) sayLost() {
	durations, cut := 0, 0
	for _, n := range w.tracks.notes {
		if n.Duration > 0 {
			durations++
		}
		if len(auxOf(n.Annotation)) > maxAux {
			cut++
		}
	}
	if durations > 0 {
		w.tracks.said.add("The durations of %d annotations are left out: WFDB has none.", durations)
	}
	if n := w.notesAtZero(); n > 0 {
		w.tracks.said.add("Notes at the start (%d) are written 1 µs later: at sample 0 other programs take a note for a definition of the file.", n)
	}
	if cut > 0 {
		w.tracks.said.add("%d annotations are cut to %d bytes, the most that WFDB holds.", cut, maxAux)
	}
}

// Notes implements File.
func (w *wfdbWriter) Notes() []string { return w.tracks.said }

// Close implements File.
func (w *wfdbWriter) Close() error {
	if w.tracks == nil || w.tracks.spool == nil {
		return nil
	}
	return w.tracks.spool.close()
}

// Write implements File.
func (w *wfdbWriter) Write(ctx context.Context, out io.Writer) error {
	if w.tracks.spool.f == nil {
		return errClosed
	}
	archive := zip.NewWriter(out)
	modified := time.UnixMicro(w.tracks.to).UTC()
	entry := func(suffix string) (io.Writer, error) {
		return archive.CreateHeader(&zip.FileHeader{Name: w.name + suffix, Method: zip.Deflate, Modified: modified})
	}
	dat, err := entry(".dat")
	if err != nil {
		return err
	}
	if err := w.writeSignals(ctx, dat); err != nil {
		return err
	}
	parts := []struct {
		suffix  string
		content []byte
	}{{".atr", w.annotations()}, {".hea", w.header()}}
	for _, p := range parts {
		if len(p.content) == 0 {
			continue
		}
		part, err := entry(p.suffix)
		if err != nil {
			return err
		}
		if _, err := part.Write(p.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

func (w *wfdbWriter) writeSignals(ctx context.Context, out io.Writer) error {
	cursors := make([]*cursor, len(w.signals))
	frame := int64(0)
	for i := range cursors {
		var err error
		if cursors[i], err = w.tracks.cursor(i, &w.layout); err != nil {
			return err
		}
		frame += w.layout.perRecord[i]
	}
	b := bufio.NewWriterSize(out, 64<<10)
	// Formats pack pairs of samples: an even number of frames keeps them whole.
	step := max((1<<14)/frame, 1) * 2
	block := make([]int32, step*frame)
	var samples []int32
	var packed []byte
	for from := int64(0); from < w.layout.records; from += step {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		frames := min(step, w.layout.records-from)
		at := int64(0)
		for i, c := range cursors {
			n := w.layout.perRecord[i]
			samples = resize(samples, int(frames*n), w.gap)
			if err := c.fill(samples, 0, from*n, func(v float64) int32 { return int32(w.signals[i].scale.raw(v)) }); err != nil {
				return err
			}
			w.signals[i].count(samples, from == 0)
			for f := range frames {
				copy(block[f*frame+at:], samples[f*n:(f+1)*n])
			}
			at += n
		}
		packed = appendPacked(packed[:0], w.format, block[:frames*frame])
		if _, err := b.Write(packed); err != nil {
			return err
		}
	}
	return b.Flush()
}

func (o *wfdbOutput) count(samples []int32, first bool) {
	if first {
		o.initial, o.checksum = samples[0], 0
	}
	for _, v := range samples {
		o.checksum += uint16(v)
	}
}

// appendPacked appends samples in one of the formats that are written.
func appendPacked(dst []byte, format int, samples []int32) []byte {
	switch format {
	case 212:
		for ; len(samples) >= 2; samples = samples[2:] {
			a, b := uint32(samples[0]), uint32(samples[1])
			dst = append(dst, byte(a), byte(a>>8&0xf|b>>8&0xf<<4), byte(b))
		}
		if len(samples) > 0 {
			a := uint32(samples[0])
			dst = append(dst, byte(a), byte(a>>8&0xf))
		}
	case 16:
		for _, v := range samples {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(v))
		}
	case 24:
		for _, v := range samples {
			dst = append(dst, byte(v), byte(v>>8), byte(v>>16))
		}
	default:
		for _, v := range samples {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
		}
	}
	return dst
}

// header returns the header file.
func (w *wfdbWriter) header() []byte {
	var h bytes.Buffer
	start := time.UnixMicro(w.layout.stretches[0].origin).UTC()
	fmt.Fprintf(&h, "%s %d %s %d %s\n", w.name, len(w.signals), strconv.FormatFloat(w.frequency, 'f', -1, 64),
		w.layout.records, start.Format("15:04:05.000000 02/01/2006"))
	bits := min(w.format, 32)
	if w.format == 212 {
		bits = 12
	}
	for i, s := range w.signals {
		format := strconv.Itoa(w.format)
		if n := w.layout.perRecord[i]; n > 1 {
			format += "x" + strconv.FormatInt(n, 10)
		}
		t := w.tracks.list[i]
		unit := strings.ReplaceAll(edfASCII(t.attribute.Unit), " ", "_")
		if unit == "" {
			unit = noUnit
		}
		fmt.Fprintf(&h, "%s.dat %s %s(%d)/%s %d 0 %d %d 0 %s\n", w.name, format, strconv.FormatFloat(s.scale.gain, 'g', -1, 64),
			int64(s.scale.baseline), unit, bits, s.initial, int16(s.checksum), strings.Join(strings.Fields(t.label), " "))
	}
	return h.Bytes()
}
