package peopledb

import (
	"context"
	"database/sql"
	"slices"

	"github.com/sensocto/sensocto"
)

var errTooManySensors = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_sensors", Message: "the room has as many sensors as the server allows"}

// PutShare brings a sensor into a room that has fewer than limit sensors, or
// changes how it is shared: since when stays as it was. It returns
// sensocto.ErrNotFound for an unknown room.
func (db *DB) PutShare(ctx context.Context, s sensocto.Share, limit int) error {
	return db.update(ctx, roomChanged(s.RoomID), func(ctx context.Context, tx *sql.Tx) error {
		if err := roomIsThere(ctx, tx, s.RoomID, nil); err != nil {
			return err
		}
		var others int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM share WHERE room_id = $1 AND sensor_id <> $2`, s.RoomID, s.SensorID).Scan(&others); err != nil {
			return err
		}
		if others >= limit {
			return errTooManySensors
		}
		// A device that connects changes nothing of what was shared to stay.
		_, err := tx.ExecContext(ctx, `INSERT INTO share (room_id, sensor_id, shared_by, shared_at, control, all_history, transient)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (room_id, sensor_id) DO UPDATE SET shared_by = excluded.shared_by,
			control = excluded.control, all_history = excluded.all_history, transient = excluded.transient
			WHERE share.transient = 1 OR excluded.transient = 0`,
			s.RoomID, s.SensorID, s.SharedBy, micros(s.SharedAt), bit(s.Control), bit(s.AllHistory), bit(s.Transient))
		return err
	})
}

// RemoveShare takes a sensor out of a room, or returns sensocto.ErrNotFound.
func (db *DB) RemoveShare(ctx context.Context, roomID, sensorID string) error {
	return db.update(ctx, roomChanged(roomID), func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `DELETE FROM share WHERE room_id = $1 AND sensor_id = $2`, roomID, sensorID)
	})
}

// RemoveSensor takes a sensor out of all rooms, and ends all grants to it.
func (db *DB) RemoveSensor(ctx context.Context, sensorID string) error {
	return db.removeShares(ctx, sensorID, `SELECT room_id FROM share WHERE sensor_id = $1`, `DELETE FROM share WHERE sensor_id = $1`, `DELETE FROM sensor_grant WHERE sensor_id = $1`)
}

// RemoveTransientShares takes a sensor out of the rooms where it was only while
// its device was connected.
func (db *DB) RemoveTransientShares(ctx context.Context, sensorID string) error {
	return db.removeShares(ctx, sensorID, `SELECT room_id FROM share WHERE sensor_id = $1 AND transient = 1`, `DELETE FROM share WHERE sensor_id = $1 AND transient = 1`)
}

// EndTransientShares takes all sensors out of the rooms where they were only while
// their devices were connected.
func (db *DB) EndTransientShares(ctx context.Context) error {
	return db.commit(ctx, func(ctx context.Context, tx *sql.Tx) ([]sensocto.Change, error) {
		rooms, err := list(ctx, tx, scanText, `DELETE FROM share WHERE transient = 1 RETURNING room_id`)
		var changes []sensocto.Change
		slices.Sort(rooms)
		for _, id := range slices.Compact(rooms) {
			changes = append(changes, roomChanged(id)...)
		}
		return changes, err
	})
}

func (db *DB) removeShares(ctx context.Context, sensorID, affected string, statements ...string) error {
	return db.commit(ctx, func(ctx context.Context, tx *sql.Tx) ([]sensocto.Change, error) {
		rooms, err := list(ctx, tx, scanText, affected, sensorID)
		if err != nil {
			return nil, err
		}
		for _, statement := range statements {
			if _, err := tx.ExecContext(ctx, statement, sensorID); err != nil {
				return nil, err
			}
		}
		changes := []sensocto.Change{{Kind: sensocto.ChangeSensor, ID: sensorID}}
		for _, id := range rooms {
			changes = append(changes, roomChanged(id)...)
		}
		return changes, nil
	})
}

const shareColumns = `SELECT s.room_id, s.sensor_id, s.shared_by, s.shared_at, s.control, s.all_history, s.transient FROM share s`

// Shares returns the sensors in a room, in order of their ids.
func (db *DB) Shares(ctx context.Context, roomID string) ([]sensocto.Share, error) {
	return view(ctx, db, scanShare, shareColumns+` WHERE s.room_id = $1 ORDER BY s.sensor_id`, roomID)
}

// SharesOf returns the sensors in several rooms, by room and in order of their ids.
func (db *DB) SharesOf(ctx context.Context, roomIDs []string) (map[string][]sensocto.Share, error) {
	in, args := among(roomIDs)
	list, err := view(ctx, db, scanShare, shareColumns+` WHERE s.room_id IN `+in+` ORDER BY s.room_id, s.sensor_id`, args...)
	shares := make(map[string][]sensocto.Share)
	for _, s := range list {
		shares[s.RoomID] = append(shares[s.RoomID], s)
	}
	return shares, err
}

// SensorShares returns the rooms that a sensor is in.
func (db *DB) SensorShares(ctx context.Context, sensorID string) ([]sensocto.Share, error) {
	return view(ctx, db, scanShare, shareColumns+` WHERE s.sensor_id = $1 ORDER BY s.room_id`, sensorID)
}

// SharesFor returns the sensors of all rooms of a user.
func (db *DB) SharesFor(ctx context.Context, userID string) ([]sensocto.Share, error) {
	return view(ctx, db, scanShare, shareColumns+` JOIN member m ON m.room_id = s.room_id WHERE m.account_id = $1 ORDER BY s.room_id, s.sensor_id`, userID)
}

func scanShare(row *sql.Rows) (s sensocto.Share, err error) {
	var at, control, all, transient int64
	err = row.Scan(&s.RoomID, &s.SensorID, &s.SharedBy, &at, &control, &all, &transient)
	s.SharedAt, s.Control, s.AllHistory, s.Transient = fromMicros(at), control != 0, all != 0, transient != 0
	return s, err
}

// PutGrant gives a user, or everybody, a right to a sensor, or changes it: since
// when stays as it was.
func (db *DB) PutGrant(ctx context.Context, g sensocto.Grant) error {
	return db.update(ctx, sensorChanged(g.SensorID), func(ctx context.Context, tx *sql.Tx) error {
		if g.UserID != "" {
			var there int
			if err := tx.QueryRowContext(ctx, `SELECT 1 FROM account WHERE id = $1`, g.UserID).Scan(&there); isNoRows(err) {
				return sensocto.ErrNotFound
			} else if err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO sensor_grant (sensor_id, account_id, granted_at, control, all_history) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (sensor_id, account_id) DO UPDATE SET control = excluded.control, all_history = excluded.all_history`,
			g.SensorID, g.UserID, micros(g.GrantedAt), bit(g.Control), bit(g.AllHistory))
		return err
	})
}

func sensorChanged(id string) []sensocto.Change {
	return []sensocto.Change{{Kind: sensocto.ChangeSensor, ID: id}}
}

// RemoveGrant takes a right back, or returns sensocto.ErrNotFound.
func (db *DB) RemoveGrant(ctx context.Context, sensorID, userID string) error {
	return db.update(ctx, sensorChanged(sensorID), func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `DELETE FROM sensor_grant WHERE sensor_id = $1 AND account_id = $2`, sensorID, userID)
	})
}

const grantColumns = `SELECT sensor_id, account_id, granted_at, control, all_history FROM sensor_grant`

// Grants returns who has rights to a sensor.
func (db *DB) Grants(ctx context.Context, sensorID string) ([]sensocto.Grant, error) {
	return view(ctx, db, scanGrant, grantColumns+` WHERE sensor_id = $1 ORDER BY account_id`, sensorID)
}

// GrantsFor returns the sensors to which a user has a right of its own; for ""
// those that are public.
func (db *DB) GrantsFor(ctx context.Context, userID string) ([]sensocto.Grant, error) {
	return view(ctx, db, scanGrant, grantColumns+` WHERE account_id = $1 ORDER BY sensor_id`, userID)
}

func scanGrant(row *sql.Rows) (g sensocto.Grant, err error) {
	var at, control, all int64
	err = row.Scan(&g.SensorID, &g.UserID, &at, &control, &all)
	g.GrantedAt, g.Control, g.AllHistory = fromMicros(at), control != 0, all != 0
	return g, err
}
