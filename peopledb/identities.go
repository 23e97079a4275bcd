package peopledb

import (
	"context"
	"database/sql"
	"time"

	"github.com/sensocto/sensocto"
)

var errIdentityTaken = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "identity_taken", Message: "this identity belongs to an account already"}

// InsertIdentity links an identity at an issuer to a user. One that is linked
// already is a conflict, whosever it is.
func (db *DB) InsertIdentity(ctx context.Context, e sensocto.ExternalIdentity) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error { return insertIdentity(ctx, tx, e) })
}

func insertIdentity(ctx context.Context, tx *sql.Tx, e sensocto.ExternalIdentity) error {
	return mustAffect(ctx, tx, errIdentityTaken, `INSERT INTO external_identity (issuer, subject, account_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		e.Issuer, e.Subject, e.UserID)
}

// InsertUserWithIdentity stores a new user together with its identity at an
// issuer: either both are there or none. invitation is the hash of an invitation
// that is used up by that; nil for none. It returns errors as InsertUser and
// InsertIdentity do, and sensocto.ErrNotFound for an invitation that is gone.
func (db *DB) InsertUserWithIdentity(ctx context.Context, u sensocto.User, e sensocto.ExternalIdentity, invitation []byte) error {
	return db.update(ctx, userChanged(u.ID), func(ctx context.Context, tx *sql.Tx) error {
		if invitation != nil {
			if err := mustAffect(ctx, tx, sensocto.ErrNotFound, `DELETE FROM link WHERE hash = $1 AND kind = $2`, invitation, string(sensocto.LinkInvite)); err != nil {
				return err
			}
		}
		if err := insertUser(ctx, tx, u); err != nil {
			return err
		}
		return insertIdentity(ctx, tx, e)
	})
}

// UserByIdentity returns the user with an identity at an issuer, or
// sensocto.ErrNotFound.
func (db *DB) UserByIdentity(ctx context.Context, issuer, subject string) (sensocto.User, error) {
	return one(ctx, db, scanUser, userColumns+` WHERE id = (SELECT account_id FROM external_identity WHERE issuer = $1 AND subject = $2)`, issuer, subject)
}

// Identities returns the identities of a user at all issuers.
func (db *DB) Identities(ctx context.Context, userID string) ([]sensocto.ExternalIdentity, error) {
	return view(ctx, db, func(row *sql.Rows) (e sensocto.ExternalIdentity, err error) {
		err = row.Scan(&e.Issuer, &e.Subject, &e.UserID)
		return e, err
	}, `SELECT issuer, subject, account_id FROM external_identity WHERE account_id = $1 ORDER BY issuer, subject`, userID)
}

// DeleteIdentities removes the identities of a user at an issuer, or returns
// sensocto.ErrNotFound. With keepOne the last way in stays: that is a conflict.
func (db *DB) DeleteIdentities(ctx context.Context, userID, issuer string, keepOne bool) error {
	return db.deleteWayIn(ctx, userID, keepOne, `DELETE FROM external_identity WHERE account_id = $1 AND issuer = $2`, issuer)
}

// LinkFor returns a link of a kind that was made for some data and is good at a
// time, or sensocto.ErrNotFound.
func (db *DB) LinkFor(ctx context.Context, kind sensocto.LinkKind, data string, now time.Time) (sensocto.Link, error) {
	return one(ctx, db, scanLink, linkColumns+` WHERE kind = $1 AND data = $2 AND expires_at > $3 ORDER BY expires_at LIMIT 1`, string(kind), data, micros(now))
}
