package store

import (
	"context"
	"fmt"

	"github.com/sensocto/sensocto"
)

// settleTries bounds how often an import waits for a series that is being
// sent at the same moment to have everything in the cold tier.
const settleTries = 100

// writeImported gives chunks of one sensor their numbers and writes them.
//
// Numbers are in order of arrival, so an import continues behind what came
// before it: that is flushed first, and leaves the ring, whose numbers have no
// holes. What arrives meanwhile follows behind the import. Where the write
// fails its numbers stay unused.
func (s *Store) writeImported(ctx context.Context, chunks []sensocto.Chunk) error {
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.leaveTurn()
	for range settleTries {
		if err := s.flushInTurn(ctx); err != nil {
			return fmt.Errorf("%w: %w", sensocto.ErrUnavailable, err)
		}
		n, ok := s.reserve(chunks)
		if !ok {
			continue
		}
		if n == nil {
			return sensocto.ErrUnavailable
		}
		if err := s.cold.WriteChunks(ctx, chunks); err != nil {
			return fmt.Errorf("%w: write chunks: %w", sensocto.ErrUnavailable, err)
		}
		s.noteWritten(n, chunks)
		s.metrics.imported.Add(uint64(count(chunks)))
		return nil
	}
	return fmt.Errorf("%w: the sensor sends so much that nothing can be imported beside it", sensocto.ErrUnavailable)
}

// reserve numbers the chunks, of one sensor. It reports false, and does
// nothing, while one of their series has samples that the cold tier lacks; the
// sensor is nil once the store is closed.
func (s *Store) reserve(chunks []sensocto.Chunk) (n *sensor, ok bool) {
	n = s.sensorOrNew(chunks[0].SensorID) // the turn keeps it: nobody is cleaned up now
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.closed.Load() {
		return nil, true
	}
	for i := range chunks {
		if r := n.series[chunks[i].AttributeID]; r != nil && r.flushed != r.next {
			return n, false
		}
	}
	for i := range chunks {
		c := &chunks[i]
		r := n.seriesOrNew(c.AttributeID)
		s.vacate(r)
		c.FirstSeq = r.next
		r.skip(int64(c.Count))
		r.past.add(timeSpan{c.MinTime, c.MaxTime})
		r.deep.add(r.past)
	}
	return n, true
}

// vacate lets all samples of a series leave the memory: they are flushed. Its
// sensor's lock is held.
func (s *Store) vacate(r *series) {
	s.noteSealed(r, smallPart*len(r.parts))
	r.sealed, r.settled, r.parts = r.flushed, r.flushed, nil
	r.evict(0)
	s.countHot(r)
	r.deep.add(r.past)
	s.dropWarm(r, len(r.warm), evictedImport)
}

// noteWritten counts chunks that are in the cold tier now.
func (s *Store) noteWritten(n *sensor, chunks []sensocto.Chunk) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range chunks {
		c := &chunks[i]
		r, size := n.series[c.AttributeID], int64(len(c.Data))
		r.samples += int64(c.Count)
		r.chunks++
		r.bytes += size
		if c.Count == ChunkSamples {
			s.noteSealed(r, 1)
		} else {
			s.noteSealed(r, smallPart)
		}
		s.metrics.coldSamples.Add(int64(c.Count))
		s.metrics.coldChunks.Add(1)
		s.metrics.coldBytes.Add(size)
		s.metrics.noteChunk(c)
	}
}

func count(chunks []sensocto.Chunk) (samples int) {
	for i := range chunks {
		samples += chunks[i].Count
	}
	return samples
}
