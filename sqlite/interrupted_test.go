package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/sensocto/sensocto/sqlite"
)

// interrupted is a database file as a kill leaves it in the middle of a
// transaction before there was a write-ahead log.
func interrupted(t *testing.T) string {
	t.Helper()
	from, to := dbPath(t), dbPath(t)
	if err := open(t, from, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", from)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range []string{"PRAGMA journal_mode = DELETE", "PRAGMA cache_size = 5", "BEGIN",
		"CREATE TABLE half AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i, hex(randomblob(50)) AS x FROM n"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-journal"} {
		content, err := os.ReadFile(from + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// A kill in the first moments of a new database does not keep the next start.
func TestOpen_AfterAKillAtTheVeryBeginning(t *testing.T) {
	path := interrupted(t)
	db := open(t, path, sqlite.Options{Exclusive: true})
	if list, err := db.Series(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if problems, err := sqlite.Problems(t.Context(), path); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	if _, err := os.Stat(path + "-journal"); !os.IsNotExist(err) {
		t.Errorf("the journal of the interrupted transaction is left: %v", err)
	}
}
