package peopledb

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

var (
	errEmailTaken = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "email_taken", Message: "there is an account with this e-mail address already"}
	errLastAdmin  = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "last_administrator", Message: "this is the last administrator: make another one first"}
)

func userChanged(id string) []sensocto.Change {
	return []sensocto.Change{{Kind: sensocto.ChangeUser, ID: id}}
}

// InsertUser stores a new user, with version 1. An e-mail address that is taken
// is a conflict.
func (db *DB) InsertUser(ctx context.Context, u sensocto.User) error {
	return db.update(ctx, userChanged(u.ID), func(ctx context.Context, tx *sql.Tx) error { return insertUser(ctx, tx, u) })
}

func insertUser(ctx context.Context, tx *sql.Tx, u sensocto.User) error {
	return mustAffect(ctx, tx, errEmailTaken, `INSERT INTO account (id, name, email, password, is_guest, is_admin, created_at, expires_at, disabled_at, erased_at, email_proven, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1) ON CONFLICT DO NOTHING`,
		u.ID, u.Name, optional(u.Email), u.PasswordHash, bit(u.IsGuest), bit(u.IsAdmin), micros(u.CreatedAt), micros(u.ExpiresAt), micros(u.DisabledAt), micros(u.ErasedAt), bit(u.EmailProven))
}

// UpdateUser stores a user whose version is still u.Version, and returns it with
// the next one. It returns an error of code conflict where another change came
// first, where the e-mail address is taken, and where the last administrator would
// be one no more; and sensocto.ErrNotFound for an unknown user.
func (db *DB) UpdateUser(ctx context.Context, u sensocto.User) (sensocto.User, error) {
	err := db.update(ctx, userChanged(u.ID), func(ctx context.Context, tx *sql.Tx) error {
		var version int64
		switch err := tx.QueryRowContext(ctx, `SELECT version FROM account WHERE id = $1`, u.ID).Scan(&version); {
		case isNoRows(err):
			return sensocto.ErrNotFound
		case err != nil:
			return err
		}
		if err := anAdministratorStays(ctx, tx, u); err != nil {
			return err
		}
		if u.Email != "" {
			var other string
			err := tx.QueryRowContext(ctx, `SELECT id FROM account WHERE email = $1 AND id <> $2`, u.Email, u.ID).Scan(&other)
			if err == nil {
				return errEmailTaken
			} else if !isNoRows(err) {
				return err
			}
		}
		return mustAffect(ctx, tx, errConflict, `UPDATE account SET name = $1, email = $2, password = $3, is_guest = $4, is_admin = $5,
			expires_at = $6, disabled_at = $7, erased_at = $8, email_proven = $9, version = version + 1 WHERE id = $10 AND version = $11`,
			u.Name, optional(u.Email), u.PasswordHash, bit(u.IsGuest), bit(u.IsAdmin), micros(u.ExpiresAt), micros(u.DisabledAt), micros(u.ErasedAt), bit(u.EmailProven), u.ID, u.Version)
	})
	u.Version++
	return u, err
}

// activeAdmin is the condition for administrators that count.
const activeAdmin = `is_admin = 1 AND disabled_at = 0 AND erased_at = 0`

// anAdministratorStays returns an error if a change of the user leaves none: else
// nobody could make another.
func anAdministratorStays(ctx context.Context, tx *sql.Tx, u sensocto.User) error {
	if u.IsAdmin && u.DisabledAt.IsZero() && u.ErasedAt.IsZero() {
		return nil
	}
	// The counter's row is locked until the transaction ends: two administrators
	// cannot remove each other at once.
	if _, err := tx.ExecContext(ctx, `UPDATE change_version SET version = version`); err != nil {
		return err
	}
	var was, others int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM account WHERE id = $1 AND `+activeAdmin, u.ID).Scan(&was); err != nil || was == 0 {
		return err
	}
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM account WHERE id <> $1 AND `+activeAdmin, u.ID).Scan(&others); err != nil {
		return err
	}
	if others == 0 {
		return errLastAdmin
	}
	return nil
}

// DeleteUser removes a user with credentials, memberships, grants, invitations
// and notifications. Rooms that the user owns have to be gone or handed over
// before: else it is a conflict. It returns sensocto.ErrNotFound for an unknown
// user.
func (db *DB) DeleteUser(ctx context.Context, id string) error {
	return db.commit(ctx, func(ctx context.Context, tx *sql.Tx) ([]sensocto.Change, error) {
		var owned int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM room WHERE owner_id = $1`, id).Scan(&owned); err != nil {
			return nil, err
		}
		if owned > 0 {
			return nil, &sensocto.Error{Code: sensocto.CodeConflict, Reason: "owns_rooms", Message: "the user owns rooms: delete them or hand them over first"}
		}
		changes, err := touches(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if err := noteErased(ctx, tx, id, time.Now()); err != nil {
			return nil, err
		}
		for _, statement := range []string{
			`DELETE FROM token WHERE account_id = $1`,
			`DELETE FROM link WHERE account_id = $1`,
			`DELETE FROM sensor_grant WHERE account_id = $1`,
			`DELETE FROM invitation WHERE account_id = $1 OR invited_by = $1`,
			`DELETE FROM share WHERE shared_by = $1`,
		} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return nil, err
			}
		}
		// The tables that refer to the account follow by themselves.
		if err := mustAffect(ctx, tx, sensocto.ErrNotFound, `DELETE FROM account WHERE id = $1`, id); err != nil {
			return nil, err
		}
		return append(changes, userChanged(id)...), nil
	})
}

// touches returns what is different once a user is gone.
func touches(ctx context.Context, tx *sql.Tx, id string) (changes []sensocto.Change, err error) {
	for _, q := range []struct {
		kind  sensocto.ChangeKind
		query string
	}{
		{sensocto.ChangeToken, `SELECT id FROM token WHERE account_id = $1`},
		{sensocto.ChangeRoom, `SELECT room_id FROM member WHERE account_id = $1 UNION SELECT room_id FROM share WHERE shared_by = $1`},
		{sensocto.ChangeSensor, `SELECT sensor_id FROM sensor_grant WHERE account_id = $1`},
	} {
		ids, err := list(ctx, tx, scanText, q.query, id)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			changes = append(changes, sensocto.Change{Kind: q.kind, ID: id})
		}
	}
	return changes, nil
}

func scanText(row *sql.Rows) (text string, err error) { err = row.Scan(&text); return text, err }

const userColumns = `SELECT id, name, email, password, is_guest, is_admin, created_at, expires_at, disabled_at, erased_at, email_proven, version FROM account`

// User returns a user, or sensocto.ErrNotFound.
func (db *DB) User(ctx context.Context, id string) (sensocto.User, error) {
	return one(ctx, db, scanUser, userColumns+` WHERE id = $1`, id)
}

// UserByEmail returns the user with an address in lower case, or
// sensocto.ErrNotFound.
func (db *DB) UserByEmail(ctx context.Context, email string) (sensocto.User, error) {
	return one(ctx, db, scanUser, userColumns+` WHERE email = $1`, email)
}

// Users returns up to limit users behind an id, in order of their ids, which is
// that of their creation.
func (db *DB) Users(ctx context.Context, after string, limit int) ([]sensocto.User, error) {
	return view(ctx, db, scanUser, userColumns+` WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

// FindUsers is Users for those with a text in their name or e-mail address,
// whatever its case (of ASCII letters, where the database is SQLite).
func (db *DB) FindUsers(ctx context.Context, text, after string, limit int) ([]sensocto.User, error) {
	pattern := "%" + likeText.Replace(strings.ToLower(text)) + "%"
	return view(ctx, db, scanUser, userColumns+` WHERE id > $1 AND (lower(name) LIKE $2 ESCAPE '!' OR email LIKE $2 ESCAPE '!') ORDER BY id LIMIT $3`, after, pattern, limit)
}

// likeText escapes what has a meaning in a pattern of LIKE.
var likeText = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// Administrators returns how many users are administrators and not disabled.
func (db *DB) Administrators(ctx context.Context) (int, error) {
	return one(ctx, db, func(row *sql.Rows) (n int, err error) { err = row.Scan(&n); return n, err },
		`SELECT count(*) FROM account WHERE `+activeAdmin)
}

// UsersToErase returns the ids of users who asked to be erased, and of guests that
// ended before a time.
func (db *DB) UsersToErase(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return view(ctx, db, scanText, `SELECT id FROM account WHERE erased_at > 0 OR expires_at > 0 AND expires_at < $1 ORDER BY id LIMIT $2`, micros(before), limit)
}

func scanUser(row *sql.Rows) (u sensocto.User, err error) {
	var email sql.NullString
	var guest, admin, created, expires, disabled, erased, proven int64
	err = row.Scan(&u.ID, &u.Name, &email, &u.PasswordHash, &guest, &admin, &created, &expires, &disabled, &erased, &proven, &u.Version)
	u.Email, u.EmailProven, u.IsGuest, u.IsAdmin = email.String, proven != 0, guest != 0, admin != 0
	u.CreatedAt, u.ExpiresAt, u.DisabledAt = fromMicros(created), fromMicros(expires), fromMicros(disabled)
	u.ErasedAt = fromMicros(erased)
	return u, err
}

// InsertLink stores a link. Earlier ones of the same kind for the same user end.
func (db *DB) InsertLink(ctx context.Context, l sensocto.Link) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if l.UserID != "" || l.Kind == sensocto.LinkSetup {
			if _, err := tx.ExecContext(ctx, `DELETE FROM link WHERE kind = $1 AND account_id = $2`, string(l.Kind), l.UserID); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM link WHERE expires_at < $1`, micros(time.Now())); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO link (hash, kind, account_id, data, expires_at) VALUES ($1, $2, $3, $4, $5)`,
			l.Hash, string(l.Kind), l.UserID, l.Data, micros(l.ExpiresAt))
		return err
	})
}

// Link returns the link with a hash if it is of the kind, whether it has
// expired or not, or sensocto.ErrNotFound.
func (db *DB) Link(ctx context.Context, kind sensocto.LinkKind, hash []byte) (sensocto.Link, error) {
	return one(ctx, db, scanLink, linkColumns+` WHERE hash = $1 AND kind = $2`, hash, string(kind))
}

// TakeLink removes a link and returns it: of several callers only one gets it,
// the others sensocto.ErrNotFound.
func (db *DB) TakeLink(ctx context.Context, kind sensocto.LinkKind, hash []byte) (l sensocto.Link, err error) {
	err = db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		taken, err := list(ctx, tx, scanLink, `DELETE FROM link WHERE hash = $1 AND kind = $2 RETURNING hash, kind, account_id, data, expires_at`, hash, string(kind))
		if err == nil && len(taken) == 0 {
			return sensocto.ErrNotFound
		}
		if err == nil {
			l = taken[0]
		}
		return err
	})
	return l, err
}

const linkColumns = `SELECT hash, kind, account_id, data, expires_at FROM link`

func scanLink(row *sql.Rows) (l sensocto.Link, err error) {
	var expires int64
	err = row.Scan(&l.Hash, &l.Kind, &l.UserID, &l.Data, &expires)
	l.ExpiresAt = fromMicros(expires)
	return l, err
}
