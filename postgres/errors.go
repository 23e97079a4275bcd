package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sensocto/sensocto"
)

// failure is an error of the database, without secrets.
type failure struct {
	text string
	err  error
	away bool // the database cannot be reached
}

func (f *failure) Error() string { return f.text }

// Unwrap lets callers ask for ErrUnavailable as well as for the cause.
func (f *failure) Unwrap() []error {
	if f.away {
		return []error{sensocto.ErrUnavailable, f.err}
	}
	return []error{f.err}
}

// explain adds to errors of PostgreSQL what an operator can do, and takes
// passwords out of their text.
func (db *DB) explain(err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if _, ok := errors.AsType[*sensocto.Error](err); ok {
		return err
	}
	text := err.Error()
	if advice := adviceFor(err); advice != "" {
		text = advice + ": " + text
	}
	return &failure{text: db.secrets.Replace(text), err: err, away: isAway(err)}
}

func adviceFor(err error) string {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if isAway(err) {
			return "the database cannot be reached: is PostgreSQL running, and are host and port in database_url right?"
		}
		return ""
	}
	switch {
	case e.Code == "28P01" || e.Code == "28000":
		return "the database refuses the user: check user and password in database_url, and pg_hba.conf"
	case e.Code == "3D000":
		return "there is no such database: make it with createdb"
	case e.Code == "42501":
		return "the database user lacks a right: it must own the schema " + Schema + ", or may create it (docs/postgres.md)"
	case e.Code == "53100":
		return "the disk of the database is full: make room"
	case e.Code == "53300":
		return "the database takes no more connections: raise max_connections"
	case e.Code == "25006":
		return "the database is read-only: name the primary in database_url"
	case strings.HasPrefix(e.Code, "XX"):
		return "the database is damaged: stop the server, and restore a backup"
	}
	return ""
}

// isAway tells that there is no talking with the database, from that it refuses
// something.
func isAway(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "57P01", "57P02", "57P03", "57P05", "53300", "25006", "25P03":
			return true
		}
		return strings.HasPrefix(e.Code, "08")
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "conn closed")
}
