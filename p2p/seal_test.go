package p2p

import (
	"testing"
	"time"
)

func TestSeal_OpensForOnePersonOneRoomAndOneMove(t *testing.T) {
	key, err := testKeys.SealKey("alice")
	if err != nil {
		t.Fatal(err)
	}
	if len(key) != 43 {
		t.Errorf("%d characters", len(key))
	}
	sealed, err := (move{Doc: "doc1", Keys: 7}).seal(key, labID, 3)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := testKeys.openMove("alice", labID, 3, sealed); err != nil || m != (move{"doc1", 7}) {
		t.Errorf("%+v, %v", m, err)
	}
	flipped := append([]byte{}, sealed...)
	flipped[len(flipped)-1] ^= 1
	for what, f := range map[string]func() (move, error){
		"another person": func() (move, error) { return testKeys.openMove("bob", labID, 3, sealed) },
		"another room":   func() (move, error) { return testKeys.openMove("alice", "other", 3, sealed) },
		"another move":   func() (move, error) { return testKeys.openMove("alice", labID, 4, sealed) },
		"other bytes":    func() (move, error) { return testKeys.openMove("alice", labID, 3, flipped) },
		"nothing":        func() (move, error) { return testKeys.openMove("alice", labID, 3, nil) },
	} {
		if m, err := f(); err == nil {
			t.Errorf("%s: %+v", what, m)
		}
	}
	for _, key := range []string{"", "A", "not base64!", string(alice.Key)} {
		if _, err := (move{Doc: "doc1"}).seal(key, labID, 3); err == nil {
			t.Errorf("sealed for %q", key)
		}
	}
}

func TestLeftTimes_SayWhenNobodyNeedsADocument(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		age      time.Duration
		followed bool
		want     bool
	}{
		{time.Hour, true, false}, {2 * day, true, true}, {2 * day, false, false}, {29 * day, false, false}, {31 * day, false, true},
	} {
		if got := defaultLeftTimes.over(c.age, c.followed); got != c.want {
			t.Errorf("%v, followed %v: %v", c.age, c.followed, got)
		}
	}
}

// Only the room's key says where a room goes on, and which document is which.
func TestMerge_MovesAreOfTheRoomsKey(t *testing.T) {
	sealed := []byte("sealed")
	r := merged(said(root, movedKey(carol.Key), 0, 2, sealed), said(root, movedKey(carol.Key), 0, 1, []byte("of before")),
		said(bob, movedKey(carol.Key), 0, 5, []byte("of an administrator")), said(mallory, movedKey(dave.Key), 0, 5, sealed),
		said(root, documentKey("d2"), 0, 1, 2), said(bob, documentKey("d2"), 0, 9, 7), said(alice, documentKey("d3"), 0, 1, 3))
	if m := r.Moved[carol.Key]; m.Moves != 2 || string(m.Sealed) != "sealed" || len(r.Moved) != 1 {
		t.Errorf("%+v", r.Moved)
	}
	if r.Documents["d2"] != 2 || len(r.Documents) != 1 {
		t.Errorf("%v", r.Documents)
	}
}
