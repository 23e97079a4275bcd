package socket

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// roomStays records which sensors are in rooms only while their devices are
// connected. Each has a holder: the device that takes the sensor out of the rooms when
// it disconnects. That is the device that joined last, whether or not it named a room.
type roomStays struct {
	holders sync.Map // sensor id → *device
	// A sensor's lock orders the joins and departures of its devices. It is held
	// during a database query, so a device takes it only if rooms concern it.
	seed  maphash.Seed
	locks [64]sync.Mutex
}

func (r *roomStays) lock(sensorID string) *sync.Mutex {
	return &r.locks[maphash.String(r.seed, sensorID)%uint64(len(r.locks))]
}

// holds reports whether the sensor is in a room for as long as it is connected.
func (r *roomStays) holds(sensorID string) bool {
	_, held := r.holders.Load(sensorID)
	return held
}

// leaveTimeout bounds how long a device that has gone waits for the database.
const leaveTimeout = 10 * time.Second

// enterRoom shares the sensor into a room until the device disconnects. With an empty
// roomID the device only becomes the holder of a sensor that is in rooms already. A
// device without the right to share stays connected: its measurements must not be lost.
func (d *device) enterRoom(ctx context.Context, roomID string) {
	srv := d.ch.conn.srv
	stays := &srv.roomStays
	if srv.rooms == nil || d.identity.UserID == "" || roomID == "" && !stays.holds(d.id) { // rooms need an account
		return
	}
	lock := stays.lock(d.id)
	lock.Lock()
	defer lock.Unlock()
	if roomID != "" {
		if err := srv.rooms.ShareWhileConnected(ctx, d.identity, roomID, d.id); err != nil {
			srv.events.Write(srv.now(), slog.LevelWarn, "room "+sensocto.ErrorReason(err), "a device is connected, but its sensor did not come into the room that it named", "sensor", d.id, "err", err)
			roomID = ""
		}
	}
	if roomID == "" && !stays.holds(d.id) {
		return
	}
	stays.holders.Store(d.id, d)
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed { // while the room was entered
		d.endStay()
	}
}

// leaveRooms takes the sensor out of those rooms, unless the sensor goes on with another device.
func (d *device) leaveRooms() {
	stays := &d.ch.conn.srv.roomStays
	if !stays.holds(d.id) {
		return
	}
	lock := stays.lock(d.id)
	lock.Lock()
	defer lock.Unlock()
	if holder, _ := stays.holders.Load(d.id); holder == d {
		d.endStay()
	}
}

// endStay takes the sensor out of the rooms. The sensor's lock is held.
func (d *device) endStay() {
	srv := d.ch.conn.srv
	srv.roomStays.holders.Delete(d.id)
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := srv.rooms.EndTransient(ctx, d.id); err != nil {
		srv.events.Write(srv.now(), slog.LevelError, "leave rooms", "a sensor stays in the rooms that it was in while connected", "sensor", d.id, "err", err)
	}
}
