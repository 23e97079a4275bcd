package store

import (
	"context"
	"fmt"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store/journal"
)

// write is what goes to the cold tier in one transaction.
type write struct {
	chunks []sensocto.Chunk
	steps  []step
	data   []byte // of the open parts
	bytes  int    // of all chunks
}

func (w *write) add(c sensocto.Chunk, t step) {
	w.chunks, w.steps = append(w.chunks, c), append(w.steps, t)
	w.bytes += len(c.Data)
}

func (w *write) reset() {
	clear(w.chunks)
	clear(w.steps)
	w.chunks, w.steps, w.data, w.bytes = w.chunks[:0], w.steps[:0], w.data[:0], 0
}

// Flush writes everything that was put before to the cold tier. Run does this
// by itself; it is there for who wants to be sure now.
func (s *Store) Flush(ctx context.Context) error {
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.leaveTurn()
	return s.flushInTurn(ctx)
}

// flushInTurn is Flush for who has the turn.
func (s *Store) flushInTurn(ctx context.Context) error {
	started := time.Now()
	end := s.journalEnd() // before the list is taken: see takeNext
	dirty := s.takeDirty()
	if len(dirty) == 0 {
		s.truncateJournal(end)
		return nil
	}
	plans := s.planAll(dirty)
	s.eased() // what is sealed takes less
	bytes, samples := s.metrics.chunkBytes.Load(), s.metrics.coldSamples.Load()
	written, err := s.writePlans(ctx, plans)
	s.metrics.flushBytes.Observe(int64(s.metrics.chunkBytes.Load() - bytes))
	s.metrics.flushSamples.Observe(s.metrics.coldSamples.Load() - samples)
	s.putBack(plans[written:])
	clear(plans)
	s.trimHot()
	s.trimWarm()
	s.noteFlush(started, err)
	if err == nil {
		s.truncateJournal(end)
	}
	return err
}

// planAll seals what fills chunks of all series that have something new, and
// returns what the cold tier lacks of them.
func (s *Store) planAll(dirty []*series) []plan {
	now := time.Now()
	plans := s.plans[:0]
	for _, r := range dirty {
		if p, ok := s.plan(r, now); ok {
			plans = append(plans, p)
		}
	}
	s.plans = plans
	return plans
}

func (s *Store) journalEnd() journal.Position {
	if s.journal == nil {
		return 0
	}
	return s.journal.End()
}

// truncateJournal lets go of records whose samples are in the cold tier.
func (s *Store) truncateJournal(before journal.Position) {
	if s.journal != nil {
		s.journal.Truncate(before)
	}
}

// writePlans returns how many of the plans are certainly written.
func (s *Store) writePlans(ctx context.Context, plans []plan) (written int, err error) {
	w := &s.writing
	w.reset()
	for i := range plans {
		p := plans[i]
		for !p.done() {
			s.addNext(w, &p)
			if w.bytes < s.options.TransactionBytes {
				continue
			}
			if err := s.commit(ctx, w); err != nil {
				return written, err
			}
			written = i
		}
	}
	if err := s.commit(ctx, w); err != nil {
		return written, err
	}
	return len(plans), nil
}

// addNext adds the plan's next chunk to the transaction.
func (s *Store) addNext(w *write, p *plan) {
	if c := p.takeSealed(); c != nil {
		w.add(*c, p.advance(c, true))
		return
	}
	cols := s.columns.Get().(*Columns)
	defer s.columns.Put(cols)
	defer cols.Reset()
	c := sensocto.Chunk{SensorID: p.series.sensor.id, AttributeID: p.series.attributeID, FirstSeq: p.copyOpen(cols)}
	describe(&c, cols)
	start := len(w.data)
	w.data = s.codec.Append(w.data, cols)
	c.Data = w.data[start:len(w.data):len(w.data)]
	w.add(c, p.advance(&c, false))
}

// commit writes the transaction and then lets the series know.
func (s *Store) commit(ctx context.Context, w *write) error {
	if len(w.chunks) == 0 {
		return nil
	}
	if s.journal != nil { // the cold tier must not have what the journal could still lose
		if err := s.journal.Sync(ctx); err != nil {
			return err
		}
	}
	if err := s.cold.WriteChunks(ctx, w.chunks); err != nil {
		return fmt.Errorf("write chunks: %w", err)
	}
	for i := range w.steps {
		s.apply(&w.steps[i])
		s.metrics.noteChunk(&w.chunks[i])
	}
	s.eased()
	w.reset()
	return nil
}

// apply notes in a series that a step is in the cold tier.
func (s *Store) apply(t *step) {
	r := t.series
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	samples := t.flushed - r.flushed
	if t.settled > 0 {
		s.unflushed.Add(-t.waited)
		r.settled = t.settled
		s.noteSealed(r, 1)
		s.ageOut(r)
	} else {
		s.unflushed.Add(-r.unflushedBytes(r.flushed, t.flushed))
	}
	r.flushed, r.parts = t.flushed, t.parts
	r.samples += samples
	r.chunks += t.chunks
	r.bytes += t.bytes
	s.metrics.coldSamples.Add(samples)
	s.metrics.coldChunks.Add(t.chunks)
	s.metrics.coldBytes.Add(t.bytes)
}

func (s *Store) takeDirty() []*series {
	s.dirtyMu.Lock()
	defer s.dirtyMu.Unlock()
	dirty := s.dirty
	s.dirty = nil
	return dirty
}

// putBack lists the series again of plans that were not written. One whose
// mark is set has been listed by a Put since.
func (s *Store) putBack(plans []plan) {
	for i := range plans {
		r := plans[i].series
		r.sensor.mu.Lock()
		if !r.dirty && !r.sensor.gone {
			s.markDirty(r)
		}
		r.sensor.mu.Unlock()
	}
}

// noteFlush counts a flush, and logs when flushing begins or ceases to fail.
func (s *Store) noteFlush(started time.Time, err error) {
	s.metrics.flushTime.Observe(time.Since(started))
	if err == nil {
		if f := s.failing.Swap(nil); f != nil {
			s.options.Log.Info("the cold tier works again, nothing was lost", "after", time.Since(f.since).Round(time.Millisecond))
		}
		return
	}
	s.metrics.flushErrors.Add(1)
	defer s.moved() // nobody waits for what fails
	f := s.failing.Load()
	if f == nil {
		s.options.Log.Error("the cold tier fails: samples are kept in memory and written when it works again; "+
			"check the disk's space and the data directory", "err", err)
		s.failing.Store(&failure{err, time.Now()})
		return
	}
	s.failing.Store(&failure{err, f.since})
}
