package room_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/room"
	"github.com/sensocto/sensocto/sqlite"
)

// counting counts what a database is asked.
type counting struct {
	peopledb.SQL
	asked atomic.Int64
}

func (c *counting) View(ctx context.Context, do func(context.Context, *sql.DB) error) error {
	c.asked.Add(1)
	return c.SQL.View(ctx, do)
}

// A list of many rooms takes as many queries as a list of one, and says of each
// what looking at it alone says.
func TestList_AsksTheSameForManyRooms(t *testing.T) {
	for name, open := range map[string]func() (peopledb.SQL, error){
		"sqlite": func() (peopledb.SQL, error) {
			return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "sensocto.db"), sqlite.Options{})
		},
		"postgres": func() (peopledb.SQL, error) {
			return postgres.Open(t.Context(), shared.Database(t), postgres.Options{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			opened, err := open()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = opened.(interface{ Close() error }).Close() })
			db := &counting{SQL: opened}
			w := newWorld(t, peopledb.New(db), room.Limits{})
			ada, bob := w.users["ada"], w.users["bob"]
			const rooms = 30
			for i := range rooms {
				r, err := w.Create(t.Context(), ada, sensocto.RoomDraft{Name: fmt.Sprint("Lab ", i)})
				w.must(err)
				if i%2 == 0 {
					w.must(w.Share(t.Context(), ada, r.ID, "strap", sensocto.ShareTerms{}))
				}
				if i%3 == 0 {
					_, err = w.JoinByCode(t.Context(), bob, r.JoinCode, "192.0.2.1")
					w.must(err)
				}
			}
			asks := func(limit int) (list []sensocto.RoomView, asked int64) {
				before := db.asked.Load()
				list, err := w.List(t.Context(), ada, false, "", limit)
				w.must(err)
				if len(list) != limit {
					t.Fatalf("%d rooms, want %d", len(list), limit)
				}
				return list, db.asked.Load() - before
			}
			asks(1) // what is remembered of the asker is read once
			_, one := asks(1)
			list, all := asks(rooms)
			if one != all {
				t.Errorf("%d queries for a room, %d for %d", one, all, rooms)
			}
			for i, r := range list {
				alone, err := w.Room(t.Context(), ada, r.ID)
				w.must(err)
				wantSensors, wantMembers := (i+1)%2, 1
				if i%3 == 0 {
					wantMembers = 2
				}
				if len(r.Sensors) != wantSensors || r.MemberCount != wantMembers || len(alone.Sensors) != wantSensors || alone.MemberCount != wantMembers {
					t.Errorf("room %d has %d sensors and %d members in the list, %d and %d alone", i, len(r.Sensors), r.MemberCount, len(alone.Sensors), alone.MemberCount)
				}
			}
		})
	}
}
