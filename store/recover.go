package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store/journal"
)

// Bounds on what a recovery holds in memory.
const (
	recoverOpenSamples = 2 << 20 // in open chunks of all series
	recoverData        = 4 << 20 // bytes of sealed chunks of one transaction
)

// openJournal takes over what the journal knows: where each series goes on,
// and which batches were taken. The samples that only the journal has are
// brought to the cold tier by recover.
func (s *Store) openJournal() error {
	book := newLedger()
	j, err := journal.Open(s.options.Journal, book, journal.Options{
		MaxBytes: s.options.JournalBytes, SegmentBytes: s.options.JournalSegmentBytes,
		ShutdownTimeout: s.options.ShutdownTimeout, Log: s.options.Log,
	})
	if err != nil {
		return err
	}
	s.journal = j
	for id, known := range book.sensors {
		n := s.sensorOrNew(id)
		n.epoch = known.epoch
		for stream, mark := range known.streams {
			n.streams.note(stream, mark.seq, mark.minute)
		}
		for attribute, next := range known.next {
			if r := n.seriesOrNew(attribute); r.next < next {
				s.recovering = append(s.recovering, &recovering{series: r, next: r.next})
				r.skip(next - r.next)
				r.recovering = true
			}
		}
	}
	return nil
}

// recovering is a series of which the journal has samples that the cold tier
// lacks.
type recovering struct {
	series *series
	next   int64   // number of the next sample that the cold tier lacks
	open   Columns // those before it, which are no chunk yet
	size   int     // bytes of documents in open
}

// recovery brings them to the cold tier.
type recovery struct {
	store    *Store
	bySeries map[[2]string]*recovering
	open     int // samples in open chunks
	sealed   sealed
	under    sealed     // on its way to the cold tier, while written is not nil
	written  chan error // what became of it
	samples  int64
	began    time.Time
	told     time.Time
}

// sealed is chunks of one transaction.
type sealed struct {
	chunks []sensocto.Chunk
	data   []byte // of all of them
}

// recoverJournal reads the journal as it was at Open, also where nothing of it
// is missing: what is damaged has to be told, and what was read may go. Until it is done nothing
// else writes to the cold tier, and reads of the series concerned wait: so what
// is missing is always what follows the last number that the cold tier has.
func (s *Store) recoverJournal(ctx context.Context) error {
	if err := s.replayJournal(ctx); err != nil {
		return err
	}
	for _, r := range s.recovering {
		r.series.sensor.mu.Lock()
		r.series.recovering = false
		r.series.sensor.mu.Unlock()
	}
	s.recovering = nil
	close(s.recovered)
	return nil
}

func (s *Store) replayJournal(ctx context.Context) error {
	r := &recovery{store: s, bySeries: make(map[[2]string]*recovering, len(s.recovering)), began: time.Now(), told: time.Now()}
	for _, v := range s.recovering {
		r.bySeries[[2]string{v.series.sensor.id, v.series.attributeID}] = v
	}
	err := s.journal.Replay(ctx, func(_ journal.Position, record []byte) error { return r.take(ctx, record) }, r.progress)
	if err == nil {
		r.sealAll()
		err = r.write(ctx)
	}
	if err = cmp.Or(err, r.await()); err != nil {
		return err
	}
	took := time.Since(r.began)
	s.metrics.recoveryNanos.Store(int64(took))
	s.metrics.recoveredSamples.Store(uint64(r.samples))
	if r.samples > 0 {
		s.options.Log.Info("samples that the journal had are in the database", "samples", r.samples, "took", took.Round(time.Millisecond))
	}
	return nil
}

// progress tells how far the recovery is.
func (r *recovery) progress(done, total int64) {
	percent := 100 * done / max(1, total)
	r.store.metrics.recoveryPercent.Store(percent)
	if now := time.Now(); now.Sub(r.told) > time.Second {
		r.told = now
		r.store.options.Log.Info("reading back samples from the journal", "percent", percent, "samples", r.samples)
	}
}

// take adds what the cold tier lacks of one record.
func (r *recovery) take(ctx context.Context, record []byte) error {
	kind, b, err := parseRecord(record)
	if err != nil || kind != recordBatch {
		return err
	}
	cols := r.store.columns.Get().(*Columns)
	defer r.store.columns.Put(cols)
	defer cols.Reset()
	for range b.count {
		attribute, first, err := b.run(cols)
		if err != nil {
			return err
		}
		// The epoch of a record of before a clean-up is another one.
		if v := r.bySeries[[2]string{string(b.sensorID), attribute}]; v != nil && v.series.sensor.epoch == b.epoch {
			if err := r.add(ctx, v, cols, first); err != nil {
				return err
			}
		}
	}
	return nil
}

// add takes samples, the first of which has the number first.
func (r *recovery) add(ctx context.Context, v *recovering, cols *Columns, first int64) error {
	if first > v.next { // numbers that nobody uses: an import that failed had them
		r.seal(v)
		v.next = first
	}
	documents := cols.Documents
	for i := range cols.Times {
		var text []byte
		if len(documents) > 0 && documents[0].Index == i {
			text, documents = documents[0].Text, documents[1:]
		}
		if first+int64(i) < v.next {
			continue // the cold tier has it
		}
		if text != nil {
			v.open.Documents = append(v.open.Documents, Document{Index: len(v.open.Times), Text: bytes.Clone(text)})
			v.size += len(text)
		}
		v.open.Times, v.open.Values = append(v.open.Times, cols.Times[i]), append(v.open.Values, cols.Values[i])
		v.next++
		r.open++
		r.samples++
		if len(v.open.Times) == ChunkSamples || v.size >= ChunkDocumentBytes {
			r.seal(v)
		}
	}
	if r.open >= recoverOpenSamples {
		r.sealAll()
	}
	if len(r.sealed.data) >= recoverData {
		return r.write(ctx)
	}
	return nil
}

// seal encodes the open chunk of a series.
func (r *recovery) seal(v *recovering) {
	n := len(v.open.Times)
	if n == 0 {
		return
	}
	c := sensocto.Chunk{SensorID: v.series.sensor.id, AttributeID: v.series.attributeID, FirstSeq: v.next - int64(n)}
	describe(&c, &v.open)
	t := &r.sealed
	start := len(t.data)
	t.data = r.store.codec.Append(t.data, &v.open)
	c.Data = t.data[start:len(t.data):len(t.data)]
	t.chunks = append(t.chunks, c)
	r.open -= n
	v.open.Reset()
	v.size = 0
}

func (r *recovery) sealAll() {
	for _, v := range r.store.recovering {
		r.seal(v)
	}
}

// write lets the sealed chunks be written to the cold tier, while others are
// sealed. It waits for those that were under way.
func (r *recovery) write(ctx context.Context) error {
	if err := r.await(); err != nil || len(r.sealed.chunks) == 0 {
		return err
	}
	r.under, r.sealed = r.sealed, r.under
	r.written = make(chan error, 1) // the one result
	go func(chunks []sensocto.Chunk) { r.written <- r.store.writeRecovered(ctx, chunks) }(r.under.chunks)
	return nil
}

// await waits until the cold tier has what is under way to it.
func (r *recovery) await() error {
	if r.written == nil {
		return nil
	}
	err := <-r.written
	r.written = nil
	if err != nil {
		return err
	}
	for i := range r.under.chunks {
		r.note(&r.under.chunks[i])
	}
	clear(r.under.chunks)
	r.under.chunks, r.under.data = r.under.chunks[:0], r.under.data[:0]
	return nil
}

// writeRecovered brings chunks to the cold tier, however long that fails.
func (s *Store) writeRecovered(ctx context.Context, chunks []sensocto.Chunk) error {
	pause := firstRetry
	slices.SortStableFunc(chunks, func(a, b sensocto.Chunk) int { // as WriteChunks wants them
		return cmp.Or(cmp.Compare(a.SensorID, b.SensorID), cmp.Compare(a.AttributeID, b.AttributeID))
	})
	for {
		began := time.Now()
		err := s.cold.WriteChunks(ctx, chunks)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.noteFlush(began, err)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("recover: %w", context.Cause(ctx))
		case <-time.After(pause):
			pause = min(2*pause, lastRetry)
		}
	}
}

// note counts a chunk that the cold tier has.
func (r *recovery) note(c *sensocto.Chunk) {
	v := r.bySeries[[2]string{c.SensorID, c.AttributeID}].series
	v.sensor.mu.Lock()
	v.past.add(timeSpan{c.MinTime, c.MaxTime})
	v.deep.add(v.past)
	v.sensor.mu.Unlock()
	r.store.noteWritten(v.sensor, []sensocto.Chunk{*c})
}

// recoverPatience is how long a read waits for the recovery.
const recoverPatience = 10 * time.Second

// whole waits until a series has everything that the journal has of it, but not
// for ever: the database may be away.
func (s *Store) whole(ctx context.Context, r *series) error {
	r.sensor.mu.Lock()
	waiting := r.recovering
	r.sensor.mu.Unlock()
	if !waiting {
		return nil
	}
	patient, cancel := context.WithTimeout(ctx, recoverPatience)
	defer cancel()
	err := s.ready(patient)
	if patient.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", sensocto.ErrUnavailable, s.recoveringErr())
	}
	return err
}

// recoveringErr says how far the recovery is.
func (s *Store) recoveringErr() error {
	return fmt.Errorf("samples are read back from the journal: %d %%", s.metrics.recoveryPercent.Load())
}

// ready waits until the cold tier has what the journal had at Open.
func (s *Store) ready(ctx context.Context) error {
	select {
	case <-s.recovered:
		return nil
	default:
	}
	select {
	case <-s.recovered:
		return nil
	case <-s.over:
		return fmt.Errorf("%w: %w", sensocto.ErrUnavailable, errEnded)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
