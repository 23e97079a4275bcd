package store

import (
	"math"
	"slices"

	"github.com/sensocto/sensocto"
)

// Rollups are a tree over the numbers of a series: one of level 1 stands for up
// to chunkFan consecutive chunks, one of level k+1 for up to rollupFan of level
// k. Each holds buckets on a grid of time. Because the tree is over numbers,
// every sample is in exactly one rollup of a level however late it came, and
// what is written is never touched again.
const (
	chunkFan  = 64
	rollupFan = 16
	// rollupCells bounds the buckets of a rollup: a grid is chosen so fine that
	// there are about as many.
	rollupCells = 2048
	// cellSamples is how many samples there must be for each bucket, so that a
	// rollup is small beside what it stands for.
	cellSamples = 16
	// maxCells is what a decoder accepts: more than there are cells of the widest
	// kind in all of time.
	maxCells = 8192
)

// ladder returns the widths (µs) that the buckets of rollups may have, each a
// multiple of the one before. So a wide bucket is made of whole narrow ones.
func ladder() [25]int64 {
	const (
		ms   = 1000
		sec  = 1000 * ms
		mnt  = 60 * sec
		hour = 60 * mnt
		day  = 24 * hour
	)
	return [...]int64{
		1 * ms, 5 * ms, 10 * ms, 50 * ms, 100 * ms, 500 * ms, 1 * sec, 5 * sec, 10 * sec, 30 * sec, 1 * mnt, 5 * mnt, 10 * mnt, 30 * mnt,
		1 * hour, 3 * hour, 6 * hour, 12 * hour, 1 * day, 7 * day, 28 * day, 84 * day, 336 * day, 3360 * day, 33600 * day,
	}
}

// Cell is one bucket of a rollup: what lies from Start up to the next multiple
// of the rollup's width.
type Cell struct {
	Start int64 // µs
	// Documents is how many samples are not numbers. They are not in Numbers.
	Documents int64
	Numbers   sensocto.Bucket
}

// Rollup is the content of a rollup chunk.
type Rollup struct {
	Width int64  // µs, of a cell
	Cells []Cell // by time, none empty
	// HasFields says that Fields has all numbers that are in documents. Rollups of
	// earlier versions of the program have none.
	HasFields bool
	Fields    []Field // by name
}

// floorTo returns the greatest multiple of width that is not above t.
func floorTo(t, width int64) int64 {
	rest := t % width
	if rest < 0 {
		rest += width
	}
	if t < math.MinInt64+rest {
		return t // there is none: no clock shows such a time
	}
	return t - rest
}

// tally is a bucket in the making. What it gathers may come in any order of
// numbers, as long as pieces do not overlap in their numbers.
type tally struct {
	numbers   sensocto.Bucket
	documents int64
	// first and last number the pieces which the first and the last value are
	// of: of equal times the lower number is the first.
	first, last int64
}

// add merges another tally.
func (a *tally) add(b *tally) {
	a.documents += b.documents
	switch {
	case b.numbers.Count == 0:
		return
	case a.numbers.Count == 0:
		a.numbers, a.first, a.last = b.numbers, b.first, b.last
		return
	}
	n, m := &a.numbers, &b.numbers
	n.Count += m.Count
	n.Sum += m.Sum
	n.Min, n.Max = min(n.Min, m.Min), max(n.Max, m.Max)
	if m.From < n.From || m.From == n.From && b.first < a.first {
		n.From, n.First, a.first = m.From, m.First, b.first
	}
	if m.To > n.To || m.To == n.To && b.last >= a.last {
		n.To, n.Last, a.last = m.To, m.Last, b.last
	}
}

// addPiece merges a bucket of samples that begin with a number.
func (a *tally) addPiece(b *sensocto.Bucket, documents, number int64) {
	a.add(&tally{numbers: *b, documents: documents, first: number, last: number})
}

// tallier hands out the tally of the grid's bucket that a time lies in.
type tallier interface {
	// at returns nil where a time does not count. The bucket reaches from
	// (inclusive) to (exclusive).
	at(t int64) (a *tally, from, to int64)
}

// tallySamples adds consecutive samples, the first of which has a number.
func tallySamples(g tallier, cols *Columns, number int64) {
	var a *tally
	var piece tally
	from, to := int64(0), int64(0) // of a, empty at first
	flush := func() {
		if a != nil {
			piece.first, piece.last = number, number
			a.add(&piece)
		}
	}
	for i, t := range cols.Times {
		if t < from || t >= to {
			flush()
			piece = tally{}
			a, from, to = g.at(t)
		}
		if a != nil {
			piece.sample(t, cols.Values[i])
		}
	}
	flush()
}

// sample adds a sample whose number is higher than those added before.
func (a *tally) sample(t int64, v float64) {
	n := &a.numbers
	if v != v { // a document
		a.documents++
		return
	}
	if n.Count == 0 {
		*n = sensocto.Bucket{Count: 1, Min: v, Max: v, Sum: v, First: v, Last: v, From: t, To: t}
		return
	}
	n.Count++
	n.Sum += v
	if v < n.Min {
		n.Min = v
	}
	if v > n.Max {
		n.Max = v
	}
	if t >= n.To {
		n.To, n.Last = t, v
	} else if t < n.From {
		n.From, n.First = t, v
	}
}

// cellTally is a sparse grid: the cells of a rollup in the making.
type cellTally struct {
	width int64
	index map[int64]int32 // by start, of list
	list  []cellEntry
	// fields are those of the documents, on the same grid or a finer one.
	fields fieldTally
}

type cellEntry struct {
	start int64
	tally
}

func newCellTally(width int64) *cellTally {
	return &cellTally{width: width, index: make(map[int64]int32)}
}

func (g *cellTally) at(t int64) (a *tally, from, to int64) {
	from = floorTo(t, g.width)
	i, ok := g.index[from]
	if !ok {
		i = int32(len(g.list))
		g.index[from] = i
		g.list = append(g.list, cellEntry{start: from})
	}
	return &g.list[i].tally, from, from + g.width
}

// coarsen moves to the finest wider grid that has at most limit cells; the
// widest that there is may have more.
func (g *cellTally) coarsen(limit int) {
	for _, width := range ladder() {
		if len(g.list) <= limit {
			return
		}
		g.widen(width)
	}
}

// widen moves to a grid whose cells are as wide as a multiple of the present ones.
func (g *cellTally) widen(width int64) {
	if width <= g.width {
		return
	}
	wide := newCellTally(width)
	for i := range g.list {
		a, _, _ := wide.at(g.list[i].start)
		a.add(&g.list[i].tally)
	}
	wide.fields = g.fields
	*g = *wide
}

// rollup returns what was gathered.
func (g *cellTally) rollup() *Rollup {
	slices.SortFunc(g.list, func(a, b cellEntry) int {
		if a.start < b.start {
			return -1
		}
		return 1
	})
	r := &Rollup{Width: g.width, Cells: make([]Cell, len(g.list))}
	for i := range g.list {
		e := &g.list[i]
		r.Cells[i] = Cell{Start: e.start, Documents: e.documents, Numbers: e.numbers}
	}
	g.fields.put(r)
	return r
}
