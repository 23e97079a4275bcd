package room_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/room"
)

// ears notes what is listened to.
type ears struct {
	mu    sync.Mutex
	heard map[string]int
}

func (e *ears) listen(sensorID string, d sensocto.Demand) func() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if d.Level != sensocto.AttentionHigh || !d.NeverPause {
		panic(fmt.Sprint(d))
	}
	e.heard[sensorID]++
	return sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.heard[sensorID]--; e.heard[sensorID] == 0 {
			delete(e.heard, sensorID)
		}
	})
}

func (e *ears) now() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.heard))
}

// While a room records, its sensors are listened to: those that come, and no more
// those that leave; also after a restart, and at most for a day.
func TestRecording_ListensToTheSensorsOfTheRoom(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		w := newWorld(t, db, room.Limits{})
		e := &ears{heard: map[string]int{}}
		rooms := func() *room.Rooms {
			return room.New(room.Options{Store: db, Rights: w.rights, Attempts: account.New(account.Options{Store: db}), PubSub: pubsub.New(), Listen: e.listen,
				Sensor: func(id string) (sensocto.Sensor, bool) { return sensocto.Sensor{ID: id}, true }})
		}
		r := rooms()
		ada, bob := w.users["ada"], w.users["bob"]
		lab, err := r.Create(t.Context(), ada, sensocto.RoomDraft{Name: "Lab"})
		w.must(err)
		w.must(db.AddMember(t.Context(), sensocto.Member{RoomID: lab.ID, UserID: bob.UserID, Role: sensocto.RoleMember, JoinedAt: time.Now()}, 10))
		w.must(r.Share(t.Context(), ada, lab.ID, "strap", sensocto.ShareTerms{}))
		rec, err := r.StartRecording(t.Context(), ada, lab.ID, "")
		w.must(err)
		want := func(what string, sensors ...string) {
			t.Helper()
			if got := e.now(); !slices.Equal(got, sensors) {
				t.Errorf("%s: listens to %v, want %v", what, got, sensors)
			}
		}
		want("started", "strap")
		w.must(r.Share(t.Context(), bob, lab.ID, "belt", sensocto.ShareTerms{}))
		want("another came", "belt", "strap")
		w.must(r.Unshare(t.Context(), ada, lab.ID, "strap"))
		want("one left", "belt")

		again := rooms() // another start of the server
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		e.heard = map[string]int{}
		go func() { done <- again.Run(ctx) }()
		for deadline := time.Now().Add(10 * time.Second); len(e.now()) == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		}
		want("after a restart", "belt")
		got, err := again.StopRecording(t.Context(), ada, lab.ID, rec.ID)
		w.must(err)
		want("stopped")
		if !slices.Equal(got.SensorIDs, []string{"strap", "belt"}) || got.EndedAt.IsZero() {
			t.Errorf("%+v", got)
		}
		_, err = again.StartRecording(t.Context(), ada, lab.ID, "second")
		w.must(err)
		w.must(again.Delete(t.Context(), ada, lab.ID))
		want("the room is deleted")
		cancel()
		w.must(<-done)
	})
}

// A recording that was forgotten ends after a day.
func TestRecording_EndsByItself(t *testing.T) {
	db := openSQLite(t)
	w := newWorld(t, db, room.Limits{})
	lab, err := w.Create(t.Context(), w.users["ada"], sensocto.RoomDraft{Name: "Lab"})
	w.must(err)
	old := sensocto.RoomRecording{ID: "0", RoomID: lab.ID, Name: "old", BeganAt: time.Now().Add(-25 * time.Hour), SensorIDs: []string{}}
	w.must(db.InsertRecording(t.Context(), old, 10))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		got, err := db.Recording(t.Context(), lab.ID, "0")
		w.must(err)
		if !got.EndedAt.IsZero() {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it goes on")
		}
	}
	cancel()
	w.must(<-done)
}
