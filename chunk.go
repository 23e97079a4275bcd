package sensocto

// ChunkRange selects chunks of one series.
type ChunkRange struct {
	SensorID, AttributeID string
	// Level selects samples (0) or the rollups of one level.
	Level int
	// From (inclusive) and To (exclusive) bound the timestamps, in µs: chunks
	// that overlap are selected. To 0 means no end.
	From, To int64
	// FromSeq and BeforeSeq select the chunks that begin with a number of at
	// least the first and lower than the second.
	FromSeq, BeforeSeq int64
	// Order is by MinTime where ascending, by MaxTime where descending.
	Order Order
	// ByNumber makes the order that of the numbers, ascending, instead.
	ByNumber bool
	// NoData leaves out the data of the chunks, for who wants their bounds and
	// statistics only.
	NoData bool
}

// SeriesInfo is what a cold tier knows of one series.
type SeriesInfo struct {
	SensorID, AttributeID string
	// NextSeq follows the number of the last sample that was ever kept: it does
	// not go back when chunks are dropped.
	NextSeq int64
	// Rolled follows, for each rollup level (index 0 is level 1), the number of
	// the last sample that its chunks ever covered; 0 where there were none.
	Rolled [RollupLevels]int64
	// MinTime and MaxTime bound the timestamps, in µs, both inclusive. They do
	// not shrink when chunks are dropped.
	MinTime, MaxTime int64
	// Samples, Chunks and Bytes (of encoded data) are what is kept of level 0,
	// RollupBytes what is kept of the others.
	Samples, Chunks, Bytes, RollupBytes int64
}

// ChunkDrop selects the chunks of one level of a series all of whose samples
// are older than a time (µs) and which begin with a number of at least FromSeq
// and lower than BeforeSeq.
type ChunkDrop struct {
	SensorID, AttributeID string
	Level                 int
	Before                int64
	FromSeq, BeforeSeq    int64
	Limit                 int // of chunks; 0: none
}

// DroppedChunks is what a ChunkDrop removed.
type DroppedChunks struct{ Chunks, Samples, Bytes int64 }
