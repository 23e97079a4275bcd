package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sensocto/sensocto"
)

const (
	noNumber = int64(1) << 62 // no sample has it
	// smallPart is how much a part that was sealed small counts towards the
	// next look at a series, beside a full chunk.
	smallPart = 4
	// longestRest bounds the pause between two pieces of maintenance.
	longestRest = 100 * time.Millisecond
)

// upkeep is what maintenance knows of a series. The sensor's lock guards it.
type upkeep struct {
	// rolled is, for each level, the number up to which rollups are made, and
	// covered where the last of them ends: more than rolled where chunks came
	// in between later.
	rolled, covered [sensocto.RollupLevels]int64
	compacted       int64 // below, no small chunks are left that could be merged
	fresh           int   // chunks sealed since the last look, about
	listed          bool  // waits in Store.upkeep
	damaged         bool  // has a chunk that cannot be read: left alone
	epoch           int   // counts what changes chunks behind the back of maintenance
}

// restoreUpkeep takes over what the cold tier knows, and lists the series if
// there is something to do.
func (s *Store) restoreUpkeep(r *series, info *sensocto.SeriesInfo) {
	r.upkeep.rolled, r.upkeep.covered = info.Rolled, info.Rolled
	unrolled := (info.NextSeq - info.Rolled[0]) / ChunkSamples
	small := info.Chunks - 2*info.Samples/ChunkSamples
	s.noteSealed(r, int(min(max(unrolled, small*smallPart, 0), 1<<20)))
}

// noteSealed counts chunks that will not be written again, and lists the
// series once that is worth a look. The sensor's lock is held.
func (s *Store) noteSealed(r *series, chunks int) {
	r.upkeep.fresh += chunks
	if r.upkeep.fresh >= s.options.RollupFan[0] && !r.upkeep.listed && !r.upkeep.damaged {
		s.list(r)
	}
}

// list lets maintenance have a look at a series whose sensor's lock is held.
func (s *Store) list(r *series) {
	s.enlist(r)
	s.wakeUpkeep()
}

func (s *Store) enlist(r *series) {
	r.upkeep.listed = true
	s.upkeepMu.Lock()
	defer s.upkeepMu.Unlock()
	s.upkeep = append(s.upkeep, r) // bounded by the series: each is listed once
}

func (s *Store) wakeUpkeep() {
	select {
	case s.upkeepWake <- struct{}{}:
	default:
	}
}

// unlist returns the next series to look at, nil if there is none.
func (s *Store) unlist() *series {
	s.upkeepMu.Lock()
	defer s.upkeepMu.Unlock()
	if len(s.upkeep) == 0 {
		return nil
	}
	r := s.upkeep[0]
	s.upkeep[0] = nil
	s.upkeep = s.upkeep[1:]
	return r
}

// Maintain merges small chunks and makes the rollups that are due, of all
// series. Run does this by itself; it is there for who wants to be sure now.
func (s *Store) Maintain(ctx context.Context) error {
	for _, n := range s.allSensors() {
		n.mu.Lock()
		for _, r := range n.series {
			if !r.upkeep.listed {
				s.list(r)
			}
		}
		n.mu.Unlock()
	}
	err := s.maintainListed(ctx, func(context.Context, time.Duration) {})
	if err != nil {
		s.wakeUpkeep() // for Run to try again
	}
	return err
}

// maintain looks after listed series until ctx ends. What fails is tried
// again later.
func (s *Store) maintain(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.upkeepWake:
		case <-timer.C:
		}
		if err := s.maintainListed(ctx, rest); err != nil && ctx.Err() == nil {
			s.metrics.upkeepErrors.Add(1)
			timer.Reset(lastRetry)
		}
	}
}

// rest leaves the machine to others for as long as it was used.
func rest(ctx context.Context, used time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(min(used, longestRest)):
	}
}

// maintainListed works until no series is listed, or something fails. Only one
// may do so at a time.
func (s *Store) maintainListed(ctx context.Context, rest func(context.Context, time.Duration)) error {
	select {
	case s.upkeepTurn <- struct{}{}:
		defer func() { <-s.upkeepTurn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for r := s.unlist(); r != nil; r = s.unlist() {
		r.look()
		for more := true; more; {
			if err := ctx.Err(); err != nil {
				s.relist(r)
				return context.Cause(ctx)
			}
			began := time.Now()
			var err error
			if more, err = s.maintainSeries(ctx, r); err != nil {
				if s.giveUp(r, err) {
					break
				}
				s.relist(r)
				return fmt.Errorf("maintain %s %s: %w", r.sensor.id, r.attributeID, err)
			}
			if more {
				rest(ctx, time.Since(began))
			}
		}
	}
	return nil
}

// look notes that maintenance sees what is sealed by now.
func (r *series) look() {
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	r.upkeep.listed, r.upkeep.fresh = false, 0
}

// relist puts a series back that could not be looked after. It wakes nobody:
// what failed would fail again at once.
func (s *Store) relist(r *series) {
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	if !r.upkeep.listed {
		s.enlist(r)
	}
}

// giveUp leaves a series alone whose chunks are damaged: trying again does not
// help, and reading them tells whoever asks for them.
func (s *Store) giveUp(r *series, err error) bool {
	if !errors.Is(err, ErrCorrupt) {
		return false
	}
	r.sensor.mu.Lock()
	r.upkeep.damaged = true
	r.sensor.mu.Unlock()
	s.metrics.upkeepErrors.Add(1)
	s.options.Log.Error("a chunk is damaged: its series gets no further rollups; stop the server, run sensocto check, "+
		"and restore a backup", "sensor", r.sensor.id, "attribute", r.attributeID, "err", err)
	return true
}

// maintainSeries does a bounded piece of work and reports whether there may be
// more.
func (s *Store) maintainSeries(ctx context.Context, r *series) (more bool, err error) {
	if more, err := s.compact(ctx, r); more || err != nil {
		return more, err
	}
	for level := 1; level <= sensocto.RollupLevels; level++ {
		if more, err := s.rollUp(ctx, r, level); more || err != nil {
			return more, err
		}
	}
	return false, nil
}

// rollUp makes the next rollup of a level if it is due.
func (s *Store) rollUp(ctx context.Context, r *series, level int) (bool, error) {
	r.sensor.mu.Lock()
	u, below := r.upkeep, r.settled
	r.sensor.mu.Unlock()
	if level > 1 {
		below = u.rolled[level-2]
	}
	from := u.rolled[level-1]
	if from >= below {
		return false, nil
	}
	g, err := s.nextGroup(ctx, r, level, from, below, u.covered[level-1])
	if err != nil || !g.complete || g.next == from {
		return false, err
	}
	return s.writeRollup(ctx, &g, u.epoch)
}

// writeRollup makes the rollup of a group, if there is anything in it.
func (s *Store) writeRollup(ctx context.Context, g *group, epoch int) (bool, error) {
	var chunks []sensocto.Chunk
	r, level := g.series, g.level
	if len(g.chunks) > 0 {
		c, err := s.build(ctx, g)
		if err != nil {
			return false, err
		}
		chunks = append(chunks, c)
	}
	return s.replace(ctx, r, epoch, chunks, func() {
		r.upkeep.rolled[level-1] = g.next
		r.upkeep.covered[level-1] = max(r.upkeep.covered[level-1], g.next)
		for i := range chunks {
			r.rollupBytes += int64(len(chunks[i].Data))
			s.metrics.rollupBytes.Add(int64(len(chunks[i].Data)))
			s.metrics.rollups.Add(1)
		}
	})
}

// reconsider lets maintenance look again at numbers from one on: chunks came
// where there were none. The sensor's lock is held.
func (s *Store) reconsider(r *series, from int64) {
	u := &r.upkeep
	u.epoch++
	u.compacted = min(u.compacted, from)
	for i := range u.rolled {
		u.rolled[i] = min(u.rolled[i], from)
	}
	if !u.listed {
		s.list(r)
	}
}

// replace writes what maintenance made, unless the series has changed
// meanwhile, and then lets the series know, under the sensor's lock.
func (s *Store) replace(ctx context.Context, r *series, epoch int, chunks []sensocto.Chunk, apply func()) (bool, error) {
	if err := s.takeTurn(ctx); err != nil {
		return false, err
	}
	defer s.leaveTurn()
	r.sensor.mu.Lock()
	changed, gone := r.upkeep.epoch != epoch, r.sensor.gone
	r.sensor.mu.Unlock()
	if changed || gone {
		return !gone, nil
	}
	if len(chunks) > 0 {
		if err := s.cold.WriteChunks(ctx, chunks); err != nil {
			return false, fmt.Errorf("write chunks: %w", err)
		}
	}
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	apply()
	return true, nil
}
