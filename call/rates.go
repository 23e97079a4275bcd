package call

import (
	"time"

	"github.com/sensocto/sensocto"
)

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

// rates are the limits of one peer.
type rates [kindCount]sensocto.TokenBucket

func newRates(now time.Time) (r rates) {
	for k, l := range limits {
		r[k] = sensocto.NewTokenBucket(l.burst, l.perSecond, now)
	}
	return r
}

// allow counts a message, and reports whether it may be sent.
func (r *rates) allow(k kind, now time.Time) bool { return r[k].Take(1, now) }
