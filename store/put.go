package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/sensocto/sensocto"
)

const keptRecord = 4 << 10 // bytes that a sensor keeps for its next record

// Put takes a batch into the hot tier and the journal, and numbers its
// measurements. Where much waits for a cold tier that works it waits too, until
// ctx ends.
//
// On an error it takes nothing: sensocto.ErrUnavailable when too much waits for
// the cold tier, when the journal is full or cannot be written, and after Run
// ended; sensocto.ErrTooManySeries where the batch would make more series than
// there may be; sensocto.ErrDuplicate or a *sensocto.GapError where a batch of a
// stream is not the next one.
func (s *Store) Put(ctx context.Context, b *sensocto.Batch) error {
	if len(b.Measurements) == 0 && b.StreamSeq == 0 {
		return nil
	}
	text := int64(0)
	for i := range b.Measurements {
		text += int64(len(b.Measurements[i].Document))
	}
	size := int64(len(b.Measurements))*sampleBytes + text
	if s.pressed() {
		s.press(ctx)
	}
	total := s.unflushed.Add(size)
	if ctx.Err() != nil { // nobody waits any more, but it takes what is there
		ctx = context.WithoutCancel(ctx)
	}
	err := s.room(ctx, b, total, text)
	if err == nil {
		err = s.take(b)
	}
	if err != nil {
		s.unflushed.Add(-size)
		if errors.Is(err, sensocto.ErrUnavailable) {
			s.metrics.refused.Add(uint64(len(b.Measurements)))
		}
		return err
	}
	s.metrics.taken.Add(uint64(len(b.Measurements)))
	if full := s.options.FlushBytes; total >= full && total-size < full {
		s.signal()
	}
	return nil
}

// room reports whether there is some for a batch.
func (s *Store) room(ctx context.Context, b *sensocto.Batch, total, text int64) error {
	if total > s.options.MaxUnflushedBytes {
		return sensocto.ErrUnavailable
	}
	if s.journal == nil {
		return nil
	}
	const head, perSample = 256, 14 // bytes in the journal, about
	if err := s.journal.Admit(ctx, head+perSample*len(b.Measurements)+int(text)); err != nil {
		return fmt.Errorf("%w: %w", sensocto.ErrUnavailable, err)
	}
	return nil
}

// take appends the batch to its sensor's series.
func (s *Store) take(b *sensocto.Batch) error {
	for {
		n := s.sensorOrNew(b.SensorID)
		n.mu.Lock()
		gone, err := n.gone, error(nil)
		switch {
		case s.closed.Load():
			err = sensocto.ErrUnavailable
		case gone: // cleaned up since we looked: there will be another
		default:
			err = s.takeNext(n, b)
		}
		n.mu.Unlock()
		if !gone || err != nil {
			return err
		}
	}
}

// takeNext appends the batch if it is the next one of its stream. The sensor's
// lock is held.
//
// First the series are listed for a flush, then they get their samples, then
// the journal its record: so a flush that took the list when the journal had
// this record writes these samples, and the record may go afterwards.
func (s *Store) takeNext(n *sensor, b *sensocto.Batch) error {
	minute := time.Now().Unix() / 60
	if b.StreamSeq > 0 {
		if err := n.streams.check(b); err != nil {
			return err
		}
	}
	if err := s.admitSeries(n, b.Measurements); err != nil {
		return err
	}
	if b.StreamSeq > 0 {
		n.streams.note(b.Stream, b.StreamSeq, minute)
	}
	if s.journal == nil {
		s.push(n, b.Measurements, nil)
		return nil
	}
	record := appendBatchHead(n.record[:0], n.id, n.epoch)
	record = appendStream(record, b, minute)
	record = binary.AppendUvarint(record, runCount(b.Measurements))
	record = s.push(n, b.Measurements, record)
	s.journal.Append(record)
	if cap(record) <= keptRecord {
		n.record = record
	}
	return nil
}

// push appends to series of a sensor whose lock is held, and to the journal's
// record where there is one.
func (s *Store) push(n *sensor, measurements []sensocto.Measurement, record []byte) []byte {
	for len(measurements) > 0 {
		run := measurements[:runLength(measurements)]
		measurements = measurements[len(run):]
		r := n.seriesOrNew(run[0].AttributeID)
		if !r.dirty {
			s.markDirty(r)
		}
		if record != nil {
			record = appendRun(record, run, r.next)
		}
		for i := range run {
			run[i].Number = r.next
			r.push(&run[i].Sample)
		}
		s.countHot(r)
	}
	return record
}

// runLength returns how many of the first measurements have the same attribute.
func runLength(measurements []sensocto.Measurement) int {
	n := 1
	for n < len(measurements) && measurements[n].AttributeID == measurements[0].AttributeID {
		n++
	}
	return n
}

func runCount(measurements []sensocto.Measurement) (n uint64) {
	if len(measurements) == 0 {
		return 0
	}
	n = 1
	for i := 1; i < len(measurements); i++ {
		if measurements[i].AttributeID != measurements[i-1].AttributeID {
			n++
		}
	}
	return n
}

// markDirty lists a series, whose sensor's lock is held, for the next flush.
func (s *Store) markDirty(r *series) {
	r.dirty = true
	s.dirtyMu.Lock()
	first := len(s.dirty) == 0
	if first {
		s.dirtySince = time.Now()
	}
	s.dirty = append(s.dirty, r)
	s.dirtyMu.Unlock()
	if first {
		s.signal()
	}
}
