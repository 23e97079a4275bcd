package store

import "github.com/sensocto/sensocto"

// BatchRecord returns what the journal gets of a batch of one attribute.
func BatchRecord(b *sensocto.Batch, first int64) []byte {
	record := appendBatchHead(nil, b.SensorID, 1)
	record = appendStream(record, b, 1)
	record = append(record, 1)
	return appendRun(record, b.Measurements, first)
}

// Ledger is what a journal's records add up to.
type Ledger struct{ ledger }

// NewLedger returns an empty one.
func NewLedger() *Ledger { return &Ledger{*newLedger()} }

// Next returns the number after the last sample of a series.
func (l *Ledger) Next(sensorID, attributeID string) int64 {
	return l.sensors[sensorID].next[attributeID]
}
