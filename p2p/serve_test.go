package p2p

import (
	"sync"
	"testing"
)

// aServed is a stream to which nobody is admitted; nothing is written to it.
func aServed() *served {
	l := newLive(&Live{}, &RoomSync{people: newPeople(nil, nil)})
	return &served{live: l, wake: make(chan struct{}, 1), stop: func() {}}
}

// An answer counts until it is sent, so a peer that takes none of them has no more than
// two of them wait.
func TestServed_AnswersCountUntilTheyAreSent(t *testing.T) {
	s := aServed()
	var parts sync.WaitGroup
	ask := func() error {
		defer parts.Wait()
		return s.ask(t.Context(), []byte(`{"id":1,"latest":{}}`), &parts)
	}
	next := func() []byte {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.nextFrame()
	}
	for range asksOfOne {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.live.asks); n != asksOfOne {
		t.Errorf("%d answers wait and count", n)
	}
	if next() == nil || len(s.live.asks) != asksOfOne-1 {
		t.Error("an answer that was taken still counts")
	}
	if err := ask(); err != nil {
		t.Errorf("after an answer was taken: %v", err)
	}
	if err := ask(); err != errAsksTooMuch {
		t.Errorf("a third question: %v", err)
	}
	s.release()
	if n := len(s.live.asks); n != 0 || next() != nil {
		t.Errorf("%d answers count after the stream has ended", n)
	}
}

// An answer of several frames counts until its last.
func TestServed_AnAnswerOfManyFramesCountsUntilItsLast(t *testing.T) {
	s, released := aServed(), false
	s.asking = 1
	s.answered(&reply{id: 1, release: func() { released = true }}, make([]byte, 2*answerPart+1), nil)
	for i := range 3 {
		if released || s.nextFrame() == nil {
			t.Fatalf("frame %d of 3: released %v", i, released)
		}
	}
	if !released || s.asking != 0 {
		t.Error("an answer that was taken still counts")
	}
}
