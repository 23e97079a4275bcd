package room_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/room"
	"github.com/sensocto/sensocto/sqlite"
)

// How many there are of everything.
const (
	manyUsers   = 20_000
	manyRooms   = 10_000
	memberships = 100_000
	sensorsEach = 2 // in a room
)

func userID(i int) string { return fmt.Sprintf("01900000-0000-7000-8000-%012d", i) }
func roomID(i int) string { return fmt.Sprintf("01900000-0000-7000-9000-%012d", i) }

// fill writes everything in a few transactions.
func fill(b *testing.B, db peopledb.SQL) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	insert := func(n int, do func(tx *sql.Tx, i int) error) {
		const at = 5000
		for from := 0; from < n; from += at {
			err := db.Update(b.Context(), func(_ context.Context, tx *sql.Tx) error {
				for i := from; i < min(n, from+at); i++ {
					if err := do(tx, i); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	insert(manyUsers, func(tx *sql.Tx, i int) error {
		_, err := tx.ExecContext(b.Context(), `INSERT INTO account (id, name, email, password, is_guest, is_admin, created_at, expires_at, disabled_at, version) VALUES ($1, $2, $3, '', 0, 0, 1, 0, 0, 1)`,
			userID(i), fmt.Sprint("user ", i), fmt.Sprintf("u%d@example.org", i))
		return err
	})
	insert(manyRooms, func(tx *sql.Tx, i int) error {
		_, err := tx.ExecContext(b.Context(), `INSERT INTO room (id, name, description, owner_id, is_public, created_at, settings, join_code, code_expires_at, version) VALUES ($1, $2, '', $3, $4, 1, '{}', NULL, 0, 1)`,
			roomID(i), fmt.Sprint("room ", i), userID(i), i%2)
		if err == nil {
			_, err = tx.ExecContext(b.Context(), `INSERT INTO member (room_id, account_id, role, joined_at) VALUES ($1, $2, 'owner', 1)`, roomID(i), userID(i))
		}
		for k := range sensorsEach {
			if err == nil {
				_, err = tx.ExecContext(b.Context(), `INSERT INTO share (room_id, sensor_id, shared_by, shared_at, control, all_history, transient) VALUES ($1, $2, $3, 1, 0, 0, 0)`,
					roomID(i), fmt.Sprintf("s%d-%d", i, k), userID(i))
			}
		}
		return err
	})
	insert(memberships-manyRooms, func(tx *sql.Tx, i int) error {
		_, err := tx.ExecContext(b.Context(), `INSERT INTO member (room_id, account_id, role, joined_at) VALUES ($1, $2, 'member', 1) ON CONFLICT DO NOTHING`,
			roomID(r.IntN(manyRooms)), userID(r.IntN(manyUsers)))
		return err
	})
}

// BenchmarkMany measures what people wait for, with 20,000 of them in 10,000 rooms.
// p99 is of single calls, whose answers are not remembered from before.
func BenchmarkMany(b *testing.B) {
	for name, open := range map[string]func(b *testing.B) peopledb.SQL{
		"sqlite": func(b *testing.B) peopledb.SQL {
			db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "many.db"), sqlite.Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = db.Close() })
			return db
		},
		"postgres": func(b *testing.B) peopledb.SQL {
			db, err := postgres.Open(b.Context(), shared.Database(b), postgres.Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = db.Close() })
			return db
		},
	} {
		b.Run(name, func(b *testing.B) {
			sqlDB := open(b)
			fill(b, sqlDB)
			db := peopledb.New(sqlDB)
			accounts := account.New(account.Options{Store: db})
			w := rights.New(rights.Options{Store: db, Owner: func(id string) (string, bool) { return "somebody", true }})
			b.Cleanup(w.Close)
			rooms := room.New(room.Options{Store: db, Rights: w, Attempts: accounts, PubSub: pubsub.New(),
				Sensor: func(id string) (sensocto.Sensor, bool) { return sensocto.UnknownSensor(id), true }})
			anybody := func() sensocto.Identity {
				id := userID(rand.IntN(manyUsers))
				return sensocto.Identity{ID: id, UserID: id, OwnerID: id, Scopes: []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}}
			}
			timed := func(name string, do func() error) {
				b.Run(name, func(b *testing.B) {
					var times []time.Duration
					for b.Loop() {
						began := time.Now()
						if err := do(); err != nil {
							b.Fatal(err)
						}
						times = append(times, time.Since(began))
					}
					slices.Sort(times)
					b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
				})
			}
			timed("list one's rooms", func() error {
				_, err := rooms.List(b.Context(), anybody(), false, "", 100)
				return err
			})
			timed("join a public room", func() error {
				_, err := rooms.Join(b.Context(), anybody(), roomID(rand.IntN(manyRooms)|1))
				return err
			})
			timed("right to a sensor, for the first time", func() error {
				_, err := w.Sensor(b.Context(), anybody(), fmt.Sprintf("s%d-%d", rand.IntN(manyRooms), rand.IntN(sensorsEach)))
				return err
			})
			timed("what one sees in lists", func() error {
				_, err := w.Visible(b.Context(), anybody())
				return err
			})
		})
	}
}
