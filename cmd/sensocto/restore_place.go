package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/journal"
)

// workplace is a database that is made beside the one whose place it is to
// take: a file in a directory of its own, or a schema of its own.
type workplace struct {
	db   database
	form func(dst, data []byte) []byte // of chunks as this database keeps them; nil: as they come
	// streams are how far devices had got, which the journal has to know.
	streams []sensocto.StreamMark
	roomKey []byte // the secret of shared rooms, or nil

	// takePlace ends the use of db, and says where that is what was there before,
	// or, with an error, what has been moved there already; empty says that nobody
	// needs that.
	takePlace func(ctx context.Context, empty bool) (aside []string, err error)
	// discard leaves nothing of it where it did not take its place.
	discard func() error
}

func newWorkplace(ctx context.Context, config Config, now time.Time) (*workplace, error) {
	stamp := now.UTC().Format("20060102T150405.000Z")
	if config.DatabaseURL != "" {
		return newSchema(ctx, config, stamp)
	}
	work := filepath.Join(config.DataDir, "restore-"+stamp)
	if err := os.MkdirAll(work, 0o700); err != nil {
		return nil, err
	}
	w, err := newFile(ctx, filepath.Join(work, filepath.Base(config.database())))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(work))
	}
	path := filepath.Join(work, filepath.Base(config.database()))
	w.takePlace = func(ctx context.Context, _ bool) ([]string, error) {
		if err := w.db.Close(); err != nil {
			return nil, err
		}
		return takePlace(config, path, filepath.Join(config.DataDir, "replaced-"+stamp), movesJournal)
	}
	w.discard = func() error { return errors.Join(w.db.Close(), os.RemoveAll(work)) }
	return w, nil
}

// newFile is a workplace that only has a database.
func newFile(ctx context.Context, path string) (*workplace, error) {
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	return &workplace{db: db}, nil
}

// newSchema is a workplace in PostgreSQL. While it is open no server can use
// the database.
func newSchema(ctx context.Context, config Config, stamp string) (*workplace, error) {
	suffix := strings.ToLower(strings.ReplaceAll(stamp, ".", "_"))
	o := postgres.Options{Exclusive: true, Plain: store.Plain(), Schema: "sensocto_restore_" + suffix}
	db, err := postgres.Open(ctx, string(config.DatabaseURL), o)
	if err != nil {
		return nil, err
	}
	took := false
	w := &workplace{db: db, form: o.Plain}
	w.takePlace = func(ctx context.Context, empty bool) ([]string, error) {
		aside, err := moveAside(config, filepath.Join(config.DataDir, "replaced-"+stamp), movesJournal)
		if err != nil {
			return aside, err
		}
		replaced := ""
		if !empty {
			replaced = "sensocto_replaced_" + suffix
		}
		if err := db.TakePlace(ctx, replaced); err != nil {
			return aside, err
		}
		took = true
		if replaced != "" {
			aside = append(aside, "the schema "+replaced)
		}
		return aside, nil
	}
	w.discard = func() (err error) {
		if !took {
			err = db.Discard(context.WithoutCancel(ctx))
		}
		return errors.Join(err, db.Close())
	}
	return w, nil
}

// beginJournal lets the journal know how far devices had got. It comes last: a
// restore that ends before has everything but that.
func (w *workplace) beginJournal(ctx context.Context, config Config) error {
	if len(w.streams) == 0 {
		return nil
	}
	if err := store.RestoreStreams(ctx, journal.OS(config.journal()), w.streams); err != nil {
		return fmt.Errorf("everything is restored but how far devices had got with their streams: %w", err)
	}
	return nil
}

// What becomes of the journal when a database takes the place of another: a
// backup is of another time, while what was saved of a damaged file is not.
const (
	movesJournal = true
	keepsJournal = false
)

// takePlace gives a new database file the place of the old one, which it keeps
// aside where there is one. The last step is one rename: whatever ends the
// program before leaves the old database in its place.
func takePlace(config Config, path, aside string, journalToo bool) (kept []string, err error) {
	if kept, err = moveAside(config, aside, journalToo); err != nil {
		return kept, err
	}
	if err := os.Rename(path, config.database()); err != nil {
		return kept, err
	}
	if err := syncDir(config.DataDir); err != nil {
		return nil, err // it was replaced
	}
	return kept, nil
}

// moveAside moves what belongs to a database to a directory, but the database
// file itself, which gets another name there and keeps its own until another
// takes that. It returns the directory if there was something.
func moveAside(config Config, aside string, journalToo bool) (kept []string, err error) {
	old, err := oldFiles(config, journalToo)
	if err != nil {
		return nil, err
	}
	for _, file := range old {
		if err := os.MkdirAll(aside, 0o700); err != nil {
			return kept, err
		}
		kept = []string{aside}
		to := filepath.Join(aside, filepath.Base(file))
		if file == config.database() {
			err = os.Link(file, to)
		} else {
			err = os.Rename(file, to)
		}
		if err != nil {
			return kept, fmt.Errorf("move aside: %w", err)
		}
	}
	return kept, nil
}

// oldFiles are what belongs to the database in the directory, but the lock. The
// database is the last.
func oldFiles(config Config, journalToo bool) (files []string, err error) {
	entries, err := os.ReadDir(config.DataDir)
	if err != nil {
		return nil, err
	}
	name, found := filepath.Base(config.database()), false
	for _, e := range entries {
		switch {
		case journalToo && e.Name() == filepath.Base(config.journal()):
			files = append(files, filepath.Join(config.DataDir, e.Name()))
		case config.DatabaseURL != "" || e.Name() == name+".lock":
		case e.Name() == name:
			found = true
		case strings.HasPrefix(e.Name(), name+"-"):
			files = append(files, filepath.Join(config.DataDir, e.Name()))
		}
	}
	if found {
		files = append(files, config.database())
	}
	return files, nil
}
