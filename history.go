package sensocto

import (
	"strconv"
	"strings"
	"time"
)

// Bounds on the number of buckets of a History.
const (
	DefaultHistoryBuckets = 1000
	MaxHistoryBuckets     = 10_000
)

// HistoryQuery selects what a trace of a series is drawn from.
type HistoryQuery struct {
	// From (inclusive) and To (exclusive) bound the timestamps, in µs. 0 means
	// as far as there are samples.
	From, To int64
	// NotBefore leaves out buckets that may hold samples of before (µs), whose
	// existence is not for the asker to know; 0: none. It goes with From at or after it.
	NotBefore int64
	// Field asks for a number in the documents, such as "x" of {"x":0.1,"y":0.9}, in
	// place of the numbers: always as buckets, or points of these.
	Field string
	// Width is how wide (µs) the buckets are at least; 0: whatever MaxBuckets
	// allows.
	Width int64
	// MaxBuckets bounds the buckets of the answer; 0: DefaultHistoryBuckets, or
	// MaxHistoryBuckets where there is a width.
	MaxBuckets int
	// Samples asks for the samples themselves where there are no more of them
	// than MaxBuckets.
	Samples bool
	// LTTB asks for MaxBuckets points instead of buckets, chosen so that the
	// line through them looks like that through the samples (Steinarsson 2013).
	LTTB bool
}

// History is a series as a trace is drawn from it: buckets on a grid of equal
// width, or samples.
type History struct {
	// Width is that of the buckets in µs: what was asked for or somewhat more.
	// It is 0 where there are samples only.
	Width int64
	// From (inclusive) and To (exclusive) are what the answer covers, in µs:
	// multiples of the width around what was asked for.
	From, To int64
	// Buckets are by time. Each holds the numbers from a multiple of the width
	// up to the next; where there were none, there is no bucket.
	Buckets []Bucket
	// Documents is how many samples between From and To are not numbers. They
	// are in no bucket.
	Documents int64
	// Samples are there instead of Buckets where the query asked for them and
	// they are few, or for points.
	Samples []Sample
	// Points says what the Samples are.
	Points Points
}

// Points says what the samples of a History are.
type Points string

// The kinds of points.
const (
	// PointsNone is for buckets.
	PointsNone Points = ""
	// PointsAll are all samples, documents included.
	PointsAll Points = "samples"
	// PointsChosen are samples that LTTB chose among all numbers.
	PointsChosen Points = "lttb_of_samples"
	// PointsOfBuckets were chosen by LTTB among the first, least, greatest and
	// last number of buckets of Width. The time of the least and the greatest
	// is known to lie between those of the first and the last, no better.
	PointsOfBuckets Points = "lttb_of_buckets"
)

// ParseWidth reads the width of buckets: a number and one of us, ms, s, m, h,
// d, such as 500ms or 1d. It returns µs, and false for anything else.
func ParseWidth(text string) (micros int64, ok bool) {
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.ParseInt(days, 10, 64)
		const most = 1 << 20
		return n * 24 * time.Hour.Microseconds(), err == nil && n > 0 && n <= most
	}
	d, err := time.ParseDuration(text)
	return d.Microseconds(), err == nil && d >= time.Microsecond
}
