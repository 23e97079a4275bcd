package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/backup"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

type repairCmd struct {
	dirFlags
	Yes bool `short:"y" help:"Do not ask."`
}

// Help is shown by --help.
func (repairCmd) Help() string {
	return `Checks a data directory as 'sensocto check' does, says what is wrong, and asks whether to mend
it. Chunks that do not decode are taken out (their rollups stay, so traces still show them from
afar); rows, totals, indexes and rollups are made again from the data; samples whose numbers
others have are cut off. Then everything is checked again.

Nothing is lost silently: every chunk that changes or goes is first written, as it was found,
to DATA_DIR/repair-<time>/before.backup, a file in the format of 'sensocto backup'. Of a damaged
journal all records that are whole stay; its files as they were are kept beside it.

A database file whose pages are damaged cannot be mended in place: what can be read of it is
written to a new one, and the old file goes to that directory as it is. A backup is better
where there is one: see 'sensocto restore'.

Examples:
  sensocto repair /var/lib/sensocto
  sensocto repair ./data --yes`
}

// Run repairs.
func (c repairCmd) Run(a *app) error {
	return c.with(a, func(config Config) error {
		f, err := checkDirectory(a, config, c.Quiet)
		if err != nil {
			return err
		}
		f.print(a.stdout)
		if f.Sound {
			return nil
		}
		if !c.Yes {
			if ok, err := a.confirm("Repair " + config.place() + "?"); !ok {
				return err
			}
		}
		return c.repair(a, config, f)
	})
}

func (c repairCmd) repair(a *app, config Config, f findings) error {
	aside := filepath.Join(config.DataDir, "repair-"+time.Now().UTC().Format("20060102T150405.000Z"))
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return err
	}
	if len(f.Journal.Damage) > 0 {
		if err := mendJournal(config, a.stdout); err != nil {
			return err
		}
	}
	if len(f.Database) > 0 {
		if err := c.mendFile(a, config, aside); err != nil {
			return err
		}
	}
	if err := c.mendChunks(a, config, aside); err != nil {
		return err
	}
	after, err := checkDirectory(a, config, c.Quiet)
	if err != nil {
		return err
	}
	if os.Remove(aside) != nil { // nothing was put there, if it can go
		fmt.Fprintf(a.stdout, "what was there before is in %s\n", aside)
	}
	if !after.Sound {
		after.print(a.stdout)
		return fmt.Errorf("%s is still not sound: restore a backup", config.place())
	}
	fmt.Fprintf(a.stdout, "%s is sound\n", config.place())
	return nil
}

// mendChunks repairs what is wrong now: less, where the file was mended.
func (c repairCmd) mendChunks(a *app, config Config, aside string) (err error) {
	db, err := openToCheck(a.ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// Mending may bring to light what was hidden, such as rollups of samples
	// that are readable again: a few rounds are enough.
	for round := range 3 {
		var f findings
		f.Chunks, err = store.Check(a.ctx, db, func(fault store.Fault) { f.Faults = append(f.Faults, fault) }, nil)
		if err != nil || len(f.Faults) == 0 {
			return err
		}
		name := filepath.Join(aside, "before.backup")
		if round > 0 {
			name = filepath.Join(aside, fmt.Sprintf("before-%d.backup", round+1))
		}
		if err := keepFaulty(a.ctx, db, f.Faults, name); err != nil {
			return fmt.Errorf("keep a copy: %w\nNothing was changed", err)
		}
		err := store.Mend(a.ctx, db, f.Faults, func(fault store.Fault, r store.Remedy) {
			fmt.Fprintf(a.stdout, "%s: %s\n", r, describeFault(fault))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// keepFaulty writes the chunks that have faults to a file, as they are.
func keepFaulty(ctx context.Context, db database, faults []store.Fault, path string) (err error) {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close(), syncDir(filepath.Dir(path))) }()
	selected := selection{Cold: db, chunks: make(map[chunkID]bool)}
	for _, f := range faults {
		selected.chunks[chunkID{f.SensorID, f.AttributeID, f.Level, f.FirstSeq}] = true
	}
	none := func(context.Context) ([]sensocto.Token, error) { return nil, nil }
	if _, err := backup.Write(ctx, out, backup.Source{Cold: selected, Sensors: db.LoadSensors, Tokens: none, Program: version}, nil); err != nil {
		return err
	}
	return out.Sync()
}

// selection is some chunks of a cold tier.
type selection struct {
	backup.Cold
	chunks map[chunkID]bool
}

// Series returns the series of the chunks.
func (s selection) Series(ctx context.Context) (selected []sensocto.SeriesInfo, err error) {
	all, err := s.Cold.Series(ctx)
	wanted := make(map[[2]string]bool)
	for id := range s.chunks {
		wanted[[2]string{id.sensor, id.attribute}] = true
	}
	for _, info := range all {
		if wanted[[2]string{info.SensorID, info.AttributeID}] {
			info.NextSeq = 1 << 62 // rollups count although their samples are not among the chunks
			selected = append(selected, info)
		}
	}
	return selected, err
}

// ReadChunks yields the chunks that were selected.
func (s selection) ReadChunks(ctx context.Context, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error {
	return s.Cold.ReadChunks(ctx, r, func(c *sensocto.Chunk) bool { return !s.chunks[idOf(c)] || yield(c) })
}

// mendFile makes the indexes again, and where that does not help a new file of
// what can be read.
func (c repairCmd) mendFile(a *app, config Config, aside string) error {
	if err := reindex(a.ctx, config); err == nil {
		if problems, err := sqlite.Problems(a.ctx, config.database()); err == nil && len(problems) == 0 {
			fmt.Fprintln(a.stdout, "indexes were made again")
			return nil
		}
	}
	if a.ctx.Err() != nil {
		return context.Cause(a.ctx)
	}
	fmt.Fprintln(a.stdout, "the file is damaged: what can be read of it goes to a new one")
	totals, err := c.salvage(a, config, aside)
	if a.ctx.Err() != nil && err != nil {
		return errors.Join(fmt.Errorf("interrupted, nothing was changed: %w", err), os.RemoveAll(aside))
	}
	if err != nil {
		return fmt.Errorf("nothing can be read of %s: %w\nRestore a backup with 'sensocto restore FILE --replace'. Nothing was changed", config.database(), err)
	}
	fmt.Fprintf(a.stdout, "saved: %s\n", describeTotals(totals))
	return nil
}

func reindex(ctx context.Context, config Config) (err error) {
	db, err := sqlite.Open(ctx, config.database(), sqlite.Options{})
	if err != nil {
		return err
	}
	return errors.Join(db.Reindex(ctx), db.Close())
}

// salvage puts a new database of all that can be read in the place of a
// damaged one, by way of a backup.
func (c repairCmd) salvage(a *app, config Config, aside string) (totals backup.Trailer, err error) {
	db, err := sqlite.Open(a.ctx, config.database(), sqlite.Options{})
	if err != nil {
		return totals, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	archive, err := os.OpenFile(filepath.Join(aside, "salvaged.backup"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return totals, err
	}
	defer archive.Close()
	source := backup.Source{
		Cold:    forgiving{db, a.stdout},
		Sensors: orNothing(a, "sensors", db.LoadSensors), Tokens: orNothing(a, "tokens", peopledb.New(db).Tokens), Program: version,
	}
	if totals, err = backup.Write(a.ctx, archive, source, nil); err != nil {
		return totals, err
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return totals, err
	}
	if err := db.Close(); err != nil { // its files are moved
		fmt.Fprintf(a.stdout, "close the damaged file: %v\n", err)
	}
	fresh := filepath.Join(aside, "fresh", filepath.Base(config.database()))
	w, err := newFile(a.ctx, fresh)
	if err != nil {
		return totals, err
	}
	_, _, err = restoreCmd{Tokens: true, Quiet: c.Quiet}.fill(a, w, archive, restoring{})
	if err = errors.Join(err, w.db.Close()); err != nil {
		return totals, err
	}
	if _, err := takePlace(config, fresh, aside, keepsJournal); err != nil {
		return totals, err
	}
	return totals, os.RemoveAll(filepath.Dir(fresh))
}

// orNothing lets a list that cannot be read pass for an empty one, and says so.
func orNothing[T any](a *app, what string, list func(context.Context) ([]T, error)) func(context.Context) ([]T, error) {
	return func(ctx context.Context) ([]T, error) {
		items, err := list(ctx)
		if err != nil {
			fmt.Fprintf(a.stdout, "lost: the list of %s cannot be read in full: %v\n", what, err)
		}
		return items, nil
	}
}

// forgiving is a cold tier that leaves out what cannot be read, and says so.
type forgiving struct {
	*sqlite.DB
	out io.Writer
}

// ReadChunks goes on behind what cannot be read.
func (f forgiving) ReadChunks(ctx context.Context, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error {
	for step := int64(1); ; step *= 2 {
		more := true
		err := f.DB.ReadChunks(ctx, r, func(c *sensocto.Chunk) bool {
			r.FromSeq, step = c.FirstSeq+1, 1
			more = yield(c)
			return more
		})
		if err == nil || !more || ctx.Err() != nil {
			return ctx.Err()
		}
		if step == 1 {
			fmt.Fprintf(f.out, "lost: chunks of %s %s, level %d, from number %d on: %v\n", r.SensorID, r.AttributeID, r.Level, r.FromSeq, err)
		}
		if r.FromSeq > 1<<61 || step > 1<<61 {
			return nil
		}
		r.FromSeq += step
	}
}
