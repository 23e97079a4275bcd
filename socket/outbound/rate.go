package outbound

import "time"

// How long measurements may be on their way inside the server. A viewer's
// picture is as far behind as this, what the kernel holds (unsentTime), and
// what the network does together.
const (
	// maxWait is how much may wait one by one, in time at the measured rate.
	maxWait = 150 * time.Millisecond
	// maxBlocked is how long a socket may take nothing before what waits is
	// merged, where no rate is known yet.
	maxBlocked = 100 * time.Millisecond
	// lateAfter is when a write that waits for the socket counts as late.
	lateAfter = 250 * time.Millisecond
	// writeTime is how much one write to a slow connection carries.
	writeTime = 100 * time.Millisecond
	// unsentTime is how much may wait in the kernel.
	unsentTime = 100 * time.Millisecond
)

// Bounds of what the kernel may hold unsent.
const (
	minUnsent    = 2 << 10
	normalUnsent = 4 << 10
	maxUnsent    = 32 << 10 // of a connection that takes much, but not at once
	// minHeld and sendBuffer bound what it holds at all, most of it on its way.
	minHeld    = 4 << 10
	sendBuffer = 512 << 10
	// minChunk is how much a connection that is slow hands to the kernel in one call.
	minChunk = 2 << 10
	// slowSampleWrite bounds a write of single samples: what a write holds cannot be
	// merged when the network slows down just then. Larger writes, in one call,
	// pay for themselves where a connection has taken fastBytes within
	// rateInterval and never had to be waited for: one may hold what it took in a
	// fastShare of that time.
	slowSampleWrite = 4 << 10
	fastBytes       = 96 << 10
	fastShare       = 6
)

const (
	minRateBytes = 2 << 10 // of measurements, however slow the connection is
	rateInterval = 100 * time.Millisecond
	fastRate     = 8 << 20 // bytes a second from which on a connection is not slow
)

// rateEstimator measures how fast a connection takes bytes while it is the network
// that sets the pace. The rate is forgotten soon after that has ended.
type rateEstimator struct {
	rate float64 // bytes a second; 0 where the connection takes all at once

	// Bytes that it took at once, without any wait since: in the present interval,
	// which began at intervalStart, and in the one before.
	intervalStart     time.Duration
	current, previous int

	// Of the interval that is being measured.
	start   time.Duration // since the server's start; 0 while there is none
	bytes   int
	blocked time.Duration
}

// observe notes a write that ended now, and how long it had to wait: 0 where the
// connection took it at once.
func (d *rateEstimator) observe(bytes int, blocked, now time.Duration) {
	if d.rate == 0 && blocked == 0 {
		// What went at once says nothing about the network as it is when it
		// begins to set the pace.
		d.start, d.bytes, d.blocked = 0, 0, 0
		d.observeUnblocked(bytes, now)
		return
	}
	d.intervalStart, d.current, d.previous = now, 0, 0
	if d.start == 0 {
		d.start = now - blocked
	}
	d.bytes += bytes
	d.blocked += blocked
	elapsed := now - d.start
	if elapsed < rateInterval {
		return
	}
	if d.blocked > elapsed/4 {
		d.update(float64(d.bytes) / elapsed.Seconds())
	} else {
		d.update(2 * d.rate) // it was not the network that set the pace
	}
	d.start, d.bytes, d.blocked = 0, 0, 0
}

// observeUnblocked counts bytes that the connection took at once.
func (d *rateEstimator) observeUnblocked(bytes int, now time.Duration) {
	if elapsed := now - d.intervalStart; elapsed >= rateInterval {
		if d.previous = d.current; elapsed >= 2*rateInterval {
			d.previous = 0 // nothing was written in the interval before
		}
		d.intervalStart, d.current = now, 0
	}
	d.current += bytes
}

// maxSampleWrite is how many bytes of single samples one write may hold.
func (d *rateEstimator) maxSampleWrite() int {
	if taken := max(d.previous, d.current); taken >= fastBytes {
		return min(maxWrite, taken/fastShare)
	}
	return slowSampleWrite
}

// chunkSize is how many bytes of a write one call hands to the kernel: all of a usual
// write where nothing says that the connection is slow.
func (d *rateEstimator) chunkSize() int {
	if d.rate == 0 {
		return d.maxSampleWrite()
	}
	return minChunk
}

func (d *rateEstimator) update(rate float64) {
	if d.rate > 0 && rate < d.rate*2 {
		rate = (rate + d.rate) / 2
	}
	if d.rate = rate; d.rate > fastRate {
		d.rate = 0
	}
}

// bytesIn is how much the connection takes in a time. The rate is known.
func (d *rateEstimator) bytesIn(t time.Duration) int {
	return max(minRateBytes, int(d.rate*t.Seconds()))
}

// unsentLimit is how much the kernel may hold before it is sent.
func (d *rateEstimator) unsentLimit() int {
	if d.rate == 0 {
		return normalUnsent
	}
	return min(maxUnsent, max(minUnsent, int(d.rate*unsentTime.Seconds())))
}
