package sensor

import "github.com/sensocto/sensocto"

// seriesBound is a store that takes a bounded number of series.
type seriesBound interface {
	// SeriesLeft returns how many new series are taken.
	SeriesLeft() int64
	// HasSeries reports whether an attribute has a series already.
	HasSeries(sensorID, attributeID string) bool
}

// refuseNewSeries takes measurements out of a batch that would make more series
// than the store takes: those of attributes that have one go on.
func (p *process) refuseNewSeries(b *sensocto.Batch, refused *error) {
	store := p.registry.bound
	if store == nil {
		return
	}
	left := store.SeriesLeft()
	if left >= int64(len(b.Measurements)) { // as nearly always
		return
	}
	taken := make(map[string]bool)
	kept := b.Measurements[:0]
	for _, m := range b.Measurements {
		ok, seen := taken[m.AttributeID]
		if !seen {
			if ok = store.HasSeries(b.SensorID, m.AttributeID); !ok && left > 0 {
				ok, left = true, left-1
			}
			taken[m.AttributeID] = ok
		}
		if !ok {
			*refused = sensocto.ErrTooManySeries
			p.refuse(sensocto.ErrTooManySeries.Reason, 1)
			continue
		}
		kept = append(kept, m)
	}
	b.Measurements = kept
}
