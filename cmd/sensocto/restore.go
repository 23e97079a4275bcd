package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/backup"
	"github.com/sensocto/sensocto/peopledb"
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
	return `Brings a backup back into a data directory, or a PostgreSQL database, that is empty or has no
sensors and no measurements yet. No server may have it open. It does not matter from which
kind of database the backup is.

The whole file is verified first; then everything is written beside what is there, read back
and compared, and takes its place in one step at the end. Until then nothing has changed, and
whatever ends the restore early leaves everything as it was.

Tokens that are there stay valid. Those of the backup, people's own included, come back with
--tokens alone; people's accounts and rooms always do, and everybody has to sign in again.

Examples:
  sensocto restore monday.backup --data-dir ./data
  sensocto restore monday.backup --data-dir ./data --tokens
  sensocto restore monday.backup --replace          the old data goes to DATA_DIR/replaced-…
  sensocto restore monday.backup --database-url postgres://sensocto@localhost/sensocto`
}

// Run restores.
func (c restoreCmd) Run(a *app) (err error) {
	config, err := c.load(a)
	if err != nil {
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
	kept, empty, err := c.survey(a.ctx, config)
	if err != nil {
		return err
	}
	skip, err := c.verified(a, archive)
	if err != nil {
		return err
	}
	return c.restore(a, config, archive, restoring{skip, kept, empty})
}

// restoring is what is known once it is clear that there can be a restore.
type restoring struct {
	skip  map[chunkID]bool // damaged chunks that are left out
	kept  []sensocto.Token
	empty bool // there is nothing but these
}

// survey refuses a place that holds something, and returns its tokens.
func (c restoreCmd) survey(ctx context.Context, config Config) (tokens []sensocto.Token, empty bool, err error) {
	if _, err := os.Stat(config.database()); errors.Is(err, os.ErrNotExist) && config.DatabaseURL == "" {
		return nil, false, nil
	}
	db, err := openToCheck(ctx, config)
	if inUse(err) {
		return nil, false, err
	}
	if err != nil && c.Replace {
		return nil, false, nil // whatever it is: it is moved aside
	}
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	series, err := db.Series(ctx)
	if err != nil {
		return nil, false, err
	}
	sensors, err := db.LoadSensors(ctx)
	if err != nil {
		return nil, false, err
	}
	users, err := peopledb.New(db).Users(ctx, "", 1)
	if err != nil {
		return nil, false, err
	}
	if len(users) > 0 && !c.Replace {
		return nil, false, fmt.Errorf("%s is not empty: people have accounts in it.\nChoose another with %s, or move what is there aside with --replace", config.place(), config.placeFlag())
	}
	if len(series)+len(sensors) > 0 && !c.Replace {
		return nil, false, fmt.Errorf("%s is not empty: it has %s and %s.\nChoose another with %s, or move what is there aside with --replace",
			config.place(), plural(int64(len(sensors)), "sensor"), plural(int64(len(series)), "series"), config.placeFlag())
	}
	tokens, err = peopledb.New(db).Tokens(ctx)
	return tokens, len(series)+len(sensors)+len(users) == 0, err
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

// restore fills a database of its own, which takes its place at the end.
func (c restoreCmd) restore(a *app, config Config, archive *os.File, r restoring) (err error) {
	began := time.Now()
	w, err := newWorkplace(a.ctx, config, began)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.discard()) }()
	totals, left, err := c.fill(a, w, archive, r)
	if err != nil {
		return fmt.Errorf("%w\nNothing was changed", err)
	}
	aside, err := w.takePlace(a.ctx, r.empty)
	if err != nil && len(aside) > 0 {
		return fmt.Errorf("%w\nWhat belongs to the old database, such as its journal, is in %s already:\n"+
			"if the database is still the old one, move it back into %s before a server starts", err, strings.Join(aside, " and "), config.DataDir)
	}
	if err == nil {
		err = w.beginJournal(a.ctx, config)
	}
	if err != nil {
		return err
	}
	before, err := restoreRoomKey(config.roomKeyFile(), w.roomKey, began.UTC().Format("20060102T150405.000Z"))
	if err != nil {
		return fmt.Errorf("everything is restored but the key of shared rooms, %s: without it the people of this server are others to the rest. Restore again once this is mended: %w", config.roomKeyFile(), err)
	}
	if before != "" {
		aside = append(aside, before)
	}
	if c.Quiet {
		return nil
	}
	fmt.Fprintf(a.stdout, "%s: restored %s in %v\n", config.place(), describeTotals(totals), time.Since(began).Round(10*time.Millisecond))
	if len(r.skip) > 0 {
		fmt.Fprintf(a.stdout, "%s were left out\n", plural(int64(len(r.skip)), "damaged chunk"))
	}
	if left > 0 {
		fmt.Fprintf(a.stdout, "%s stayed in the backup: --tokens brings them back\n", plural(left, "token"))
	}
	for _, where := range aside {
		fmt.Fprintf(a.stdout, "what was there before is in %s: delete it once you do not need it\n", where)
	}
	return nil
}

// fill makes a database of the archive and of the tokens that stay. left is how many
// tokens of the archive were not brought back.
func (c restoreCmd) fill(a *app, w *workplace, archive *os.File, r restoring) (totals backup.Trailer, left int64, err error) {
	for _, t := range r.kept {
		if err := peopledb.New(w.db).InsertToken(a.ctx, t); err != nil {
			return totals, 0, err
		}
	}
	info, err := archive.Stat()
	if err != nil {
		return totals, 0, err
	}
	var people []json.RawMessage
	target := backup.Target{
		Cold: w.db, Form: w.form,
		SaveSensor: func(ctx context.Context, s sensocto.Sensor) error {
			return w.db.SaveSensors(ctx, []sensocto.Sensor{s.Clean()}) // from before texts were checked
		},
		Person:  func(line json.RawMessage) error { people = append(people, slices.Clone(line)); return nil },
		RoomKey: func(key []byte) error { w.roomKey = key; return nil },
		Stream:  func(m sensocto.StreamMark) error { w.streams = append(w.streams, m); return nil },
		Skip:    func(chunk *sensocto.Chunk) bool { return r.skip[idOf(chunk)] },
	}
	var brought int64
	if c.Tokens {
		target.InsertToken = func(ctx context.Context, t sensocto.Token) error {
			err := peopledb.New(w.db).InsertToken(ctx, t)
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
	if !c.Tokens {
		left = totals.Tokens
	}
	totals.Tokens = brought
	if err == nil {
		_, err = peopledb.New(w.db).Load(a.ctx, people, c.Tokens)
	}
	return totals, left, err
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
