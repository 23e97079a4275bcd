package socket

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// roomStays are the sensors that are in rooms only while their devices are
// connected, each with the device that has to take it out again: the last that
// joined, whoever brought it in.
type roomStays struct {
	holders sync.Map // sensor id → *device
	// Devices of one sensor come and go in order. A lock is held while the database
	// is asked, by those alone that have to do with rooms.
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

// enterRoom shares the sensor into a room for as long as it is connected; with ""
// into none, and one in which an earlier connection of it was goes on. A device that
// may not is connected all the same: its measurements are not to be lost for that.
func (d *device) enterRoom(ctx context.Context, roomID string) {
	srv := d.ch.conn.srv
	stays := &srv.roomStays
	if srv.rooms == nil || d.identity.UserID == "" || roomID == "" && !stays.holds(d.id) { // for who has no account there are no rooms
		return
	}
	lock := stays.lock(d.id)
	lock.Lock()
	defer lock.Unlock()
	if roomID != "" {
		if err := srv.rooms.ShareWhileConnected(ctx, d.identity, roomID, d.id); err != nil {
			srv.events.write(srv.now(), slog.LevelWarn, "room "+sensocto.ErrorReason(err), "a device is connected, but its sensor did not come into the room that it named", "sensor", d.id, "err", err)
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
	if closed { // meanwhile
		d.endStay()
	}
}

// leaveRooms ends that, unless the sensor goes on with another device.
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

// endStay is called with the lock of the sensor held.
func (d *device) endStay() {
	srv := d.ch.conn.srv
	srv.roomStays.holders.Delete(d.id)
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := srv.rooms.EndTransient(ctx, d.id); err != nil {
		srv.events.write(srv.now(), slog.LevelError, "leave rooms", "a sensor stays in the rooms that it was in while connected", "sensor", d.id, "err", err)
	}
}
