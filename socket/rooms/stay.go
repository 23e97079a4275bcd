package rooms

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// stays records which sensors are in rooms only while their devices are
// connected. Each has a holder: the device that takes the sensor out of the rooms when
// it disconnects. That is the device that joined last, whether or not it named a room.
type stays struct {
	holders sync.Map // sensor id → *Stay
	// A sensor's lock orders the joins and departures of its devices. It is held
	// during a database query, so a device takes it only if rooms concern it.
	seed  maphash.Seed
	locks [64]sync.Mutex
}

func (r *stays) lock(sensorID string) *sync.Mutex {
	return &r.locks[maphash.String(r.seed, sensorID)%uint64(len(r.locks))]
}

// holds reports whether the sensor is in a room for as long as it is connected.
func (r *stays) holds(sensorID string) bool {
	_, held := r.holders.Load(sensorID)
	return held
}

// leaveTimeout bounds how long a device that has gone waits for the database.
const leaveTimeout = 10 * time.Second

// Stay is what one device has to do with the rooms that its sensor is in while it is
// connected.
type Stay struct {
	topics   *Topics
	sensorID string
	gone     atomic.Bool
}

// Stay returns the Stay of a device, which is in no room yet.
func (t *Topics) Stay(sensorID string) Stay { return Stay{topics: t, sensorID: sensorID} }

// Enter shares the sensor into a room until the device disconnects. With an empty
// roomID the device only becomes the holder of a sensor that is in rooms already. A
// device without the right to share stays connected: its measurements must not be lost.
func (s *Stay) Enter(ctx context.Context, id sensocto.Identity, roomID string) {
	t := s.topics
	if t.Source == nil || id.UserID == "" || roomID == "" && !t.stays.holds(s.sensorID) { // rooms need an account
		return
	}
	lock := t.stays.lock(s.sensorID)
	lock.Lock()
	defer lock.Unlock()
	if roomID != "" {
		if err := t.Source.ShareWhileConnected(ctx, id, roomID, s.sensorID); err != nil {
			t.Events.Write(slog.LevelWarn, "room "+sensocto.ErrorReason(err), "a device is connected, but its sensor did not come into the room that it named", "sensor", s.sensorID, "err", err)
			roomID = ""
		}
	}
	if roomID == "" && !t.stays.holds(s.sensorID) {
		return
	}
	t.stays.holders.Store(s.sensorID, s)
	if s.gone.Load() { // while the room was entered
		s.end()
	}
}

// Leave is called when the device is gone. The sensor is taken out of those rooms unless
// it goes on with another device, also one that has replaced this one.
func (s *Stay) Leave(replaced bool) {
	s.gone.Store(true)
	if replaced || !s.topics.stays.holds(s.sensorID) {
		return
	}
	lock := s.topics.stays.lock(s.sensorID)
	lock.Lock()
	defer lock.Unlock()
	if holder, _ := s.topics.stays.holders.Load(s.sensorID); holder == s {
		s.end()
	}
}

// end takes the sensor out of the rooms. The sensor's lock is held.
func (s *Stay) end() {
	s.topics.stays.holders.Delete(s.sensorID)
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := s.topics.Source.EndTransient(ctx, s.sensorID); err != nil {
		s.topics.Events.Write(slog.LevelError, "leave rooms", "a sensor stays in the rooms that it was in while connected", "sensor", s.sensorID, "err", err)
	}
}
