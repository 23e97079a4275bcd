package sqlite

import (
	"errors"
	"fmt"
	"os"
)

// ErrVanished says that the database was taken away under the running program.
var ErrVanished = errors.New("the database file was deleted, moved or replaced under the running program: " +
	"nothing more is written to it; stop the server, put the file back or restore a backup, and start it again: the journal holds what was confirmed since")

// opened is a file as it was when the database was opened.
type opened struct {
	path string
	info os.FileInfo
}

// notePresent remembers the files that transactions go to: the database and its
// write-ahead log.
func (db *DB) notePresent() {
	for _, path := range []string{db.path, db.path + "-wal"} {
		if info, err := os.Stat(path); err == nil {
			db.opened = append(db.opened, opened{path, info})
		}
	}
}

// present returns an error if the names no longer lead to the open files:
// SQLite would write to what the next start does not find.
func (db *DB) present() error {
	for _, o := range db.opened {
		now, err := os.Stat(o.path)
		if errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(o.info, now) {
			return fmt.Errorf("%w (%s)", ErrVanished, o.path)
		}
	}
	return nil
}
