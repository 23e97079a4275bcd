package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// RetainerOptions configure a Retainer.
type RetainerOptions struct {
	Rules Retention
	// Types returns a function that knows the types of attributes at the time
	// of the call; nil where rules name none.
	Types func(context.Context) (func(sensorID, attributeID string) string, error)
	// Every is the time between two looks at all series. Default 10 min.
	Every time.Duration
	// Share is how much of all samples, or of all rollups, Run removes at once
	// of what should have gone long ago. Default 0.25; 1: there is no bound.
	Share float64
	// ClockFile keeps the highest time seen. "": it is not kept.
	ClockFile string
	// Wall is the wall clock. Default: time.Now.
	Wall func() time.Time
	// Log says what was removed. Default: discarded.
	Log *slog.Logger
}

// Retainer removes from the cold tier what the rules no longer keep: whole
// chunks all of whose samples are too old, in order of arrival. Samples that
// are kept as rollups go once they are in one. Open parts, and what rollups
// share with memory, stay whatever their age, and go later.
type Retainer struct {
	store   *Store
	options RetainerOptions
	removed [2]struct{ chunks, bytes atomic.Uint64 } // of samples, and of rollups
	samples atomic.Uint64
	failed  atomic.Uint64
	clock   clock
	held    atomic.Pointer[string] // why nothing is removed; nil: it is not held
	holds   atomic.Uint64          // sweeps that were held
}

// NewRetainer returns a retainer of a store. It starts nothing: see Run.
func NewRetainer(s *Store, o RetainerOptions) *Retainer {
	o.Every = cmp.Or(o.Every, 10*time.Minute)
	o.Share = cmp.Or(o.Share, 0.25)
	if o.Wall == nil {
		o.Wall = func() time.Time { return time.Now().Round(0) }
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if o.Types == nil {
		o.Types = func(context.Context) (func(string, string) string, error) {
			return func(string, string) string { return "" }, nil
		}
	}
	return &Retainer{store: s, options: o, clock: clock{path: o.ClockFile, wall: o.Wall}}
}

// Run removes what is too old until ctx ends, and keeps the highest time seen
// (see Seen), also where there are no rules. What fails is tried again at the
// next look. While the clock is suspected, or too much would go, it removes
// nothing and says so: see Held.
func (r *Retainer) Run(ctx context.Context) error {
	sweep := time.NewTimer(min(r.options.Every, noteTimeEvery)) // a start has better things to do
	note := time.NewTicker(noteTimeEvery)
	defer sweep.Stop()
	defer note.Stop()
	for {
		select {
		case <-ctx.Done():
			r.noteTime()
			return nil
		case <-note.C:
			r.noteTime()
			continue
		case <-sweep.C:
		}
		if len(r.options.Rules) == 0 {
			continue
		}
		if err := r.sweepIfSafe(ctx); err != nil && ctx.Err() == nil {
			r.failed.Add(1)
			r.options.Log.Error("retention could not remove what is too old; it is tried again", "err", err, "in", r.options.Every)
		}
		sweep.Reset(r.options.Every)
	}
}

// noteTimeEvery is how often the highest time seen is kept: less than a clock
// may be off for other reasons.
const noteTimeEvery = time.Minute

// noteTime keeps the highest time seen.
func (r *Retainer) noteTime() {
	if _, _, err := r.clock.check(r.store.Newest); err != nil {
		r.failed.Add(1)
		r.options.Log.Error("the time could not be kept; it is tried again", "err", err, "in", noteTimeEvery)
	}
}

// Seen returns the highest time seen, by this run or an earlier one; zero where
// there is none. A wall clock that jumped ahead does not move it until it is
// trusted.
func (r *Retainer) Seen() (time.Time, error) { return r.clock.seen() }

// Plan returns what Sweep would remove, by sensor and attribute.
func (r *Retainer) Plan(ctx context.Context, now time.Time) (list []sensocto.Aged, err error) {
	err = r.each(ctx, now, func(_ *series, a *sensocto.Aged, _ surveyed) error {
		list = append(list, *a)
		return nil
	})
	return list, err
}

// Sweep removes what is older than it is kept at a time, however much that is,
// and returns what it removed, also where it fails on the way.
func (r *Retainer) Sweep(ctx context.Context, now time.Time) (list []sensocto.Aged, err error) {
	began := time.Now()
	var all sensocto.Aged
	err = r.each(ctx, now, func(of *series, a *sensocto.Aged, found surveyed) error {
		err := r.store.remove(ctx, of, a, found.ends)
		if a.Raw.Chunks+a.Rollups.Chunks > 0 {
			r.note(a)
			list = append(list, *a)
			addDropped(&all.Raw, a.Raw)
			addDropped(&all.Rollups, a.Rollups)
		}
		return err
	})
	if len(list) > 0 {
		r.options.Log.Info("retention removed what is too old", "series", len(list), "samples", all.Raw.Samples,
			"chunks", all.Raw.Chunks, "rollups", all.Rollups.Chunks, "bytes", all.Raw.Bytes+all.Rollups.Bytes,
			"took", time.Since(began).Round(time.Millisecond))
	}
	return list, err
}

func (r *Retainer) note(a *sensocto.Aged) {
	for i, d := range []sensocto.DroppedChunks{a.Raw, a.Rollups} {
		r.removed[i].chunks.Add(uint64(d.Chunks))
		r.removed[i].bytes.Add(uint64(d.Bytes))
	}
	r.samples.Add(uint64(a.Raw.Samples))
	r.options.Log.Debug("removed what is too old", "sensor", a.SensorID, "attribute", a.AttributeID,
		"samples", a.Raw.Samples, "chunks", a.Raw.Chunks, "rollups", a.Rollups.Chunks)
}

func addDropped(sum *sensocto.DroppedChunks, d sensocto.DroppedChunks) {
	sum.Chunks += d.Chunks
	sum.Samples += d.Samples
	sum.Bytes += d.Bytes
}

// each calls f with the series that have something too old, what that is, and
// up to which numbers. One that fails does not keep the others from their turn.
func (r *Retainer) each(ctx context.Context, now time.Time, f func(*series, *sensocto.Aged, surveyed) error) error {
	types, err := r.options.Types(ctx)
	if err != nil {
		return fmt.Errorf("types of attributes: %w", err)
	}
	var errs []error
	for _, of := range r.store.sortedSeries() {
		a := sensocto.Aged{SensorID: of.sensor.id, AttributeID: of.attributeID}
		a.Keep = r.options.Rules.Of(a.SensorID, a.AttributeID, types(a.SensorID, a.AttributeID))
		a.RawBefore, a.RollupsBefore = a.Keep.Before(now)
		found, err := r.store.survey(ctx, of, &a)
		if err == nil && found.ends != (levels{}) {
			err = f(of, &a, found)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", a.SensorID, a.AttributeID, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Store) sortedSeries() (list []*series) {
	for _, n := range s.allSensors() {
		list = append(list, s.seriesOf(n.id)...)
	}
	slices.SortFunc(list, func(a, b *series) int {
		return cmp.Or(cmp.Compare(a.sensor.id, b.sensor.id), cmp.Compare(a.attributeID, b.attributeID))
	})
	return list
}

// survey fills in what is too old, and returns for each level the number up to
// which it is. Samples go in order of arrival: one that came before it, and is
// kept, keeps an old one. So what is left has no holes, which makes clear to a
// reader where it needs rollups.
func (s *Store) survey(ctx context.Context, r *series, a *sensocto.Aged) (found surveyed, err error) {
	r.sensor.mu.Lock()
	bytes, samples := r.bytes, r.samples
	r.sensor.mu.Unlock()
	for level := range found.ends {
		before, keep, sum, overdue := a.RawBefore, a.Keep.Raw, &a.Raw, &found.raw
		if level > 0 {
			before, keep, sum, overdue = a.RollupsBefore, a.Keep.Rollups, &a.Rollups, &found.rollups
		}
		late := before - min(keep, overdueAfter).Microseconds()
		if found.ends[level], err = s.surveyLevel(ctx, r, level, before, sum, func(c *sensocto.Chunk) {
			if c.MaxTime < late {
				addDropped(overdue, droppedChunk(c))
			}
		}); err != nil {
			return found, err
		}
	}
	a.Raw.Bytes = int64(float64(bytes) * float64(a.Raw.Samples) / float64(max(samples, 1)))
	a.Rollups.Samples = 0 // they stand for them
	return found, nil
}

// surveyed is what a survey found beside the totals: for each level the number
// up to which it is too old, and what of it is overdue.
type surveyed struct {
	ends         levels
	raw, rollups sensocto.DroppedChunks
}

func droppedChunk(c *sensocto.Chunk) sensocto.DroppedChunks {
	return sensocto.DroppedChunks{Chunks: 1, Samples: int64(c.Count), Bytes: int64(len(c.Data))}
}

// levels are numbers of samples, by level.
type levels [1 + sensocto.RollupLevels]int64

// surveyLevel adds up the first chunks of a level all of whose samples lie before a
// time. Those of samples are read without data, which there is far more of.
func (s *Store) surveyLevel(ctx context.Context, r *series, level int, before int64, sum *sensocto.DroppedChunks, each func(*sensocto.Chunk)) (end int64, err error) {
	if before == math.MinInt64 {
		return 0, nil
	}
	query := r.chunkRange(level)
	query.From, query.NoData = math.MinInt64, level == 0
	r.sensor.mu.Lock()
	query.BeforeSeq = r.settled
	r.sensor.mu.Unlock()
	err = s.cold.ReadChunks(ctx, query, func(c *sensocto.Chunk) bool {
		if c.MaxTime >= before {
			return false
		}
		end = c.FirstSeq + int64(c.Count)
		addDropped(sum, droppedChunk(c))
		each(c)
		return true
	})
	if err != nil {
		return 0, fmt.Errorf("read chunks: %w", err)
	}
	return end, nil
}

// remove removes what a survey found, and puts what that was in its place.
func (s *Store) remove(ctx context.Context, r *series, a *sensocto.Aged, ends levels) error {
	select {
	case s.upkeepTurn <- struct{}{}: // nobody makes rollups of what goes
		defer func() { <-s.upkeepTurn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if ends[0] > 0 && a.Keep.Rollups > a.Keep.Raw {
		rolled, err := s.rollUpTo(ctx, r, ends[0])
		if err == nil {
			ends[0], err = s.belowMemory(ctx, r, min(ends[0], rolled))
		}
		if err != nil {
			return err
		}
	}
	a.Raw, a.Rollups = sensocto.DroppedChunks{}, sensocto.DroppedChunks{}
	for level, end := range ends {
		before, sum := a.RawBefore, &a.Raw
		if level > 0 {
			before, sum = a.RollupsBefore, &a.Rollups
		}
		if end == 0 {
			continue
		}
		if err := s.drop(ctx, r, level, before, end, sum); err != nil {
			return err
		}
	}
	a.Rollups.Samples = 0
	return nil
}

// rollUpTo makes rollups of all samples up to a number, also where a rollup
// would otherwise wait for more, and returns up to where they reach.
func (s *Store) rollUpTo(ctx context.Context, r *series, end int64) (int64, error) {
	for {
		r.sensor.mu.Lock()
		u := r.upkeep
		end = min(end, r.inMemory())
		r.sensor.mu.Unlock()
		from := u.rolled[0]
		if from >= end || u.damaged {
			return from, nil
		}
		more, err := s.maintainSeries(ctx, r)
		if more && err == nil {
			continue
		}
		var g group
		if err == nil {
			g, err = s.nextGroup(ctx, r, 1, from, end, u.covered[0])
			g.endBy(end)
		}
		if err == nil && g.next > from {
			more, err = s.writeRollup(ctx, &g, u.epoch)
		}
		if err != nil && s.giveUp(r, err) || err == nil && !more {
			return from, nil
		}
		if err != nil {
			return from, err
		}
	}
}

// endBy leaves chunks out of a group that reach beyond a number.
func (g *group) endBy(end int64) {
	for n := len(g.chunks); n > 0; n = len(g.chunks) {
		last := &g.chunks[n-1]
		if last.FirstSeq+int64(last.Count) <= end {
			return
		}
		g.chunks, g.next = g.chunks[:n-1], last.FirstSeq
	}
}

// inMemory returns the number from which on samples are read from memory. The
// sensor's lock is held.
func (r *series) inMemory() int64 { return r.head }

// belowMemory returns the number up to which samples can go, at most limit: a
// rollup that reaches into what is in memory is of no use to a reader, so its
// samples stay.
func (s *Store) belowMemory(ctx context.Context, r *series, limit int64) (int64, error) {
	r.sensor.mu.Lock()
	memory := r.inMemory()
	r.sensor.mu.Unlock()
	if limit <= memory {
		return limit, nil
	}
	limit = memory
	query := r.chunkRange(1)
	query.FromSeq, query.BeforeSeq, query.NoData = max(0, memory-int64(s.options.RollupFan[0])*maxChunkSamples), memory, true
	err := s.eachChunk(ctx, query, func(c *sensocto.Chunk) error {
		if c.FirstSeq+int64(c.Count) > memory {
			limit = min(limit, c.FirstSeq)
		}
		return nil
	})
	return limit, err
}

// dropAtOnce bounds the chunks of one transaction, so that writing goes on
// between two.
const dropAtOnce = 1024

// drop removes chunks of a level that lie before a time and a number, and adds
// them to a sum.
func (s *Store) drop(ctx context.Context, r *series, level int, before, beforeSeq int64, sum *sensocto.DroppedChunks) error {
	for {
		d, err := s.dropSome(ctx, r, sensocto.ChunkDrop{
			SensorID: r.sensor.id, AttributeID: r.attributeID, Level: level,
			Before: before, BeforeSeq: beforeSeq, Limit: dropAtOnce,
		})
		addDropped(sum, d)
		if err != nil || d.Chunks < dropAtOnce {
			return err
		}
		rest(ctx, longestRest)
	}
}

func (s *Store) dropSome(ctx context.Context, r *series, d sensocto.ChunkDrop) (sensocto.DroppedChunks, error) {
	if err := s.takeTurn(ctx); err != nil {
		return sensocto.DroppedChunks{}, err
	}
	defer s.leaveTurn()
	r.sensor.mu.Lock()
	gone := r.sensor.gone
	d.BeforeSeq = min(d.BeforeSeq, r.settled)
	r.sensor.mu.Unlock()
	if gone {
		return sensocto.DroppedChunks{}, nil
	}
	dropped, err := s.cold.DropChunks(ctx, d)
	if err != nil {
		return sensocto.DroppedChunks{}, fmt.Errorf("drop chunks: %w", err)
	}
	s.noteDropped(r, &d, dropped)
	return dropped, nil
}

// noteDropped takes chunks out of the totals, and out of the warm tier.
func (s *Store) noteDropped(r *series, drop *sensocto.ChunkDrop, d sensocto.DroppedChunks) {
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	m := &s.metrics
	if drop.Level > 0 {
		r.rollupBytes -= d.Bytes
		m.rollupBytes.Add(-d.Bytes)
		return
	}
	s.dropOld(r, drop.Before, drop.BeforeSeq)
	r.samples -= d.Samples
	r.chunks -= d.Chunks
	r.bytes -= d.Bytes
	m.coldSamples.Add(-d.Samples)
	m.coldChunks.Add(-d.Chunks)
	m.coldBytes.Add(-d.Bytes)
}

// Metrics implements sensocto.MetricSource.
func (r *Retainer) Metrics(emit func(sensocto.Metric)) {
	counter := func(name, help string, v uint64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Value: float64(v), Labels: labels})
	}
	for i, of := range []string{"raw", "rollups"} {
		counter("store_retention_chunks_total", "Chunks that retention removed.", r.removed[i].chunks.Load(), "of", of)
		counter("store_retention_bytes_total", "Bytes of the chunks that retention removed.", r.removed[i].bytes.Load(), "of", of)
	}
	counter("store_retention_samples_total", "Samples that retention removed.", r.samples.Load())
	held := 0.0
	if r.held.Load() != nil {
		held = 1
	}
	emit(sensocto.Metric{Name: "store_retention_held", Help: "1 while retention removes nothing, because of the clock or of how much would go.", Kind: sensocto.KindGauge, Value: held})
	counter("store_retention_holds_total", "Looks of retention at all series that removed nothing for that reason.", r.holds.Load())
	counter("store_retention_failures_total", "Looks of retention at all series that failed.", r.failed.Load())
}
