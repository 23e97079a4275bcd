package store

import (
	"context"

	"github.com/sensocto/sensocto"
)

// Cold is a tier that keeps chunks until it is told to let them go: of each
// series those with samples (level 0), and rollups of several levels. The
// store calls what writes one at a time, and Series and ReadChunks from many
// goroutines beside it. Package storetest has the suite that an implementation
// passes.
type Cold interface {
	// Series returns all series that have, or had, chunks.
	Series(ctx context.Context) ([]sensocto.SeriesInfo, error)
	// WriteChunks stores all chunks or, where it returns an error, none. A
	// chunk takes the place of all chunks of its series and level that begin
	// within it, so that small chunks are replaced by one that holds them all,
	// and a write whose outcome was lost can be repeated. Chunks of one series
	// and level come together and in order. It keeps nothing of the slice or
	// the data.
	WriteChunks(ctx context.Context, chunks []sensocto.Chunk) error
	// ReadChunks calls yield with the chunks of a range, in its order, until
	// yield returns false. It streams: memory does not grow with the range.
	// What it yields is of one moment. The chunk and its data are valid during
	// the call only.
	ReadChunks(ctx context.Context, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error
	// DropChunks removes chunks for ever and returns what it removed: all that
	// are selected, or as many of them as the limit allows. The series stays,
	// with its next number and what it is rolled up to.
	DropChunks(ctx context.Context, d sensocto.ChunkDrop) (sensocto.DroppedChunks, error)
	// DeleteSamples removes all series of a sensor and returns what it removed;
	// it counts the samples of level 0.
	DeleteSamples(ctx context.Context, sensorID string) (sensocto.Removed, error)
}
