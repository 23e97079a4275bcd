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
}

// SeriesInfo is what a cold tier knows of one series.
type SeriesInfo struct {
	SensorID, AttributeID string
	// NextSeq follows the number of the last sample.
	NextSeq int64
	// Rolled follows, for each rollup level (index 0 is level 1), the number of
	// the last sample that its chunks cover; 0 where there are none.
	Rolled [RollupLevels]int64
	// MinTime and MaxTime bound the timestamps, in µs, both inclusive.
	MinTime, MaxTime int64
	// Samples, Chunks and Bytes (of encoded data) are what is kept of level 0,
	// RollupBytes what is kept of the others.
	Samples, Chunks, Bytes, RollupBytes int64
}
