package sensocto

import "context"

// Order is the direction of a read in time.
type Order uint8

// The orders.
const (
	Ascending Order = iota
	Descending
)

// Query selects samples of one series. The zero Query is everything, oldest first.
type Query struct {
	// From (inclusive) and To (exclusive) bound the timestamps, in µs.
	// To 0 means no end.
	From, To int64
	// Limit bounds the number of samples; 0 means no bound.
	Limit int
	Order Order
	// After continues behind a sample that an earlier page ended with. It
	// goes with the same Order and bounds.
	After *Cursor
}

// Cursor is the position of a sample in its series: series are ordered by
// timestamp and, where that is equal, by arrival.
type Cursor struct {
	Timestamp int64 // µs
	Seq       int64 // number of the sample in order of arrival
	// Before makes the pages behind a first one a snapshot: samples with this
	// number or a higher one came after the first page was read, and are on
	// none. 0 means no bound.
	Before int64
}

// Page is an answer to a Query.
type Page struct {
	Samples []Sample // in the order asked for
	// Next is where to continue, nil when there was nothing more.
	Next *Cursor
}

// Removed says what a cleanup removed.
type Removed struct {
	Series  int   `json:"attributes"`
	Samples int64 `json:"samples"`
}

// Imported says what an import brought.
type Imported struct {
	Stored int64 `json:"stored"` // samples that are stored now and were not before
	Known  int64 `json:"known"`  // samples that were there already
	// LeftOut is how many kinds of things the file held and the recording did
	// not, as its reader said.
	LeftOut int `json:"left_out,omitempty"`
}

// NumberQuery selects samples of an attribute in order of arrival.
type NumberQuery struct {
	From  int64 // number of the first
	Limit int   // of samples
	// Bytes bounds the documents among the samples; 0 means no bound. The first sample
	// comes however large it is.
	Bytes int
}

// LatestQuery selects the newest samples of every attribute of a sensor.
type LatestQuery struct {
	Limit int // of samples of each attribute
	// Bytes bounds what all attributes together may be as JSON, about; each may
	// have an equal share. 0 means no bound.
	Bytes int
}

// Latest is the newest samples of one attribute, oldest first, at one moment.
type Latest struct {
	Samples []Sample
	// End is the number of the first sample that came after that moment: those
	// with lower numbers are among the samples, or older than these.
	End int64
	// Cut says that there would be more, but for LatestQuery.Bytes.
	Cut bool
}

// Store keeps the samples of all sensors in tiers: hot in memory, cold on
// disk. It is safe for concurrent use.
type Store interface {
	// Put takes a batch into the hot tier, where Read sees it at once, and
	// numbers its measurements. It copies values but keeps Document slices. It returns ErrUnavailable,
	// and takes nothing of the batch, when the disk fails or the bound on what
	// waits for the cold tier is reached. Of a batch with a stream it returns
	// ErrDuplicate or a *GapError, and takes nothing, where its number is not
	// the next one.
	Put(ctx context.Context, b *Batch) error
	// Durable calls done once, from another goroutine, after everything put
	// before is on disk, or with the reason why that failed. It does not block.
	Durable(done func(error))
	// Read returns samples of one attribute, each once, in time order, from
	// whatever tiers hold them. Unknown series are empty. Pages that continue
	// one another are a snapshot of the moment of the first one.
	Read(ctx context.Context, sensorID, attributeID string, q Query) (Page, error)
	// Latest returns the last samples by time of every attribute of a sensor.
	Latest(ctx context.Context, sensorID string, q LatestQuery) (map[string]Latest, error)
	// History returns a series as buckets of equal width, or as few samples, for
	// a trace. Unknown series are empty.
	History(ctx context.Context, sensorID, attributeID string, q HistoryQuery) (History, error)
	// Cleanup removes all samples of a sensor from every tier.
	Cleanup(ctx context.Context, sensorID string) (Removed, error)
}

// RollupLevels is how many levels of rollups there are above the samples.
const RollupLevels = 4

// Chunk is a run of consecutive samples of one series, in order of arrival,
// encoded: the unit that a cold tier keeps. A rollup chunk (Level > 0) stands
// for such a run too, but holds buckets instead of samples.
type Chunk struct {
	SensorID, AttributeID string
	// Level is 0 for samples, 1 to RollupLevels for rollups.
	Level int
	// Cell is the width in time, in µs, of the buckets of a rollup: they begin
	// at its multiples. 0 for samples.
	Cell int64
	// FirstSeq numbers the first sample; the others follow without a gap.
	FirstSeq int64
	Count    int // of samples, also for a rollup
	// MinTime and MaxTime bound the timestamps, in µs, both inclusive.
	MinTime, MaxTime int64
	// Numbers are the statistics of the numeric samples; First and Last are by time.
	Numbers Bucket
	// Data is the encoded samples (docs/storage.md).
	Data []byte
}
