package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sensocto/sensocto"
)

// InsertToken stores a new token. An id that exists is a conflict.
func (db *DB) InsertToken(ctx context.Context, t sensocto.Token) error {
	return db.transact(ctx, func(ctx context.Context, _ *writer, tx pgx.Tx) error {
		scopes := make([]string, len(t.Scopes))
		for i, s := range t.Scopes {
			scopes[i] = string(s)
		}
		var revoked *int64
		if !t.RevokedAt.IsZero() {
			at := t.RevokedAt.UnixMicro()
			revoked = &at
		}
		tag, err := tx.Exec(ctx, `INSERT INTO token (id, name, scopes, secret_hash, created_at, revoked_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
			t.ID, t.Name, strings.Join(scopes, ","), append([]byte{}, t.SecretHash...), t.CreatedAt.UnixMicro(), revoked)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return &sensocto.Error{Code: sensocto.CodeConflict, Message: fmt.Sprintf("there is a token %s already", t.ID)}
		}
		return tokensChanged(ctx, tx)
	})
}

// RevokeToken notes when a token stopped being valid; the first time stays.
// It returns sensocto.ErrNotFound for an unknown one.
func (db *DB) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return db.transact(ctx, func(ctx context.Context, _ *writer, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE token SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2`, at.UnixMicro(), id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return sensocto.ErrNotFound
		}
		return tokensChanged(ctx, tx)
	})
}

func tokensChanged(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `UPDATE token_version SET version = version + 1`)
	return err
}

// DataVersion returns a number that differs after any process changed the
// tokens. It reads one row, which is cheap enough to be asked often.
func (db *DB) DataVersion(ctx context.Context) (version int64, err error) {
	err = db.query(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT version FROM token_version`).Scan(&version)
	})
	return version, err
}

const tokenColumns = `SELECT id, name, scopes, secret_hash, created_at, revoked_at FROM token`

// Token returns one token, or sensocto.ErrNotFound.
func (db *DB) Token(ctx context.Context, id string) (t sensocto.Token, err error) {
	err = db.query(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		t, err = scanToken(conn.QueryRow(ctx, tokenColumns+` WHERE id = $1`, id))
		if errors.Is(err, pgx.ErrNoRows) {
			return sensocto.ErrNotFound
		}
		return err
	})
	return t, err
}

// Tokens returns all tokens, revoked ones included, in order of creation.
func (db *DB) Tokens(ctx context.Context) (list []sensocto.Token, err error) {
	err = db.query(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, tokenColumns+` ORDER BY created_at, id`)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (sensocto.Token, error) { return scanToken(row) })
		return err
	})
	return list, err
}

func scanToken(row pgx.Row) (t sensocto.Token, err error) {
	var scopes string
	var created int64
	var revoked *int64
	if err := row.Scan(&t.ID, &t.Name, &scopes, &t.SecretHash, &created, &revoked); err != nil {
		return sensocto.Token{}, err
	}
	t.CreatedAt = time.UnixMicro(created).UTC()
	if revoked != nil {
		t.RevokedAt = time.UnixMicro(*revoked).UTC()
	}
	for s := range strings.SplitSeq(scopes, ",") {
		if s != "" {
			t.Scopes = append(t.Scopes, sensocto.Scope(s))
		}
	}
	return t, nil
}
