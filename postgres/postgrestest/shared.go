package postgrestest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Shared is one server for all tests of a package, started when the first of
// them needs it. It wraps the tests' main, which ends it:
//
//	var shared postgrestest.Shared
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(shared.Around(m)) }
type Shared struct {
	main interface{ Run() int }

	once   sync.Once
	server *Server
	err    error
	made   atomic.Int64 // databases
}

// Around returns tests that end the server when they have run.
func (s *Shared) Around(m interface{ Run() int }) *Shared {
	s.main = m
	return s
}

// Run runs the tests.
func (s *Shared) Run() int {
	code := s.main.Run()
	if s.server != nil {
		if err := s.server.Close(); err != nil {
			fmt.Println(err)
			return max(code, 1)
		}
	}
	return code
}

// Server returns the server.
func (s *Shared) Server(t testing.TB) *Server {
	t.Helper()
	Require(t)
	s.once.Do(func() { s.server, s.err = Start() })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

// Require skips the test where PostgreSQL was switched off.
func Require(t testing.TB) {
	t.Helper()
	if Off() {
		t.Skip("SENSOCTO_TEST_POSTGRES is off")
	}
}

// Database makes an empty database and returns its URL.
func (s *Shared) Database(t testing.TB) string {
	t.Helper()
	server := s.Server(t)
	return server.Database(t, fmt.Sprintf("test_%d", s.made.Add(1)))
}

// Database makes an empty database, in the place of what a former run of the
// test left, and returns its URL.
func (s *Server) Database(t testing.TB, name string) string {
	t.Helper()
	quoted := pgx.Identifier{name}.Sanitize()
	Exec(t, s.URL("postgres"), "DROP DATABASE IF EXISTS "+quoted+" WITH (FORCE)", "CREATE DATABASE "+quoted)
	return s.URL(name)
}

// Exec runs statements by another way than the program's.
func Exec(t testing.TB, url string, statements ...string) {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(context.Background())
	for _, sql := range statements {
		if _, err := conn.Exec(context.Background(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// Query returns the rows of a query as T, one column or a struct's worth.
func Query[T any](t testing.TB, url, sql string, args ...any) []T {
	t.Helper()
	conn := connect(t, url)
	defer conn.Close(context.Background())
	rows, err := conn.Query(context.Background(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return list
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
