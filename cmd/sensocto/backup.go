package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/backup"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/store"
)

type backupCmd struct {
	placeFlags
	File   string `arg:"" help:"File to write; - for standard output."`
	Verify bool   `help:"Write nothing: read FILE and say whether it is complete and whole."`
	Force  bool   `help:"Replace FILE if it exists."`
	Quiet  bool   `short:"q" help:"Say nothing but errors."`
}

// Help is shown by --help.
func (backupCmd) Help() string {
	return `Writes everything into one file: sensors, measurements, rollups, tokens and passwords as
hashes, people and rooms, with the secret of shared rooms; not the configuration. It does not matter in which database they are. While a server runs it is
asked for the backup, with a token of the scope admin; otherwise the data directory is read.

All that the server had acknowledged before the backup began is in it. What arrives meanwhile
may be: of each attribute a beginning in order of arrival, never with a hole.

Every part of the file carries a checksum and its end says how much there is. FILE gets its
name once all of it was checked; what was cut or changed since is refused by --verify and by
'sensocto restore'.

Examples:
  sensocto backup monday.backup --data-dir ./data
  SENSOCTO_TOKEN=… sensocto backup monday.backup --server https://sensors.example.org
  sensocto backup - | ssh other 'cat > monday.backup'
  sensocto backup --verify monday.backup`
}

// Run backs up, or verifies.
func (c backupCmd) Run(a *app) error {
	if c.Verify {
		return c.verify(a)
	}
	if _, err := os.Stat(c.File); err == nil && !c.Force {
		return fmt.Errorf("%s exists: choose another name, or replace it with --force", c.File)
	}
	return c.with(a,
		func(f remoteFlags) error {
			return c.save(a, func(ctx context.Context, w io.Writer) error { return f.copyBackup(ctx, w) })
		},
		func(_ context.Context, l local) error {
			return c.save(a, func(ctx context.Context, w io.Writer) error {
				_, err := backup.Write(ctx, w, backupSource(l.db, l.db.LoadSensors, peopledb.New(l.db), l.store.Streams(), l.config.roomKeyFile()), nil)
				return err
			})
		})
}

// backupSource is what a backup is made of.
func backupSource(cold backup.Cold, sensors func(context.Context) ([]sensocto.Sensor, error), people *peopledb.DB, streams []sensocto.StreamMark, roomKey string) backup.Source {
	return backup.Source{RoomKey: func() ([]byte, error) { return readRoomKey(roomKey) }, Cold: cold, Sensors: sensors, Tokens: people.Tokens, People: people.Dump, Streams: func() []sensocto.StreamMark { return streams }, Check: store.NewVerifier().Verify, Program: version}
}

// copyBackup copies the backup that a server makes.
func (f remoteFlags) copyBackup(ctx context.Context, w io.Writer) error {
	resp, err := f.send(ctx, http.MethodGet, "/api/v1/backup")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("the server ended the backup early, see its log: %w", err)
	}
	return nil
}

// save writes what produce produces to the file, and reads along: a file that
// gets its name is complete.
func (c backupCmd) save(a *app, produce func(context.Context, io.Writer) error) (err error) {
	out, finish, err := createWhole(a, c.File)
	if err != nil {
		return err
	}
	defer func() { err = finish(err) }()
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	reader, writer := io.Pipe()
	ended := make(chan error, 1) // the one result
	go func() {
		err := produce(ctx, writer)
		writer.CloseWithError(err)
		ended <- err
	}()
	began := time.Now()
	totals, err := scanWithBar(ctx, io.TeeReader(reader, out), newBar(a.stderr, "backing up", c.Quiet), backup.Handler{})
	cancel()
	_ = reader.Close() // the producer may wait
	if produced := <-ended; err == nil || produced != nil && !errors.Is(produced, context.Canceled) {
		err = produced
	}
	if err != nil {
		return err
	}
	if !c.Quiet {
		fmt.Fprintf(a.stderr, "%s: %s in %v\n", c.File, describeTotals(totals), time.Since(began).Round(10*time.Millisecond))
	}
	return damagedIn(totals)
}

// createWhole opens a file beside file, or standard output for "-". finish gives
// it its name, unless there was an error that made it useless.
func createWhole(a *app, file string) (out io.Writer, finish func(error) error, err error) {
	if file == "-" {
		return a.stdout, func(err error) error { return err }, nil
	}
	partial := file + ".partial"
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return f, func(err error) error {
		_, whole := errors.AsType[damagedError](err)
		if err != nil && !whole {
			return errors.Join(err, f.Close(), os.Remove(partial))
		}
		if failed := errors.Join(f.Sync(), f.Close()); failed != nil {
			return errors.Join(failed, os.Remove(partial))
		}
		return errors.Join(err, os.Rename(partial, file), syncDir(filepath.Dir(file)))
	}, nil
}

// syncDir makes names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// damagedError says that a backup is complete, but not what it is a backup of.
type damagedError struct{ chunks int64 }

func (e damagedError) Error() string {
	return fmt.Sprintf("the backup is complete, but %s in it cannot be read: they are damaged in the database already.\n"+
		"'sensocto check' says which; 'sensocto restore --skip-damaged' leaves them out", plural(e.chunks, "chunk"))
}

func damagedIn(t backup.Trailer) error {
	if t.Damaged > 0 {
		return damagedError{t.Damaged}
	}
	return nil
}

// scanWithBar is backup.Scan with a bar of the encoded samples.
func scanWithBar(ctx context.Context, in io.Reader, b *bar, h backup.Handler) (backup.Trailer, error) {
	defer b.finish()
	var done, of int64
	chunk := h.Chunk
	h.Manifest = func(m backup.Manifest) error { of = m.Bytes; return nil }
	h.Chunk = func(c *sensocto.Chunk) error {
		done += int64(len(c.Data))
		b.show(done, max(done, of))
		if chunk == nil {
			return nil
		}
		return chunk(c)
	}
	return backup.Scan(ctx, in, h)
}

func describeTotals(t backup.Trailer) string {
	return fmt.Sprintf("%s, %s with %s in %s, %s, %s, %s", plural(t.Sensors, "sensor"), plural(t.Series, "series"),
		plural(t.Samples, "sample"), humanBytes(t.Bytes), plural(t.Rollups, "rollup chunk"), plural(t.Tokens, "token"), plural(t.People, "personal record"))
}

// verify reads an archive and decodes everything in it.
func (c backupCmd) verify(a *app) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	totals, damaged, err := verifyArchive(a, f, c.Quiet)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if !c.Quiet {
		fmt.Fprintf(a.stdout, "%s is complete, of %s: %s\n", c.File, totals.Finished.Format(time.RFC3339), describeTotals(totals))
	}
	totals.Damaged = int64(len(damaged))
	return damagedIn(totals)
}

// chunkID names a chunk.
type chunkID struct {
	sensor, attribute string
	level             int
	first             int64
}

func idOf(c *sensocto.Chunk) chunkID {
	return chunkID{c.SensorID, c.AttributeID, c.Level, c.FirstSeq}
}

// verifyArchive returns the chunks that cannot be decoded, and names them on
// standard error. Any other fault is an error.
func verifyArchive(a *app, in io.Reader, quiet bool) (backup.Trailer, map[chunkID]bool, error) {
	check, damaged := store.NewVerifier().Verify, make(map[chunkID]bool)
	totals, err := scanWithBar(a.ctx, in, newBar(a.stderr, "verifying", quiet), backup.Handler{Chunk: func(c *sensocto.Chunk) error {
		if err := check(c); err != nil {
			damaged[idOf(c)] = true
			fmt.Fprintf(a.stderr, "damaged: %s %s, number %d and the %d after it: %v\n", c.SensorID, c.AttributeID, c.FirstSeq, c.Count-1, err)
		}
		return nil
	}})
	return totals, damaged, err
}
