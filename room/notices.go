package room

import (
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// How often one person may cause the server to tell another something: invite,
// grant, hand over sensors and change roles. Whoever does it again and again would push all else out
// of the other's notifications, and have mail sent to an address without end.
const (
	noticeBurst      = 20
	noticesPerSecond = 1.0 / 300
	// The same for all receivers of a sender together.
	senderBurst     = 200
	senderPerSecond = 1.0 / 30
	maxNoticePairs  = 10_000
)

var (
	errTooManyNotices = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_notifications",
		Message: "you have caused this person too many notifications in a short time: wait five minutes, then try again"}
	errTooManyNoticesInAll = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_notifications",
		Message: "you have caused too many notifications in a short time: wait a minute, then try again"}
)

// noticeLimit bounds the notices of each sender to each receiver, and to all. The
// zero value is ready.
type noticeLimit struct {
	mu      sync.Mutex // guards what follows
	pairs   noticeBuckets
	senders noticeBuckets // by pairs without a receiver
}

// noticePair is a user, and a user or an e-mail address. An address is never
// replaced by the user who has it: a refusal would tell who that is.
type noticePair struct{ sender, receiver string }

// take counts a notice, or returns errTooManyNotices or errTooManyNoticesInAll.
func (l *noticeLimit) take(sender, receiver string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.pairs.take(noticePair{sender, receiver}, noticeBurst, noticesPerSecond, now) {
		return errTooManyNotices
	}
	if !l.senders.take(noticePair{sender: sender}, senderBurst, senderPerSecond, now) {
		return errTooManyNoticesInAll
	}
	return nil
}

// noticeBuckets are at most maxNoticePairs. The zero value is ready.
type noticeBuckets map[noticePair]*sensocto.TokenBucket

// take counts a notice in a bucket, which may be new, and reports whether it fits.
func (n *noticeBuckets) take(pair noticePair, burst, perSecond float64, now time.Time) bool {
	b := (*n)[pair]
	if b == nil {
		n.makeRoom(now)
		fresh := sensocto.NewTokenBucket(burst, perSecond, now)
		b = &fresh
		(*n)[pair] = b
	}
	return b.Take(1, now)
}

// makeRoom forgets, in a full table, pairs without recent notices, or else any one.
func (n *noticeBuckets) makeRoom(now time.Time) {
	if *n == nil {
		*n = make(noticeBuckets)
	}
	if len(*n) < maxNoticePairs {
		return
	}
	for pair, b := range *n {
		if b.Full(now) {
			delete(*n, pair)
		}
	}
	for pair := range *n {
		if len(*n) < maxNoticePairs {
			return
		}
		delete(*n, pair)
	}
}
