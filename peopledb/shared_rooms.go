package peopledb

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sensocto/sensocto"
)

// SharedRooms returns the rooms that other servers have, too, in order of their ids.
func (db *DB) SharedRooms(ctx context.Context) ([]sensocto.SharedRoom, error) {
	return view(ctx, db, func(row *sql.Rows) (r sensocto.SharedRoom, err error) {
		var invite string
		var left []byte
		var closed, restored int64
		if err := row.Scan(&r.RoomID, &r.Doc, &r.Ticket, &r.Root, &invite, &closed, &r.Moves, &left, &restored); err != nil {
			return r, err
		}
		if err := json.Unmarshal(left, &r.Left); err != nil {
			return r, fmt.Errorf("documents that a shared room has left: %w", err)
		}
		if invite != "" {
			r.Invite, err = hex.DecodeString(invite)
		}
		r.ClosedAt, r.Restored = fromMicros(closed), restored != 0
		return r, err
	}, `SELECT room_id, doc, ticket, root, invite, closed_at, moves, left_docs, restored FROM shared_room ORDER BY room_id`)
}

// PutSharedRoom stores that a room is shared, or how from now on.
func (db *DB) PutSharedRoom(ctx context.Context, r sensocto.SharedRoom) error {
	left, err := json.Marshal(append([]sensocto.LeftDoc{}, r.Left...))
	if err != nil {
		return err
	}
	return db.update(ctx, nil, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO shared_room (room_id, doc, ticket, root, invite, closed_at, moves, left_docs, restored) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (room_id) DO UPDATE SET doc = excluded.doc, ticket = excluded.ticket, root = excluded.root, invite = excluded.invite, closed_at = excluded.closed_at, moves = excluded.moves, left_docs = excluded.left_docs, restored = excluded.restored`,
			r.RoomID, r.Doc, r.Ticket, r.Root, hex.EncodeToString(r.Invite), micros(r.ClosedAt), r.Moves, string(left), bit(r.Restored))
		return err
	})
}

// RemoveSharedRoom forgets that a room is shared, with its facts. The room stays.
func (db *DB) RemoveSharedRoom(ctx context.Context, roomID string) error {
	return db.update(ctx, nil, func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `DELETE FROM shared_room WHERE room_id = $1`, roomID)
	})
}

// RoomFacts returns the facts of a shared room as they were last exchanged, in
// order of their keys.
func (db *DB) RoomFacts(ctx context.Context, roomID string) ([]sensocto.RoomFact, error) {
	return view(ctx, db, func(row *sql.Rows) (f sensocto.RoomFact, err error) {
		var body string
		err = row.Scan(&f.Key, &body)
		f.Body = json.RawMessage(body)
		return f, err
	}, `SELECT key, body FROM room_fact WHERE room_id = $1 ORDER BY key`, roomID)
}

// PutRoomFacts stores facts of a shared room as they have been exchanged, and
// removes others.
func (db *DB) PutRoomFacts(ctx context.Context, roomID string, put []sensocto.RoomFact, remove []string) error {
	return db.update(ctx, nil, func(ctx context.Context, tx *sql.Tx) error {
		for _, f := range put {
			if _, err := tx.ExecContext(ctx, `INSERT INTO room_fact (room_id, key, body) VALUES ($1, $2, $3)
				ON CONFLICT (room_id, key) DO UPDATE SET body = excluded.body`, roomID, f.Key, string(f.Body)); err != nil {
				return err
			}
		}
		for _, key := range remove {
			if _, err := tx.ExecContext(ctx, `DELETE FROM room_fact WHERE room_id = $1 AND key = $2`, roomID, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// PersonKeys returns the people of shared rooms, of this server and of others, in
// order of their keys.
func (db *DB) PersonKeys(ctx context.Context) ([]sensocto.PersonKey, error) {
	return view(ctx, db, func(row *sql.Rows) (p sensocto.PersonKey, err error) {
		err = row.Scan(&p.Key, &p.UserID, &p.Name)
		return p, err
	}, `SELECT p.key, p.account_id, a.name FROM person_key p JOIN account a ON a.id = p.account_id ORDER BY p.key`)
}

// PutPerson stores a person of another server as the account u, or renames the
// account that the key has already; it returns that account's id. An account that
// was not made here so, disabled from the start, keeps its name: it is that of a user
// of this server, whatever the keys say.
func (db *DB) PutPerson(ctx context.Context, key string, u sensocto.User) (userID string, err error) {
	err = db.commit(ctx, func(ctx context.Context, tx *sql.Tx) ([]sensocto.Change, error) {
		switch err := tx.QueryRowContext(ctx, `SELECT account_id FROM person_key WHERE key = $1`, key).Scan(&userID); {
		case err == nil:
			_, err := tx.ExecContext(ctx, `UPDATE account SET name = $1, version = version + 1 WHERE id = $2 AND name <> $1 AND disabled_at = created_at AND email IS NULL`, u.Name, userID)
			return userChanged(userID), err
		case !isNoRows(err):
			return nil, err
		}
		userID = u.ID
		if err := insertUser(ctx, tx, u); err != nil {
			return nil, err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO person_key (key, account_id) VALUES ($1, $2)`, key, u.ID)
		return userChanged(u.ID), err
	})
	return userID, err
}

// LinkPerson stores the public key of a person of this server.
func (db *DB) LinkPerson(ctx context.Context, key, userID string) error {
	return db.update(ctx, nil, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO person_key (key, account_id) SELECT $1, id FROM account WHERE id = $2 ON CONFLICT DO NOTHING`, key, userID)
		return err
	})
}

// ErasedMembers returns the people who were erased while others may hold that they are
// in a shared room, in order of their keys.
func (db *DB) ErasedMembers(ctx context.Context, roomID string) ([]sensocto.ErasedMember, error) {
	return view(ctx, db, func(row *sql.Rows) (m sensocto.ErasedMember, err error) {
		var at int64
		err = row.Scan(&m.Key, &m.UserID, &at)
		m.ErasedAt = fromMicros(at)
		return m, err
	}, `SELECT key, account_id, erased_at FROM erased_member WHERE room_id = $1 ORDER BY key`, roomID)
}

// RemoveErasedMember forgets somebody of whose removal from a room the others know, and
// returns in how many rooms that is still to be said of them.
func (db *DB) RemoveErasedMember(ctx context.Context, roomID, key string) (left int, err error) {
	err = db.update(ctx, nil, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM erased_member WHERE room_id = $1 AND key = $2`, roomID, key); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT count(*) FROM erased_member WHERE key = $1`, key).Scan(&left)
	})
	return left, err
}

// noteErased keeps what it takes to say in the documents of shared rooms that a user is
// out, once their account is gone, and removes what the facts of these rooms say of them
// beside that they were in. The user may have left a room without that having been sent.
func noteErased(ctx context.Context, tx *sql.Tx, userID string, at time.Time) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO erased_member (room_id, key, account_id, erased_at)
		SELECT s.room_id, p.key, p.account_id, $2 FROM person_key p CROSS JOIN shared_room s WHERE p.account_id = $1 AND (
			EXISTS (SELECT 1 FROM member m WHERE m.room_id = s.room_id AND m.account_id = p.account_id)
			OR EXISTS (SELECT 1 FROM room_fact f WHERE f.room_id = s.room_id AND f.key IN ('members/' || p.key || '/', 'people/' || p.key || '/')))`,
		userID, micros(at)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM room_fact WHERE room_id IN (SELECT room_id FROM erased_member WHERE account_id = $1) AND EXISTS (SELECT 1 FROM erased_member e WHERE e.account_id = $1 AND e.room_id = room_fact.room_id
		AND (room_fact.key = 'people/' || e.key || '/' OR room_fact.key LIKE 'sensors/' || e.key || '/%'))`, userID)
	return err
}
