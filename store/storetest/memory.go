package storetest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

// Memory is a cold tier in memory. It outlives the stores that use it, and
// can be told to fail. The zero value is not ready: use NewMemory.
type Memory struct {
	mu     sync.Mutex // guards the following
	series map[key]*memorySeries
	err    error
	good   int // writes that succeed before err
	writes int
}

var _ store.Cold = (*Memory)(nil)

type key struct{ sensor, attribute string }

type memorySeries struct {
	info   sensocto.SeriesInfo
	levels [1 + sensocto.RollupLevels][]sensocto.Chunk // by FirstSeq
}

// NewMemory returns an empty tier.
func NewMemory() *Memory { return &Memory{series: make(map[key]*memorySeries)} }

// Fail lets all further calls fail, until it is called with nil.
func (m *Memory) Fail(err error) { m.FailAfter(0, err) }

// FailAfter is Fail once a number of writes have succeeded.
func (m *Memory) FailAfter(writes int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.good, m.err = writes, err
}

// failure returns the error that is due.
func (m *Memory) failure() error {
	if m.good > 0 {
		return nil
	}
	return m.err
}

// Writes returns how many transactions succeeded.
func (m *Memory) Writes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// Series implements store.Cold.
func (m *Memory) Series(context.Context) ([]sensocto.SeriesInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []sensocto.SeriesInfo
	for _, s := range m.series {
		list = append(list, s.info)
	}
	return list, m.failure()
}

// WriteChunks implements store.Cold.
func (m *Memory) WriteChunks(_ context.Context, chunks []sensocto.Chunk) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failure(); err != nil {
		return err
	}
	m.good--
	for i := range chunks {
		m.put(chunks[i])
	}
	m.writes++
	return nil
}

func (m *Memory) put(c sensocto.Chunk) {
	k := key{c.SensorID, c.AttributeID}
	s := m.series[k]
	if s == nil {
		s = &memorySeries{info: sensocto.SeriesInfo{SensorID: c.SensorID, AttributeID: c.AttributeID, MinTime: c.MinTime, MaxTime: c.MaxTime}}
		m.series[k] = s
	}
	end := c.FirstSeq + int64(c.Count)
	list := slices.DeleteFunc(s.levels[c.Level], func(old sensocto.Chunk) bool { return old.FirstSeq >= c.FirstSeq && old.FirstSeq < end })
	c.Data = bytes.Clone(c.Data)
	at, _ := slices.BinarySearchFunc(list, c.FirstSeq, func(c sensocto.Chunk, first int64) int { return cmp.Compare(c.FirstSeq, first) })
	s.levels[c.Level] = slices.Insert(list, at, c)
	s.info.NextSeq = max(s.info.NextSeq, end)
	s.info.MinTime, s.info.MaxTime = min(s.info.MinTime, c.MinTime), max(s.info.MaxTime, c.MaxTime)
	if c.Level > 0 {
		s.info.Rolled[c.Level-1] = max(s.info.Rolled[c.Level-1], end)
	}
	s.count()
}

// count brings the totals up to date.
func (s *memorySeries) count() {
	s.info.Samples, s.info.Chunks, s.info.Bytes, s.info.RollupBytes = 0, int64(len(s.levels[0])), 0, 0
	for _, c := range s.levels[0] {
		s.info.Samples += int64(c.Count)
		s.info.Bytes += int64(len(c.Data))
	}
	for _, level := range s.levels[1:] {
		for _, c := range level {
			s.info.RollupBytes += int64(len(c.Data))
		}
	}
}

// ReadChunks implements store.Cold.
func (m *Memory) ReadChunks(ctx context.Context, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error {
	selected, err := m.selectChunks(r)
	if err != nil {
		return err
	}
	for i := range selected {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(&selected[i]) {
			break
		}
	}
	return nil
}

func (m *Memory) selectChunks(r sensocto.ChunkRange) (selected []sensocto.Chunk, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.series[key{r.SensorID, r.AttributeID}]
	if err := m.failure(); err != nil || s == nil {
		return nil, err
	}
	for _, c := range s.levels[r.Level] {
		if c.MaxTime >= r.From && (r.To == 0 || c.MinTime < r.To) && c.FirstSeq >= r.FromSeq && c.FirstSeq < r.BeforeSeq {
			if r.NoData {
				c.Data = nil
			}
			selected = append(selected, c)
		}
	}
	if r.ByNumber {
		return selected, nil
	}
	slices.SortStableFunc(selected, func(a, b sensocto.Chunk) int {
		if r.Order == sensocto.Descending {
			return cmp.Compare(b.MaxTime, a.MaxTime)
		}
		return cmp.Compare(a.MinTime, b.MinTime)
	})
	return selected, nil
}

// DropChunks implements store.Cold.
func (m *Memory) DropChunks(_ context.Context, d sensocto.ChunkDrop) (dropped sensocto.DroppedChunks, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.series[key{d.SensorID, d.AttributeID}]
	if err := m.failure(); err != nil || s == nil {
		return dropped, err
	}
	s.levels[d.Level] = slices.DeleteFunc(s.levels[d.Level], func(c sensocto.Chunk) bool {
		if c.MaxTime >= d.Before || c.FirstSeq < d.FromSeq || c.FirstSeq >= d.BeforeSeq || d.Limit > 0 && dropped.Chunks == int64(d.Limit) {
			return false
		}
		dropped.Chunks++
		dropped.Samples += int64(c.Count)
		dropped.Bytes += int64(len(c.Data))
		return true
	})
	s.count()
	return dropped, nil
}

// DeleteSamples implements store.Cold.
func (m *Memory) DeleteSamples(_ context.Context, sensorID string) (removed sensocto.Removed, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failure(); err != nil {
		return removed, err
	}
	for k, s := range m.series {
		if k.sensor == sensorID {
			removed.Series++
			removed.Samples += s.info.Samples
			delete(m.series, k)
		}
	}
	return removed, nil
}
