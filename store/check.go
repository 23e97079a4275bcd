package store

import (
	"context"
	"fmt"
	"math"

	"github.com/sensocto/sensocto"
)

// FaultKind says what is wrong, for programs.
type FaultKind string

// The kinds of faults.
const (
	FaultUnreadable FaultKind = "unreadable" // the data does not decode: it is lost, but for rollups
	FaultRow        FaultKind = "row"        // what the row says of the data is not so
	FaultOverlap    FaultKind = "overlap"    // samples have the numbers of others
	FaultRollup     FaultKind = "rollup"     // the buckets are not those of the samples
	FaultTotals     FaultKind = "totals"     // the totals of the series are not those of its chunks
	FaultRead       FaultKind = "read"       // the database does not give the chunks
)

// Fault is one thing that is wrong with a series.
type Fault struct {
	Kind        FaultKind `json:"kind"`
	SensorID    string    `json:"sensor_id"`
	AttributeID string    `json:"attribute_id"`
	Level       int       `json:"level"` // 0: samples
	FirstSeq    int64     `json:"first_number"`
	Count       int       `json:"samples"`
	Text        string    `json:"text"`
}

// CheckReport is what a check looked at.
type CheckReport struct {
	Series  int64 `json:"series"`
	Chunks  int64 `json:"chunks"`
	Samples int64 `json:"samples"`
	Rollups int64 `json:"rollups"`
	// Unverified counts rollups that could only be decoded: not all of what
	// they were made of is kept.
	Unverified int64 `json:"unverified_rollups"`
	Bytes      int64 `json:"bytes"`
	Faults     int64 `json:"faults"`
}

// Check reads everything in a cold tier that nobody writes to, and calls found
// with what is wrong: every chunk is decoded and compared with its row, the
// numbers of samples are compared with those of their neighbours, and rollups
// with what they are made of. progress, which may be nil, gets bytes.
func Check(ctx context.Context, cold Cold, found func(Fault), progress func(done, of int64)) (CheckReport, error) {
	list, err := cold.Series(ctx)
	if err != nil {
		return CheckReport{}, fmt.Errorf("list series: %w", err)
	}
	s, err := Open(ctx, cold, Options{})
	if err != nil {
		return CheckReport{}, err
	}
	c := &checker{ctx: ctx, store: s, found: found, progress: progress}
	for i := range list {
		c.of += list[i].Bytes + list[i].RollupBytes
	}
	for i := range list {
		if err := ctx.Err(); err != nil {
			return c.report, context.Cause(ctx)
		}
		c.series(&list[i])
	}
	return c.report, nil
}

// checker makes one check.
type checker struct {
	ctx      context.Context
	store    *Store
	found    func(Fault)
	progress func(done, of int64)
	of       int64
	report   CheckReport
	cols     Columns
	rollup   Rollup
}

func (c *checker) fault(kind FaultKind, of *sensocto.Chunk, format string, args ...any) {
	c.report.Faults++
	c.found(Fault{kind, of.SensorID, of.AttributeID, of.Level, of.FirstSeq, of.Count, fmt.Sprintf(format, args...)})
}

func (c *checker) series(info *sensocto.SeriesInfo) {
	c.report.Series++
	got := sensocto.SeriesInfo{SensorID: info.SensorID, AttributeID: info.AttributeID, MinTime: math.MaxInt64, MaxTime: math.MinInt64}
	for level := range sensocto.RollupLevels + 1 {
		c.level(info, level, &got)
	}
	c.totals(info, &got)
}

// level checks the chunks of a level, and adds up what there is.
func (c *checker) level(info *sensocto.SeriesInfo, level int, got *sensocto.SeriesInfo) {
	end := int64(0)
	query := everything(info.SensorID, info.AttributeID, level)
	err := c.store.cold.ReadChunks(c.ctx, query, func(chunk *sensocto.Chunk) bool {
		if chunk.FirstSeq < end {
			c.fault(FaultOverlap, chunk, "it begins before the chunk in front of it ends, at number %d", end)
		}
		end = max(end, chunk.FirstSeq+int64(chunk.Count))
		got.NextSeq = max(got.NextSeq, end)
		got.MinTime, got.MaxTime = min(got.MinTime, chunk.MinTime), max(got.MaxTime, chunk.MaxTime)
		c.chunk(chunk, got)
		return c.ctx.Err() == nil
	})
	if err != nil {
		c.fault(FaultRead, &sensocto.Chunk{SensorID: info.SensorID, AttributeID: info.AttributeID, Level: level}, "%v", err)
	}
}

func everything(sensorID, attributeID string, level int) sensocto.ChunkRange {
	return sensocto.ChunkRange{SensorID: sensorID, AttributeID: attributeID, Level: level,
		From: math.MinInt64, BeforeSeq: math.MaxInt64, ByNumber: true}
}

func (c *checker) chunk(chunk *sensocto.Chunk, got *sensocto.SeriesInfo) {
	c.report.Bytes += int64(len(chunk.Data))
	if c.progress != nil {
		c.progress(c.report.Bytes, c.of)
	}
	if chunk.Level > 0 {
		c.report.Rollups++
		got.RollupBytes += int64(len(chunk.Data))
		c.checkRollup(chunk)
		return
	}
	c.report.Chunks++
	c.report.Samples += int64(chunk.Count)
	got.Chunks++
	got.Samples += int64(chunk.Count)
	got.Bytes += int64(len(chunk.Data))
	if err := c.store.codec.Decode(chunk.Data, &c.cols); err != nil {
		c.fault(FaultUnreadable, chunk, "%v", err)
	} else if err := verifyRow(chunk, &c.cols); err != nil {
		c.fault(FaultRow, chunk, "%v", err)
	}
}

// checkRollup compares a rollup with its row and with the level below.
func (c *checker) checkRollup(chunk *sensocto.Chunk) {
	if err := c.store.codec.DecodeRollup(chunk.Data, &c.rollup); err != nil {
		c.fault(FaultUnreadable, chunk, "%v", err)
		return
	}
	if err := verifyRollup(chunk, &c.rollup); err != nil {
		c.fault(FaultRow, chunk, "%v", err)
		return
	}
	want, complete, err := c.store.tallyBelow(c.ctx, chunk)
	switch {
	case err != nil || !complete:
		c.report.Unverified++ // what cannot be read was told when its level was checked
	case !sameCells(&c.rollup, want):
		c.fault(FaultRollup, chunk, "its buckets are not those of what it stands for")
	}
}

// tallyBelow makes the buckets of a rollup again from the level below. complete
// is false where that does not have all of the samples any more.
func (s *Store) tallyBelow(ctx context.Context, of *sensocto.Chunk) (_ *Rollup, complete bool, err error) {
	query := everything(of.SensorID, of.AttributeID, of.Level-1)
	query.FromSeq, query.BeforeSeq = of.FirstSeq, of.FirstSeq+int64(of.Count)
	cells, seen := newCellTally(of.Cell), 0
	err = s.eachChunk(ctx, query, func(child *sensocto.Chunk) error {
		seen += child.Count
		if child.Level == 0 {
			return s.addChunk(cells, child)
		}
		if of.Cell%child.Cell != 0 {
			return corrupt("its buckets do not fit those below")
		}
		return s.addRollup(cells, child)
	})
	return cells.rollup(), seen == of.Count, err
}

func sameCells(a, b *Rollup) bool {
	if len(a.Cells) != len(b.Cells) || a.Width != b.Width {
		return false
	}
	for i := range a.Cells {
		x, y := &a.Cells[i], &b.Cells[i]
		if x.Start != y.Start || x.Documents != y.Documents || !sameBucket(x.Numbers, y.Numbers) {
			return false
		}
	}
	return sameFields(a, b)
}

// totals compares what the cold tier says of a series with what was there. The
// bounds may be wider, and the next number higher: they do not go back.
func (c *checker) totals(info, got *sensocto.SeriesInfo) {
	of := &sensocto.Chunk{SensorID: info.SensorID, AttributeID: info.AttributeID, FirstSeq: got.NextSeq, Count: int(got.Samples)}
	switch {
	case info.Samples != got.Samples || info.Chunks != got.Chunks || info.Bytes != got.Bytes || info.RollupBytes != got.RollupBytes:
		c.fault(FaultTotals, of, "it says %d samples in %d chunks with %d and %d bytes, there are %d in %d with %d and %d",
			info.Samples, info.Chunks, info.Bytes, info.RollupBytes, got.Samples, got.Chunks, got.Bytes, got.RollupBytes)
	case info.NextSeq < got.NextSeq:
		c.fault(FaultTotals, of, "the next number is %d, but %d was given already", info.NextSeq, got.NextSeq-1)
	case got.Chunks > 0 && (info.MinTime > got.MinTime || info.MaxTime < got.MaxTime):
		c.fault(FaultTotals, of, "it says that samples lie from %d to %d, they lie from %d to %d", info.MinTime, info.MaxTime, got.MinTime, got.MaxTime)
	}
}
