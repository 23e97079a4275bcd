package peopledb

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/sensocto/sensocto"
)

var (
	errAlreadyMember = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "already_member", Message: "the user is a member of the room already"}
	errBanned        = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "banned", Message: "the user is banned from the room"}
	errOthersCame    = &sensocto.Error{Code: sensocto.CodeConflict, Message: "the members of the room have changed meanwhile"}
	errHasRecordings = &sensocto.Error{Code: sensocto.CodeConflict, Message: "the room has recordings"}
	errRoomFull      = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "room_full", Message: "the room has as many members as the server allows"}
)

func roomChanged(id string) []sensocto.Change {
	return []sensocto.Change{{Kind: sensocto.ChangeRoom, ID: id}}
}

// InsertRoom stores a new room, with version 1, and its owner as the first
// member.
func (db *DB) InsertRoom(ctx context.Context, r sensocto.Room) error {
	return db.update(ctx, roomChanged(r.ID), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO room (id, name, description, owner_id, is_public, created_at, settings, join_code, code_expires_at, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)`,
			r.ID, r.Name, r.Description, r.OwnerID, bit(r.IsPublic), micros(r.CreatedAt), object(r.Settings), optional(r.JoinCode), micros(r.CodeExpiresAt))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO member (room_id, account_id, role, joined_at) VALUES ($1, $2, $3, $4)`,
			r.ID, r.OwnerID, string(sensocto.RoleOwner), micros(r.CreatedAt))
		return err
	})
}

// object returns a JSON object as text; none is an empty one.
func object(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "{}"
	}
	return string(raw)
}

// UpdateRoom stores name, description, visibility, settings and join code of a
// room whose version is still r.Version, and returns it with the next one. It
// returns an error of code conflict where another change came first, and
// sensocto.ErrNotFound for an unknown room. The owner changes in SetOwner.
func (db *DB) UpdateRoom(ctx context.Context, r sensocto.Room) (sensocto.Room, error) {
	err := db.update(ctx, roomChanged(r.ID), func(ctx context.Context, tx *sql.Tx) error {
		n, err := affect(ctx, tx, `UPDATE room SET name = $1, description = $2, is_public = $3, settings = $4, join_code = $5, code_expires_at = $6,
			version = version + 1 WHERE id = $7 AND version = $8`,
			r.Name, r.Description, bit(r.IsPublic), object(r.Settings), optional(r.JoinCode), micros(r.CodeExpiresAt), r.ID, r.Version)
		if err != nil || n > 0 {
			return err
		}
		return roomIsThere(ctx, tx, r.ID, errConflict)
	})
	r.Version++
	return r, err
}

// roomIsThere returns err, or sensocto.ErrNotFound where there is no room.
func roomIsThere(ctx context.Context, tx *sql.Tx, id string, err error) error {
	var there int
	if e := tx.QueryRowContext(ctx, `SELECT 1 FROM room WHERE id = $1`, id).Scan(&there); isNoRows(e) {
		return sensocto.ErrNotFound
	} else if e != nil {
		return e
	}
	return err
}

// SetOwner makes a member the owner, and the owner before an administrator of
// the room. It returns sensocto.ErrNotFound where the user is no member.
func (db *DB) SetOwner(ctx context.Context, roomID, userID string) error {
	return db.update(ctx, roomChanged(roomID), func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE member SET role = $1 WHERE room_id = $2 AND role = $3`,
			string(sensocto.RoleAdmin), roomID, string(sensocto.RoleOwner)); err != nil {
			return err
		}
		if err := mustAffect(ctx, tx, sensocto.ErrNotFound, `UPDATE member SET role = $1 WHERE room_id = $2 AND account_id = $3`,
			string(sensocto.RoleOwner), roomID, userID); err != nil {
			return err
		}
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `UPDATE room SET owner_id = $1, version = version + 1 WHERE id = $2`, userID, roomID)
	})
}

// DeleteRoom removes a room with all that belongs to it. It returns
// sensocto.ErrNotFound for an unknown one.
func (db *DB) DeleteRoom(ctx context.Context, id string) error {
	return db.update(ctx, roomChanged(id), func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `DELETE FROM room WHERE id = $1`, id)
	})
}

// ForgetRoom is DeleteRoom for a room with exactly so many members and without recordings, which
// would go with it; it returns an error of code conflict where others have come, or there are some.
func (db *DB) ForgetRoom(ctx context.Context, id string, members int) error {
	return db.update(ctx, roomChanged(id), func(ctx context.Context, tx *sql.Tx) error {
		// The row of the room is locked, so that nobody comes once members are counted.
		if err := mustAffect(ctx, tx, sensocto.ErrNotFound, `UPDATE room SET version = version WHERE id = $1`, id); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM member WHERE room_id = $1`, id).Scan(&n); err != nil {
			return err
		}
		if n != members {
			return errOthersCame
		}
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM recording WHERE room_id = $1`, id).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return errHasRecordings
		}
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `DELETE FROM room WHERE id = $1`, id)
	})
}

const roomColumns = `SELECT r.id, r.name, r.description, r.owner_id, r.is_public, r.created_at, r.settings, r.join_code, r.code_expires_at, r.version FROM room r`

// Room returns a room, or sensocto.ErrNotFound.
func (db *DB) Room(ctx context.Context, id string) (sensocto.Room, error) {
	return one(ctx, db, scanRoom, roomColumns+` WHERE r.id = $1`, id)
}

// RoomByCode returns the room with a join code, expired or not, or
// sensocto.ErrNotFound.
func (db *DB) RoomByCode(ctx context.Context, code string) (sensocto.Room, error) {
	return one(ctx, db, scanRoom, roomColumns+` WHERE r.join_code = $1`, code)
}

// RoomsOf returns up to limit rooms of a user behind an id, in order of their ids.
func (db *DB) RoomsOf(ctx context.Context, userID, after string, limit int) ([]sensocto.Room, error) {
	return view(ctx, db, scanRoom, roomColumns+` JOIN member m ON m.room_id = r.id WHERE m.account_id = $1 AND m.room_id > $2 ORDER BY m.room_id LIMIT $3`,
		userID, after, limit)
}

// PublicRooms returns up to limit public rooms behind an id, in order of their ids.
func (db *DB) PublicRooms(ctx context.Context, after string, limit int) ([]sensocto.Room, error) {
	return view(ctx, db, scanRoom, roomColumns+` WHERE r.is_public = 1 AND r.id > $1 ORDER BY r.id LIMIT $2`, after, limit)
}

// OwnedRooms returns how many rooms a user owns.
func (db *DB) OwnedRooms(ctx context.Context, userID string) (int, error) {
	return one(ctx, db, scanCount, `SELECT count(*) FROM room WHERE owner_id = $1`, userID)
}

func scanCount(row *sql.Rows) (n int, err error) { err = row.Scan(&n); return n, err }

func scanRoom(row *sql.Rows) (r sensocto.Room, err error) {
	var public, created, expires int64
	var settings string
	var code sql.NullString
	err = row.Scan(&r.ID, &r.Name, &r.Description, &r.OwnerID, &public, &created, &settings, &code, &expires, &r.Version)
	r.IsPublic, r.CreatedAt, r.Settings = public != 0, fromMicros(created), json.RawMessage(settings)
	r.JoinCode, r.CodeExpiresAt = code.String, fromMicros(expires)
	return r, err
}

// AddMember lets a user into a room that has fewer than limit members. It
// returns errors of code conflict for a member, unauthorized for whoever is
// banned, rate_limited where the room is full, and sensocto.ErrNotFound for an
// unknown room or user.
func (db *DB) AddMember(ctx context.Context, m sensocto.Member, limit int) error {
	return db.update(ctx, roomChanged(m.RoomID), func(ctx context.Context, tx *sql.Tx) error { return addMember(ctx, tx, m, limit) })
}

func addMember(ctx context.Context, tx *sql.Tx, m sensocto.Member, limit int) error {
	var room, user, banned, members int
	// The row of the room is locked, so that two that join at once are counted
	// one after the other.
	if _, err := tx.ExecContext(ctx, `UPDATE room SET version = version WHERE id = $1`, m.RoomID); err != nil {
		return err
	}
	err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM room WHERE id = $1), (SELECT count(*) FROM account WHERE id = $2),
		(SELECT count(*) FROM ban WHERE room_id = $1 AND account_id = $2), (SELECT count(*) FROM member WHERE room_id = $1)`,
		m.RoomID, m.UserID).Scan(&room, &user, &banned, &members)
	switch {
	case err != nil:
		return err
	case room == 0, user == 0:
		return sensocto.ErrNotFound
	case banned > 0:
		return errBanned
	}
	n, err := affect(ctx, tx, `INSERT INTO member (room_id, account_id, role, joined_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		m.RoomID, m.UserID, string(m.Role), micros(m.JoinedAt))
	switch {
	case err != nil:
		return err
	case n == 0:
		return errAlreadyMember
	case members >= limit:
		return errRoomFull
	}
	return nil
}

// SetRole changes what a member is, or returns sensocto.ErrNotFound. Owners
// change in SetOwner.
func (db *DB) SetRole(ctx context.Context, roomID, userID string, role sensocto.Role) error {
	return db.update(ctx, roomChanged(roomID), func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `UPDATE member SET role = $1 WHERE room_id = $2 AND account_id = $3 AND role <> $4`,
			string(role), roomID, userID, string(sensocto.RoleOwner))
	})
}

// RemoveMember ends a membership, with the sensors that the member had shared
// into the room. With ban the user cannot come back, member or not. It returns
// sensocto.ErrNotFound for who is no member, unless that is to be banned, and
// for the owner.
func (db *DB) RemoveMember(ctx context.Context, roomID, userID string, ban bool, at time.Time) error {
	return db.update(ctx, roomChanged(roomID), func(ctx context.Context, tx *sql.Tx) error {
		n, err := affect(ctx, tx, `DELETE FROM member WHERE room_id = $1 AND account_id = $2 AND role <> $3`, roomID, userID, string(sensocto.RoleOwner))
		if err != nil {
			return err
		}
		if n == 0 && !ban {
			return sensocto.ErrNotFound
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM share WHERE room_id = $1 AND shared_by = $2`, roomID, userID); err != nil || !ban {
			return err
		}
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `INSERT INTO ban (room_id, account_id, banned_at)
			SELECT r.id, a.id, CAST($3 AS bigint) FROM room r, account a WHERE r.id = $1 AND a.id = $2 AND r.owner_id <> a.id ON CONFLICT (room_id, account_id) DO UPDATE SET banned_at = excluded.banned_at`,
			roomID, userID, micros(at))
	})
}

// Unban lets a user in again, or returns sensocto.ErrNotFound.
func (db *DB) Unban(ctx context.Context, roomID, userID string) error {
	return db.update(ctx, roomChanged(roomID), func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `DELETE FROM ban WHERE room_id = $1 AND account_id = $2`, roomID, userID)
	})
}

// Bans returns up to limit bans from a room behind a user's id, in order of these.
func (db *DB) Bans(ctx context.Context, roomID, after string, limit int) ([]sensocto.Ban, error) {
	return view(ctx, db, func(row *sql.Rows) (b sensocto.Ban, err error) {
		var at int64
		err = row.Scan(&b.RoomID, &b.UserID, &b.Name, &at)
		b.BannedAt = fromMicros(at)
		return b, err
	}, `SELECT b.room_id, b.account_id, a.name, b.banned_at FROM ban b JOIN account a ON a.id = b.account_id
		WHERE b.room_id = $1 AND b.account_id > $2 ORDER BY b.account_id LIMIT $3`, roomID, after, limit)
}

// Members returns up to limit members of a room behind a user's id, in order of
// these.
func (db *DB) Members(ctx context.Context, roomID, after string, limit int) ([]sensocto.Member, error) {
	return view(ctx, db, scanMember, `SELECT m.room_id, m.account_id, a.name, m.role, m.joined_at FROM member m JOIN account a ON a.id = m.account_id
		WHERE m.room_id = $1 AND m.account_id > $2 ORDER BY m.account_id LIMIT $3`, roomID, after, limit)
}

// Member returns one member, or sensocto.ErrNotFound.
func (db *DB) Member(ctx context.Context, roomID, userID string) (sensocto.Member, error) {
	return one(ctx, db, scanMember, `SELECT m.room_id, m.account_id, a.name, m.role, m.joined_at FROM member m JOIN account a ON a.id = m.account_id
		WHERE m.room_id = $1 AND m.account_id = $2`, roomID, userID)
}

// MemberCounts returns how many members rooms have, by room.
func (db *DB) MemberCounts(ctx context.Context, roomIDs []string) (map[string]int, error) {
	type count struct {
		roomID  string
		members int
	}
	in, args := among(roomIDs)
	list, err := view(ctx, db, func(row *sql.Rows) (c count, err error) {
		err = row.Scan(&c.roomID, &c.members)
		return c, err
	}, `SELECT room_id, count(*) FROM member WHERE room_id IN `+in+` GROUP BY room_id`, args...)
	counts := make(map[string]int, len(list))
	for _, c := range list {
		counts[c.roomID] = c.members
	}
	return counts, err
}

// Memberships returns the rooms of a user, without names.
func (db *DB) Memberships(ctx context.Context, userID string) ([]sensocto.Member, error) {
	return view(ctx, db, scanMember, `SELECT room_id, account_id, '', role, joined_at FROM member WHERE account_id = $1 ORDER BY room_id`, userID)
}

func scanMember(row *sql.Rows) (m sensocto.Member, err error) {
	var joined int64
	err = row.Scan(&m.RoomID, &m.UserID, &m.Name, &m.Role, &joined)
	m.JoinedAt = fromMicros(joined)
	return m, err
}

// RoomsOwnedBy returns the ids of the rooms that a user owns.
func (db *DB) RoomsOwnedBy(ctx context.Context, userID string) ([]string, error) {
	return view(ctx, db, scanText, `SELECT id FROM room WHERE owner_id = $1 ORDER BY id`, userID)
}
