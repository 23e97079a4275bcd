package peopledb

import (
	"context"
	"database/sql"
	"time"

	"github.com/sensocto/sensocto"
)

var (
	errPasskeyTaken    = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "passkey_taken", Message: "this passkey is registered already"}
	errLastWay         = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "last_way_in", Message: "nothing else signs you in: set a password first"}
	errTooManyPasskeys = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "too_many_passkeys", Message: "an account has no more passkeys than this: remove one first"}
)

// InsertPasskey stores a new passkey. An id that exists is a conflict, whosever
// it is, and so is one more than most of the same user.
func (db *DB) InsertPasskey(ctx context.Context, p sensocto.Passkey, most int) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// The lock on the account's row makes those who insert at once count one
		// after the other.
		if err := mustAffect(ctx, tx, sensocto.ErrNotFound, `UPDATE account SET version = version WHERE id = $1`, p.UserID); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM passkey WHERE account_id = $1`, p.UserID).Scan(&n); err != nil {
			return err
		}
		if n >= most {
			return errTooManyPasskeys
		}
		return mustAffect(ctx, tx, errPasskeyTaken, `INSERT INTO passkey (id, account_id, name, data, created_at, used_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`, p.ID, p.UserID, p.Name, p.Data, micros(p.CreatedAt), micros(p.UsedAt))
	})
}

const passkeyColumns = `SELECT id, account_id, name, data, created_at, used_at FROM passkey`

// Passkeys returns the passkeys of a user, oldest first.
func (db *DB) Passkeys(ctx context.Context, userID string) ([]sensocto.Passkey, error) {
	return view(ctx, db, scanPasskey, passkeyColumns+` WHERE account_id = $1 ORDER BY created_at, id`, userID)
}

// Passkey returns the passkey with a credential's id, or sensocto.ErrNotFound.
func (db *DB) Passkey(ctx context.Context, id []byte) (sensocto.Passkey, error) {
	return one(ctx, db, scanPasskey, passkeyColumns+` WHERE id = $1`, id)
}

// UsePasskey stores what a sign-in changed of a passkey whose data is still was:
// of two sign-ins with the same counter only one succeeds, the other is a
// conflict. It returns sensocto.ErrNotFound for an unknown passkey.
func (db *DB) UsePasskey(ctx context.Context, id []byte, was, data string, at time.Time) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var present string
		switch err := tx.QueryRowContext(ctx, `SELECT data FROM passkey WHERE id = $1`, id).Scan(&present); {
		case isNoRows(err):
			return sensocto.ErrNotFound
		case err != nil:
			return err
		}
		return mustAffect(ctx, tx, errConflict, `UPDATE passkey SET data = $1, used_at = $2 WHERE id = $3 AND data = $4`, data, micros(at), id, was)
	})
}

// DeletePasskey removes a passkey of a user, or returns sensocto.ErrNotFound. With
// keepOne the last way in stays: that is a conflict.
func (db *DB) DeletePasskey(ctx context.Context, userID string, id []byte, keepOne bool) error {
	return db.deleteWayIn(ctx, userID, keepOne, `DELETE FROM passkey WHERE account_id = $1 AND id = $2`, id)
}

// deleteWayIn removes what a user signs in with by a statement whose first
// parameter is the user.
func (db *DB) deleteWayIn(ctx context.Context, userID string, keepOne bool, query string, which any) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// The lock on the account's row makes those who delete at once look at what
		// is left one after the other.
		if err := mustAffect(ctx, tx, sensocto.ErrNotFound, `UPDATE account SET version = version WHERE id = $1`, userID); err != nil {
			return err
		}
		if err := mustAffect(ctx, tx, sensocto.ErrNotFound, query, userID, which); err != nil || !keepOne {
			return err
		}
		var left int
		err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM account WHERE id = $1 AND password <> '') +
			(SELECT count(*) FROM passkey WHERE account_id = $1) + (SELECT count(*) FROM external_identity WHERE account_id = $1)`, userID).Scan(&left)
		if err == nil && left == 0 {
			return errLastWay
		}
		return err
	})
}

func scanPasskey(row *sql.Rows) (p sensocto.Passkey, err error) {
	var created, used int64
	err = row.Scan(&p.ID, &p.UserID, &p.Name, &p.Data, &created, &used)
	p.CreatedAt, p.UsedAt = fromMicros(created), fromMicros(used)
	return p, err
}
