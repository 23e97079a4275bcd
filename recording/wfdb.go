package recording

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"time"
)

// maxSkews bounds how often a frame is unpacked: once for each skew of its
// signals.
const maxSkews = 64

// maxBlockSamples bounds the samples of a block, unless one frame has more.
const maxBlockSamples = 1 << 16

// wfdb reads the signal files of a WFDB record.
type wfdb struct {
	header  *wfdbHeader
	signals []Signal
	groups  []*wfdbGroup
	frames  int64 // in the record
	perRead int64 // frames per block
	at      int64 // next frame
	before  int64 // first frame of the block read last
	ignored []string
}

// wfdbGroup is the signals that share one file, frame by frame.
type wfdbGroup struct {
	file    *file
	format  wfdbFormat
	offset  int64
	first   int // number of its first signal
	signals []wfdbSignal
	skews   map[int64]bool
	starts  []int // where in a frame each signal's samples start
	length  int   // samples per frame

	bytes   []byte
	samples []int32
}

func openWFDB(path string, o Options) (_ *Recording, err error) {
	h, err := readWFDBHeader(path)
	if err != nil {
		return nil, err
	}
	r := &Recording{Name: h.name, Format: FormatWFDB, Start: h.start, Comments: h.comments}
	if h.start.IsZero() {
		r.StartText = h.startText
	}
	frames := int64(0)
	if h.segmentCount > 0 {
		s, err := openSegments(path, h, o)
		if err != nil {
			return nil, err
		}
		r.Signals, r.source, r.Last, frames = s.signals, s, s.last, s.frames
		r.Ignored = s.ignored
	} else {
		w, err := openSegment(path, h, o)
		if err != nil {
			return nil, err
		}
		r.Signals, r.source, frames = w.signals, w, w.frames
		r.Ignored = w.ignored
	}
	defer func() {
		if err != nil {
			r.source.Close()
		}
	}()
	r.Duration = time.Duration(offset(frames, h.frequency)) * time.Microsecond
	for i := range r.Signals {
		if s := &r.Signals[i]; s.Count > 0 {
			r.Last = max(r.Last, s.Offset(s.Count-1))
		}
	}
	if r.Annotations, err = readWFDBAnnotations(path, h, o.Annotator); err != nil {
		return nil, err
	}
	r.Ignored = append(r.Ignored, otherAnnotations(path, o.Annotator)...)
	return r, nil
}

// openSegment opens the signal files of a record that has no segments, or is one.
func openSegment(path string, h *wfdbHeader, o Options) (_ *wfdb, err error) {
	w := &wfdb{header: h, frames: h.frames}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if err := w.openGroups(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := w.checkLength(); err != nil {
		return nil, err
	}
	if float64(w.frames)/h.frequency > maxSeconds {
		return nil, fmt.Errorf("%s: %w", path, errTooLong)
	}
	w.signals = w.describe()
	w.sayAssumed()
	w.perRead = framesPerBlock(o.BlockSpan, h.frequency, w.frameSamples())
	return w, nil
}

// errTooLong says that times would overflow.
var errTooLong = fmt.Errorf("the number of samples at this frequency lasts more than %v s: no recording is as long", float64(maxSeconds))

// sayAssumed tells what the header leaves open.
func (w *wfdb) sayAssumed() {
	if w.header.assumedFrequency {
		w.ignore("the header gives no sampling frequency: %v Hz is assumed", w.header.frequency)
	}
	for i := range w.signals {
		if s := &w.signals[i]; s.Uncalibrated && s.Count > 0 {
			w.ignore("signal %q is not calibrated: %v steps per %s are assumed", s.Name, s.Gain, s.Unit)
		}
	}
}

func (w *wfdb) ignore(format string, args ...any) {
	w.ignored = appendOnce(w.ignored, fmt.Sprintf(format, args...))
}

// appendOnce bounds the list, too: a header may have as many as it likes.
func appendOnce(list []string, text string) []string {
	if len(list) > maxIgnored || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// framesPerBlock returns how many frames make a block of about a time span.
func framesPerBlock(span time.Duration, frequency float64, frameSamples int) int64 {
	n := int64(min(span.Seconds()*frequency, maxBlockSamples))
	return max(min(n, int64(maxBlockSamples/max(frameSamples, 1))), 1)
}

// openGroups opens each signal file. Signals of one file stand side by side
// in the header.
func (w *wfdb) openGroups(dir string) error {
	opened := map[string]bool{}
	for i, s := range w.header.signals {
		g := w.group(s.file)
		if g == nil {
			if opened[s.file] {
				return fmt.Errorf("signals of the file %s do not stand side by side", s.file)
			}
			opened[s.file] = s.file != nullFile
			g = &wfdbGroup{first: i, offset: s.offset, skews: map[int64]bool{}}
			if err := g.open(dir, s); err != nil {
				return err
			}
			w.groups = append(w.groups, g)
		}
		if err := g.add(s); err != nil {
			return err
		}
	}
	if n := w.frameSamples(); n > maxFrameSamples {
		return fmt.Errorf("%d samples per frame: at most %d are read", n, maxFrameSamples)
	}
	return nil
}

// group returns the group of a file: the last one, because the signals of a
// file stand side by side.
func (w *wfdb) group(file string) *wfdbGroup {
	if n := len(w.groups); n > 0 && file != nullFile && w.groups[n-1].signals[0].file == file {
		return w.groups[n-1]
	}
	return nil
}

// nullFile and format 0 stand for a signal without samples.
const nullFile = "~"

func (g *wfdbGroup) open(dir string, s wfdbSignal) error {
	if s.file == nullFile || s.format == 0 {
		return nil
	}
	var ok bool
	if g.format, ok = wfdbFormatByNumber(s.format); !ok {
		return fmt.Errorf("signal file %s has format %d, which is not supported (16, 24, 32, 61, 80, 160, 212, 310 and 311 are)", s.file, s.format)
	}
	if !filepath.IsLocal(s.file) {
		return fmt.Errorf("signal file %q: must be beside the header", s.file)
	}
	var err error
	if g.file, err = openFile(filepath.Join(dir, s.file)); err != nil {
		return fmt.Errorf("open signal file: %w", err)
	}
	return nil
}

func (g *wfdbGroup) add(s wfdbSignal) error {
	if len(g.signals) > 0 {
		one := g.signals[0]
		if one.format != s.format || s.offset != 0 && s.offset != g.offset {
			return fmt.Errorf("signals of the file %s differ in format or byte offset", s.file)
		}
	}
	if g.skews[s.skew] = true; len(g.skews) > maxSkews {
		return fmt.Errorf("signals of the file %s have more than %d different skews", s.file, maxSkews)
	}
	g.signals = append(g.signals, s)
	g.starts = append(g.starts, g.length)
	g.length += s.perFrame
	return nil
}

// checkLength compares the length of the files with the number of frames that
// the header gives, or takes the number from the files where it gives none.
func (w *wfdb) checkLength() error {
	known := w.frames >= 0
	for _, g := range w.groups {
		if g.file == nil {
			continue
		}
		held := max(g.format.samples(max(g.file.size-g.offset, 0))/int64(g.length), 0)
		if g.offset > g.file.size {
			return g.file.truncated(g.offset, g.file.size)
		}
		if known && held < w.frames {
			return g.file.truncated(g.offset+g.format.bytes(w.frames*int64(g.length)), g.file.size)
		}
		if !known && (w.frames < 0 || held < w.frames) {
			w.frames = held
		}
	}
	w.frames = max(w.frames, 0)
	w.sayLeft()
	return nil
}

// sayLeft tells of frames in the files behind the last one.
func (w *wfdb) sayLeft() {
	for _, g := range w.groups {
		if g.file == nil || w.header.layout {
			continue
		}
		left := g.format.samples(g.file.size-g.offset)/int64(g.length) - w.frames
		if left*int64(g.length) >= int64(g.format.groupSamples) { // otherwise it fills the last group
			w.ignore("%d frames of %s behind the %d that are read", left, filepath.Base(g.file.path), w.frames)
		}
	}
}

func (w *wfdb) describe() []Signal {
	var signals []Signal
	for _, g := range w.groups {
		for _, s := range g.signals {
			d := Signal{
				Name: s.name, Unit: s.unit, Rate: w.header.frequency * float64(s.perFrame),
				Digital: true, Gain: s.gain, Baseline: float64(s.baseline), Bits: g.format.bits,
				Uncalibrated: !s.calibrated,
			}
			if g.file != nil {
				d.Count = max(w.frames*int64(s.perFrame)-s.skew, 0)
			}
			signals = append(signals, d)
		}
	}
	return signals
}

func (w *wfdb) frameSamples() (n int) {
	for _, g := range w.groups {
		if g.file != nil {
			n += g.length
		}
	}
	return n
}

func (w *wfdb) next(b *Block) error {
	if w.at >= w.frames || w.frameSamples() == 0 {
		return io.EOF
	}
	from, to := w.at, min(w.at+w.perRead, w.frames)
	b.From, b.To = offset(from, w.header.frequency), offset(to, w.header.frequency)
	b.grow(int(to-from+1) * w.frameSamples()) // a skew may end inside a frame
	for _, g := range w.groups {
		if g.file == nil {
			continue
		}
		if err := w.addGroup(b, g, from, to); err != nil {
			return err
		}
	}
	w.before, w.at = from, to
	return nil
}

// addGroup adds the frames [from, to) of a group's signals to the block. The
// first sample of a signal with skew n is the n-th of it in the file; what
// would lie behind the end is a gap.
func (w *wfdb) addGroup(b *Block, g *wfdbGroup, from, to int64) error {
	var samples []int32
	var low, high int64 // frames that samples are of
	for i, s := range g.signals {
		per := int64(s.perFrame)
		first, end := from*per+s.skew, min(to*per+s.skew, w.frames*per)
		if first >= end {
			continue
		}
		if l, h := first/per, (end+per-1)/per; i == 0 || l != low || h != high {
			var err error
			if samples, err = g.read(l, h); err != nil {
				return err
			}
			low, high = l, h
		}
		at := len(b.raws)
		for frame := range int(high - low) {
			start := frame*g.length + g.starts[i]
			b.raws = append(b.raws, samples[start:start+s.perFrame]...)
		}
		// The first and the last frame may have samples beside the wanted ones.
		at += int(first - low*per)
		b.raws = b.raws[:at+int(end-first)]
		number := g.first + i
		b.addRaw(number, &w.signals[number], from*per, 0, at, g.format.gap)
	}
	return nil
}

// read returns the samples of the frames [from, to) as they are in the file.
// They are valid until the next call.
func (g *wfdbGroup) read(from, to int64) ([]int32, error) {
	low, high := from*int64(g.length), to*int64(g.length)
	group := low / int64(g.format.groupSamples)
	skip := int(low % int64(g.format.groupSamples))
	n := int(high-low) + skip
	src, err := g.file.bytes(g.offset+group*int64(g.format.groupBytes), int(g.format.bytes(int64(n))))
	if err != nil {
		return nil, err
	}
	whole := (n + g.format.groupSamples - 1) / g.format.groupSamples
	if size := whole * g.format.groupBytes; len(src) < size {
		g.bytes = append(append(g.bytes[:0], src...), make([]byte, size-len(src))...)
		src = g.bytes
	}
	if size := whole * g.format.groupSamples; cap(g.samples) < size {
		g.samples = make([]int32, size)
	}
	g.samples = g.samples[:whole*g.format.groupSamples]
	g.format.unpack(g.samples, src)
	return g.samples[skip:n], nil
}

func (w *wfdb) rewind() error {
	w.at = 0
	return nil
}

// verify compares the sum of each signal's samples with the header's checksum.
func (w *wfdb) verify() error {
	for _, g := range w.groups {
		if g.file == nil {
			continue
		}
		sums := make([]int64, len(g.signals))
		for at := int64(0); at < w.frames; at += w.perRead {
			samples, err := g.read(at, min(at+w.perRead, w.frames))
			if err != nil {
				return err
			}
			g.sum(sums, samples)
		}
		for i, s := range g.signals {
			if s.hasChecksum && int16(sums[i]) != s.checksum {
				return fmt.Errorf("%s is corrupt: signal %d (%s) has checksum %d, the header says %d", g.file.path, g.first+i, s.name, int16(sums[i]), s.checksum)
			}
		}
	}
	return nil
}

func (g *wfdbGroup) sum(sums []int64, samples []int32) {
	for ; len(samples) > 0; samples = samples[g.length:] {
		for i, start := range g.starts {
			for _, v := range samples[start : start+g.signals[i].perFrame] {
				sums[i] += int64(v) & math.MaxUint16
			}
		}
	}
}

func (w *wfdb) Close() error {
	var first error
	for _, g := range w.groups {
		if g.file == nil {
			continue
		}
		if err := g.file.close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
