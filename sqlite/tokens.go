package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// InsertToken stores a new token. An id that exists is a conflict.
func (db *DB) InsertToken(ctx context.Context, t sensocto.Token) error {
	return db.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		scopes := make([]string, len(t.Scopes))
		for i, s := range t.Scopes {
			scopes[i] = string(s)
		}
		var revoked any
		if !t.RevokedAt.IsZero() {
			revoked = t.RevokedAt.UnixMicro()
		}
		result, err := tx.ExecContext(ctx, `INSERT INTO token (id, name, scopes, secret_hash, created_at, revoked_at)
			VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			t.ID, t.Name, strings.Join(scopes, ","), append([]byte{}, t.SecretHash...), t.CreatedAt.UnixMicro(), revoked)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, &sensocto.Error{Code: sensocto.CodeConflict, Message: fmt.Sprintf("there is a token %s already", t.ID)})
		}
		return tokensChanged(ctx, tx)
	})
}

// RevokeToken notes when a token stopped being valid; the first time stays.
// It returns sensocto.ErrNotFound for an unknown one.
func (db *DB) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return db.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE token SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?`, at.UnixMicro(), id)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, sensocto.ErrNotFound)
		}
		return tokensChanged(ctx, tx)
	})
}

func tokensChanged(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE token_version SET version = version + 1`)
	return err
}

// DataVersion returns a number that differs after any process changed the
// tokens. It reads one row, which is cheap enough to be asked often.
func (db *DB) DataVersion(ctx context.Context) (version int64, err error) {
	err = db.read.QueryRowContext(ctx, `SELECT version FROM token_version`).Scan(&version)
	return version, explain(err)
}

const tokenColumns = `SELECT id, name, scopes, secret_hash, created_at, revoked_at FROM token`

// Token returns one token, or sensocto.ErrNotFound.
func (db *DB) Token(ctx context.Context, id string) (sensocto.Token, error) {
	t, err := scanToken(db.read.QueryRowContext(ctx, tokenColumns+` WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return t, sensocto.ErrNotFound
	}
	return t, explain(err)
}

// Tokens returns all tokens, revoked ones included, in order of creation.
func (db *DB) Tokens(ctx context.Context) ([]sensocto.Token, error) {
	rows, err := db.read.QueryContext(ctx, tokenColumns+` ORDER BY created_at, id`)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var list []sensocto.Token
	for rows.Next() {
		t, err := scanToken(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, explain(rows.Err())
}

func scanToken(row interface{ Scan(...any) error }) (t sensocto.Token, err error) {
	var scopes string
	var created int64
	var revoked sql.NullInt64
	if err := row.Scan(&t.ID, &t.Name, &scopes, &t.SecretHash, &created, &revoked); err != nil {
		return sensocto.Token{}, err
	}
	t.CreatedAt = time.UnixMicro(created).UTC()
	if revoked.Valid {
		t.RevokedAt = time.UnixMicro(revoked.Int64).UTC()
	}
	for s := range strings.SplitSeq(scopes, ",") {
		if s != "" {
			t.Scopes = append(t.Scopes, sensocto.Scope(s))
		}
	}
	return t, nil
}
