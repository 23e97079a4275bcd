package account

import (
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

const (
	defaultGrace = 24 * time.Hour
	// maxSeen bounds the tokens that are remembered: beyond it any one makes room.
	maxSeen = 10_000
)

// seen remembers tokens as the store had them when it was asked last, for the
// time when it cannot be.
type seen struct {
	grace time.Duration

	mu     sync.Mutex // guards the following
	tokens map[string]remembered
	all    time.Time // when the store last confirmed everything that is here
}

type remembered struct {
	token sensocto.Token
	at    time.Time
}

func newSeen(grace time.Duration) *seen {
	if grace == 0 {
		grace = defaultGrace
	}
	return &seen{grace: grace, tokens: make(map[string]remembered)}
}

// confirm notes what the store has.
func (s *seen) confirm(t sensocto.Token, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.tokens[t.ID]; !ok && len(s.tokens) >= maxSeen {
		for id := range s.tokens {
			delete(s.tokens, id)
			break
		}
	}
	s.tokens[t.ID] = remembered{t, now}
}

func (s *seen) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, id)
}

// confirmAll notes that nothing has changed in the store.
func (s *seen) confirmAll(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = now
}

// replace notes everything that the store had when it was asked: of what is
// remembered, tokens that it has no longer are forgotten.
func (s *seen) replace(tokens []sensocto.Token, asked time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := make(map[string]remembered, len(s.tokens))
	for _, t := range tokens {
		switch r, ok := s.tokens[t.ID]; {
		case ok && r.at.After(asked):
			kept[t.ID] = r
		case ok:
			kept[t.ID] = remembered{t, asked}
		}
	}
	clear(s.tokens)
	for id, r := range kept {
		s.tokens[id] = r
	}
	s.all = asked
}

// recall returns a token that the store confirmed not too long ago.
func (s *seen) recall(id string, now time.Time) (sensocto.Token, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.tokens[id]
	if s.all.After(r.at) {
		r.at = s.all
	}
	if !ok || now.Sub(r.at) > s.grace {
		return sensocto.Token{}, false
	}
	return r.token, true
}
