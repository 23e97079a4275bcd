package client

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// onReply takes the answer to one batch. It runs on the reader.
func (s *Stream) onReply(generation int, seq uint64, err error) {
	switch Reason(err) {
	case "":
		if err == nil {
			s.acknowledge(seq)
		} else if !errors.Is(err, ErrDisconnected) { // a rejoin follows that
			s.fail(err)
		}
	case "gap":
		s.rewind(generation, gapExpected(err), 0, err)
	case "unavailable", "rate_limited", "internal", "unmatched topic":
		s.rewind(generation, seq, s.pauseAfterRefusal(), err)
	default:
		// The server will never take this batch, or not all of it.
		s.d.c.stats.lost.Add(1)
		s.fail(err)
	}
}

func (s *Stream) acknowledge(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(seq)
	if !ok {
		return // acknowledged before: it had been sent twice
	}
	s.bytes -= len(s.kept[i].body)
	s.kept = slices.Delete(s.kept, i, i+1)
	if s.next > i {
		s.next--
	}
	s.retries = 0
	s.d.c.stats.acked.Add(1)
	s.notify()
	s.poke() // there may be more than may be under way
}

// rewind goes on with the batch seq, after a pause.
func (s *Stream) rewind(generation int, seq uint64, pause time.Duration, cause error) {
	s.mu.Lock()
	i, ok := s.find(seq)
	current := generation == s.generation
	if ok && current {
		s.next = i
		s.generation++ // what is under way behind it will be refused as well
		s.notBefore = time.Now().Add(pause)
	}
	s.mu.Unlock()
	if current && !ok {
		s.fail(cause) // the server misses a batch that it had acknowledged
		return
	}
	s.poke()
}

func (s *Stream) pauseAfterRefusal() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retries++
	return s.d.c.o.Backoff(s.retries, websocket.CloseTryAgainLater)
}

// gapExpected reads the seq that the server expects.
func gapExpected(err error) uint64 {
	var response struct {
		Expected uint64 `json:"expected"`
	}
	if e, ok := errors.AsType[*ReplyError](err); ok {
		_ = json.Unmarshal(e.Response, &response)
	}
	return response.Expected
}
