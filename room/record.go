package room

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// A recording is a name for a time in a room. While it goes on, the devices of the
// room's sensors send everything at once, and none is paused; what they send is
// stored as always.

const (
	// recordingLife ends a recording that was forgotten: it costs batteries.
	recordingLife = 24 * time.Hour
	// recordingCheck is how often Run looks for those.
	recordingCheck = time.Minute
)

// recorders are the sensors that recordings listen to.
type recorders struct {
	mu    sync.Mutex                   // guards rooms
	rooms map[string]map[string]func() // how listening ends, by room and sensor
}

// Run takes up the recordings that go on, and ends those that were forgotten,
// until ctx ends.
func (r *Rooms) Run(ctx context.Context) error {
	defer r.silence()
	tick := time.NewTicker(recordingCheck)
	defer tick.Stop()
	for {
		if err := r.followRecordings(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("cannot look after recordings; trying on", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// followRecordings listens to what is recorded now, and to nothing else.
func (r *Rooms) followRecordings(ctx context.Context) error {
	active, err := r.store.ActiveRecordings(ctx)
	if err != nil {
		return err
	}
	wanted := map[string]map[string]bool{} // by room and sensor
	for _, rec := range active {
		if now().Sub(rec.BeganAt) > recordingLife {
			if err := r.endRecording(ctx, sensocto.Identity{OwnerID: sensocto.OperatorID}, rec); err != nil && !errors.Is(err, sensocto.ErrNotFound) {
				return err
			}
			continue
		}
		shares, err := r.store.Shares(ctx, rec.RoomID)
		if err != nil {
			return err
		}
		shared := make(map[string]bool, len(shares))
		for _, s := range shares {
			shared[s.SensorID] = true
		}
		wanted[rec.RoomID] = shared
		r.listen(rec.RoomID, slices.Collect(maps.Keys(shared))...)
	}
	r.recorders.mu.Lock()
	defer r.recorders.mu.Unlock()
	for roomID, sensors := range r.recorders.rooms {
		shared, records := wanted[roomID] // it may have been ended by another server, or the room is gone
		for id, stop := range sensors {
			if !shared[id] {
				stop()
				delete(sensors, id)
			}
		}
		if !records {
			delete(r.recorders.rooms, roomID)
		}
	}
	return nil
}

// recordAlso adds a newly shared sensor to the room's recording, if one is running.
// The sensor stays in the room also if that fails.
func (r *Rooms) recordAlso(ctx context.Context, roomID, sensorID string) {
	err := r.store.AddRecorded(ctx, roomID, sensorID)
	if err != nil {
		r.log.Warn("a sensor is not in the recording of its room", "room", roomID, "sensor", sensorID, "err", err)
	} else if r.recording(roomID) {
		r.listen(roomID, sensorID)
	}
}

// listen follows sensors of a room that records.
func (r *Rooms) listen(roomID string, sensorIDs ...string) {
	r.recorders.mu.Lock()
	defer r.recorders.mu.Unlock()
	sensors := r.recorders.rooms[roomID]
	if sensors == nil {
		sensors = make(map[string]func())
		r.recorders.rooms[roomID] = sensors
	}
	for _, id := range sensorIDs {
		if sensors[id] == nil {
			sensors[id] = r.options.Listen(id, sensocto.Demand{Level: sensocto.AttentionHigh, NeverPause: true})
		}
	}
}

// recording reports whether the room records.
func (r *Rooms) recording(roomID string) bool {
	r.recorders.mu.Lock()
	defer r.recorders.mu.Unlock()
	return r.recorders.rooms[roomID] != nil
}

// unlisten ends listening to a sensor, or, with "", to all of a room.
func (r *Rooms) unlisten(roomID, sensorID string) {
	r.recorders.mu.Lock()
	defer r.recorders.mu.Unlock()
	sensors := r.recorders.rooms[roomID]
	for id, stop := range sensors {
		if sensorID == "" || sensorID == id {
			stop()
			delete(sensors, id)
		}
	}
	if sensorID == "" {
		delete(r.recorders.rooms, roomID)
	}
}

// silence ends all listening.
func (r *Rooms) silence() {
	r.recorders.mu.Lock()
	defer r.recorders.mu.Unlock()
	for _, sensors := range r.recorders.rooms {
		for _, stop := range sensors {
			stop()
		}
	}
	clear(r.recorders.rooms)
}

// StartRecording begins to record all sensors of a room.
func (r *Rooms) StartRecording(ctx context.Context, id sensocto.Identity, roomID, name string) (sensocto.RoomRecording, error) {
	_, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Record })
	if err != nil {
		return sensocto.RoomRecording{}, err
	}
	rec := sensocto.RoomRecording{ID: newID(), RoomID: roomID, Name: name, StartedBy: id.UserID, BeganAt: now(), SensorIDs: []string{}}
	if rec.Name == "" {
		rec.Name = rec.BeganAt.Format("2006-01-02 15:04")
	}
	if err := sensocto.CheckName(rec.Name); err != nil {
		return rec, err
	}
	shares, err := r.store.Shares(ctx, roomID)
	if err != nil {
		return rec, fmt.Errorf("list sensors: %w", err)
	}
	for _, s := range shares {
		rec.SensorIDs = append(rec.SensorIDs, s.SensorID)
	}
	if err := r.store.InsertRecording(ctx, rec, r.limits.Recordings); err != nil {
		return rec, err
	}
	r.listen(roomID, rec.SensorIDs...)
	r.log.Info("recording started", "room", roomID, "recording", rec.ID, "user", id.UserID)
	r.recordRecording(ctx, id, sensocto.AuditRecordingStarted, rec, room.OwnerID, shares)
	r.publish(sensocto.RoomTopic(roomID), sensocto.EventRecordingStarted, rec.View())
	return rec, nil
}

// recordRecording notes a recording in the audit log: it concerns the owner of the
// room, and whoever shared a sensor that is recorded.
func (r *Rooms) recordRecording(ctx context.Context, id sensocto.Identity, action sensocto.AuditAction, rec sensocto.RoomRecording, ownerID string, shares []sensocto.Share) {
	concerned := map[string]bool{ownerID: true}
	for _, s := range shares {
		concerned[s.SharedBy] = true
	}
	delete(concerned, "")
	for _, userID := range slices.Sorted(maps.Keys(concerned)) {
		r.record(ctx, id, sensocto.AuditEvent{Action: action, UserID: userID, RoomID: rec.RoomID, Detail: rec.Name})
	}
}

// StopRecording ends the recording of a room.
func (r *Rooms) StopRecording(ctx context.Context, id sensocto.Identity, roomID, recordingID string) (sensocto.RoomRecording, error) {
	rec, err := r.recordingFor(ctx, id, roomID, recordingID, func(s sensocto.RoomRights) bool { return s.Record })
	if err == nil && !rec.EndedAt.IsZero() {
		return rec, nil // as it was wanted
	}
	if err == nil {
		err = r.endRecording(ctx, id, rec)
	}
	if err != nil {
		return rec, err
	}
	return r.store.Recording(ctx, roomID, recordingID)
}

// endRecording ends a recording on behalf of somebody.
func (r *Rooms) endRecording(ctx context.Context, id sensocto.Identity, rec sensocto.RoomRecording) error {
	rec.EndedAt = now()
	if err := r.store.EndRecording(ctx, rec.RoomID, rec.ID, rec.EndedAt); err != nil {
		return err
	}
	r.unlisten(rec.RoomID, "")
	r.log.Info("recording ended", "room", rec.RoomID, "recording", rec.ID)
	room, err := r.store.Room(ctx, rec.RoomID)
	shares, e := r.store.Shares(ctx, rec.RoomID)
	if err := errors.Join(err, e); err != nil {
		r.log.Warn("the audit log does not say to all that a recording ended", "recording", rec.ID, "err", err)
	}
	r.recordRecording(ctx, id, sensocto.AuditRecordingStopped, rec, cmp.Or(room.OwnerID, rec.StartedBy), shares)
	r.publish(sensocto.RoomTopic(rec.RoomID), sensocto.EventRecordingStopped, rec.View())
	return nil
}

// Recordings returns up to limit recordings of a room before an id, the newest
// first.
func (r *Rooms) Recordings(ctx context.Context, id sensocto.Identity, roomID, before string, limit int) ([]sensocto.RoomRecording, error) {
	if _, _, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Enter }); err != nil {
		return nil, err
	}
	return r.store.Recordings(ctx, roomID, before, limit)
}

// Recording returns one recording of a room.
func (r *Rooms) Recording(ctx context.Context, id sensocto.Identity, roomID, recordingID string) (sensocto.RoomRecording, error) {
	return r.recordingFor(ctx, id, roomID, recordingID, func(s sensocto.RoomRights) bool { return s.Enter })
}

func (r *Rooms) recordingFor(ctx context.Context, id sensocto.Identity, roomID, recordingID string, allowed func(sensocto.RoomRights) bool) (sensocto.RoomRecording, error) {
	if _, _, err := r.enter(ctx, id, roomID, allowed); err != nil {
		return sensocto.RoomRecording{}, err
	}
	return r.store.Recording(ctx, roomID, recordingID)
}

// DeleteRecording removes the entry of a recording that has ended. The measurements
// stay: they are the sensors'.
func (r *Rooms) DeleteRecording(ctx context.Context, id sensocto.Identity, roomID, recordingID string) error {
	if _, err := r.recordingFor(ctx, id, roomID, recordingID, func(s sensocto.RoomRights) bool { return s.Record }); err != nil {
		return err
	}
	return r.store.DeleteRecording(ctx, roomID, recordingID)
}
