package store

import (
	"context"

	"github.com/sensocto/sensocto"
)

// Bounds on one piece of compaction.
const (
	compactChunks  = 256
	compactSamples = 16 * ChunkSamples
)

// smallRun is consecutive chunks that fit one.
type smallRun struct {
	first, end int64 // numbers
	chunks     int
	samples    int
}

// compact merges small chunks that are sealed: those that restarts and silent
// series leave. It stays above what is rolled up, so that chunks begin where
// rollups do.
func (s *Store) compact(ctx context.Context, r *series) (bool, error) {
	r.sensor.mu.Lock()
	u, below := r.upkeep, r.settled
	r.sensor.mu.Unlock()
	from := max(u.rolled[0], u.compacted)
	if from >= below {
		return false, nil
	}
	runs, next, err := s.smallRuns(ctx, r, from, below)
	if err != nil {
		return false, err
	}
	var merged []sensocto.Chunk
	saved := sensocto.DroppedChunks{}
	for _, run := range runs {
		if merged, err = s.merge(ctx, r, run, merged, &saved); err != nil {
			return false, err
		}
	}
	more, err := s.replace(ctx, r, u.epoch, merged, func() {
		r.upkeep.compacted = next
		r.chunks -= saved.Chunks
		r.bytes -= saved.Bytes
		s.metrics.coldChunks.Add(-saved.Chunks)
		s.metrics.coldBytes.Add(-saved.Bytes)
		s.metrics.compacted.Add(uint64(saved.Chunks))
	})
	return more && (len(merged) > 0 || next > from), err
}

// smallRuns returns runs of small chunks, from a number on, and the number
// from which the next search goes on.
func (s *Store) smallRuns(ctx context.Context, r *series, from, below int64) (runs []smallRun, next int64, err error) {
	query := r.chunkRange(0)
	query.FromSeq, query.BeforeSeq, query.NoData = from, below, true
	run := smallRun{first: from, end: from}
	seen, samples := 0, 0
	finish := func() {
		if run.chunks > 1 {
			runs = append(runs, run)
			samples += run.samples
			seen += run.chunks
		}
	}
	err = s.cold.ReadChunks(ctx, query, func(c *sensocto.Chunk) bool {
		if c.FirstSeq != run.end || run.samples+c.Count > ChunkSamples {
			finish()
			run = smallRun{first: c.FirstSeq}
			if seen >= compactChunks || samples >= compactSamples {
				return false
			}
		}
		run.chunks++
		run.samples += c.Count
		run.end = c.FirstSeq + int64(c.Count)
		return run.chunks < compactChunks
	})
	finish()
	return runs, run.first, err
}

// merge appends the chunks that take the place of a run, and counts how many
// chunks and bytes fewer there are.
func (s *Store) merge(ctx context.Context, r *series, run smallRun, merged []sensocto.Chunk, saved *sensocto.DroppedChunks) ([]sensocto.Chunk, error) {
	var all, next Columns
	first, chunks, bytes := run.first, 0, 0
	finish := func() {
		if chunks > 1 {
			c := sensocto.Chunk{SensorID: r.sensor.id, AttributeID: r.attributeID, FirstSeq: first}
			describe(&c, &all)
			c.Data = s.codec.Append(nil, &all)
			merged = append(merged, c)
			saved.Chunks += int64(chunks - 1)
			saved.Bytes += int64(bytes - len(c.Data))
		}
		first += int64(len(all.Times))
		chunks, bytes = 0, 0
		all.Reset()
	}
	query := r.chunkRange(0)
	query.FromSeq, query.BeforeSeq = run.first, run.end
	err := s.eachChunk(ctx, query, func(c *sensocto.Chunk) error {
		if err := s.codec.Decode(c.Data, &next); err != nil {
			return err
		}
		if chunks > 0 && all.documentBytes()+next.documentBytes() > ChunkDocumentBytes {
			finish()
		}
		all.append(&next)
		chunks++
		bytes += len(c.Data)
		return nil
	})
	finish()
	return merged, err
}

func (c *Columns) documentBytes() (n int) {
	for i := range c.Documents {
		n += len(c.Documents[i].Text)
	}
	return n
}

// append adds the samples of other behind those of c.
func (c *Columns) append(other *Columns) {
	for _, d := range other.Documents {
		c.Documents = append(c.Documents, Document{Index: len(c.Times) + d.Index, Text: d.Text})
	}
	c.Times, c.Values = append(c.Times, other.Times...), append(c.Values, other.Values...)
}
