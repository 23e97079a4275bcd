package recording

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

const (
	// scanWindow is how much is read at once where only the annotations of
	// each data record are wanted.
	scanWindow = 4 << 10
	// sliceBytes bounds how much of a data record becomes one block.
	sliceBytes = 256 << 10
)

// edf reads the data records of an EDF, EDF+ or BDF file.
type edf struct {
	file    *file
	header  *edfHeader
	signals []Signal
	numbers []int // of signals by their place in the header, -1 for annotations
	records int64

	onsets      []int64 // of the data records, µs; nil where they join
	firstOnset  int64   // µs after the time in the header
	annotations []Annotation
	ignored     []string

	// A block is either several whole records or one of several slices of one.
	perBlock int64
	slices   int64
	at       int64 // next slice, counted through all records
}

func openEDF(path string, o Options) (_ *Recording, err error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	e := &edf{file: f}
	if e.header, err = readEDFHeader(f); err != nil {
		return nil, err
	}
	if err := e.countRecords(); err != nil {
		return nil, err
	}
	f.window = scanWindow
	if err := e.scanAnnotations(); err != nil {
		return nil, err
	}
	if n := e.header.records; n >= 0 && e.records > n {
		e.ignore("the number of data records in the header, %d: the file holds %d, and all are read", n, e.records)
	}
	f.window = windowSize
	e.plan(o.BlockSpan)
	return e.describe(path), nil
}

// countRecords settles how many data records are read: all that the file holds
// whole. A recorder that lost its power leaves fewer than the header says, or
// more than it said when it began; both are told.
func (e *edf) countRecords() error {
	h := e.header
	body := e.file.size - e.recordAt(0)
	e.records = body / h.recordBytes
	switch {
	case e.records == 0 && h.records > 0:
		return e.file.truncated(e.recordAt(1), e.file.size)
	case e.records < h.records:
		e.ignore("%d of the %d data records that the header announces: the file ends before them", h.records-e.records, h.records)
	}
	if rest := body % h.recordBytes; rest > 0 {
		e.ignore("%d bytes behind the last whole data record", rest)
	}
	return e.checkSpan()
}

// checkSpan refuses what lasts so long that its times would overflow.
func (e *edf) checkSpan() error {
	if s := float64(e.records) * e.header.duration; s > maxSeconds {
		return fmt.Errorf("%s: %d data records of %v s are %.3g s: no recording is as long", e.file.path, e.records, e.header.duration, s)
	}
	return nil
}

func (e *edf) ignore(format string, args ...any) {
	e.ignored = append(e.ignored, fmt.Sprintf(format, args...))
}

func (e *edf) recordAt(record int64) int64 {
	return int64(edfFixed+len(e.header.signals)*edfPerSignal) + record*e.header.recordBytes
}

func (e *edf) describe(path string) *Recording {
	h := e.header
	r := &Recording{Name: stem(path), Format: h.format, Start: h.start, source: e, Ignored: append(h.ignored, e.ignored...)}
	if h.start.IsZero() {
		r.StartText = h.startText
	}
	for i := range h.signals {
		s := &h.signals[i]
		if s.annotations || s.unscaled {
			e.numbers = append(e.numbers, -1)
			continue
		}
		e.numbers = append(e.numbers, len(r.Signals))
		if total := s.samples * e.records; s.valid < 0 || s.valid > total {
			s.valid = total
		}
		r.Signals = append(r.Signals, Signal{
			Name: s.label, Unit: s.unit, Rate: float64(s.samples) / h.duration, Count: s.valid,
			Digital: true, Gain: s.gain, Baseline: s.baseline, Bits: int(8 * h.width),
		})
	}
	e.signals = r.Signals
	e.findPadding()
	if !r.Start.IsZero() {
		r.Start = r.Start.Add(time.Duration(e.firstOnset) * time.Microsecond)
	}
	for i := range e.annotations {
		e.annotations[i].Offset -= e.firstOnset // negative before the first sample
	}
	slices.SortStableFunc(e.annotations, func(a, b Annotation) int { return cmp.Compare(a.Offset, b.Offset) })
	r.Annotations = e.annotations
	e.measure(r)
	return r
}

// measure sets how long the recording is.
func (e *edf) measure(r *Recording) {
	if e.records == 0 {
		return
	}
	r.Duration = time.Duration(e.time(e.records-1, 1)) * time.Microsecond
	for place, number := range e.numbers {
		if number < 0 || r.Signals[number].Count == 0 {
			continue
		}
		s := &r.Signals[number]
		last := s.Offset(s.Count - 1)
		if per := e.header.signals[place].samples; e.onsets != nil {
			last = e.onsets[(s.Count-1)/per] + s.Offset((s.Count-1)%per)
		}
		r.Last = max(r.Last, last)
	}
}

// time returns when a part of a data record has passed, in µs.
func (e *edf) time(record int64, part float64) int64 {
	if e.onsets != nil {
		return e.onsets[record] + int64(math.Round(part*e.header.duration*1e6))
	}
	return int64(math.Round((float64(record) + part) * e.header.duration * 1e6))
}

// plan chooses how much a block holds: long records are cut, short ones that
// join are put together.
func (e *edf) plan(span time.Duration) {
	h := e.header
	bySpan := math.Ceil(h.duration / span.Seconds())
	bySize := math.Ceil(float64(h.recordBytes) / sliceBytes)
	// Slices that are mostly empty would cost more than what is in them.
	most := max(bySize, float64(h.recordBytes/h.width)/float64(len(h.signals)))
	e.slices = int64(max(min(max(bySpan, bySize), most), 1))
	e.perBlock = 1
	if e.slices == 1 && !h.discontinuous && h.duration > 0 {
		e.perBlock = int64(max(min(span.Seconds()/h.duration, sliceBytes/float64(h.recordBytes)), 1))
	}
}

func (e *edf) next(b *Block) error {
	record, slice := e.at/e.slices, e.at%e.slices
	if record >= e.records || len(e.signals) == 0 {
		return io.EOF
	}
	last := min(record+e.perBlock, e.records) - 1
	b.From = e.time(record, float64(slice)/float64(e.slices))
	b.To = e.time(last, float64(slice+1)/float64(e.slices))
	b.grow(int((last - record + 1) * (e.header.recordBytes/e.slices + int64(len(e.signals)))))
	for place := range e.header.signals {
		if err := e.addSignal(b, place, record, last, slice); err != nil {
			return err
		}
	}
	e.at += (last - record + 1) * e.slices
	if e.slices > 1 {
		e.at = record*e.slices + slice + 1
	}
	return nil
}

// addSignal adds one signal's samples of a slice of the records first to last.
func (e *edf) addSignal(b *Block, place int, first, last, slice int64) error {
	number := e.numbers[place]
	if number < 0 {
		return nil
	}
	s := &e.header.signals[place]
	// The first sample of a slice is the first that is not before its time.
	from := (s.samples*slice + e.slices - 1) / e.slices
	to := (s.samples*(slice+1) + e.slices - 1) / e.slices
	at := len(b.raws)
	for record := first; record <= last; record++ {
		src, err := e.file.bytes(e.recordAt(record)+s.offset+from*e.header.width, int((to-from)*e.header.width))
		if err != nil {
			return err
		}
		n := len(b.raws)
		b.raws = b.raws[:n+int(to-from)]
		if e.header.width == 3 {
			unpack24(b.raws[n:], src)
		} else {
			unpack16(b.raws[n:], src)
		}
	}
	index, origin := first*s.samples+from, int64(0)
	if e.onsets != nil {
		index, origin = from, e.onsets[first]
	}
	if rest := s.valid - (first*s.samples + from); rest < int64(len(b.raws)-at) {
		b.raws = b.raws[:at+int(max(rest, 0))]
	}
	run := len(b.Runs)
	b.addRaw(number, &e.signals[number], index, origin, at, noGap)
	b.cut(run, s.padding)
	return nil
}

func (e *edf) rewind() error {
	e.at = 0
	return nil
}

// verify has nothing to compare with: EDF has no checksums.
func (e *edf) verify() error { return nil }

func (e *edf) Close() error { return e.file.close() }
