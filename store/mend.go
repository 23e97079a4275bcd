package store

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/sensocto/sensocto"
)

// Remedy is what was done about a fault.
type Remedy string

// The remedies.
const (
	RemedyRemoved   Remedy = "removed"   // the chunk was taken out
	RemedyRewritten Remedy = "rewritten" // the row is now that of the data
	RemedyTrimmed   Remedy = "trimmed"   // what others have already was cut off
	RemedyRebuilt   Remedy = "rebuilt"   // the rollup was made again
	RemedyRecounted Remedy = "recounted" // the totals are those of the chunks
	RemedyNone      Remedy = "none"      // nothing can be done here
)

// Recounter is a cold tier that can add up the totals of its series again.
type Recounter interface {
	Recount(ctx context.Context) error
}

// Mend repairs faults that Check found in a cold tier that nobody else writes
// to, in their order, and calls done with what it did. A fault may have gone
// with one before it. Whoever wants to keep the chunks as they were copies
// them first.
func Mend(ctx context.Context, cold Cold, faults []Fault, done func(Fault, Remedy)) error {
	s, err := Open(ctx, cold, Options{})
	if err != nil {
		return err
	}
	m := &mender{ctx: ctx, store: s}
	recount := false
	for _, f := range faults {
		if f.Kind == FaultTotals {
			recount = true
			continue
		}
		remedy, err := m.mend(&f)
		if err != nil {
			return fmt.Errorf("mend %s %s, level %d, number %d: %w", f.SensorID, f.AttributeID, f.Level, f.FirstSeq, err)
		}
		done(f, remedy)
	}
	if !recount {
		return nil
	}
	return m.recount(faults, done)
}

// mender repairs one cold tier.
type mender struct {
	ctx   context.Context
	store *Store
	cols  Columns
}

func (m *mender) recount(faults []Fault, done func(Fault, Remedy)) error {
	remedy := RemedyNone
	if r, ok := m.store.cold.(Recounter); ok {
		if err := r.Recount(m.ctx); err != nil {
			return fmt.Errorf("recount: %w", err)
		}
		remedy = RemedyRecounted
	}
	for _, f := range faults {
		if f.Kind == FaultTotals {
			done(f, remedy)
		}
	}
	return nil
}

func (m *mender) mend(f *Fault) (Remedy, error) {
	if f.Kind == FaultRead {
		return RemedyNone, nil
	}
	chunk, err := m.find(f)
	if err != nil || chunk == nil {
		return RemedyRemoved, err // another remedy took it out
	}
	switch {
	case f.Level > 0:
		return m.rebuild(chunk)
	case f.Kind == FaultUnreadable:
		return RemedyRemoved, m.remove(chunk)
	case f.Kind == FaultOverlap:
		return m.rewrite(chunk, RemedyTrimmed)
	}
	return m.rewrite(chunk, RemedyRewritten)
}

// find returns the chunk of a fault as it is now, nil if there is none.
func (m *mender) find(f *Fault) (found *sensocto.Chunk, err error) {
	query := everything(f.SensorID, f.AttributeID, f.Level)
	query.FromSeq, query.BeforeSeq = f.FirstSeq, f.FirstSeq+1
	err = m.store.cold.ReadChunks(m.ctx, query, func(c *sensocto.Chunk) bool {
		kept := *c
		kept.Data = append([]byte(nil), c.Data...)
		found = &kept
		return true
	})
	return found, err
}

func (m *mender) remove(c *sensocto.Chunk) error {
	_, err := m.store.cold.DropChunks(m.ctx, sensocto.ChunkDrop{SensorID: c.SensorID, AttributeID: c.AttributeID, Level: c.Level,
		Before: math.MaxInt64, FromSeq: c.FirstSeq, BeforeSeq: c.FirstSeq + 1})
	return err
}

// rewrite puts a chunk of samples back with a row that is true, without the
// numbers that the chunk in front of it or the one behind it has.
func (m *mender) rewrite(c *sensocto.Chunk, remedy Remedy) (Remedy, error) {
	if err := m.store.codec.Decode(c.Data, &m.cols); err != nil {
		return RemedyRemoved, m.remove(c)
	}
	from, to, err := m.room(c, c.FirstSeq+int64(len(m.cols.Times)))
	if err != nil {
		return "", err
	}
	if err := m.remove(c); err != nil || from >= to {
		return RemedyRemoved, err
	}
	m.cols.cut(int(from-c.FirstSeq), int(to-c.FirstSeq))
	fresh := sensocto.Chunk{SensorID: c.SensorID, AttributeID: c.AttributeID, FirstSeq: from}
	describe(&fresh, &m.cols)
	fresh.Data = m.store.codec.Append(nil, &m.cols)
	return remedy, m.store.cold.WriteChunks(m.ctx, []sensocto.Chunk{fresh})
}

// cut keeps the samples from ≤ index < to.
func (c *Columns) cut(from, to int) {
	c.truncate(to)
	c.Times, c.Values = c.Times[from:], c.Values[from:]
	for len(c.Documents) > 0 && c.Documents[0].Index < from {
		c.Documents = c.Documents[1:]
	}
	for i := range c.Documents {
		c.Documents[i].Index -= from
	}
}

// room returns the numbers of a chunk, which would end at a number, that no
// other chunk of samples has: those of the chunks in front of it are theirs.
func (m *mender) room(c *sensocto.Chunk, end int64) (from, to int64, err error) {
	from, to = c.FirstSeq, end
	query := everything(c.SensorID, c.AttributeID, 0)
	query.FromSeq, query.BeforeSeq, query.NoData = max(0, c.FirstSeq-maxChunkSamples), end, true
	err = m.store.cold.ReadChunks(m.ctx, query, func(other *sensocto.Chunk) bool {
		switch {
		case other.FirstSeq < c.FirstSeq:
			from = max(from, other.FirstSeq+int64(other.Count))
		case other.FirstSeq > c.FirstSeq:
			to = min(to, other.FirstSeq)
		}
		return true
	})
	return from, to, err
}

// rebuild makes a rollup again, if all is there that it was made of. If not it
// goes: readers take what is below it.
func (m *mender) rebuild(c *sensocto.Chunk) (Remedy, error) {
	count := c.Count
	var r Rollup
	if m.store.codec.DecodeRollup(c.Data, &r) == nil {
		count = 0
		for i := range r.Cells {
			count += int(r.Cells[i].Numbers.Count + r.Cells[i].Documents)
		}
	}
	if err := m.remove(c); err != nil {
		return "", err
	}
	g, err := m.below(c, count)
	if err != nil || g == nil {
		return RemedyRemoved, err
	}
	fresh, err := m.store.build(m.ctx, g)
	if errors.Is(err, ErrCorrupt) {
		return RemedyRemoved, nil
	}
	if err != nil {
		return "", err
	}
	return RemedyRebuilt, m.store.cold.WriteChunks(m.ctx, []sensocto.Chunk{fresh})
}

// below returns what a rollup of a number of samples stands for, nil if that is
// not all there.
func (m *mender) below(c *sensocto.Chunk, count int) (*group, error) {
	g := &group{series: m.store.series(c.SensorID, c.AttributeID), level: c.Level}
	query := everything(c.SensorID, c.AttributeID, c.Level-1)
	query.FromSeq, query.BeforeSeq, query.NoData = c.FirstSeq, c.FirstSeq+int64(count), true
	end := c.FirstSeq
	err := m.store.cold.ReadChunks(m.ctx, query, func(child *sensocto.Chunk) bool {
		if child.FirstSeq != end {
			return false
		}
		end += int64(child.Count)
		g.chunks = append(g.chunks, *child)
		return true
	})
	if err != nil || end != c.FirstSeq+int64(count) || g.series == nil {
		return nil, err
	}
	return g, nil
}
