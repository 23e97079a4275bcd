package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/backup"
	"github.com/sensocto/sensocto/sqlite"
)

type restoreCmd struct {
	databaseFlags
	File        string `arg:"" help:"File that 'sensocto backup' wrote."`
	Tokens      bool   `help:"Bring back tokens too: who had one when the backup was made has access again."`
	Replace     bool   `help:"Restore into a data directory that is not empty: what is there is moved aside, not deleted."`
	SkipDamaged bool   `help:"Leave out chunks that were damaged when the backup was made, instead of refusing the file."`
	Quiet       bool   `short:"q" help:"Say nothing but errors."`
}

// Help is shown by --help.
func (restoreCmd) Help() string {
	return `Brings a backup back into a data directory that is empty, or has no sensors and no
measurements yet. No server may have it open.

The whole file is verified first; then everything is written beside what is there, read back
and compared, and takes its place in one step at the end. Until then nothing has changed, and
whatever ends the restore early leaves the directory as it was.

Tokens of the directory stay valid. Those of the backup come back with --tokens alone.

Examples:
  sensocto restore monday.backup --data-dir ./data
  sensocto restore monday.backup --data-dir ./data --tokens
  sensocto restore monday.backup --replace          the old data goes to DATA_DIR/replaced-…`
}

// Run restores.
func (c restoreCmd) Run(a *app) (err error) {
	config, err := c.load(a)
	if err != nil {
		return err
	}
	if err := config.onlySQLite("restore", "restore into a directory with --database-url '', or bring back a dump with pg_restore"); err != nil {
		return err
	}
	archive, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer archive.Close()
	unlock, err := sqlite.Lock(config.database())
	if err != nil {
		return fmt.Errorf("restore into %s: %w", config.DataDir, explainDataDir(config, err))
	}
	defer func() { err = errors.Join(err, unlock()) }()
	kept, err := c.survey(a.ctx, config)
	if err != nil {
		return err
	}
	skip, err := c.verified(a, archive)
	if err != nil {
		return err
	}
	return c.restore(a, config, archive, skip, kept)
}

// survey refuses a directory that holds something, and returns its tokens.
func (c restoreCmd) survey(ctx context.Context, config Config) (tokens []sensocto.Token, err error) {
	if _, err := os.Stat(config.database()); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	db, err := sqlite.Open(ctx, config.database(), sqlite.Options{})
	if err != nil && c.Replace {
		return nil, nil // whatever it is: it is moved aside
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	series, err := db.Series(ctx)
	if err != nil {
		return nil, err
	}
	sensors, err := db.LoadSensors(ctx)
	if err != nil {
		return nil, err
	}
	if len(series)+len(sensors) > 0 && !c.Replace {
		return nil, fmt.Errorf("%s is not empty: it has %s and %s.\nChoose another with --data-dir, or move what is there aside with --replace",
			config.DataDir, plural(int64(len(sensors)), "sensor"), plural(int64(len(series)), "series"))
	}
	return db.Tokens(ctx)
}

// verified reads the whole archive and returns which chunks to leave out.
func (c restoreCmd) verified(a *app, archive *os.File) (map[chunkID]bool, error) {
	_, damaged, err := verifyArchive(a, archive, c.Quiet)
	if err != nil {
		return nil, fmt.Errorf("%s: %w\nNothing was changed", c.File, err)
	}
	if len(damaged) > 0 && !c.SkipDamaged {
		return nil, fmt.Errorf("%s in %s were damaged when the backup was made: leave them out with --skip-damaged.\nNothing was changed",
			plural(int64(len(damaged)), "chunk"), c.File)
	}
	_, err = archive.Seek(0, io.SeekStart)
	return damaged, err
}

// restore writes a database of its own, which takes its place at the end.
func (c restoreCmd) restore(a *app, config Config, archive *os.File, skip map[chunkID]bool, kept []sensocto.Token) (err error) {
	stamp := time.Now().UTC().Format("20060102T150405.000Z")
	work := filepath.Join(config.DataDir, "restore-"+stamp)
	if err := os.MkdirAll(work, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	path, began := filepath.Join(work, filepath.Base(config.database())), time.Now()
	totals, err := c.fill(a, path, archive, skip, kept)
	if err != nil {
		return fmt.Errorf("%w\nNothing was changed", err)
	}
	aside, err := takePlace(config, path, filepath.Join(config.DataDir, "replaced-"+stamp), movesJournal)
	if err != nil {
		return err
	}
	if c.Quiet {
		return nil
	}
	fmt.Fprintf(a.stdout, "%s: restored %s in %v\n", config.DataDir, describeTotals(totals), time.Since(began).Round(10*time.Millisecond))
	if len(skip) > 0 {
		fmt.Fprintf(a.stdout, "%s were left out\n", plural(int64(len(skip)), "damaged chunk"))
	}
	if aside != "" {
		fmt.Fprintf(a.stdout, "what was there before is in %s: delete it once you do not need it\n", aside)
	}
	return nil
}

// fill makes a database of the archive and of the tokens that stay.
func (c restoreCmd) fill(a *app, path string, archive *os.File, skip map[chunkID]bool, kept []sensocto.Token) (totals backup.Trailer, err error) {
	db, err := sqlite.Open(a.ctx, path, sqlite.Options{})
	if err != nil {
		return totals, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, t := range kept {
		if err := db.InsertToken(a.ctx, t); err != nil {
			return totals, err
		}
	}
	info, err := archive.Stat()
	if err != nil {
		return totals, err
	}
	target := backup.Target{Cold: db, SaveSensor: db.SaveSensor, Skip: func(chunk *sensocto.Chunk) bool { return skip[idOf(chunk)] }}
	var brought int64
	if c.Tokens {
		target.InsertToken = func(ctx context.Context, t sensocto.Token) error {
			err := db.InsertToken(ctx, t)
			if sensocto.ErrorCode(err) == sensocto.CodeConflict {
				return nil // it is among those that stayed
			}
			brought++
			return err
		}
	}
	progress := newBar(a.stderr, "restoring", c.Quiet)
	defer progress.finish()
	totals, err = backup.Restore(a.ctx, &countingReader{in: archive, seen: func(n int64) { progress.show(n, info.Size()) }}, target)
	totals.Tokens = brought
	return totals, err
}

// countingReader tells how much was read.
type countingReader struct {
	in   io.Reader
	n    int64
	seen func(int64)
}

func (r *countingReader) Read(b []byte) (int, error) {
	n, err := r.in.Read(b)
	r.n += int64(n)
	r.seen(r.n)
	return n, err
}

// What becomes of the journal when a database takes the place of another: a
// backup is of another time, while what was saved of a damaged file is not.
const (
	movesJournal = true
	keepsJournal = false
)

// takePlace gives a new database the place of the old one, which it keeps
// aside where there is one. The last step is one rename: whatever ends the
// program before leaves the old database in its place.
func takePlace(config Config, path, aside string, journalToo bool) (kept string, err error) {
	old, err := oldFiles(config, journalToo)
	if err != nil {
		return "", err
	}
	for _, file := range old {
		if err := os.MkdirAll(aside, 0o700); err != nil {
			return "", err
		}
		kept = aside
		to := filepath.Join(aside, filepath.Base(file))
		if file == config.database() {
			err = os.Link(file, to) // the rename below takes its name
		} else {
			err = os.Rename(file, to)
		}
		if err != nil {
			return "", fmt.Errorf("move aside: %w", err)
		}
	}
	if err := os.Rename(path, config.database()); err != nil {
		return "", err
	}
	return kept, syncDir(config.DataDir)
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
		case e.Name() == name:
			found = true
		case e.Name() == name+".lock":
		case strings.HasPrefix(e.Name(), name+"-"), journalToo && e.Name() == filepath.Base(config.journal()):
			files = append(files, filepath.Join(config.DataDir, e.Name()))
		}
	}
	if found {
		files = append(files, config.database())
	}
	return files, nil
}
