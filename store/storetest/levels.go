package storetest

import (
	"slices"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

// rollup returns a chunk of a level.
func rollup(level int, sensor, attribute string, first int64, count int, from, to int64) sensocto.Chunk {
	c := chunk(sensor, attribute, first, count, from, to)
	if level == 0 {
		return c
	}
	c.Level, c.Cell = level, 1000
	c.Data = append(c.Data, byte('0'+level))
	return c
}

func all(level int) sensocto.ChunkRange {
	return sensocto.ChunkRange{SensorID: "s", AttributeID: "a", Level: level}
}

// Chunks replace others of their own level, and each level counts for itself.
func testLevels(t *testing.T, p Place) {
	c := p.Open(t)
	raw := []sensocto.Chunk{chunk("s", "a", 0, 10, 0, 9), chunk("s", "a", 10, 10, 10, 19), chunk("s", "a", 20, 5, 20, 24)}
	write(t, c, raw...)
	first, second, above := rollup(1, "s", "a", 0, 10, 0, 9), rollup(1, "s", "a", 10, 10, 10, 19), rollup(2, "s", "a", 0, 20, 0, 19)
	write(t, c, first, second, above)
	small := chunk("s", "a", 25, 1, 25, 25)
	write(t, c, small, rollup(4, "s", "a", 0, 20, 0, 19))
	c = p.Open(t)
	same(t, read(t, c, all(0)), append(raw, small))
	same(t, read(t, c, all(1)), []sensocto.Chunk{first, second})
	same(t, read(t, c, all(2)), []sensocto.Chunk{above})
	same(t, len(read(t, c, all(3))), 0)
	requireTotals(t, c, sensocto.SeriesInfo{NextSeq: 26, Rolled: [4]int64{20, 20, 0, 20}, MaxTime: 25, Samples: 26, Chunks: 4})

	merged := rollup(1, "s", "a", 0, 26, 0, 25)
	write(t, c, merged)
	same(t, read(t, c, all(1)), []sensocto.Chunk{merged})
	same(t, read(t, c, all(2)), []sensocto.Chunk{above})
	requireTotals(t, c, sensocto.SeriesInfo{NextSeq: 26, Rolled: [4]int64{26, 20, 0, 20}, MaxTime: 25, Samples: 26, Chunks: 4})

	removed, err := c.DeleteSamples(t.Context(), "s")
	same(t, err, nil)
	same(t, removed, sensocto.Removed{Series: 1, Samples: 26})
	for level := range 1 + sensocto.RollupLevels {
		same(t, len(read(t, c, all(level))), 0)
	}
	write(t, c, chunk("s", "a", 0, 1, 5, 5))
	same(t, len(read(t, c, all(1))), 0)
	same(t, series(t, c)[0].Rolled, [4]int64{})
}

// requireTotals compares what is known of s a; the bytes are counted here.
func requireTotals(t testing.TB, c store.Cold, want sensocto.SeriesInfo) {
	t.Helper()
	want.SensorID, want.AttributeID = "s", "a"
	for level := range 1 + sensocto.RollupLevels {
		for _, chunk := range read(t, c, all(level)) {
			if level == 0 {
				want.Bytes += int64(len(chunk.Data))
			} else {
				want.RollupBytes += int64(len(chunk.Data))
			}
		}
	}
	same(t, series(t, c), []sensocto.SeriesInfo{want})
}

func testNumbers(t *testing.T, p Place) {
	c := p.Open(t)
	for level := range 2 {
		late := rollup(level, "s", "a", 20, 10, 50, 2500) // begins before its neighbours
		list := []sensocto.Chunk{
			rollup(level, "s", "a", 0, 10, 1000, 1099), rollup(level, "s", "a", 10, 10, 1100, 1199), late, rollup(level, "s", "a", 40, 1, 1300, 1300),
		}
		write(t, c, list...)
		for _, q := range []struct {
			from, to, fromSeq, before int64
			numbers, times            []int64
		}{
			{numbers: []int64{0, 10, 20, 40}, times: []int64{20, 0, 10, 40}},
			{fromSeq: 1, numbers: []int64{10, 20, 40}, times: []int64{20, 10, 40}},
			{fromSeq: 10, before: 40, numbers: []int64{10, 20}, times: []int64{20, 10}},
			{fromSeq: 10, before: 41, from: 1200, numbers: []int64{20, 40}, times: []int64{20, 40}},
			{fromSeq: 10, from: 1100, to: 1200, numbers: []int64{10, 20}, times: []int64{20, 10}},
			{fromSeq: 41, numbers: nil, times: nil},
		} {
			r := all(level)
			r.From, r.To, r.FromSeq, r.BeforeSeq = q.from, q.to, q.fromSeq, q.before
			same(t, firsts(read(t, c, r)), q.times)
			r.ByNumber = true
			same(t, firsts(read(t, c, r)), q.numbers)
		}
	}
}

func testNoData(t *testing.T, p Place) {
	c := p.Open(t)
	want := []sensocto.Chunk{chunk("s", "a", 0, 10, 0, 9), chunk("s", "a", 10, 10, 5, 19)}
	write(t, c, want...)
	want[0].Data, want[1].Data = nil, nil
	for _, byNumber := range []bool{false, true} {
		r := all(0)
		r.NoData, r.ByNumber = true, byNumber
		same(t, read(t, c, r), want)
	}
}

// What was dropped is gone; numbers and what is rolled up stay.
func testDrop(t *testing.T, p Place) {
	c := p.Open(t)
	old, straddling, young := chunk("s", "a", 0, 10, 0, 99), chunk("s", "a", 10, 10, 50, 100), chunk("s", "a", 20, 10, 100, 199)
	late := chunk("s", "a", 30, 5, 20, 30)
	above, other := rollup(1, "s", "a", 0, 35, 0, 199), chunk("s", "b", 0, 10, 0, 9)
	write(t, c, old, straddling, young, late)
	write(t, c, above, other)
	drop := sensocto.ChunkDrop{SensorID: "s", AttributeID: "a", Before: 100, BeforeSeq: 30}
	dropped, err := c.DropChunks(t.Context(), drop)
	same(t, err, nil)
	same(t, dropped, sensocto.DroppedChunks{Chunks: 1, Samples: 10, Bytes: int64(len(old.Data))})
	same(t, read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "a", ByNumber: true}), []sensocto.Chunk{straddling, young, late})
	drop.FromSeq, drop.BeforeSeq, drop.Before = 20, 21, 1000
	dropped, err = c.DropChunks(t.Context(), drop)
	same(t, err, nil)
	same(t, dropped.Samples, int64(10))
	same(t, read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "a", ByNumber: true}), []sensocto.Chunk{straddling, late})
	drop.FromSeq, drop.BeforeSeq = 0, 1<<62
	dropped, err = c.DropChunks(t.Context(), drop)
	same(t, err, nil)
	same(t, dropped.Samples, int64(15))
	same(t, read(t, c, all(1)), []sensocto.Chunk{above})
	drop.Level = 1
	dropped, err = c.DropChunks(t.Context(), drop)
	same(t, err, nil)
	same(t, dropped, sensocto.DroppedChunks{Chunks: 1, Samples: 35, Bytes: int64(len(above.Data))})

	c = p.Open(t)
	same(t, read(t, c, sensocto.ChunkRange{SensorID: "s", AttributeID: "b"}), []sensocto.Chunk{other})
	info := series(t, c)
	same(t, len(info), 2)
	same(t, info[0], sensocto.SeriesInfo{SensorID: "s", AttributeID: "a", NextSeq: 35, Rolled: [4]int64{35}, MaxTime: 199})
	next := chunk("s", "a", 35, 1, 300, 300)
	write(t, c, next)
	same(t, read(t, c, all(0)), []sensocto.Chunk{next})
}

func testDropLimit(t *testing.T, p Place) {
	c := p.Open(t)
	for i := range int64(10) {
		write(t, c, chunk("s", "a", i, 1, 100-i, 100-i))
	}
	drop := sensocto.ChunkDrop{SensorID: "s", AttributeID: "a", Before: 1000, BeforeSeq: 8, Limit: 3}
	for _, left := range []int64{7, 4, 2, 2} {
		_, err := c.DropChunks(t.Context(), drop)
		same(t, err, nil)
		list := read(t, c, all(0))
		same(t, int64(len(list)), left)
		same(t, slices.Max(firsts(list)), int64(9))
	}
	dropped, err := c.DropChunks(t.Context(), sensocto.ChunkDrop{SensorID: "s", AttributeID: "unknown", Before: 1000, BeforeSeq: 8})
	same(t, err, nil)
	same(t, dropped, sensocto.DroppedChunks{})
}
