package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Limits on a chunk. The encoder keeps to them, the decoder refuses more.
const (
	// ChunkSamples is how many samples fill a chunk.
	ChunkSamples = 4096
	// ChunkDocumentBytes of documents fill a chunk as well.
	ChunkDocumentBytes = 256 << 10

	maxChunkSamples  = 1 << 16
	maxDocumentBlock = 4 << 20 // decoded
)

const (
	chunkVersion    = 1
	chunkHeaderSize = 8
	checksumOffset  = 4
)

// ErrCorrupt is wrapped by every error of Codec.Decode: the bytes are not
// what an encoder wrote.
var ErrCorrupt = errors.New("corrupt chunk")

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// Columns are consecutive samples of one series in order of arrival.
type Columns struct {
	Times  []int64
	Values []float64 // NaN where the sample is a document
	// Documents are the samples that are not numbers, by ascending index.
	Documents []Document
}

// Document is the JSON text of the sample at Index.
type Document struct {
	Index int
	Text  []byte
}

// Reset empties the columns and keeps their memory.
func (c *Columns) Reset() {
	c.Times, c.Values = c.Times[:0], c.Values[:0]
	clear(c.Documents)
	c.Documents = c.Documents[:0]
}

// Codec turns columns into the bytes of a chunk and back (docs/storage.md),
// lossless to the bit. It is safe for concurrent use and holds nothing that
// has to be closed.
type Codec struct {
	scratch sync.Pool // of *scratch
	pack    func() *zstd.Encoder
	unpack  func() *zstd.Decoder
	plain   bool // nothing is compressed
}

// scratch is memory that one encoding or decoding needs on its way.
type scratch struct {
	ints    [4][]int64
	numbers []float64
	bytes   [2][]byte
	odd     []exception
	runs    []run
	trial   []run
}

// NewCodec returns a codec. Its compressor is made when it is first needed.
func NewCodec() *Codec {
	return &Codec{
		scratch: sync.Pool{New: func() any { return new(scratch) }},
		pack: sync.OnceValue(func() *zstd.Encoder {
			e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(128<<10),
				zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
			return mustOption(e, err)
		}),
		unpack: sync.OnceValue(func() *zstd.Decoder {
			d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true),
				zstd.WithDecoderMaxMemory(2*maxDocumentBlock))
			return mustOption(d, err)
		}),
	}
}

// mustOption panics where constant options are refused: a fault of the program.
func mustOption[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) } // the table is made once

// Append appends the encoded columns to dst. There must be at least one
// sample and no more than fit a chunk; values are finite but where a
// document is.
func (c *Codec) Append(dst []byte, cols *Columns) []byte {
	s := c.scratch.Get().(*scratch)
	defer c.scratch.Put(s)
	start := len(dst)
	dst = append(dst, chunkVersion, 0, 0, 0, 0, 0, 0, 0)
	dst = binary.AppendUvarint(dst, uint64(len(cols.Times)))
	dst = binary.AppendUvarint(dst, uint64(len(cols.Documents)))
	var kind byte
	dst, kind = c.appendTimes(dst, cols.Times, s)
	dst[start+1] = kind
	if numbers := numbersOf(cols, s); len(numbers) > 0 {
		dst, kind = c.appendValues(dst, numbers, s)
		dst[start+2] = kind
	}
	if len(cols.Documents) > 0 {
		dst, kind = c.appendDocuments(dst, cols.Documents, s)
		dst[start+3] = kind
	}
	binary.LittleEndian.PutUint32(dst[start+checksumOffset:], checksum(dst[start:]))
	return dst
}

// checksum covers everything but itself.
func checksum(chunk []byte) uint32 {
	sum := crc32.Update(0, castagnoli(), chunk[:checksumOffset])
	return crc32.Update(sum, castagnoli(), chunk[chunkHeaderSize:])
}

// numbersOf returns the values without the places of documents.
func numbersOf(cols *Columns, s *scratch) []float64 {
	if len(cols.Documents) == 0 {
		return cols.Values
	}
	s.numbers = s.numbers[:0]
	for _, v := range cols.Values {
		if !math.IsNaN(v) {
			s.numbers = append(s.numbers, v)
		}
	}
	return s.numbers
}

// Decode replaces cols by the samples of a chunk. Whatever the bytes are, it
// neither panics nor allocates more than the limits on a chunk.
func (c *Codec) Decode(data []byte, cols *Columns) error {
	cols.Reset()
	if len(data) < chunkHeaderSize {
		return corrupt("%d bytes", len(data))
	}
	if data[0] != chunkVersion {
		return corrupt("version %d, this program reads %d", data[0], chunkVersion)
	}
	if sum := binary.LittleEndian.Uint32(data[checksumOffset:]); sum != checksum(data) {
		return corrupt("checksum")
	}
	return c.decodeBody(data, cols)
}

func (c *Codec) decodeBody(data []byte, cols *Columns) error {
	s := c.scratch.Get().(*scratch)
	defer c.scratch.Put(s)
	r := &reader{rest: data[chunkHeaderSize:]}
	count, documents := r.count(maxChunkSamples), r.count(maxChunkSamples)
	if r.err != nil {
		return r.err
	}
	if count == 0 || documents > count {
		return corrupt("%d samples, %d documents", count, documents)
	}
	cols.Times = resize(cols.Times, count)
	cols.Values = resize(cols.Values, count)
	if err := c.readTimes(r, data[1], cols.Times, s); err != nil {
		return err
	}
	if err := c.readValues(r, data[2], cols.Values[:count-documents], s); err != nil {
		return err
	}
	if err := c.readDocuments(r, data[3], documents, cols); err != nil {
		return err
	}
	if len(r.rest) > 0 {
		return corrupt("%d bytes behind the end", len(r.rest))
	}
	return nil
}

// resize returns a slice of n elements of whatever content.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
