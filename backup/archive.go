package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Version of the format that this program writes. It reads the earlier ones:
// version 1 had no people, version 2 no key of shared rooms.
const Version = 3

// An archive begins with these bytes and the version.
const magic = "SNSOBAK"

const (
	headerSize = 12 + sha256.Size
	// blockBytes of chunks, sensors or tokens, about, are one entry.
	blockBytes = 1 << 20
	// maxEntry bounds what an entry may claim to hold: a block, and a chunk
	// with as many documents as fit one.
	maxEntry = 32 << 20
)

// kind says what an entry holds.
type kind uint8

const (
	kindManifest kind = 1 // JSON: Manifest
	kindSeries   kind = 2 // JSON: Series; the chunks that follow are of it
	kindChunks   kind = 3 // binary: see appendChunk
	kindSensors  kind = 4 // a line of JSON for each sensor
	kindTokens   kind = 5 // a line of JSON for each token
	kindTrailer  kind = 6 // JSON: Trailer; nothing follows
	kindStreams  kind = 7 // a line of JSON for each stream
	kindPeople   kind = 8 // a line of JSON for each row about people
	kindRoomKey  kind = 9 // 32 bytes
)

// The forms of a payload.
const (
	formPlain = 1
	formZstd  = 2
)

// ErrDamaged is wrapped by every error of [Scan] that is the archive's fault.
var ErrDamaged = errors.New("the archive cannot be used")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Manifest is the first entry: what the archive is.
type Manifest struct {
	Format  int       `json:"format"`
	Program string    `json:"program"` // version of the program that wrote it
	Created time.Time `json:"created"`
	// Series, Samples and Bytes are what the cold tier held when the backup
	// began: what there is to expect.
	Series  int   `json:"series"`
	Samples int64 `json:"samples"`
	Bytes   int64 `json:"bytes"`
}

// Series is the entry before the chunks of a series.
type Series struct {
	SensorID    string `json:"sensor_id"`
	AttributeID string `json:"attribute_id"`
}

// Trailer is the last entry: what the archive holds.
type Trailer struct {
	Entries int64 `json:"entries"` // before the trailer
	Sensors int64 `json:"sensors"`
	Tokens  int64 `json:"tokens"`
	Streams int64 `json:"streams"`
	People  int64 `json:"people"` // rows
	Series  int64 `json:"series"`
	Chunks  int64 `json:"chunks"`
	Samples int64 `json:"samples"`
	Rollups int64 `json:"rollups"` // chunks of buckets
	Bytes   int64 `json:"bytes"`   // encoded samples and buckets
	// Damaged counts chunks that could not be decoded when they were written:
	// they are in the archive as they were found.
	Damaged  int64     `json:"damaged"`
	Finished time.Time `json:"finished"`
}

// header is what stands before a payload.
type header struct {
	kind          kind
	form          uint8
	stored, plain uint32 // bytes as they are in the archive, and unpacked
	chain         [sha256.Size]byte
}

func (h *header) append(dst []byte) []byte {
	dst = append(dst, byte(h.kind), h.form, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, h.stored)
	dst = binary.LittleEndian.AppendUint32(dst, h.plain)
	return append(dst, h.chain[:]...)
}

func (h *header) parse(b []byte) error {
	h.kind, h.form = kind(b[0]), b[1]
	h.stored, h.plain = binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	copy(h.chain[:], b[12:])
	if b[2] != 0 || b[3] != 0 || h.stored > maxEntry || h.plain > maxEntry {
		return errors.New("its head is not one")
	}
	return nil
}

// next returns the checksum of an entry: it covers the checksum of the entry
// before, so that none can be missing, doubled or in another place.
func (h *header) next(before [sha256.Size]byte, payload []byte) (sum [sha256.Size]byte) {
	hash := sha256.New()
	hash.Write(before[:])
	hash.Write(h.append(nil)[:12])
	hash.Write(payload)
	hash.Sum(sum[:0])
	return sum
}

func newPacker() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false))
}

func newUnpacker() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxEntry))
}
