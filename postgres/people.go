package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// peopleConns is how many connections serve the tables of people: sign-ins,
// rooms, rights. Samples have connections of their own, so neither waits for
// the other.
const peopleConns = 8

// openPeople makes the pool behind Update and View. It connects when it is
// first used.
func (db *DB) openPeople(ctx context.Context, config *pgxpool.Config) error {
	config = config.Copy()
	// The planner's own choice: these queries join small tables.
	for name := range plannerParams {
		delete(config.ConnConfig.RuntimeParams, name)
	}
	config.ConnConfig.RuntimeParams["synchronous_commit"] = "on"
	config.ConnConfig.RuntimeParams["statement_timeout"] = milliseconds(db.options.Timeout)
	config.MaxConns = peopleConns
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return db.explain(err)
	}
	db.peoplePool, db.peopleSQL = pool, stdlib.OpenDBFromPool(pool)
	return nil
}

func (db *DB) closePeople() {
	if db.peopleSQL != nil {
		_ = db.peopleSQL.Close() // its connections belong to the pool
		db.peoplePool.Close()
	}
}

// Update runs f in a transaction that may write. Once it has begun it is not
// interrupted by ctx, but has a deadline of its own. With View it is what
// package peopledb needs.
func (db *DB) Update(ctx context.Context, f func(ctx context.Context, tx *sql.Tx) error) error {
	return db.people(ctx, func(ctx context.Context, pool *sql.DB) (err error) {
		started := time.Now()
		defer func() { db.latency.Observe(time.Since(started)) }()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.options.Timeout)
		defer cancel()
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := f(ctx, tx); err != nil {
			_ = tx.Rollback()
			return err
		}
		return tx.Commit()
	})
}

// View runs f, which only reads.
func (db *DB) View(ctx context.Context, f func(ctx context.Context, db *sql.DB) error) error {
	return db.people(ctx, f)
}

// people runs f where the database is not known to be away, and notes what came
// of it.
func (db *DB) people(ctx context.Context, f func(ctx context.Context, pool *sql.DB) error) error {
	if err := db.health.admit(time.Now()); err != nil {
		return err
	}
	err := f(ctx, db.peopleSQL)
	if errors.Is(err, sql.ErrNoRows) {
		db.health.note(ctx, nil)
		return err
	}
	err = db.explain(err)
	db.health.note(ctx, err)
	return err
}
