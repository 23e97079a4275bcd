package call

import "time"

// kind is a kind of message, with a limit of its own.
type kind uint8

const (
	kindDescription kind = iota
	kindCandidate
	kindMedia
	kindCount
)

// String returns the name that the metrics use.
func (k kind) String() string { return [kindCount]string{"description", "candidate", "media"}[k] }

// limits are how many messages of a kind a peer may send at once, and a second. A
// peer that joins a call of 8 describes itself to 7 others, with a dozen or two of
// candidates each.
var limits = [kindCount]struct{ burst, perSecond float64 }{
	kindDescription: {60, 10},
	kindCandidate:   {600, 100},
	kindMedia:       {30, 5},
}

// rates are the token buckets of one peer.
type rates struct {
	left [kindCount]float64
	seen [kindCount]time.Time
}

func newRates(now time.Time) (r rates) {
	for k := range limits {
		r.left[k], r.seen[k] = limits[k].burst, now
	}
	return r
}

// allow takes a token, and reports whether there was one.
func (r *rates) allow(k kind, now time.Time) bool {
	l := limits[k]
	r.left[k] = min(l.burst, r.left[k]+max(0, now.Sub(r.seen[k]).Seconds())*l.perSecond)
	r.seen[k] = now
	if r.left[k] < 1 {
		return false
	}
	r.left[k]--
	return true
}
