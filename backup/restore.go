package backup

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/sensocto/sensocto"
)

// Target is where a backup is brought back to.
type Target struct {
	Cold interface {
		Cold
		WriteChunks(ctx context.Context, chunks []sensocto.Chunk) error
	}
	// Form appends the data of a chunk to dst in the form in which the target
	// keeps it, so that it reads back the same. It returns nil for data that
	// stays as it is; a nil Form means all.
	Form func(dst, data []byte) []byte
	// SaveSensor stores a sensor.
	SaveSensor func(context.Context, sensocto.Sensor) error
	// InsertToken stores a token; nil leaves tokens out.
	InsertToken func(context.Context, sensocto.Token) error
	// Stream takes how far a stream is; nil leaves them out.
	Stream func(sensocto.StreamMark) error
	// Person takes a row about people, valid during the call only; nil leaves them
	// out.
	Person func(json.RawMessage) error
	// RoomKey takes the secret of shared rooms; nil leaves it out.
	RoomKey func([]byte) error
	// Skip says which chunks to leave out; nil means none.
	Skip func(*sensocto.Chunk) bool
}

// transactionBytes of chunks, about, and at most transactionChunks are written
// in one transaction.
const (
	transactionBytes  = 8 << 20
	transactionChunks = 8192
)

// Restore brings back what an archive holds into a target that must be empty,
// and then reads it all back to compare. After an error the target holds
// something, but not all: whoever calls must not let it be used.
func Restore(ctx context.Context, in io.Reader, t Target) (Trailer, error) {
	list, err := t.Cold.Series(ctx)
	if err != nil {
		return Trailer{}, fmt.Errorf("restore: list series: %w", err)
	}
	if len(list) > 0 {
		return Trailer{}, fmt.Errorf("restore: there are %d series already", len(list))
	}
	r := &restorer{ctx: ctx, target: t}
	totals, err := Scan(ctx, in, Handler{Chunk: r.chunk, Sensor: r.sensor, Token: r.token, Stream: t.Stream, Person: t.Person, RoomKey: t.RoomKey})
	if err == nil {
		err = r.flush()
	}
	if err == nil {
		err = r.compare()
	}
	if err != nil {
		return totals, fmt.Errorf("restore: %w", err)
	}
	return totals, nil
}

// restorer writes one archive to a target.
type restorer struct {
	ctx     context.Context
	target  Target
	chunks  []sensocto.Chunk
	data    []byte // of these
	written digest
}

func (r *restorer) chunk(c *sensocto.Chunk) error {
	if r.target.Skip != nil && r.target.Skip(c) {
		return nil
	}
	start := len(r.data)
	if r.data = r.append(c.Data); len(r.data) == start {
		r.data = append(r.data, c.Data...)
	}
	kept := *c
	kept.Data = r.data[start:len(r.data):len(r.data)] // an older array stays with the chunks that point to it
	r.written.add(&kept)
	r.chunks = append(r.chunks, kept)
	if len(r.data) < transactionBytes && len(r.chunks) < transactionChunks {
		return nil
	}
	return r.flush()
}

// append appends data in the form of the target, nothing where it has that.
func (r *restorer) append(data []byte) []byte {
	if r.target.Form == nil {
		return r.data
	}
	if formed := r.target.Form(r.data, data); formed != nil {
		return formed
	}
	return r.data
}

// flush writes the chunks that wait. An archive has them in the order that a
// cold tier wants.
func (r *restorer) flush() error {
	if len(r.chunks) == 0 {
		return nil
	}
	if err := r.target.Cold.WriteChunks(r.ctx, r.chunks); err != nil {
		return fmt.Errorf("write chunks: %w", err)
	}
	clear(r.chunks)
	r.chunks, r.data = r.chunks[:0], r.data[:0]
	return nil
}

func (r *restorer) sensor(s sensocto.Sensor) error {
	if err := r.target.SaveSensor(r.ctx, s); err != nil {
		return fmt.Errorf("save sensor %s: %w", s.ID, err)
	}
	return nil
}

func (r *restorer) token(t sensocto.Token) error {
	if r.target.InsertToken == nil {
		return nil
	}
	if err := r.target.InsertToken(r.ctx, t); err != nil {
		return fmt.Errorf("store token %s: %w", t.ID, err)
	}
	return nil
}

// compare reads everything back.
func (r *restorer) compare() error {
	list, err := r.target.Cold.Series(r.ctx)
	if err != nil {
		return fmt.Errorf("list series: %w", err)
	}
	var read digest
	for i := range list {
		for level := range sensocto.RollupLevels + 1 {
			if err := r.readBack(&list[i], level, &read); err != nil {
				return err
			}
		}
	}
	if read != r.written {
		return fmt.Errorf("what was written does not read back as it was: %d chunks with %d samples instead of %d with %d; is the disk sound?",
			read.chunks, read.samples, r.written.chunks, r.written.samples)
	}
	return nil
}

func (r *restorer) readBack(info *sensocto.SeriesInfo, level int, read *digest) error {
	query := sensocto.ChunkRange{SensorID: info.SensorID, AttributeID: info.AttributeID, Level: level, From: math.MinInt64, BeforeSeq: math.MaxInt64, ByNumber: true}
	err := r.target.Cold.ReadChunks(r.ctx, query, func(c *sensocto.Chunk) bool {
		if c.Level == level {
			read.add(c)
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("read back %s %s: %w", info.SensorID, info.AttributeID, err)
	}
	return nil
}

// digest tells sets of chunks apart, in whatever order they come.
type digest struct {
	chunks, samples int64
	sum             [4]uint64
}

func (d *digest) add(c *sensocto.Chunk) {
	d.chunks++
	d.samples += int64(c.Count)
	sum := sha256.Sum256(appendChunk([]byte(c.SensorID+"\x00"+c.AttributeID+"\x00"), c))
	for i := range d.sum {
		d.sum[i] += binary.LittleEndian.Uint64(sum[8*i:])
	}
}
