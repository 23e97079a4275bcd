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
	removed, err := s.cold.DeleteSamples(ctx, sensorID)
	if err != nil {
		return sensocto.Removed{}, fmt.Errorf("delete samples of %s: %w", sensorID, err)
	}
	if n := s.forget(sensorID); n != nil {
		s.subtract(n, &removed)
	}
	return removed, nil
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
	return n
}

// subtract takes the series of a forgotten sensor out of the totals and counts
// what was only in memory.
func (s *Store) subtract(n *sensor, removed *sensocto.Removed) {
	n.mu.Lock()
	defer n.mu.Unlock()
	removed.Series = len(n.series)
	for _, r := range n.series {
		removed.Samples += r.next - r.flushed
		s.unflushed.Add(-r.unflushedBytes(r.flushed, r.next))
		s.metrics.coldSamples.Add(-r.samples)
		s.metrics.rollupBytes.Add(-r.rollupBytes)
		s.metrics.coldChunks.Add(-r.chunks)
		s.metrics.coldBytes.Add(-r.bytes)
		r.head, r.sealed, r.flushed = r.next, r.next, r.next
		r.past, r.ring, r.documents, r.parts = noTime, nil, nil, nil
	}
}
