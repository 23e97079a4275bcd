package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/sensocto/sensocto"
)

// group is consecutive chunks of one level that a rollup of the next stands for.
type group struct {
	series   *series
	level    int              // of the rollup
	chunks   []sensocto.Chunk // without data
	complete bool             // nothing will be added
	// next is where the group after this one begins.
	next int64
}

// children returns the range of the group's chunks.
func (g *group) children() sensocto.ChunkRange {
	first, last := &g.chunks[0], &g.chunks[len(g.chunks)-1]
	r := g.series.chunkRange(g.level - 1)
	r.FromSeq, r.BeforeSeq = first.FirstSeq, last.FirstSeq+1
	return r
}

// chunkRange selects all chunks of a level, by number.
func (r *series) chunkRange(level int) sensocto.ChunkRange {
	return sensocto.ChunkRange{SensorID: r.sensor.id, AttributeID: r.attributeID, Level: level, ByNumber: true}
}

// nextGroup returns what is to be rolled up next, from a number on and below
// another. A group ends where numbers are missing, so that the count of a
// rollup tells where it ends, and before a rollup that exists already.
func (s *Store) nextGroup(ctx context.Context, r *series, level int, from, below, covered int64) (g group, err error) {
	g = group{series: r, level: level, next: from}
	if covered > from {
		existing, err := s.firstChunk(ctx, r, level, from)
		if err != nil {
			return g, err
		}
		if existing != nil {
			below, g.complete = min(below, existing.FirstSeq), true
			g.next = existing.FirstSeq + int64(existing.Count)
		}
	}
	query, fan := r.chunkRange(level-1), s.options.RollupFan[level-1]
	query.FromSeq, query.BeforeSeq, query.NoData = from, below, true
	err = s.cold.ReadChunks(ctx, query, func(c *sensocto.Chunk) bool {
		end := from
		if n := len(g.chunks); n > 0 {
			end = g.chunks[n-1].FirstSeq + int64(g.chunks[n-1].Count)
		}
		if len(g.chunks) == fan || len(g.chunks) > 0 && c.FirstSeq != end {
			g.complete = true
			return false
		}
		g.chunks = append(g.chunks, *c)
		return true
	})
	if n := len(g.chunks); n > 0 {
		last := &g.chunks[n-1]
		g.next = last.FirstSeq + int64(last.Count)
		g.complete = g.complete || n == fan
	}
	return g, err
}

// firstChunk returns the first chunk of a level that begins at a number or
// later, without its data, or nil.
func (s *Store) firstChunk(ctx context.Context, r *series, level int, from int64) (first *sensocto.Chunk, err error) {
	query := r.chunkRange(level)
	query.FromSeq, query.BeforeSeq, query.NoData = from, noNumber, true
	err = s.cold.ReadChunks(ctx, query, func(c *sensocto.Chunk) bool {
		copied := *c
		first = &copied
		return false
	})
	return first, err
}

// build makes the rollup of a group.
func (s *Store) build(ctx context.Context, g *group) (sensocto.Chunk, error) {
	c := g.describe()
	limit := rollupCells
	cells := newCellTally(g.widest())
	add := s.addRollup
	if g.level == 1 {
		limit = min(limit, max(1, c.Count/cellSamples))
		cells.width = g.startingWidth()
		add = s.addChunk
	}
	seen := 0
	err := s.eachChunk(ctx, g.children(), func(child *sensocto.Chunk) error {
		seen += child.Count
		return add(cells, child)
	})
	if err != nil {
		return c, err
	}
	if seen != c.Count {
		return c, fmt.Errorf("%d samples in the chunks of a rollup, there were %d", seen, c.Count)
	}
	cells.coarsen(limit)
	c.Cell = cells.width
	c.Data = s.codec.AppendRollup(nil, cells.rollup())
	return c, nil
}

// eachChunk reads chunks until one cannot be dealt with.
func (s *Store) eachChunk(ctx context.Context, query sensocto.ChunkRange, f func(*sensocto.Chunk) error) error {
	var failed error
	err := s.cold.ReadChunks(ctx, query, func(c *sensocto.Chunk) bool {
		if failed = f(c); failed != nil {
			failed = fmt.Errorf("chunk %d of %s %s, level %d: %w", c.FirstSeq, c.SensorID, c.AttributeID, c.Level, failed)
		}
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("read chunks: %w", err)
	}
	return nil
}

func (s *Store) addChunk(cells *cellTally, c *sensocto.Chunk) error {
	cols := s.columns.Get().(*Columns)
	defer s.columns.Put(cols)
	defer cols.Reset()
	if err := s.codec.Decode(c.Data, cols); err != nil {
		return err
	}
	tallySamples(cells, cols, c.FirstSeq)
	cells.fields.addDocuments(cols, c.FirstSeq, cells.width)
	return nil
}

func (s *Store) addRollup(cells *cellTally, c *sensocto.Chunk) error {
	r := s.rollups.Get().(*Rollup)
	defer s.rollups.Put(r)
	if err := s.codec.DecodeRollup(c.Data, r); err != nil {
		return err
	}
	for i := range r.Cells {
		cell := &r.Cells[i]
		a, _, _ := cells.at(cell.Start)
		a.addPiece(&cell.Numbers, cell.Documents, c.FirstSeq)
	}
	cells.fields.addRollup(r, c.FirstSeq, cells.width)
	return nil
}

// describe returns the rollup's chunk without its data.
func (g *group) describe() sensocto.Chunk {
	first := &g.chunks[0]
	c := sensocto.Chunk{
		SensorID: first.SensorID, AttributeID: first.AttributeID, Level: g.level,
		FirstSeq: first.FirstSeq, MinTime: first.MinTime, MaxTime: first.MaxTime,
	}
	var all tally
	for i := range g.chunks {
		child := &g.chunks[i]
		c.Count += child.Count
		c.MinTime, c.MaxTime = min(c.MinTime, child.MinTime), max(c.MaxTime, child.MaxTime)
		all.addPiece(&child.Numbers, 0, child.FirstSeq)
	}
	c.Numbers = all.numbers
	return c
}

// widest returns the widest cell of the group's rollups.
func (g *group) widest() int64 {
	return slices.MaxFunc(g.chunks, func(a, b sensocto.Chunk) int { return int(min(max(a.Cell-b.Cell, -1), 1)) }).Cell
}

// startingWidth returns a width with which samples fill a bounded number of
// cells, somewhat finer than it will be: gaps are not known yet.
func (g *group) startingWidth() int64 {
	const cells = 4 * rollupCells
	widths := ladder()
	for _, width := range widths {
		sum := uint64(0)
		for i := range g.chunks {
			c := &g.chunks[i]
			sum += min(uint64(c.MaxTime-c.MinTime)/uint64(width)+2, uint64(c.Count))
		}
		if sum <= cells {
			return width
		}
	}
	return widths[len(widths)-1]
}
