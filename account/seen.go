package account

import (
	"sync"
	"time"
)

const (
	defaultGrace = 24 * time.Hour
	// maxSeen bounds the credentials that are remembered: beyond it any one
	// makes room.
	maxSeen = 10_000
)

// seen remembers credentials as the store had them when it was asked last, for
// the time when it cannot be.
type seen struct {
	grace time.Duration

	mu          sync.Mutex // guards the following
	credentials map[string]remembered
	all         time.Time // when the store last confirmed everything that is here
}

type remembered struct {
	credential credential
	at         time.Time
}

func newSeen(grace time.Duration) *seen {
	if grace == 0 {
		grace = defaultGrace
	}
	return &seen{grace: grace, credentials: make(map[string]remembered)}
}

// confirm notes what the store has.
func (s *seen) confirm(c credential, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.credentials[c.token.ID]; !ok && len(s.credentials) >= maxSeen {
		for id := range s.credentials {
			delete(s.credentials, id)
			break
		}
	}
	s.credentials[c.token.ID] = remembered{c, now}
}

// refresh is confirm for a credential that is remembered.
func (s *seen) refresh(c credential, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.credentials[c.token.ID]; ok {
		s.credentials[c.token.ID] = remembered{c, now}
	}
}

func (s *seen) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.credentials, id)
}

// clear forgets everything: what has changed is not known.
func (s *seen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.credentials)
}

// confirmAll notes that what is remembered was right at a time.
func (s *seen) confirmAll(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = at
}

// recall returns a credential that the store confirmed not too long ago.
func (s *seen) recall(id string, now time.Time) (credential, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.credentials[id]
	if s.all.After(r.at) {
		r.at = s.all
	}
	if !ok || now.Sub(r.at) > s.grace {
		return credential{}, false
	}
	return r.credential, true
}
