package postgres

import (
	"encoding/binary"
	"math"

	"github.com/sensocto/sensocto"
)

// scratch is the parameters of a write, in columns; its memory is used again.
type scratch struct {
	chunk struct {
		series     []int64
		levels     []int16
		first, end []int64
		from, to   []int64
		starts     []int // where each begins in the body
	}
	series struct {
		index map[int64]int
		ids   []int64
		total [13][]int64
	}
	body  []byte // of the COPY
	rows  int
	plain []byte
}

// The columns of series.total.
const (
	totalNext = iota
	totalMinTime
	totalMaxTime
	totalSamples
	totalChunks
	totalBytes
	totalSpans
	totalRollupBytes
	totalRollupSpans
	totalRolled // and the three levels above
)

// copyHeader begins a COPY in binary: signature, flags, no extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

func (s *scratch) reset() {
	const keep = 32 << 20 // more is given back after a large import
	c := &s.chunk
	c.series, c.levels, c.first, c.end, c.from, c.to, c.starts = c.series[:0], c.levels[:0], c.first[:0], c.end[:0], c.from[:0], c.to[:0], c.starts[:0]
	s.series.ids = s.series.ids[:0]
	for i := range s.series.total {
		s.series.total[i] = s.series.total[i][:0]
	}
	if s.series.index == nil {
		s.series.index = make(map[int64]int)
	}
	clear(s.series.index)
	if cap(s.body) > keep {
		s.body = nil
	}
	s.body, s.rows = append(s.body[:0], copyHeader...), 0
}

// add takes a chunk. One of the same call that it takes the place of is left
// out: chunks of one series and level come together and in order.
func (s *scratch) add(id int64, c *sensocto.Chunk, plain func(dst, data []byte) []byte) {
	k, end := &s.chunk, c.FirstSeq+int64(c.Count)
	for n := len(k.series) - 1; n >= 0 && k.series[n] == id && int(k.levels[n]) == c.Level && k.first[n] >= c.FirstSeq && k.first[n] < end; n-- {
		s.removeLast(n)
	}
	from, to := replaced(c)
	k.series, k.levels = append(k.series, id), append(k.levels, int16(c.Level))
	k.first, k.end = append(k.first, c.FirstSeq), append(k.end, end)
	k.from, k.to = append(k.from, from), append(k.to, to)
	k.starts = append(k.starts, len(s.body))
	data := c.Data
	if plain != nil {
		if p := plain(s.plain[:0], data); p != nil {
			data, s.plain = p, p
		}
	}
	s.appendRow(id, c, data)
	s.count(id, c, int64(len(data)), 1)
	s.rows++
}

// removeLast takes back the last chunk.
func (s *scratch) removeLast(n int) {
	k := &s.chunk
	row := s.body[k.starts[n]:]
	at := s.series.index[k.series[n]]
	samples, bytes := k.end[n]-k.first[n], int64(len(row)-rowHead(row))
	if k.levels[n] == 0 {
		s.series.total[totalSamples][at] -= samples
		s.series.total[totalChunks][at]--
		s.series.total[totalBytes][at] -= bytes
	} else {
		s.series.total[totalRollupBytes][at] -= bytes
	}
	s.body = s.body[:k.starts[n]]
	k.series, k.levels, k.first, k.end, k.from, k.to, k.starts = k.series[:n], k.levels[:n], k.first[:n], k.end[:n], k.from[:n], k.to[:n], k.starts[:n]
	s.rows--
}

// rowHead returns how many bytes of a row are before the data, its last column.
func rowHead(row []byte) int {
	at := 2
	for range rowColumns - 1 {
		at += 4 + max(0, int(int32(binary.BigEndian.Uint32(row[at:]))))
	}
	return at + 4
}

// count adds a chunk to the totals of its series.
func (s *scratch) count(id int64, c *sensocto.Chunk, bytes, chunks int64) {
	at, ok := s.series.index[id]
	t := &s.series.total
	if !ok {
		at = len(s.series.ids)
		s.series.index[id] = at
		s.series.ids = append(s.series.ids, id)
		for i := range t {
			t[i] = append(t[i], 0)
		}
		t[totalMinTime][at], t[totalMaxTime][at] = c.MinTime, c.MaxTime
	}
	end := c.FirstSeq + int64(c.Count)
	t[totalNext][at] = max(t[totalNext][at], end)
	t[totalMinTime][at] = min(t[totalMinTime][at], c.MinTime)
	t[totalMaxTime][at] = max(t[totalMaxTime][at], c.MaxTime)
	span := int64(1) << spanOf(c)
	if c.Level == 0 {
		t[totalSamples][at] += int64(c.Count)
		t[totalChunks][at] += chunks
		t[totalBytes][at] += bytes
		t[totalSpans][at] |= span
		return
	}
	t[totalRollupBytes][at] += bytes
	t[totalRollupSpans][at] |= span
	rolled := totalRolled + c.Level - 1
	t[rolled][at] = max(t[rolled][at], end)
}

// args are the parameters of replaceChunks.
func (s *scratch) args() []any {
	c := &s.chunk
	args := []any{c.series, c.levels, c.first, c.end, c.from, c.to, s.series.ids}
	for i := range s.series.total {
		args = append(args, s.series.total[i])
	}
	return args
}

const rowColumns = 17

// appendRow appends a row of copyChunks.
func (s *scratch) appendRow(id int64, c *sensocto.Chunk, data []byte) {
	b := binary.BigEndian.AppendUint16(s.body, rowColumns)
	n := &c.Numbers
	b = appendInt64(b, id, c.FirstSeq, c.MinTime, c.MaxTime)
	if n.Count > 0 {
		b = appendInt64(b, n.From, n.To, c.Cell)
		for _, v := range [...]float64{n.Min, n.Max, n.Sum, n.First, n.Last} {
			b = appendInt64(b, int64(math.Float64bits(v)))
		}
	} else {
		b = appendInt64(appendNulls(b, 2), c.Cell)
		b = appendNulls(b, 5)
	}
	for _, v := range [...]int64{int64(c.Count), n.Count} {
		b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, 4), uint32(v))
	}
	for _, v := range [...]int{c.Level, spanOf(c)} {
		b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(b, 2), uint16(v))
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	s.body = append(b, data...)
}

func appendInt64(b []byte, list ...int64) []byte {
	for _, v := range list {
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(v))
	}
	return b
}

func appendNulls(b []byte, n int) []byte {
	for range n {
		b = append(b, 0xff, 0xff, 0xff, 0xff)
	}
	return b
}

// copyBody returns the rows with the trailer that ends a COPY.
func (s *scratch) copyBody() []byte {
	s.body = append(s.body, 0xff, 0xff)
	return s.body
}
