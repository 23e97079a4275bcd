//go:build unix

package main

import (
	"testing"
	"time"

	"github.com/sensocto/sensocto/postgres/postgrestest"
)

// TestPostgres_KilledAgainAndAgain: the database, the server, or both are
// killed, in every order, and come back in any.
func TestPostgres_KilledAgainAndAgain(t *testing.T) {
	t.Parallel() // it mostly waits
	postgrestest.Require(t)
	var db *postgrestest.Server
	begin := func(t *testing.T) *crash {
		var url string
		db, url = postgresServer(t)
		return beginCrash(t, t.TempDir(), "--database-url", url)
	}
	rounds(t, begin, func(c *crash, i int) {
		database, server := i%3 != 1, i%3 != 0
		if database {
			db.Kill()
			away := time.Second
			if i%20 == 17 {
				away = 20 * time.Second
			}
			c.pause(away) // devices are acknowledged all the while
		}
		if server {
			c.kill()
			c.pause(200 * time.Millisecond)
		}
		back := make(chan error, 1) // one result
		if database {
			go func() { back <- db.Restart() }()
		} else {
			back <- nil
		}
		if server {
			c.start()
		}
		if err := <-back; err != nil {
			c.t.Fatal(err)
		}
	})
}
