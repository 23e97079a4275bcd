package store

import (
	"context"
	"fmt"

	"github.com/sensocto/sensocto"
)

// Cleanup removes all samples of a sensor from every tier. It waits for a
// flush that is under way, and holds up later ones, so that none brings
// samples back. When the cold tier fails nothing is removed.
func (s *Store) Cleanup(ctx context.Context, sensorID string) (sensocto.Removed, error) {
	if err := s.takeTurn(ctx); err != nil {
		return sensocto.Removed{}, err
	}
	defer s.leaveTurn()
	if s.failing.Load() != nil {
		// What a flush wrote whose answer was lost would be counted twice. One
		// that fails again is no reason to keep the sensor.
		_ = s.flushInTurn(ctx)
	}
	removed, err := s.cold.DeleteSamples(ctx, sensorID)
	if err != nil {
		return sensocto.Removed{}, fmt.Errorf("delete samples of %s: %w", sensorID, err)
	}
	if n := s.forget(sensorID); n != nil {
		s.subtract(n, &removed)
	}
	return removed, s.eraseFromJournal(ctx)
}

// eraseFromJournal makes a clean-up known for good, and lets the files of the
// journal go in which samples of the sensor may be.
func (s *Store) eraseFromJournal(ctx context.Context) error {
	if s.journal == nil {
		return nil
	}
	err := s.journal.Rotate(ctx)
	if err == nil {
		// So that the new file has a record, before which the others may go. No sensor has this epoch.
		s.journal.Append(appendCleanup(nil, 0))
		err = s.journal.Sync(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w: clean up the journal: %w", sensocto.ErrUnavailable, err)
	}
	return s.flushInTurn(ctx)
}

// forget takes a sensor out of the hot tier; a later Put begins a new one.
func (s *Store) forget(sensorID string) *sensor {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.sensors[sensorID]
	if n == nil {
		return nil
	}
	delete(s.sensors, sensorID)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone = true
	if s.journal != nil { // behind all records of this one, before those of the next
		s.journal.Append(appendCleanup(nil, n.epoch))
	}
	return n
}

// subtract takes the series of a forgotten sensor out of the totals and counts
// what was only in memory.
func (s *Store) subtract(n *sensor, removed *sensocto.Removed) {
	n.mu.Lock()
	defer n.mu.Unlock()
	removed.Series = len(n.series)
	s.known.Add(-int64(len(n.series)))
	for _, r := range n.series {
		removed.Samples += r.next - r.flushed
		s.unflushed.Add(-r.unflushedBytes(max(r.flushed, r.sealed), r.next))
		for _, c := range r.unsettled() {
			s.unflushed.Add(-int64(len(c.Data)))
		}
		s.hot.Add(-r.counted)
		r.counted = 0
		s.metrics.coldSamples.Add(-r.samples)
		s.metrics.rollupBytes.Add(-r.rollupBytes)
		s.metrics.coldChunks.Add(-r.chunks)
		s.metrics.coldBytes.Add(-r.bytes)
		s.dropWarm(r, len(r.warm), evictedCleanup)
		r.skip(0)
		r.past, r.deep, r.ring, r.documents, r.parts = noTime, noTime, nil, nil, nil
	}
}
