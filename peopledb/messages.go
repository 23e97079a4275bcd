package peopledb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/sensocto/sensocto"
)

// InsertInvitation stores an invitation; an earlier one of the same person into
// the same room ends.
func (db *DB) InsertInvitation(ctx context.Context, i sensocto.Invitation) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := roomIsThere(ctx, tx, i.RoomID, nil); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM invitation WHERE room_id = $1 AND account_id = $2 AND email = $3 OR expires_at < $4`,
			i.RoomID, i.UserID, i.Email, micros(i.CreatedAt)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO invitation (id, room_id, account_id, email, role, invited_by, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			i.ID, i.RoomID, i.UserID, i.Email, string(i.Role), i.InvitedBy, micros(i.CreatedAt), micros(i.ExpiresAt))
		return err
	})
}

// InvitationCount returns how many invitations into a room wait for an answer, and
// have not expired at a time.
func (db *DB) InvitationCount(ctx context.Context, roomID string, at time.Time) (int, error) {
	return one(ctx, db, func(row *sql.Rows) (n int, err error) { err = row.Scan(&n); return n, err },
		`SELECT count(*) FROM invitation WHERE room_id = $1 AND expires_at > $2`, roomID, micros(at))
}

const invitationColumns = `SELECT i.id, i.room_id, r.name, i.account_id, i.email, i.role, i.invited_by, i.created_at, i.expires_at, COALESCE(a.name, '')
	FROM invitation i JOIN room r ON r.id = i.room_id LEFT JOIN account a ON a.id = i.account_id`

// Invitation returns an invitation, expired or not, or sensocto.ErrNotFound.
func (db *DB) Invitation(ctx context.Context, id string) (sensocto.Invitation, error) {
	return one(ctx, db, scanInvitation, invitationColumns+` WHERE i.id = $1`, id)
}

// Invitations returns the invitations of a user, by id or by address, that have
// not expired at a time.
func (db *DB) Invitations(ctx context.Context, userID, email string, at time.Time) ([]sensocto.Invitation, error) {
	return view(ctx, db, scanInvitation, invitationColumns+` WHERE (i.account_id = $1 OR i.email = $2 AND i.email <> '') AND i.expires_at > $3 ORDER BY i.id`,
		userID, email, micros(at))
}

// RoomInvitations returns up to limit invitations into a room behind an id that
// have not expired at a time, in order of their ids.
func (db *DB) RoomInvitations(ctx context.Context, roomID, after string, limit int, at time.Time) ([]sensocto.Invitation, error) {
	return view(ctx, db, scanInvitation, invitationColumns+` WHERE i.room_id = $1 AND i.id > $2 AND i.expires_at > $3 ORDER BY i.id LIMIT $4`, roomID, after, micros(at), limit)
}

// WithdrawInvitations removes all invitations of a user into a room, by id or by a
// confirmed address, and returns their ids.
func (db *DB) WithdrawInvitations(ctx context.Context, roomID, userID string) (ids []string, err error) {
	err = db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		ids, err = withdraw(ctx, tx, roomID, userID)
		return err
	})
	return ids, err
}

func withdraw(ctx context.Context, tx *sql.Tx, roomID, userID string) (ids []string, err error) {
	return list(ctx, tx, scanText, `DELETE FROM invitation WHERE room_id = $1 AND (account_id = $2 OR email <> '' AND email =
		(SELECT email FROM account WHERE id = $2 AND email_proven = 1)) RETURNING id`, roomID, userID)
}

// DeleteInvitation removes an invitation, or returns sensocto.ErrNotFound.
func (db *DB) DeleteInvitation(ctx context.Context, id string) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `DELETE FROM invitation WHERE id = $1`, id)
	})
}

// AcceptInvitation removes the invitations of a user into a room and adds the
// member, both or neither. A ban from before the invitation is lifted, which it
// reports. It returns what AddMember returns, and sensocto.ErrNotFound where the
// invitation is gone.
func (db *DB) AcceptInvitation(ctx context.Context, id string, m sensocto.Member, limit int) (unbanned bool, err error) {
	err = db.update(ctx, roomChanged(m.RoomID), func(ctx context.Context, tx *sql.Tx) error {
		var invited int64
		if err := tx.QueryRowContext(ctx, `DELETE FROM invitation WHERE id = $1 AND room_id = $2 RETURNING created_at`, id, m.RoomID).Scan(&invited); isNoRows(err) {
			return sensocto.ErrNotFound
		} else if err != nil {
			return err
		}
		if _, err := withdraw(ctx, tx, m.RoomID, m.UserID); err != nil {
			return err
		}
		n, err := affect(ctx, tx, `DELETE FROM ban WHERE room_id = $1 AND account_id = $2 AND banned_at <= $3`, m.RoomID, m.UserID, invited)
		if err != nil {
			return err
		}
		unbanned = n > 0
		return addMember(ctx, tx, m, limit)
	})
	return unbanned, err
}

func scanInvitation(row *sql.Rows) (i sensocto.Invitation, err error) {
	var created, expires int64
	err = row.Scan(&i.ID, &i.RoomID, &i.RoomName, &i.UserID, &i.Email, &i.Role, &i.InvitedBy, &created, &expires, &i.UserName)
	i.CreatedAt, i.ExpiresAt = fromMicros(created), fromMicros(expires)
	return i, err
}

// InsertNotification stores a notification. Of a user the newest keep ones stay. It
// returns sensocto.ErrNotFound for nobody.
func (db *DB) InsertNotification(ctx context.Context, n sensocto.Notification, keep int) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error { return insertNotification(ctx, tx, n, keep) })
}

// InsertNotifications is InsertNotification for many users, in one transaction.
// Those who are gone are passed over.
func (db *DB) InsertNotifications(ctx context.Context, all []sensocto.Notification, keep int) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, n := range all {
			if err := insertNotification(ctx, tx, n, keep); err != nil && !errors.Is(err, sensocto.ErrNotFound) {
				return err
			}
		}
		return nil
	})
}

func insertNotification(ctx context.Context, tx *sql.Tx, n sensocto.Notification, keep int) error {
	err := mustAffect(ctx, tx, sensocto.ErrNotFound, `INSERT INTO notification (id, account_id, kind, data, created_at, read_at)
		SELECT $1, id, $2, $3, CAST($4 AS bigint), 0 FROM account WHERE id = $5`, n.ID, n.Kind, object(n.Data), micros(n.CreatedAt), n.UserID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM notification WHERE account_id = $1 AND id <=
		(SELECT id FROM notification WHERE account_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)`, n.UserID, keep)
	return err
}

// Notifications returns up to limit notifications of a user before an id, the
// newest first; "" is the end.
func (db *DB) Notifications(ctx context.Context, userID, before string, limit int) ([]sensocto.Notification, error) {
	if before == "" {
		before = "g" // behind every id, which is hexadecimal, in every collation
	}
	return view(ctx, db, func(row *sql.Rows) (n sensocto.Notification, err error) {
		var data string
		var created, read int64
		err = row.Scan(&n.ID, &n.UserID, &n.Kind, &data, &created, &read)
		n.Data, n.CreatedAt, n.ReadAt = json.RawMessage(data), fromMicros(created), fromMicros(read)
		return n, err
	}, `SELECT id, account_id, kind, data, created_at, read_at FROM notification WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, userID, before, limit)
}

// ReadNotification notes when a user read a notification; the first time stays.
// It returns sensocto.ErrNotFound for one that is not the user's.
func (db *DB) ReadNotification(ctx context.Context, userID, id string, at time.Time) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `UPDATE notification SET read_at = CASE WHEN read_at = 0 THEN $1 ELSE read_at END WHERE id = $2 AND account_id = $3`,
			micros(at), id, userID)
	})
}
