package recording

import (
	"context"
	"math"
	"time"
)

// layout is where the samples of several tracks lie on a common grid: in
// stretches of data records that follow each other without a gap. WFDB has one
// stretch, and records of one frame.
type layout struct {
	duration  float64 // of a record, s
	perRecord []int64 // samples of each track in a record
	stretches []stretch
	records   int64
	gaps      []gap
	tails     int     // how many of the gaps, the last ones, are behind the end of a track
	valid     []int64 // places of each track up to its last sample
	moved     []int64 // how far a sample of each track lies from its place, µs
}

// stretch is records without a gap between them.
type stretch struct {
	origin  int64 // time, µs
	records int64
}

// gap is samples of one track that a stretch has no values for.
type gap struct {
	track    int
	at       int64 // time, µs
	duration int64 // µs
}

// maxStretches bounds how many gaps a layout may have between stretches.
const maxStretches = 1 << 20

// placer finds the places of a track's samples, in order of time.
type placer struct {
	label     string
	rate      float64
	interval  float64 // µs
	tolerance float64 // µs
	origin    int64   // of the stretch
	phase     int64   // of the samples after their places, µs
	index     int64   // of the last, -1: none in this stretch
	at        int64   // time of the last
	moved     int64
}

// newPlacer allows each sample to lie half a millisecond beside its place,
// because many devices count in milliseconds, but at most a quarter of an
// interval.
func newPlacer(t *track) *placer {
	interval := 1e6 / t.rate
	return &placer{label: t.label, rate: t.rate, interval: interval, tolerance: max(min(501, interval/4), 1), index: -1}
}

func (p *placer) begin(origin int64) { p.origin, p.index, p.phase = origin, -1, 0 }

// place returns the place of a sample in its stretch. Behind a gap the samples
// may go on beside the grid: they are moved by up to half an interval then.
func (p *placer) place(at int64) (int64, error) {
	x := float64(at-p.origin-p.phase) * p.rate / 1e6
	index := int64(math.Round(x))
	beside := math.Abs(float64(at-p.origin-p.phase-offset(index, p.rate))) > p.tolerance
	if p.index < 0 || beside && float64(at-p.at) > 1.5*p.interval {
		index = max(int64(math.Round(float64(at-p.origin)*p.rate/1e6)), p.index+1)
		p.phase = at - p.origin - offset(index, p.rate)
		beside = false
	}
	if beside || index <= p.index {
		return 0, refused("%s is irregular: the samples at %s and %s do not lie on a grid of %v Hz. Ask for a rate to resample to, or export as CSV or Parquet",
			p.label, formatMicros(p.at), formatMicros(at), p.rate)
	}
	p.index, p.at = index, at
	p.moved = max(p.moved, abs(at-p.origin-offset(index, p.rate)))
	return index, nil
}

func abs(v int64) int64 { return max(v, -v) }

func formatMicros(us int64) string {
	return time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000000Z")
}

// merge calls f with the samples of all tracks in order of time.
func (t *tracks) merge(ctx context.Context, f func(track int, at int64) error) error {
	readers := make([]*spoolReader, len(t.list))
	heads := make([]int, 0, len(t.list)) // a heap of readers by time
	for i, track := range t.list {
		readers[i] = t.spool.reader(track.from, track.count, len(t.list))
		if ok, err := readers[i].next(); err != nil {
			return err
		} else if ok {
			heads = append(heads, i)
		}
	}
	before := func(a, b int) bool {
		ra, rb := readers[heads[a]], readers[heads[b]]
		return ra.at < rb.at || ra.at == rb.at && heads[a] < heads[b]
	}
	heapify(heads, before)
	for n := 0; len(heads) > 0; n++ {
		if n&0xffff == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r := readers[heads[0]]
		if err := f(heads[0], r.at); err != nil {
			return err
		}
		ok, err := r.next()
		if err != nil {
			return err
		}
		if !ok {
			heads[0] = heads[len(heads)-1]
			heads = heads[:len(heads)-1]
		}
		siftDown(heads, 0, before)
	}
	return nil
}

// heapify and siftDown keep the least element first. They know the slice by
// its indices, so that what is compared may be looked up elsewhere.
func heapify(heap []int, before func(a, b int) bool) {
	for i := len(heap)/2 - 1; i >= 0; i-- {
		siftDown(heap, i, before)
	}
}

func siftDown(heap []int, i int, before func(a, b int) bool) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
			if before(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		heap[i], heap[least] = heap[least], heap[i]
		i = least
	}
}

// arranger finds the places of all samples, in order of time.
type arranger struct {
	*layout
	tracks  *tracks
	placers []*placer
	whole   bool  // one stretch, whatever is missing
	limit   int64 // of records in a stretch
}

// arrange fills the layout. Where no track has a sample for a record, a new
// stretch may begin; with whole, everything is one.
func (t *tracks) arrange(ctx context.Context, l *layout, whole bool, limit int64) error {
	a := &arranger{layout: l, tracks: t, whole: whole, limit: limit}
	for _, track := range t.list {
		a.placers = append(a.placers, newPlacer(track))
	}
	l.valid = make([]int64, len(t.list))
	a.open()
	if err := t.merge(ctx, a.sample); err != nil {
		return err
	}
	a.finish()
	return nil
}

// open begins the first stretch with the first sample. Where a format cannot
// tell of a time before it, it begins early enough for a note before the first
// sample.
func (a *arranger) open() {
	span := a.duration * 1e6
	first := a.tracks.firstSample()
	before := float64(first - a.tracks.from)
	if !a.whole || before <= 0 {
		a.begin(first)
		return
	}
	a.begin(first - int64(math.Round(math.Ceil(before/span)*span)))
}

func (t *tracks) firstSample() int64 {
	first := int64(math.MaxInt64)
	for _, track := range t.list {
		first = min(first, track.first)
	}
	return first
}

func (a *arranger) begin(at int64) {
	a.stretches = append(a.stretches, stretch{origin: at})
	for _, p := range a.placers {
		p.begin(at)
	}
}

// last returns the stretch that is being filled.
func (a *arranger) last() *stretch { return &a.stretches[len(a.stretches)-1] }

func (a *arranger) sample(i int, at int64) error {
	p, s := a.placers[i], a.last()
	if !a.whole && float64(at-s.origin) >= float64(s.records+1)*a.duration*1e6 {
		for i := range a.placers {
			a.gap(i, s.records*a.perRecord[i])
		}
		a.records += s.records
		a.begin(at)
		s = a.last()
	}
	before := p.index
	index, err := p.place(at)
	if err != nil {
		return err
	}
	if !a.whole && index > before+1 {
		a.gapFrom(i, before+1, index)
	}
	s.records = max(s.records, index/a.perRecord[i]+1)
	a.valid[i] = a.records*a.perRecord[i] + index + 1
	return a.check()
}

// gap notes that a track has nothing behind its last sample up to an index.
func (a *arranger) gap(i int, to int64) { a.gapFrom(i, a.placers[i].index+1, to) }

func (a *arranger) gapFrom(i int, from, to int64) {
	if from < to {
		at, end := offset(from, a.placers[i].rate), offset(to, a.placers[i].rate)
		a.gaps = append(a.gaps, gap{track: i, at: a.last().origin + at, duration: end - at})
	}
}

// finish completes the layout.
func (a *arranger) finish() {
	s, inside := a.last(), len(a.gaps)
	for i, p := range a.placers {
		if !a.whole {
			a.gap(i, s.records*a.perRecord[i])
		}
		a.moved = append(a.moved, p.moved)
	}
	a.tails = len(a.gaps) - inside
	a.records += s.records
}

func (a *arranger) check() error {
	switch {
	case len(a.stretches) > maxStretches || len(a.gaps) > maxAnnotations:
		return refused("there are too many gaps for this format: export less at once, or as CSV or Parquet")
	case a.records+a.last().records > a.limit:
		return refused("the gaps are so long that the file would be mostly empty: export the parts before and after them with from and to, or as CSV, EDF+ or Parquet")
	}
	return nil
}

// cursor walks the samples of one track a second time, stretch by stretch.
type cursor struct {
	reader    *spoolReader
	placer    *placer
	stretches []stretch
	stretch   int
	index     int64 // place of the sample that the reader is at
	more      bool
}

func (t *tracks) cursor(i int, l *layout) (*cursor, error) {
	track := t.list[i]
	c := &cursor{reader: t.spool.reader(track.from, track.count, len(t.list)), placer: newPlacer(track), stretches: l.stretches}
	c.placer.begin(l.stretches[0].origin)
	return c, c.advance()
}

func (c *cursor) advance() (err error) {
	if c.more, err = c.reader.next(); !c.more || err != nil {
		return err
	}
	for c.stretch+1 < len(c.stretches) && c.reader.at >= c.stretches[c.stretch+1].origin {
		c.stretch++
		c.placer.begin(c.stretches[c.stretch].origin)
	}
	c.index, err = c.placer.place(c.reader.at)
	return err
}

// fill sets the samples [from, from+len(dst)) of a stretch and leaves the
// others as they are.
func (c *cursor) fill(dst []int32, stretch int, from int64, raw func(float64) int32) error {
	for c.more && c.stretch == stretch && c.index < from+int64(len(dst)) {
		dst[c.index-from] = raw(c.reader.v)
		if err := c.advance(); err != nil {
			return err
		}
	}
	return nil
}
