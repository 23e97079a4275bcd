package store

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

const (
	sampleBytes     = 16
	smallestRing    = 4
	hotDocumentSize = 256 << 10 // bytes of documents that stay in memory per series
)

// sensor holds the series of one sensor. One lock guards them all.
type sensor struct {
	id    string
	known *atomic.Int64 // series of the store

	mu     sync.Mutex // guards the following and the content of the series
	series map[string]*series
	gone   bool // was cleaned up: another one has its place

	// The series that was asked for last, which is never taken out, and the name that it was
	// asked for by. A device's decoder gives the same string each time, which is compared without
	// a look at its bytes; it is a copy of a short name, not a part of a frame.
	recent     *series
	recentName string

	streams streams
	epoch   uint64 // random: tells its records in the journal from those of before a clean-up
	record  []byte // the journal's record of the batch that is taken; kept for its memory
}

func newSensor(id string, known *atomic.Int64) *sensor {
	return &sensor{id: strings.Clone(id), known: known, series: make(map[string]*series, 1), streams: make(streams), epoch: rand.Uint64()}
}

// series is the memory of one series: a ring of the newest samples in order
// of arrival, and before them chunks. Every sample has a number. Of the numbers
//
//	low ≤ head ≤ sealed ≤ next    and    settled ≤ flushed ≤ next
//
// those from head on are in the ring (hot); those from low to sealed lie in
// warm chunks, which are never changed; those below flushed are in the cold
// tier, and those below settled lie there in chunks that only maintenance
// writes again. Only sealed samples leave the ring, and only settled ones the
// warm tier. While the cold tier keeps up, settled is sealed.
type series struct {
	sensor      *sensor
	attributeID string

	ring               []point // a power of two long; number n is at n modulo its length
	head, sealed, next int64
	settled, flushed   int64
	documents          []document        // of the ring, by ascending number
	documentBytes      int               // of these
	counted            int64             // bytes that Store.hot has of it
	warm               []*sensocto.Chunk // of consecutive numbers that end at sealed; immutable
	parts              []part            // chunks of the cold tier from settled to flushed

	dirty   bool      // is listed in Store.dirty
	flushAt time.Time // when it last had something to flush
	past    timeSpan  // of what has left the ring
	deep    timeSpan  // of what has left the memory
	samples int64     // in the cold tier: fewer than flushed where some were dropped
	chunks  int64     // in the cold tier
	bytes   int64     // of their data
	upkeep  upkeep    // what maintenance knows

	rollupBytes int64 // in the cold tier
	recovering  bool  // the cold tier lacks samples that the journal has
}

// point is a sample in the ring; its value is NaN where it is a document.
type point struct {
	time  int64
	value float64
}

type document struct {
	seq  int64
	text []byte
}

// part is a chunk of less than full size.
type part struct{ samples, bytes int }

// timeSpan bounds timestamps; it is empty where from is after to.
type timeSpan struct{ from, to int64 }

var noTime = timeSpan{math.MaxInt64, math.MinInt64}

func (t *timeSpan) add(u timeSpan) { t.from, t.to = min(t.from, u.from), max(t.to, u.to) }

func (n *sensor) restore(info sensocto.SeriesInfo) {
	s := n.seriesOrNew(info.AttributeID)
	s.skip(info.NextSeq)
	s.past = timeSpan{info.MinTime, info.MaxTime}
	s.deep = s.past
	s.samples, s.chunks, s.bytes, s.rollupBytes = info.Samples, info.Chunks, info.Bytes, info.RollupBytes
}

func (n *sensor) seriesOrNew(attributeID string) *series {
	if n.recent != nil && n.recentName == attributeID { // as nearly always
		return n.recent
	}
	s := n.series[attributeID]
	if s == nil {
		id := strings.Clone(attributeID) // do not keep the frame that it came in
		s = &series{sensor: n, attributeID: id, past: noTime, deep: noTime}
		n.series[id] = s
		n.known.Add(1)
	}
	n.recent, n.recentName = s, attributeID
	return s
}

// skip leaves out the next numbers of a series that has nothing in memory.
func (s *series) skip(n int64) {
	s.next += n
	s.head, s.sealed, s.settled, s.flushed = s.next, s.next, s.next, s.next
}

// push appends a sample.
func (s *series) push(m *sensocto.Sample) {
	if s.next-s.head == int64(len(s.ring)) {
		s.resize(max(smallestRing, 2*len(s.ring)))
	}
	p := point{m.Timestamp, m.Value}
	if m.Document != nil {
		p.value = math.NaN()
		s.documents = append(s.documents, document{s.next, m.Document})
		s.documentBytes += len(m.Document)
	}
	s.ring[int(s.next)&(len(s.ring)-1)] = p
	s.next++
}

// resize moves the samples to a ring of another length, a power of two that
// holds them.
func (s *series) resize(length int) {
	ring := make([]point, length)
	for seq := s.head; seq < s.next; seq++ {
		ring[int(seq)&(length-1)] = *s.at(seq)
	}
	s.ring = ring
}

func (s *series) at(seq int64) *point { return &s.ring[int(seq)&(len(s.ring)-1)] }

// copyTo replaces cols by the samples from ≤ number < to.
func (s *series) copyTo(cols *Columns, from, to int64) {
	cols.Reset()
	n := int(to - from)
	cols.Times, cols.Values = resize(cols.Times, n), resize(cols.Values, n)
	for done := 0; done < n; {
		at := int(from+int64(done)) & (len(s.ring) - 1)
		stretch := s.ring[at:min(at+n-done, len(s.ring))]
		times, values := cols.Times[done:], cols.Values[done:]
		for i := range stretch {
			times[i], values[i] = stretch[i].time, stretch[i].value
		}
		done += len(stretch)
	}
	for _, d := range s.documents[s.documentIndex(from):] {
		if d.seq >= to {
			break
		}
		cols.Documents = append(cols.Documents, Document{Index: int(d.seq - from), Text: d.text})
	}
}

// documentIndex returns the index of the first document not before a number.
func (s *series) documentIndex(seq int64) int {
	i, _ := slices.BinarySearchFunc(s.documents, seq, func(d document, seq int64) int { return int(d.seq - seq) })
	return i
}

// unflushedBytes is what the series adds to the bound, up to a number.
func (s *series) unflushedBytes(from, to int64) int64 {
	size := sampleBytes * (to - from)
	for _, d := range s.documents[s.documentIndex(from):] {
		if d.seq >= to {
			break
		}
		size += int64(len(d.text))
	}
	return size
}

// evict lets sealed samples leave the ring, all but the newest keep.
func (s *series) evict(keep int) {
	head := min(s.sealed, s.next-int64(keep))
	for i, excess := 0, s.documentBytes-hotDocumentSize; excess > 0 && i < len(s.documents); i++ {
		excess -= len(s.documents[i].text)
		head = max(head, min(s.sealed, s.documents[i].seq+1))
	}
	for seq := s.head; seq < head; seq++ {
		t := s.at(seq).time
		s.past.add(timeSpan{t, t})
	}
	s.head = max(s.head, head)
	gone := s.documentIndex(s.head)
	for _, d := range s.documents[:gone] {
		s.documentBytes -= len(d.text)
	}
	s.documents = slices.Delete(s.documents, 0, gone)
	s.shrink()
}

// shrink gives memory back once the ring is far too large for what it holds.
func (s *series) shrink() {
	const never = 16 << 10 // samples: what a busy series comes back to anyway
	n := int(s.next - s.head)
	switch {
	case n == 0:
		s.ring, s.documents = nil, nil
	case len(s.ring) > never && n < len(s.ring)/8:
		s.resize(powerOfTwo(2 * n))
	}
}

func powerOfTwo(atLeast int) int {
	n := smallestRing
	for n < atLeast {
		n *= 2
	}
	return n
}
