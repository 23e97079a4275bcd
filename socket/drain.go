package socket

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
	// pieceBytes is how much a connection hands to the kernel in one call.
	pieceBytes = 2 << 10
	// maxLive bounds a write of single samples: what a write holds cannot be
	// merged when the network slows down just then. Larger writes, in one call,
	// pay for themselves where a connection has taken fastBytes within
	// drainInterval and never had to be waited for.
	maxLive     = 4 << 10
	maxFastLive = 8 << 10
	fastBytes   = 96 << 10
)

const (
	minDrainBytes = 2 << 10 // of measurements, however slow the connection is
	drainInterval = 100 * time.Millisecond
	fastRate      = 8 << 20 // bytes a second from which on a connection is not slow
)

// drain measures how fast a connection takes bytes while it is the network
// that sets the pace. It is forgotten soon after that has ended.
type drain struct {
	rate float64 // bytes a second; 0 where the connection takes all at once

	// What it took at once, without any wait since: in the present interval,
	// which began then, and in the one before.
	began        time.Duration
	taking, took int

	// Of the interval that is being measured.
	since   time.Duration // since the server's start; 0 while there is none
	bytes   int
	blocked time.Duration
}

// wrote notes a write that ended now, and how long it had to wait: 0 where the
// connection took it at once.
func (d *drain) wrote(bytes int, blocked, now time.Duration) {
	if d.rate == 0 && blocked == 0 {
		// What went at once says nothing about the network as it is when it
		// begins to set the pace.
		d.since, d.bytes, d.blocked = 0, 0, 0
		d.free(bytes, now)
		return
	}
	d.began, d.taking, d.took = now, 0, 0
	if d.since == 0 {
		d.since = now - blocked
	}
	d.bytes += bytes
	d.blocked += blocked
	elapsed := now - d.since
	if elapsed < drainInterval {
		return
	}
	if d.blocked > elapsed/4 {
		d.measured(float64(d.bytes) / elapsed.Seconds())
	} else {
		d.measured(2 * d.rate) // it was not the network that set the pace
	}
	d.since, d.bytes, d.blocked = 0, 0, 0
}

// free counts bytes that the connection took at once.
func (d *drain) free(bytes int, now time.Duration) {
	if elapsed := now - d.began; elapsed >= drainInterval {
		if d.took = d.taking; elapsed >= 2*drainInterval {
			d.took = 0 // nothing was written in the interval before
		}
		d.began, d.taking = now, 0
	}
	d.taking += bytes
}

// fast reports whether the connection takes a lot without being waited for.
func (d *drain) fast() bool { return max(d.took, d.taking) >= fastBytes }

// live is how many bytes of single samples one write may hold.
func (d *drain) live() int {
	if d.fast() {
		return maxFastLive
	}
	return maxLive
}

// piece is how much of a write the kernel is handed in one call.
func (d *drain) piece() int {
	if d.fast() {
		return maxFastLive
	}
	return pieceBytes
}

func (d *drain) measured(rate float64) {
	if d.rate > 0 && rate < d.rate*2 {
		rate = (rate + d.rate) / 2
	}
	if d.rate = rate; d.rate > fastRate {
		d.rate = 0
	}
}

// bytesIn is how much the connection takes in a time. The rate is known.
func (d *drain) bytesIn(t time.Duration) int {
	return max(minDrainBytes, int(d.rate*t.Seconds()))
}

// unsent is how much the kernel is to hold before it is sent.
func (d *drain) unsent() int {
	if d.rate == 0 {
		return normalUnsent
	}
	return min(maxUnsent, max(minUnsent, int(d.rate*unsentTime.Seconds())))
}
