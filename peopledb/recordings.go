package peopledb

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

var (
	errRecording         = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "recording_already", Message: "the room records already: stop that first"}
	errTooManyRecordings = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_recordings", Message: "the room has as many recordings as the server allows: delete one first"}
)

// InsertRecording begins a recording in a room that has fewer than limit. It
// returns an error of code conflict where the room records already, and
// sensocto.ErrNotFound for an unknown room.
func (db *DB) InsertRecording(ctx context.Context, r sensocto.RoomRecording, limit int) error {
	sensors, err := json.Marshal(r.SensorIDs)
	if err != nil {
		return err
	}
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := roomIsThere(ctx, tx, r.RoomID, nil); err != nil {
			return err
		}
		var all, active int
		if err := tx.QueryRowContext(ctx, `SELECT count(*), count(CASE WHEN ended_at = 0 THEN 1 END) FROM recording WHERE room_id = $1`, r.RoomID).Scan(&all, &active); err != nil {
			return err
		}
		switch {
		case active > 0:
			return errRecording
		case all >= limit:
			return errTooManyRecordings
		}
		return mustAffect(ctx, tx, errRecording, `INSERT INTO recording (id, room_id, name, started_by, began_at, ended_at, sensors) VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT DO NOTHING`,
			r.ID, r.RoomID, r.Name, r.StartedBy, micros(r.BeganAt), string(sensors))
	})
}

// EndRecording notes when a recording ended. It returns sensocto.ErrNotFound for
// one that does not go on.
func (db *DB) EndRecording(ctx context.Context, roomID, id string, at time.Time) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `UPDATE recording SET ended_at = $1 WHERE id = $2 AND room_id = $3 AND ended_at = 0`, micros(at), id, roomID)
	})
}

// maxRecorded bounds the sensors that come into one recording.
const maxRecorded = 1000

var errTooManyRecorded = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_sensors", Message: "the recording has as many sensors as the server allows: end it, and begin another"}

// AddRecorded adds a sensor to the recording of a room that goes on, if there is
// one.
func (db *DB) AddRecorded(ctx context.Context, roomID, sensorID string) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var id, text string
		err := tx.QueryRowContext(ctx, `SELECT id, sensors FROM recording WHERE room_id = $1 AND ended_at = 0`, roomID).Scan(&id, &text)
		if isNoRows(err) {
			return nil
		}
		var sensors []string
		if err == nil {
			err = json.Unmarshal([]byte(text), &sensors)
		}
		if err != nil || slices.Contains(sensors, sensorID) {
			return err
		}
		if len(sensors) >= maxRecorded {
			return errTooManyRecorded
		}
		all, err := json.Marshal(append(sensors, sensorID))
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE recording SET sensors = $1 WHERE id = $2`, string(all), id)
		}
		return err
	})
}

// DeleteRecording removes the entry of a recording that has ended, or returns
// sensocto.ErrNotFound.
func (db *DB) DeleteRecording(ctx context.Context, roomID, id string) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `DELETE FROM recording WHERE id = $1 AND room_id = $2 AND ended_at > 0`, id, roomID)
	})
}

const recordingColumns = `SELECT id, room_id, name, started_by, began_at, ended_at, sensors FROM recording`

// Recording returns a recording of a room, or sensocto.ErrNotFound.
func (db *DB) Recording(ctx context.Context, roomID, id string) (sensocto.RoomRecording, error) {
	return one(ctx, db, scanRecording, recordingColumns+` WHERE id = $1 AND room_id = $2`, id, roomID)
}

// Recordings returns up to limit recordings of a room before an id, the newest
// first; "" is the end.
func (db *DB) Recordings(ctx context.Context, roomID, before string, limit int) ([]sensocto.RoomRecording, error) {
	if before == "" {
		before = "g" // behind every id, which is hexadecimal, in every collation
	}
	return view(ctx, db, scanRecording, recordingColumns+` WHERE room_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, roomID, before, limit)
}

// ActiveRecordings returns the recordings of all rooms that go on.
func (db *DB) ActiveRecordings(ctx context.Context) ([]sensocto.RoomRecording, error) {
	return view(ctx, db, scanRecording, recordingColumns+` WHERE ended_at = 0 ORDER BY id`)
}

func scanRecording(row *sql.Rows) (r sensocto.RoomRecording, err error) {
	var began, ended int64
	var sensors string
	if err = row.Scan(&r.ID, &r.RoomID, &r.Name, &r.StartedBy, &began, &ended, &sensors); err != nil {
		return r, err
	}
	r.BeganAt, r.EndedAt = fromMicros(began), fromMicros(ended)
	return r, json.Unmarshal([]byte(sensors), &r.SensorIDs)
}
