package room

import (
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// How often one person may cause the server to tell another something: invite,
// grant and change roles. Whoever does it again and again would push all else out
// of the other's notifications, and have mail sent to an address without end.
const (
	noticeBurst      = 20
	noticesPerSecond = 1.0 / 300
	maxNoticePairs   = 10_000
)

var errTooManyNotices = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_notifications",
	Message: "you have caused this person too many notifications in a short time: wait five minutes, then try again"}

// noticeLimit bounds the notices of each sender to each receiver. The zero value is
// ready.
type noticeLimit struct {
	mu    sync.Mutex // guards pairs
	pairs map[noticePair]*sensocto.TokenBucket
}

// noticePair is a user, and a user or an e-mail address. An address is never
// replaced by the user who has it: a refusal would tell who that is.
type noticePair struct{ sender, receiver string }

// take counts a notice, or returns errTooManyNotices.
func (l *noticeLimit) take(sender, receiver string, now time.Time) error {
	pair := noticePair{sender, receiver}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.pairs[pair]
	if b == nil {
		l.makeRoom(now)
		fresh := sensocto.NewTokenBucket(noticeBurst, noticesPerSecond, now)
		b = &fresh
		l.pairs[pair] = b
	}
	if !b.Take(1, now) {
		return errTooManyNotices
	}
	return nil
}

// makeRoom forgets, in a full table, pairs without recent notices, or else any one.
func (l *noticeLimit) makeRoom(now time.Time) {
	if l.pairs == nil {
		l.pairs = make(map[noticePair]*sensocto.TokenBucket)
	}
	if len(l.pairs) < maxNoticePairs {
		return
	}
	for pair, b := range l.pairs {
		if b.Full(now) {
			delete(l.pairs, pair)
		}
	}
	for pair := range l.pairs {
		if len(l.pairs) < maxNoticePairs {
			return
		}
		delete(l.pairs, pair)
	}
}
