package store

import "time"

// Checksum lets the fuzz target get past the checksum.
func Checksum(chunk []byte) uint32 { return checksum(chunk) }

// Reconsider lets maintenance look again at what lies behind a number.
func (s *Store) Reconsider(sensorID, attributeID string, from int64) {
	r := s.series(sensorID, attributeID)
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	s.reconsider(r, from)
}

// Sweep is what Run does now and then, at a time.
func (s *Store) Sweep(now time.Time) { s.sweep(now) }
