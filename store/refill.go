package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

// refill brings back into memory, after a start, what would be there if the
// program had gone on: the window of the warm tier as far as its budget goes,
// the series that were sent last first, and the hot samples of those that are
// not silent. Nothing waits for it; until it is done reads take longer.
func (s *Store) refill(ctx context.Context) {
	began, told, list := time.Now(), time.Now(), s.byNewest()
	for i, r := range list {
		s.metrics.refillPercent.Store(int64(100 * i / len(list)))
		if now := time.Now(); now.Sub(told) > time.Second {
			told = now
			s.options.Log.Info("reading the newest samples into memory", "percent", 100*i/len(list))
		}
		if s.metrics.warmBytes.Load() >= s.options.WarmBytes*3/4 {
			break
		}
		started := time.Now()
		if err := s.refillSeries(ctx, r); err != nil {
			if ctx.Err() == nil {
				s.options.Log.Warn("the newest samples could not be read into memory: they are read from the database when they are asked for",
					"sensor", r.sensor.id, "attribute", r.attributeID, "err", err)
			}
			if !errors.Is(err, ErrCorrupt) { // what is damaged is no reason to leave out the others
				break
			}
		}
		rest(ctx, time.Since(started))
	}
	s.metrics.refillPercent.Store(100)
	if took := time.Since(began); took > time.Second {
		s.options.Log.Info("the newest samples are in memory", "samples", s.metrics.warmSamples.Load(), "took", took.Round(time.Millisecond))
	}
}

// Progress says how far the newest samples are in memory again after a start; ""
// once they are.
func (s *Store) Progress() string {
	if percent := s.metrics.refillPercent.Load(); percent < 100 {
		return fmt.Sprintf("the newest samples are read into memory: %d %%", percent)
	}
	return ""
}

// byNewest returns the series that have samples in the cold tier, those with
// the newest first.
func (s *Store) byNewest() []*series {
	newest := make(map[*series]int64)
	var list []*series
	for _, n := range s.allSensors() {
		n.mu.Lock()
		for _, r := range n.series {
			if r.chunks > 0 {
				newest[r] = r.deep.to
				list = append(list, r)
			}
		}
		n.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b *series) int { return cmp.Compare(newest[b], newest[a]) })
	return list
}

// refillSeries reads the newest chunks of a series. It holds the turn: nobody
// else moves samples from tier to tier meanwhile, but for the sweep.
func (s *Store) refillSeries(ctx context.Context, r *series) error {
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer s.leaveTurn()
	r.sensor.mu.Lock()
	low, deep, gone := r.low(), r.deep, r.sensor.gone
	r.sensor.mu.Unlock()
	if gone {
		return nil
	}
	chunks, err := s.newestChunks(ctx, r, low)
	if err != nil || len(chunks) == 0 {
		return err
	}
	if deep.to, err = s.latestBefore(ctx, r, chunks[0].FirstSeq); err != nil {
		return err
	}
	if deep.from > deep.to {
		deep = noTime
	}
	hot, first, err := s.newestSamples(r, chunks)
	if err != nil {
		return err
	}
	defer s.columns.Put(hot)
	defer hot.Reset()
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	if r.low() != low { // a sweep let go of what these would be followed by
		return nil
	}
	r.warm = append(chunks, r.warm...)
	for _, c := range chunks {
		s.countWarm(c, 1)
	}
	r.deep = deep
	if r.head == low && s.hot.Load() < s.options.HotBytes*3/4 {
		r.prepend(hot, first)
		s.countHot(r)
		r.flushAt = time.Now()
	}
	return nil
}

// newestChunks returns the chunks right before a number, without gaps, as far
// as the window reaches, or as many of the last of them as there is room for.
func (s *Store) newestChunks(ctx context.Context, r *series, before int64) (list []*sensocto.Chunk, err error) {
	first, err := s.windowStart(ctx, r, before)
	if err != nil {
		return nil, err
	}
	query, size := r.chunkRange(0), int64(0)
	query.From, query.FromSeq, query.BeforeSeq = math.MinInt64, first, before
	err = s.eachChunk(ctx, query, func(c *sensocto.Chunk) error {
		if n := len(list); n > 0 && end(list[n-1]) != c.FirstSeq {
			list, size = list[:0], 0
		}
		kept := *c
		kept.SensorID, kept.AttributeID, kept.Data = r.sensor.id, r.attributeID, bytes.Clone(c.Data)
		list = append(list, &kept)
		for size += warmSize(&kept); size > s.warmShare(); {
			size -= warmSize(list[0])
			list[0], list = nil, list[1:]
		}
		return nil
	})
	if n := len(list); n == 0 || end(list[n-1]) != before {
		return nil, err
	}
	return list, err
}

// warmShare is how much of the budget one series is read back for at most.
func (s *Store) warmShare() int64 { return s.options.WarmBytes / 4 }

// windowStart returns the number of the first of the chunks right before a
// number that belong to the window which ends with the last of them. It goes
// back by number: what a jumping clock left elsewhere does not matter.
func (s *Store) windowStart(ctx context.Context, r *series, before int64) (int64, error) {
	r.sensor.mu.Lock()
	most := s.warmShare() / max(1, r.bytes/max(1, r.chunks)) // chunks
	r.sensor.mu.Unlock()
	for back := int64(16 * ChunkSamples); ; back *= 2 {
		query, list := r.chunkRange(0), []sensocto.Chunk(nil)
		query.From, query.FromSeq, query.BeforeSeq, query.NoData = math.MinInt64, max(0, before-back), before, true
		err := s.eachChunk(ctx, query, func(c *sensocto.Chunk) error {
			list = append(list, *c)
			return nil
		})
		if err != nil || len(list) == 0 {
			return before, err
		}
		i := len(list) - 1
		for oldest := list[i].MaxTime - s.options.WarmWindow.Microseconds(); i > 0 && list[i-1].MaxTime >= oldest; {
			i--
		}
		if i > 0 || back >= before || int64(len(list)) > most {
			return list[i].FirstSeq, nil
		}
	}
}

// latestBefore returns the last time of all samples in the cold tier with
// numbers below one.
func (s *Store) latestBefore(ctx context.Context, r *series, before int64) (int64, error) {
	query, latest := r.chunkRange(0), int64(math.MinInt64)
	query.From, query.BeforeSeq, query.NoData = math.MinInt64, before, true
	query.ByNumber, query.Order = false, sensocto.Descending
	err := s.cold.ReadChunks(ctx, query, func(c *sensocto.Chunk) bool {
		latest = c.MaxTime
		return false
	})
	return latest, err
}

// newestSamples returns the samples that are to be hot, the first of which has
// the number first: none of a series that has been silent for long. Who calls
// gives the columns back.
func (s *Store) newestSamples(r *series, chunks []*sensocto.Chunk) (hot *Columns, first int64, err error) {
	hot, first = s.columns.Get().(*Columns), end(chunks[len(chunks)-1])
	hot.Reset()
	newest := chunks[len(chunks)-1].MaxTime
	if time.Since(time.UnixMicro(newest)) >= s.options.IdleAfter {
		return hot, first, nil
	}
	var next Columns
	from, last, documents := len(chunks), first, 0
	for from > 0 && last-first < int64(s.options.HotSamples) && documents < hotDocumentSize {
		from--
		first = chunks[from].FirstSeq
		if err := s.codec.Decode(chunks[from].Data, &next); err != nil {
			return hot, first, err
		}
		documents += next.documentBytes()
	}
	for _, c := range chunks[from:] {
		if err := s.codec.Decode(c.Data, &next); err != nil {
			return hot, first, err
		}
		hot.append(&next)
	}
	return hot, first, nil
}

// prepend puts samples into the ring that lie right before those that it has,
// and that are settled.
func (s *series) prepend(cols *Columns, first int64) {
	if n := int(s.next - first); n > len(s.ring) {
		s.resize(powerOfTwo(n))
	}
	for i, t := range cols.Times {
		*s.at(first + int64(i)) = point{t, cols.Values[i]}
	}
	documents := make([]document, len(cols.Documents))
	for i, d := range cols.Documents {
		documents[i] = document{first + int64(d.Index), bytes.Clone(d.Text)}
		s.documentBytes += len(d.Text)
	}
	s.documents = append(documents, s.documents...)
	s.head = first
}
