package store

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/sensocto/sensocto"
)

// Read returns samples of one attribute, each once, in time order. What it
// holds in memory is bounded by the limit, not by the range.
func (s *Store) Read(ctx context.Context, sensorID, attributeID string, q sensocto.Query) (sensocto.Page, error) {
	r := s.series(sensorID, attributeID)
	if r == nil {
		return sensocto.Page{}, nil
	}
	c := s.collectors.Get().(*collector)
	defer s.giveBack(c)
	limit := 0
	if q.Limit > 0 {
		limit = q.Limit + 1 // one more tells that there is more
	}
	if err := s.whole(ctx, r); err != nil {
		return sensocto.Page{}, err
	}
	c.reset(q, limit)
	if c.bound == 0 {
		c.bound = r.end()
	}
	if err := s.collect(ctx, r, c); err != nil {
		return sensocto.Page{}, err
	}
	return c.page(q.Limit), nil
}

// latestBytes is what a sample that is a number takes as JSON, about.
const latestBytes = 40

// Latest returns the last samples by time of every attribute of a sensor.
func (s *Store) Latest(ctx context.Context, sensorID string, q sensocto.LatestQuery) (map[string]sensocto.Latest, error) {
	latest := make(map[string]sensocto.Latest)
	list := s.seriesOf(sensorID)
	if q.Limit <= 0 || len(list) == 0 {
		return latest, nil
	}
	share := 0
	if q.Bytes > 0 {
		share = max(1, q.Bytes/len(list))
	}
	for _, r := range list {
		l, err := s.latest(ctx, r, q.Limit, share)
		if err != nil {
			return nil, err
		}
		if len(l.Samples) > 0 {
			latest[r.attributeID] = l
		}
	}
	return latest, nil
}

// latest reads the newest samples of a series, at most limit, and at most about
// as many bytes as its share, but one; 0 is no bound.
func (s *Store) latest(ctx context.Context, r *series, limit, share int) (l sensocto.Latest, err error) {
	if err := s.whole(ctx, r); err != nil {
		return l, err
	}
	c := s.collectors.Get().(*collector)
	defer s.giveBack(c)
	read := limit
	if share > 0 {
		read = min(limit, max(1, share/latestBytes)+1) // one more tells that there is more
	}
	c.reset(sensocto.Query{Order: sensocto.Descending}, read)
	c.bound = r.end()
	l.End = c.bound
	if err := s.collect(ctx, r, c); err != nil {
		return l, err
	}
	l.Samples, l.Cut = c.page(read).Samples, c.cut
	if share > 0 {
		fitting := fit(l.Samples, share)
		l.Cut = l.Cut || fitting < len(l.Samples) && fitting < limit
		l.Samples = slices.Clone(l.Samples[:min(fitting, limit)]) // without what the documents behind it hold
	}
	slices.Reverse(l.Samples)
	return l, nil
}

// fit returns how many of the samples are about as many bytes, at least one of
// them.
func fit(samples []sensocto.Sample, bytes int) int {
	for i := range samples {
		bytes -= latestBytes + len(samples[i].Document)
		if bytes < 0 && i > 0 {
			return i
		}
	}
	return len(samples)
}

// giveBack keeps the memory of a collector unless an unlimited read made it
// large.
func (s *Store) giveBack(c *collector) {
	const large = 128 << 10 // entries: 3 MiB
	c.documents, c.after = nil, nil
	if cap(c.entries)+cap(c.spare) <= large {
		s.collectors.Put(c)
	}
}

func (s *Store) series(sensorID, attributeID string) *series {
	n := s.sensor(sensorID)
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.series[attributeID]
}

func (s *Store) seriesOf(sensorID string) []*series {
	n := s.sensor(sensorID)
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]*series, 0, len(n.series))
	for _, r := range n.series {
		list = append(list, r)
	}
	return list
}

// collect gives the collector the samples of a series: first what is hot, from
// the newest on; then of the warm tier what has lower numbers than those, and
// of the cold tier what has lower numbers than these. Samples only ever move
// from hot to warm to cold, lowest numbers first, so that each is met exactly
// once. Warm chunks never change: which of them matter is known before the cold
// tier is read, but where older samples come first they are decoded after it.
func (s *Store) collect(ctx context.Context, r *series, c *collector) error {
	if c.from >= c.to {
		return nil
	}
	cols := s.columns.Get().(*Columns)
	defer func() {
		cols.Reset()
		s.columns.Put(cols)
	}()
	head, past := s.collectHot(ctx, r, c, cols)
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if head == 0 || c.unneeded(past) {
		return nil
	}
	warm, low, deep := r.warmBefore(head)
	if c.order == sensocto.Descending {
		if err := s.collectWarm(ctx, c, warm, cols, head); err != nil {
			return err
		}
	}
	if low > 0 && !c.unneeded(deep) {
		if err := s.collectCold(ctx, r, c, cols, low); err != nil {
			return err
		}
	}
	if c.order == sensocto.Ascending {
		return s.collectWarm(ctx, c, warm, cols, head)
	}
	return nil
}

// unneeded reports whether nothing within a span of time can count.
func (c *collector) unneeded(span timeSpan) bool {
	return span.to < c.from || span.from >= c.to || c.satisfied(span)
}

// collectWarm adds the samples of warm chunks that lie before a number.
func (s *Store) collectWarm(ctx context.Context, c *collector, warm []*sensocto.Chunk, cols *Columns, before int64) error {
	for i := range warm {
		chunk := warm[i]
		if c.order == sensocto.Descending {
			chunk = warm[len(warm)-1-i]
		}
		if c.unneeded(timeSpan{chunk.MinTime, chunk.MaxTime}) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := s.decodeBefore(chunk, cols, before); err != nil {
			return err
		}
		s.metrics.readChunks[tierWarm].Add(1)
		c.add(cols, chunk.FirstSeq)
	}
	return nil
}

// decodeBefore decodes the samples of a chunk that lie before a number.
func (s *Store) decodeBefore(c *sensocto.Chunk, cols *Columns, before int64) error {
	if err := s.codec.Decode(c.Data, cols); err != nil {
		return fmt.Errorf("chunk %d of %s %s: %w", c.FirstSeq, c.SensorID, c.AttributeID, err)
	}
	cols.truncate(int(min(int64(len(cols.Times)), before-c.FirstSeq)))
	return nil
}

// collectHot returns the lowest number that it collected, or would have, and
// the times of the samples below.
func (s *Store) collectHot(ctx context.Context, r *series, c *collector, cols *Columns) (head int64, past timeSpan) {
	head = math.MaxInt64
	if c.bound > 0 {
		head = c.bound
	}
	for ctx.Err() == nil {
		var more bool
		head, past, more = r.copyBefore(cols, head)
		s.metrics.readChunks[tierHot].Add(uint64(btoi(len(cols.Times) > 0)))
		c.add(cols, head)
		if !more {
			break
		}
	}
	return head, past
}

// copyBefore copies up to a chunk of hot samples that lie before a number. It
// returns the number of the first and whether more lie before it.
func (r *series) copyBefore(cols *Columns, before int64) (first int64, past timeSpan, more bool) {
	r.sensor.mu.Lock()
	defer r.sensor.mu.Unlock()
	end := min(before, r.next)
	if end <= r.head { // between two calls a flush let them go: the cold tier has them
		cols.Reset()
		return end, r.past, false
	}
	first = max(r.head, end-ChunkSamples)
	r.copyTo(cols, first, end)
	return first, r.past, first > r.head
}

func (s *Store) collectCold(ctx context.Context, r *series, c *collector, cols *Columns, before int64) error {
	var failed error
	query := sensocto.ChunkRange{
		SensorID: r.sensor.id, AttributeID: r.attributeID,
		From: c.from, To: c.to, BeforeSeq: before, Order: c.order,
	}
	err := s.cold.ReadChunks(ctx, query, func(chunk *sensocto.Chunk) bool {
		if c.satisfied(timeSpan{chunk.MinTime, chunk.MaxTime}) {
			return false
		}
		if failed = s.decodeBefore(chunk, cols, before); failed != nil {
			return false
		}
		s.metrics.readChunks[tierCold].Add(1)
		c.add(cols, chunk.FirstSeq)
		return true
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("read chunks: %w", err)
	}
	return nil
}

// truncate keeps the first n samples.
func (c *Columns) truncate(n int) {
	c.Times, c.Values = c.Times[:n], c.Values[:n]
	for len(c.Documents) > 0 && c.Documents[len(c.Documents)-1].Index >= n {
		c.Documents = c.Documents[:len(c.Documents)-1]
	}
}
