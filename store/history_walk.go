package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/sensocto/sensocto"
)

// historian makes one History.
type historian struct {
	store  *Store
	series *series
	field  string            // of documents; "": the numbers themselves
	parsed int               // bytes of the documents that were searched for it in chunks
	before int64             // numbers from here on came later
	warm   []*sensocto.Chunk // of the series, once what is hot was looked at

	width, from, to int64 // µs: of the buckets, and what they cover
	tallies         []tally
	wider           int64                             // what width would do where this one does not
	lowest          [1 + sensocto.RollupLevels]*int64 // number of the first chunk of each level, once known
}

// at is the grid: it has a tally for every bucket.
func (h *historian) at(t int64) (a *tally, from, to int64) {
	if t < h.from {
		return nil, t, h.from
	}
	if t >= h.to {
		return nil, h.to, max(h.to, t) + 1
	}
	i := (t - h.from) / h.width
	from = h.from + i*h.width
	return &h.tallies[i], from, from + h.width
}

// gather fills the tallies: from the hot tier, the newest numbers first, and
// with what has lower numbers from the warm and the cold one. Samples move only
// from hot to warm to cold, so that each counts once.
func (h *historian) gather(ctx context.Context) error {
	cols := h.store.columns.Get().(*Columns)
	defer h.store.columns.Put(cols)
	defer cols.Reset()
	head, past := h.before, noTime
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		head, past, more = h.series.copyBefore(cols, head)
		h.tally(cols, head)
	}
	if head == 0 || past.to < h.from || past.from >= h.to {
		return nil
	}
	warm, low, deep := h.series.warmBefore(head)
	h.warm = warm
	if low == 0 || deep.to < h.from || deep.from >= h.to { // the database is not needed
		return h.useWarm(numbers{0, head}, cols)
	}
	return h.gatherCold(ctx, head, cols)
}

// useWarm adds the samples with certain numbers that are in the warm tier.
func (h *historian) useWarm(m numbers, cols *Columns) error {
	for _, c := range h.warm {
		if c.FirstSeq < m.from || c.FirstSeq >= m.to || c.MaxTime < h.from || c.MinTime >= h.to {
			continue
		}
		if err := h.useChunk(c, m, cols); err != nil {
			return err
		}
		h.store.metrics.readChunks[tierWarm].Add(1)
	}
	return nil
}

// numbers is a range of numbers: from (inclusive) to (exclusive).
type numbers struct{ from, to int64 }

// gatherCold goes down the tree of rollups: of each level it takes what fits
// the buckets, and looks for the numbers that are missing then one level lower.
func (h *historian) gatherCold(ctx context.Context, head int64, cols *Columns) error {
	h.series.sensor.mu.Lock()
	covered, incomplete := h.series.upkeep.covered, h.series.samples < h.series.flushed
	h.series.sensor.mu.Unlock()
	missing := []numbers{{0, head}}
	for level := sensocto.RollupLevels; level >= 1 && len(missing) > 0; level-- {
		if covered[level-1] == 0 {
			continue
		}
		var left []numbers
		for _, m := range missing {
			used, err := h.useRollups(ctx, level, m, incomplete)
			if err != nil {
				return err
			}
			left = append(left, without(m, used)...)
		}
		missing = left
	}
	for _, m := range missing {
		if err := h.useChunks(ctx, m, cols); err != nil {
			return err
		}
	}
	return nil
}

// useRollups adds the rollups among some numbers whose cells fit the buckets,
// and returns what numbers they have.
func (h *historian) useRollups(ctx context.Context, level int, m numbers, incomplete bool) (used []numbers, err error) {
	rollup := h.store.rollups.Get().(*Rollup)
	defer h.store.rollups.Put(rollup)
	var unused []sensocto.Chunk
	err = h.store.eachChunk(ctx, h.query(level, m), func(c *sensocto.Chunk) error {
		end := c.FirstSeq + int64(c.Count)
		switch {
		case end > m.to:
			return nil // reaches into what memory has
		case h.useWhole(c):
		case h.width%c.Cell != 0:
			unused = append(unused, *c)
			return nil
		default:
			if err := h.store.codec.DecodeRollup(c.Data, rollup); err != nil {
				return err
			}
			cells, known := rollup.cellsOf(h.field)
			if !known {
				return nil // made by an earlier version, or of too many fields: what is below it has the field
			}
			h.addCells(cells, c.FirstSeq)
		}
		used = append(used, numbers{c.FirstSeq, end})
		return nil
	})
	for i := 0; i < len(unused) && incomplete && err == nil; i++ {
		var tooFine bool
		if tooFine, err = h.tooFine(ctx, &unused[i]); tooFine {
			err = errTooFine
		}
	}
	return used, err
}

// query selects the chunks of a level with certain numbers that matter.
func (h *historian) query(level int, m numbers) sensocto.ChunkRange {
	const few = 256 // chunks: they are found by number, and more by time
	size := int64(ChunkSamples)
	for _, fan := range h.store.options.RollupFan[:level] {
		size *= int64(fan)
	}
	q := h.series.chunkRange(level)
	q.From, q.To, q.FromSeq, q.BeforeSeq = h.from, h.to, m.from, m.to
	q.ByNumber = (m.to-m.from)/size < few
	return q
}

// tally adds consecutive samples, the first of which has a number.
func (h *historian) tally(cols *Columns, number int64) {
	if h.field != "" {
		cols.only(h.field)
	}
	tallySamples(h, cols, number)
}

// useWhole adds a chunk by its statistics if all of it is in one bucket. Of fields
// there are none.
func (h *historian) useWhole(c *sensocto.Chunk) bool {
	if h.field != "" {
		return false
	}
	a, _, to := h.at(c.MinTime)
	if a == nil || c.MaxTime >= to {
		return false
	}
	a.addPiece(&c.Numbers, int64(c.Count)-c.Numbers.Count, c.FirstSeq)
	return true
}

func (h *historian) addCells(cells []Cell, number int64) {
	for i := range cells {
		cell := &cells[i]
		if a, _, _ := h.at(cell.Start); a != nil {
			a.addPiece(&cell.Numbers, cell.Documents, number)
		}
	}
}

// useChunks adds the samples with certain numbers, from the first warm chunk
// among them on without the cold tier.
func (h *historian) useChunks(ctx context.Context, m numbers, cols *Columns) error {
	for _, c := range h.warm {
		if c.FirstSeq >= m.from && c.FirstSeq < m.to {
			if err := h.useWarm(numbers{c.FirstSeq, m.to}, cols); err != nil {
				return err
			}
			m.to = c.FirstSeq
		}
	}
	if m.from >= m.to {
		return nil
	}
	query := h.query(0, m)
	if h.mostlyWhole() {
		return h.useStatistics(ctx, query, m, cols)
	}
	return h.store.eachChunk(ctx, query, func(c *sensocto.Chunk) error { return h.useChunk(c, m, cols) })
}

// useChunk adds those samples of a chunk that have certain numbers.
func (h *historian) useChunk(c *sensocto.Chunk, m numbers, cols *Columns) error {
	if c.FirstSeq >= m.from && end(c) <= m.to && h.useWhole(c) {
		return nil
	}
	if err := h.store.codec.Decode(c.Data, cols); err != nil {
		return err
	}
	if err := h.spend(cols); err != nil {
		return err
	}
	from, to := max(0, m.from-c.FirstSeq), min(int64(len(cols.Times)), m.to-c.FirstSeq)
	if from < to {
		cols.cut(int(from), int(to))
		h.tally(cols, c.FirstSeq+from)
	}
	return nil
}

// spend counts the documents that are searched for a field: no rollup bounds them
// where the documents of a series have too many fields.
func (h *historian) spend(cols *Columns) error {
	if h.field == "" {
		return nil
	}
	for i := range cols.Documents {
		h.parsed += len(cols.Documents[i].Text)
	}
	if h.parsed > h.store.fieldBytes {
		return errFieldScan
	}
	return nil
}

// mostlyWhole reports whether most chunks lie in one bucket, as far as can be
// told: their data is not worth reading then.
func (h *historian) mostlyWhole() bool {
	if h.field != "" {
		return false
	}
	r := h.series
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	return r.chunks > 0 && r.past.to > r.past.from && (r.past.to-r.past.from)/r.chunks < h.width/2
}

// useStatistics reads chunks without data, and then those that lie in several
// buckets one by one.
func (h *historian) useStatistics(ctx context.Context, query sensocto.ChunkRange, m numbers, cols *Columns) error {
	query.NoData = true
	var rest []numbers // about one a bucket
	err := h.store.eachChunk(ctx, query, func(c *sensocto.Chunk) error {
		if end(c) > m.to || !h.useWhole(c) {
			rest = append(rest, numbers{c.FirstSeq, min(end(c), m.to)})
		}
		return nil
	})
	query.NoData, query.ByNumber = false, true
	for i := 0; i < len(rest) && err == nil; i++ {
		err = h.usePart(ctx, query, rest[i], cols)
	}
	return err
}

// usePart adds the samples that were in one chunk when its statistics were
// read. Maintenance may have merged that with others since.
func (h *historian) usePart(ctx context.Context, query sensocto.ChunkRange, m numbers, cols *Columns) error {
	found := false
	use := func(c *sensocto.Chunk) error {
		found = true
		return h.useChunk(c, m, cols)
	}
	query.FromSeq, query.BeforeSeq = m.from, m.from+1
	if err := h.store.eachChunk(ctx, query, use); err != nil || found {
		return err
	}
	query.FromSeq = max(0, m.from-ChunkSamples) // what is merged is no larger
	return h.store.eachChunk(ctx, query, use)
}

// without returns what is left of some numbers after others were taken out.
func without(m numbers, used []numbers) (left []numbers) {
	slices.SortFunc(used, func(a, b numbers) int { return cmp.Compare(a.from, b.from) })
	for _, u := range used {
		if u.from > m.from {
			left = append(left, numbers{m.from, u.from})
		}
		m.from = u.to
	}
	if m.from < m.to {
		left = append(left, m)
	}
	return left
}
