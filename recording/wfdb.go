package recording

import (
	"fmt"
	"io"
	"path/filepath"
	"time"
)

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
