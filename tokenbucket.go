package sensocto

import "time"

// TokenBucket limits a rate: burst at once, and perSecond after that. It is not safe
// for concurrent use; make one with NewTokenBucket.
type TokenBucket struct {
	burst, perSecond float64
	tokens           float64
	refilled         time.Time
}

// NewTokenBucket returns a full bucket.
func NewTokenBucket(burst, perSecond float64, now time.Time) TokenBucket {
	return TokenBucket{burst: burst, perSecond: perSecond, tokens: burst, refilled: now}
}

// Take takes n tokens, or none where there are fewer, which it reports.
func (b *TokenBucket) Take(n float64, now time.Time) bool {
	b.refill(now)
	if b.tokens < n {
		return false
	}
	b.tokens -= n
	return true
}

// Full reports whether the bucket is as a new one.
func (b *TokenBucket) Full(now time.Time) bool {
	b.refill(now)
	return b.tokens >= b.burst
}

// refill ignores a clock that goes back.
func (b *TokenBucket) refill(now time.Time) {
	if passed := now.Sub(b.refilled); passed > 0 {
		b.tokens = min(b.burst, b.tokens+passed.Seconds()*b.perSecond)
		b.refilled = now
	}
}
