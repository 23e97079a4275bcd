package p2p

import "time"

// When changes of a room are exchanged.
const (
	quietTime   = 500 * time.Millisecond // after the last change
	longestWait = 2 * time.Second        // after the first
	mostChanges = 50
	firstRetry  = time.Second // after a failure, doubled each time
	lastRetry   = time.Minute
	leftPause   = 10 * time.Second // between exchanges because of a document that the room has left
)

// schedule says when a room is exchanged next.
type schedule struct {
	first, last time.Time // changes here since the last exchange
	changes     int
	waiting     time.Time // since when a change here waits, also one that an exchange failed to send; zero for none
	urgent      bool      // something came from others, or everything may be different
	later       time.Time // when to exchange it though nothing has changed; zero for not at all
	retryAt     time.Time
	failures    int
}

// changed notes a change here.
func (s *schedule) changed(now time.Time) {
	if s.changes == 0 {
		s.first = now
	}
	if s.waiting.IsZero() {
		s.waiting = now
	}
	s.last = now
	s.changes++
}

// due returns when the room is to be exchanged; ok is false for not at all.
func (s *schedule) due() (at time.Time, ok bool) {
	switch {
	case s.changes == 0 && !s.urgent && s.later.IsZero():
		return time.Time{}, false
	case s.changes == 0 && !s.urgent:
		at = s.later
	case s.changes >= mostChanges || s.urgent:
		at = time.Time{}
	default:
		at = s.last.Add(quietTime)
		if latest := s.first.Add(longestWait); latest.Before(at) {
			at = latest
		}
	}
	if s.retryAt.After(at) {
		at = s.retryAt
	}
	return at, true
}

// begin takes what is to be exchanged.
func (s *schedule) begin() { s.changes, s.urgent, s.later = 0, false, time.Time{} }

// onceMore has the room exchanged after a pause.
func (s *schedule) onceMore(now time.Time) { s.at(now.Add(leftPause)) }

// at has the room exchanged at a time, if not before.
func (s *schedule) at(t time.Time) {
	if s.later.IsZero() || t.Before(s.later) {
		s.later = t
	}
}

// failed has the exchange tried again.
func (s *schedule) failed(now time.Time) {
	pause := min(firstRetry<<min(s.failures, 10), lastRetry)
	s.failures++
	s.urgent, s.retryAt = true, now.Add(pause)
}

// done notes that the exchange succeeded: what changed since it began still waits.
func (s *schedule) done() {
	s.failures, s.retryAt, s.waiting = 0, time.Time{}, time.Time{}
	if s.changes > 0 {
		s.waiting = s.first
	}
}

// lag returns how long a change here has waited to be sent.
func (s *schedule) lag(now time.Time) time.Duration {
	if s.waiting.IsZero() {
		return 0
	}
	return max(0, now.Sub(s.waiting))
}
