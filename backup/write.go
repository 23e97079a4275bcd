package backup

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/sensocto/sensocto"
)

// Cold is what a backup reads of a cold tier.
type Cold interface {
	Series(ctx context.Context) ([]sensocto.SeriesInfo, error)
	ReadChunks(ctx context.Context, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error
}

// Source is what a backup is made of.
type Source struct {
	Cold Cold
	// Sensors and Tokens list what is known at the time of the call. Tokens are
	// those of the server itself.
	Sensors func(context.Context) ([]sensocto.Sensor, error)
	Tokens  func(context.Context) ([]sensocto.Token, error)
	// People lists what is known about people, in lines of JSON that are nothing to
	// this package; nil: nothing.
	People func(context.Context) ([]json.RawMessage, error)
	// RoomKey returns the secret of shared rooms, nil for none; a nil RoomKey leaves it
	// out.
	RoomKey func() ([]byte, error)
	// Streams lists how far streams were before what they say was taken was
	// written to Cold; nil leaves them out.
	Streams func() []sensocto.StreamMark
	// Check says whether a chunk can be decoded and is what it claims to be.
	// Chunks that fail are in the archive as they are, and counted.
	Check func(*sensocto.Chunk) error
	// Program is the version of the program.
	Program string
}

// Write writes an archive. progress, which may be nil, is called now and then
// with the encoded bytes that were written and how many are expected.
func Write(ctx context.Context, out io.Writer, s Source, progress func(done, of int64)) (Trailer, error) {
	pack, err := newPacker()
	if err != nil {
		return Trailer{}, err
	}
	defer pack.Close()
	w := &writer{ctx: ctx, out: out, pack: pack, source: s, progress: progress}
	if err := w.write(); err != nil {
		return w.totals, fmt.Errorf("back up: %w", err)
	}
	return w.totals, nil
}

// writer writes one archive.
type writer struct {
	ctx      context.Context
	out      io.Writer
	pack     *zstd.Encoder
	source   Source
	progress func(done, of int64)

	chain    [32]byte // of the entry before
	totals   Trailer
	expected int64
	block    []byte // chunks that wait for their entry
	packed   []byte
}

func (w *writer) write() error {
	early, err := w.source.Sensors(w.ctx)
	if err != nil {
		return fmt.Errorf("list sensors: %w", err)
	}
	list, err := w.source.Cold.Series(w.ctx)
	if err != nil {
		return fmt.Errorf("list series: %w", err)
	}
	if err := w.begin(list); err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b sensocto.SeriesInfo) int {
		return cmp.Or(cmp.Compare(a.SensorID, b.SensorID), cmp.Compare(a.AttributeID, b.AttributeID))
	})
	for i := range list {
		if err := w.series(&list[i]); err != nil {
			return fmt.Errorf("series %s %s: %w", list[i].SensorID, list[i].AttributeID, err)
		}
	}
	if err := w.sensors(early); err != nil {
		return err
	}
	if err := w.tokens(); err != nil {
		return err
	}
	if err := w.streams(); err != nil {
		return err
	}
	if err := w.people(); err != nil {
		return err
	}
	if err := w.roomKey(); err != nil {
		return fmt.Errorf("key of shared rooms: %w", err)
	}
	w.totals.Finished = time.Now().UTC()
	return w.json(kindTrailer, w.totals)
}

// begin writes what stands before everything else.
func (w *writer) begin(list []sensocto.SeriesInfo) error {
	m := Manifest{Format: Version, Program: w.source.Program, Created: time.Now().UTC(), Series: len(list)}
	for i := range list {
		m.Samples += list[i].Samples
		m.Bytes += list[i].Bytes + list[i].RollupBytes
	}
	w.expected = m.Bytes
	if _, err := w.out.Write(append([]byte(magic), Version)); err != nil {
		return err
	}
	return w.json(kindManifest, m)
}

// series writes the chunks of a series, those of samples first. Rollups are
// made all the time: those that were made of samples newer than the chunks
// which were read before are left out.
func (w *writer) series(info *sensocto.SeriesInfo) error {
	if err := w.json(kindSeries, Series{info.SensorID, info.AttributeID}); err != nil {
		return err
	}
	w.totals.Series++
	end := info.NextSeq
	for level := range sensocto.RollupLevels + 1 {
		last, err := w.level(info, level, end)
		if err != nil {
			return err
		}
		if level == 0 {
			end = max(end, last)
		}
	}
	return w.flush()
}

// level writes the chunks of a level in one read, which is a snapshot. It
// returns the number that follows the last sample.
func (w *writer) level(info *sensocto.SeriesInfo, level int, end int64) (last int64, err error) {
	query := sensocto.ChunkRange{SensorID: info.SensorID, AttributeID: info.AttributeID, Level: level,
		From: math.MinInt64, BeforeSeq: math.MaxInt64, ByNumber: true}
	var failed error
	err = w.source.Cold.ReadChunks(w.ctx, query, func(c *sensocto.Chunk) bool {
		if c.Level != level || level > 0 && c.FirstSeq+int64(c.Count) > end {
			return true
		}
		last = max(last, c.FirstSeq+int64(c.Count))
		failed = w.chunk(c)
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	return last, err
}

func (w *writer) chunk(c *sensocto.Chunk) error {
	if w.source.Check != nil {
		if err := w.source.Check(c); err != nil {
			w.totals.Damaged++
		}
	}
	w.block = appendChunk(w.block, c)
	w.totals.count(c)
	if len(w.block) < blockBytes {
		return nil
	}
	return w.flush()
}

// count adds a chunk to the totals.
func (t *Trailer) count(c *sensocto.Chunk) {
	t.Bytes += int64(len(c.Data))
	if c.Level > 0 {
		t.Rollups++
		return
	}
	t.Chunks++
	t.Samples += int64(c.Count)
}

// flush writes the chunks that wait.
func (w *writer) flush() error {
	if len(w.block) == 0 {
		return nil
	}
	err := w.entry(kindChunks, w.block)
	w.block = w.block[:0]
	if w.progress != nil {
		w.progress(w.totals.Bytes, max(w.expected, w.totals.Bytes))
	}
	return err
}

// sensors writes those that were there at the beginning or are at the end: so
// every series has its sensor, also when it was deleted or joined meanwhile.
func (w *writer) sensors(early []sensocto.Sensor) error {
	late, err := w.source.Sensors(w.ctx)
	if err != nil {
		return fmt.Errorf("list sensors: %w", err)
	}
	known := make(map[string]bool, len(late))
	for i := range late {
		known[late[i].ID] = true
	}
	early = slices.DeleteFunc(slices.Clone(early), func(s sensocto.Sensor) bool { return known[s.ID] })
	all := append(late, early...)
	w.totals.Sensors = int64(len(all))
	return lines(w, kindSensors, all, func(s sensocto.Sensor) any { return recordOfSensor(s) })
}

func (w *writer) tokens() error {
	list, err := w.source.Tokens(w.ctx)
	if err != nil {
		return fmt.Errorf("list tokens: %w", err)
	}
	w.totals.Tokens = int64(len(list))
	return lines(w, kindTokens, list, func(t sensocto.Token) any { return recordOfToken(t) })
}

// lines writes a line of JSON for each item, in entries of bounded size.
func lines[T any](w *writer, k kind, items []T, record func(T) any) error {
	var block []byte
	for i, item := range items {
		line, err := json.Marshal(record(item))
		if err != nil {
			return err
		}
		block = append(append(block, line...), '\n')
		if len(block) < blockBytes && i+1 < len(items) {
			continue
		}
		if err := w.entry(k, block); err != nil {
			return err
		}
		block = block[:0]
	}
	return nil
}

func (w *writer) json(k kind, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.entry(k, text)
}

// entry writes one entry, packed where that makes it smaller.
func (w *writer) entry(k kind, payload []byte) error {
	if err := w.ctx.Err(); err != nil {
		return context.Cause(w.ctx)
	}
	if len(payload) > maxEntry {
		return fmt.Errorf("an entry of %d bytes is too large", len(payload))
	}
	h := header{kind: k, form: formPlain, plain: uint32(len(payload))}
	w.packed = w.pack.EncodeAll(payload, w.packed[:0])
	if len(w.packed) < len(payload)*31/32 {
		h.form, payload = formZstd, w.packed
	}
	h.stored = uint32(len(payload))
	h.chain = h.next(w.chain, payload)
	if _, err := w.out.Write(h.append(make([]byte, 0, headerSize))); err != nil {
		return err
	}
	if _, err := w.out.Write(payload); err != nil {
		return err
	}
	w.chain = h.chain
	w.totals.Entries++
	return nil
}
