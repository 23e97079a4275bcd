package recording

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
)

// wfdbSegments reads a WFDB record of several segments, one behind the other.
// Segments may have different signals (variable layout): then a first segment
// without samples lists all of them, and they are told apart by their names.
type wfdbSegments struct {
	header  *wfdbHeader
	dir     string
	options Options
	signals []Signal
	byName  map[string][]int
	perOf   []int // samples per frame of each signal
	frames  int64
	last    int64 // offset of the last sample, µs
	ignored []string

	index   int   // of the segment that is read next
	at      int64 // its first frame
	current *wfdb // the one before, nil where it is over
	begins  int64 // its first frame
	places  []int // which of the record's signals its signals are
}

// openSegments opens each segment once, so that what is wrong with one is said
// before anything was delivered.
func openSegments(path string, h *wfdbHeader, o Options) (*wfdbSegments, error) {
	s := &wfdbSegments{header: h, dir: filepath.Dir(path), options: o}
	total, text := 0.0, int64(0)
	for _, segment := range h.segments {
		total += float64(segment.frames)
	}
	if total/h.frequency > maxSeconds {
		return nil, fmt.Errorf("%s: %w", path, errTooLong)
	}
	for i := range h.segments {
		w, err := s.open(i)
		if err != nil {
			return nil, fmt.Errorf("%s: segment %s: %w", path, h.segments[i].name, err)
		}
		s.frames += h.segments[i].frames
		if w == nil {
			continue
		}
		if w.frameSamples() > 0 && w.frames > 0 {
			s.last = offset(s.frames, h.frequency) - offset(1, h.frequency)
		}
		if text += w.header.bytes; text > maxSegmentBytes {
			w.Close()
			return nil, fmt.Errorf("%s: the headers of its segments have more than %d bytes", path, maxSegmentBytes)
		}
		err = s.survey(w)
		for _, text := range w.ignored {
			s.ignored = appendOnce(s.ignored, text)
		}
		w.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: segment %s: %w", path, h.segments[i].name, err)
		}
	}
	if len(s.signals) != h.signalCount {
		return nil, fmt.Errorf("%s: %d signals announced, the segments have %d", path, h.signalCount, len(s.signals))
	}
	return s, nil
}

// open opens a segment. It returns nil where nothing was recorded.
func (s *wfdbSegments) open(i int) (*wfdb, error) {
	segment := s.header.segments[i]
	if segment.name == nullFile {
		return nil, nil
	}
	if !filepath.IsLocal(segment.name) {
		return nil, fmt.Errorf("must be beside the header")
	}
	path := filepath.Join(s.dir, segment.name+".hea")
	h, err := readWFDBHeader(path)
	switch {
	case err != nil:
		return nil, err
	case h.segmentCount > 0:
		return nil, fmt.Errorf("has segments itself")
	case h.frequency != s.header.frequency:
		return nil, fmt.Errorf("has %v Hz, the record has %v", h.frequency, s.header.frequency)
	}
	layout := i == 0 && segment.frames == 0
	if layout {
		h.frames, h.layout = 0, true
	}
	w, err := openSegment(path, h, s.options)
	if err == nil && !layout && w.frames != segment.frames {
		w.Close()
		return nil, fmt.Errorf("has %d samples, the record says %d", w.frames, segment.frames)
	}
	return w, err
}

// survey takes over the signals of the first segment, which must have all, and
// counts what the others have of them.
func (s *wfdbSegments) survey(w *wfdb) error {
	per := w.perFrame()
	if s.signals == nil {
		s.signals, s.perOf = slices.Clone(w.signals), per
		s.byName = map[string][]int{}
		for i := range s.signals {
			s.byName[s.signals[i].Name] = append(s.byName[s.signals[i].Name], i)
		}
		return nil
	}
	places, err := s.place(w)
	for i, at := range places {
		switch {
		case err != nil:
		case per[i] != s.perOf[at]:
			err = fmt.Errorf("signal %s has %d samples a frame, and %d in an earlier segment", w.signals[i].Name, per[i], s.perOf[at])
		default:
			s.signals[at].Count += w.signals[i].Count
			s.signals[at].Bits = max(s.signals[at].Bits, w.signals[i].Bits)
		}
	}
	return err
}

// place finds the signals of a segment among those of the record by their
// names: the second of a name is the second of that name there too.
func (s *wfdbSegments) place(w *wfdb) ([]int, error) {
	places := make([]int, len(w.signals))
	seen := map[string]int{}
	for i := range w.signals {
		name := w.signals[i].Name
		n := seen[name]
		if n >= len(s.byName[name]) {
			return nil, fmt.Errorf("signal %d (%s) is not among those of the first segment, or there less often", i, name)
		}
		places[i], seen[name] = s.byName[name][n], n+1
	}
	return places, nil
}

// perFrame returns the samples per frame of each signal.
func (w *wfdb) perFrame() (per []int) {
	for _, g := range w.groups {
		for _, s := range g.signals {
			per = append(per, s.perFrame)
		}
	}
	return per
}

func (s *wfdbSegments) next(b *Block) error {
	for {
		if s.current == nil {
			if err := s.advance(); err != nil {
				return err
			}
			continue
		}
		err := s.current.next(b)
		if err == io.EOF {
			err = s.leave()
			if err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		s.adopt(b)
		return nil
	}
}

// advance opens the next segment, if anything was recorded in it.
func (s *wfdbSegments) advance() (err error) {
	if s.index == len(s.header.segments) {
		return io.EOF
	}
	s.begins = s.at
	s.at += s.header.segments[s.index].frames
	if s.current, err = s.open(s.index); s.current != nil {
		s.places, err = s.place(s.current)
	}
	s.index++
	return err
}

// leave closes the present segment.
func (s *wfdbSegments) leave() error {
	w := s.current
	s.current = nil
	return w.Close()
}

// adopt turns a block of the segment into one of the record.
func (s *wfdbSegments) adopt(b *Block) {
	frequency := s.header.frequency
	b.From, b.To = offset(s.begins+s.current.before, frequency), offset(s.begins+s.current.at, frequency)
	for i := range b.Runs {
		r := &b.Runs[i]
		mine := &s.current.signals[r.Signal]
		r.Signal = s.places[r.Signal]
		r.First += s.begins * int64(s.perOf[r.Signal])
		if all := &s.signals[r.Signal]; mine.Gain != all.Gain || mine.Baseline != all.Baseline {
			r.Raw = nil // they would be taken for those of the record's gain
		}
	}
	slices.SortStableFunc(b.Runs, func(x, y Run) int { return cmp.Compare(x.Signal, y.Signal) })
}

func (s *wfdbSegments) rewind() error {
	s.index, s.at = 0, 0
	if s.current == nil {
		return nil
	}
	return s.leave()
}

func (s *wfdbSegments) verify() error {
	for i := range s.header.segments {
		w, err := s.open(i)
		if err != nil {
			return err
		}
		if w == nil {
			continue
		}
		err = w.verify()
		w.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *wfdbSegments) Close() error {
	if s.current == nil {
		return nil
	}
	return s.leave()
}
