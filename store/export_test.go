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

// LimitFieldScan sets how many bytes of documents a query may search for a field.
func (s *Store) LimitFieldScan(bytes int) { s.fieldBytes = bytes }

// Sweep is what Run does now and then, at a time.
func (s *Store) Sweep(now time.Time) { s.sweep(now) }
