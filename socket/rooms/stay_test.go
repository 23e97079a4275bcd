package rooms_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/admission"
	"github.com/sensocto/sensocto/socket/rooms"
)

// source keeps which sensors are in a room while they are connected.
type source struct {
	rooms.Source
	sharing func() // called while a sensor is brought into a room; nil for nothing

	mu    sync.Mutex
	in    map[string]string // sensor → room
	calls []string
}

func (s *source) ShareWhileConnected(_ context.Context, id sensocto.Identity, roomID, sensorID string) error {
	if s.sharing != nil {
		s.sharing()
	}
	if id.UserID != "owner" {
		return sensocto.ErrUnauthorized
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in[sensorID] = roomID
	s.calls = append(s.calls, "share "+roomID)
	return nil
}

func (s *source) EndTransient(_ context.Context, sensorID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.in, sensorID)
	s.calls = append(s.calls, "end")
	return nil
}

func newTopics(s rooms.Source) (*rooms.Topics, *bytes.Buffer) {
	log := new(bytes.Buffer)
	return rooms.New(rooms.Options{Source: s, Rights: sensocto.ScopeRights{}, Events: &admission.EventLog{
		Log: slog.New(slog.NewTextHandler(log, nil)), Now: func() time.Duration { return 0 },
	}}), log
}

func TestStay(t *testing.T) {
	owner := sensocto.Identity{UserID: "owner"}
	for name, c := range map[string]struct {
		do    func(*rooms.Topics)
		calls []string
		log   string
	}{
		"in a room until it is gone": {func(topics *rooms.Topics) {
			stay := topics.Stay("s")
			stay.Enter(t.Context(), owner, "r")
			stay.Leave(false)
			stay.Leave(false)
		}, []string{"share r", "end"}, ""},
		"in no room": {func(topics *rooms.Topics) {
			stay := topics.Stay("s")
			stay.Enter(t.Context(), owner, "")
			stay.Leave(false)
		}, nil, ""},
		"without an account": {func(topics *rooms.Topics) {
			stay := topics.Stay("s")
			stay.Enter(t.Context(), sensocto.Identity{}, "r")
			stay.Leave(false)
		}, nil, ""},
		"without the right": {func(topics *rooms.Topics) {
			stay := topics.Stay("s")
			stay.Enter(t.Context(), sensocto.Identity{UserID: "other"}, "r")
			stay.Leave(false)
		}, nil, "did not come into the room"},
		"gone before": {func(topics *rooms.Topics) {
			stay := topics.Stay("s")
			stay.Leave(false)
			stay.Enter(t.Context(), owner, "r")
		}, []string{"share r", "end"}, ""},
		"the device that replaces it holds the room": {func(topics *rooms.Topics) {
			first, second := topics.Stay("s"), topics.Stay("s")
			first.Enter(t.Context(), owner, "r")
			first.Leave(true)
			second.Enter(t.Context(), owner, "")
			second.Leave(false)
		}, []string{"share r", "end"}, ""},
		"also where the first is gone later": {func(topics *rooms.Topics) {
			first, second := topics.Stay("s"), topics.Stay("s")
			first.Enter(t.Context(), owner, "r")
			second.Enter(t.Context(), owner, "q")
			first.Leave(false)
			second.Leave(false)
		}, []string{"share r", "share q", "end"}, ""},
		"another sensor holds nothing of it": {func(topics *rooms.Topics) {
			first, second := topics.Stay("s"), topics.Stay("other")
			first.Enter(t.Context(), owner, "r")
			second.Enter(t.Context(), owner, "")
			second.Leave(false)
		}, []string{"share r"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &source{in: map[string]string{}}
			topics, log := newTopics(s)
			if c.do(topics); !slices.Equal(s.calls, c.calls) {
				t.Errorf("%q, want %q", s.calls, c.calls)
			}
			if (c.log == "") != (log.Len() == 0) || !strings.Contains(log.String(), c.log) {
				t.Errorf("the log is %q, want %q", log, c.log)
			}
		})
	}
	topics, _ := newTopics(nil)
	stay := topics.Stay("s")
	stay.Enter(t.Context(), owner, "r")
	stay.Leave(false)
}

// A device that goes while its sensor is brought into a room leaves nothing behind.
func TestStay_GoneWhileItEnters(t *testing.T) {
	s := &source{in: map[string]string{}}
	topics, _ := newTopics(s)
	stay := topics.Stay("s")
	s.sharing = func() { stay.Leave(false) } // it holds nothing yet
	stay.Enter(t.Context(), sensocto.Identity{UserID: "owner"}, "r")
	if len(s.in) > 0 {
		t.Error("the sensor is in the room")
	}
}

// However the devices of a sensor come and go, it is in no room when all are gone.
func TestStay_AtOnce(t *testing.T) {
	s := &source{in: map[string]string{}}
	topics, _ := newTopics(s)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				stay := topics.Stay([]string{"s", "t"}[i%2])
				stay.Enter(t.Context(), sensocto.Identity{UserID: "owner"}, []string{"r", ""}[(i/2+g)%2])
				stay.Leave(false)
			}
		})
	}
	wg.Wait()
	if len(s.in) > 0 {
		t.Errorf("%v are in rooms", s.in)
	}
}
