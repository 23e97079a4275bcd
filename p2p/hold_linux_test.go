package p2p

import (
	"context"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

// A room that is due all the time is not exchanged while somebody waits to hold it.
func TestRoomSync_HoldGoesBeforeExchanges(t *testing.T) {
	r := &shared{room: sensocto.SharedRoom{RoomID: "r", Doc: "d"}}
	s := &RoomSync{wake: make(chan struct{}, 1), rooms: map[string]*shared{"r": r}}
	r.urgent = true
	if id, _ := s.next(time.Now()); id != "r" {
		t.Fatalf("%q is due", id)
	}
	short, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, _, err := s.hold(short, "r"); sensocto.ErrorReason(err) != "p2p_timeout" {
		t.Fatal(err)
	}
	held := make(chan func())
	go func() {
		_, release, err := s.hold(t.Context(), "r")
		if err != nil {
			t.Error(err)
		}
		held <- release
	}()
	eventually(t, "somebody waits", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return r.held == 1
	})
	s.mu.Lock()
	r.running, r.urgent = false, true // the exchange is through, and another is due at once
	s.mu.Unlock()
	if id, _ := s.next(time.Now()); id != "" {
		t.Fatal("an exchange went before")
	}
	(<-held)()
	if id, _ := s.next(time.Now()); id != "r" {
		t.Error("no exchange follows")
	}
	s.mu.Lock()
	delete(s.rooms, "r")
	s.mu.Unlock()
	if _, _, err := s.hold(t.Context(), "r"); sensocto.ErrorReason(err) != "room_not_shared" {
		t.Error(err)
	}
}
