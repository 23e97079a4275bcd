package sensocto

// ChunkRange selects chunks of one series.
type ChunkRange struct {
	SensorID, AttributeID string
	// From (inclusive) and To (exclusive) bound the timestamps, in µs: chunks
	// that overlap are selected. To 0 means no end.
	From, To int64
	// BeforeSeq selects the chunks that begin with a lower number than this.
	BeforeSeq int64
	// Order is by MinTime where ascending, by MaxTime where descending.
	Order Order
}

// SeriesInfo is what a cold tier knows of one series.
type SeriesInfo struct {
	SensorID, AttributeID string
	// NextSeq follows the number of the last sample.
	NextSeq int64
	// MinTime and MaxTime bound the timestamps, in µs, both inclusive.
	MinTime, MaxTime int64
	// Samples, Chunks and Bytes (of encoded data) are what is kept.
	Samples, Chunks, Bytes int64
}
