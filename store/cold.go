package store

import (
	"context"

	"github.com/sensocto/sensocto"
)

// Cold is a tier that keeps chunks for ever. The store calls WriteChunks and
// DeleteSamples one at a time, and ReadChunks from many goroutines beside
// them. Package storetest has the suite that an implementation passes.
type Cold interface {
	// Series returns all series that have chunks.
	Series(ctx context.Context) ([]sensocto.SeriesInfo, error)
	// WriteChunks stores all chunks or, where it returns an error, none. A
	// chunk takes the place of all chunks of its series that begin within it,
	// so that small chunks are replaced by one that holds them all, and a
	// write whose outcome was lost can be repeated. Chunks of one series come
	// together and in order. It keeps nothing of the slice or the data.
	WriteChunks(ctx context.Context, chunks []sensocto.Chunk) error
	// ReadChunks calls yield with the chunks of a range, in its order, until
	// yield returns false. It streams: memory does not grow with the range.
	// The chunk and its data are valid during the call only.
	ReadChunks(ctx context.Context, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error
	// DeleteSamples removes all series of a sensor and returns what it removed.
	DeleteSamples(ctx context.Context, sensorID string) (sensocto.Removed, error)
}
