package peopledb

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// InsertToken stores a new credential. An id that exists is a conflict.
func (db *DB) InsertToken(ctx context.Context, t sensocto.Token) error {
	return db.update(ctx, tokenChanged(t.ID), func(ctx context.Context, tx *sql.Tx) error { return insertToken(ctx, tx, t) })
}

func tokenChanged(id string) []sensocto.Change {
	return []sensocto.Change{{Kind: sensocto.ChangeToken, ID: id}}
}

func insertToken(ctx context.Context, tx *sql.Tx, t sensocto.Token) error {
	scopes := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		scopes[i] = string(s)
	}
	kind := t.Kind
	if kind == "" {
		kind = sensocto.KindToken
	}
	taken := &sensocto.Error{Code: sensocto.CodeConflict, Message: fmt.Sprintf("there is a token %s already", t.ID)}
	return mustAffect(ctx, tx, taken, `INSERT INTO token (id, name, scopes, secret_hash, created_at, revoked_at, kind, account_id, expires_at, sensor_ids, device, confirmed_at, used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`,
		t.ID, t.Name, strings.Join(scopes, ","), append([]byte{}, t.SecretHash...), t.CreatedAt.UnixMicro(),
		sql.NullInt64{Int64: micros(t.RevokedAt), Valid: !t.RevokedAt.IsZero()},
		string(kind), t.UserID, micros(t.ExpiresAt), strings.Join(t.SensorIDs, ","), t.Device, micros(t.ConfirmedAt), micros(t.UsedAt))
}

// RevokeToken notes when a credential stopped being valid; the first time
// stays. It returns sensocto.ErrNotFound for an unknown one.
func (db *DB) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return db.update(ctx, tokenChanged(id), func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `UPDATE token SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2`, at.UnixMicro(), id)
	})
}

// ConfirmToken notes when the person of a session showed who they are. It returns
// sensocto.ErrNotFound for an unknown one.
func (db *DB) ConfirmToken(ctx context.Context, id string, at time.Time) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `UPDATE token SET confirmed_at = $1 WHERE id = $2`, at.UnixMicro(), id)
	})
}

// UseTokens notes when credentials were last used. A later use that is known
// stays; unknown credentials are none of its business.
func (db *DB) UseTokens(ctx context.Context, uses map[string]time.Time) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, id := range slices.Sorted(maps.Keys(uses)) { // in one order: processes do not wait for each other in a circle
			at := uses[id].UnixMicro()
			if _, err := affect(ctx, tx, `UPDATE token SET used_at = $1 WHERE id = $2 AND used_at < $3`, at, id, at); err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetTokens removes sessions and tokens of people that ended before a time: nobody
// asks for them any more, and a person could make and revoke them without end. Those
// of the server itself stay in its list, revoked or not.
func (db *DB) ForgetTokens(ctx context.Context, before time.Time) (n int64, err error) {
	err = db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err = affect(ctx, tx, `DELETE FROM token WHERE (kind = $1 OR account_id <> '') AND (expires_at > 0 AND expires_at < $2 OR revoked_at < $2)`,
			string(sensocto.KindSession), before.UnixMicro())
		return err
	})
	return n, err
}

const tokenColumns = `SELECT id, name, scopes, secret_hash, created_at, revoked_at, kind, account_id, expires_at, sensor_ids, device, confirmed_at, used_at FROM token`

// Token returns one credential, or sensocto.ErrNotFound.
func (db *DB) Token(ctx context.Context, id string) (sensocto.Token, error) {
	return one(ctx, db, scanToken, tokenColumns+` WHERE id = $1`, id)
}

// Credential returns a credential and, where it is a user's, that user, who is
// the zero User where there is none. It returns sensocto.ErrNotFound for an
// unknown one.
func (db *DB) Credential(ctx context.Context, id string) (t sensocto.Token, u sensocto.User, err error) {
	err = db.sql.View(ctx, func(ctx context.Context, pool *sql.DB) error {
		tokens, err := list(ctx, pool, scanToken, tokenColumns+` WHERE id = $1`, id)
		if err == nil && len(tokens) == 0 {
			return sensocto.ErrNotFound
		}
		if err != nil || tokens[0].UserID == "" {
			t = firstOf(tokens)
			return err
		}
		t = tokens[0]
		users, err := list(ctx, pool, scanUser, userColumns+` WHERE id = $1`, t.UserID)
		u = firstOf(users)
		return err
	})
	return t, u, err
}

// firstOf returns the zero value of an empty list.
func firstOf[T any](all []T) (first T) {
	if len(all) > 0 {
		first = all[0]
	}
	return first
}

// Tokens returns the credentials of the server itself, revoked ones included,
// in order of creation.
func (db *DB) Tokens(ctx context.Context) ([]sensocto.Token, error) {
	return db.UserTokens(ctx, "")
}

// UserTokens returns the credentials of a user, revoked ones included, in order
// of creation.
func (db *DB) UserTokens(ctx context.Context, userID string) ([]sensocto.Token, error) {
	return view(ctx, db, scanToken, tokenColumns+` WHERE account_id = $1 ORDER BY created_at, id`, userID)
}

func scanToken(row *sql.Rows) (t sensocto.Token, err error) {
	var scopes, sensors string
	var created, expires, confirmed, used int64
	var revoked sql.NullInt64
	if err := row.Scan(&t.ID, &t.Name, &scopes, &t.SecretHash, &created, &revoked, &t.Kind, &t.UserID, &expires, &sensors, &t.Device, &confirmed, &used); err != nil {
		return sensocto.Token{}, err
	}
	t.CreatedAt, t.ExpiresAt = time.UnixMicro(created).UTC(), fromMicros(expires)
	t.ConfirmedAt, t.UsedAt = fromMicros(confirmed), fromMicros(used)
	if revoked.Valid {
		t.RevokedAt = time.UnixMicro(revoked.Int64).UTC()
	}
	for s := range strings.SplitSeq(scopes, ",") {
		if s != "" {
			t.Scopes = append(t.Scopes, sensocto.Scope(s))
		}
	}
	if sensors != "" {
		t.SensorIDs = strings.Split(sensors, ",")
	}
	return t, nil
}
