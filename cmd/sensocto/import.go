package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

type importCmd struct {
	placeFlags
	recordingFlags
	Start string `placeholder:"TIME" help:"Time of the first sample (RFC 3339 or Unix ms). Default: what the file says."`
}

// Help is shown by --help.
func (importCmd) Help() string {
	return `Each signal becomes an attribute with its unit and rate; annotations become the attribute
"annotations". Nobody who watches is sent them: recordings go straight to where old
measurements are kept. To bring one as a device would, use 'sensocto replay'.

The times are those of the recording. Where a file does not say when it began, --start does.

A measurement that is stored already, with the same attribute, time and value, is not stored
again. So after an interruption of any kind run the same command again: it goes on where it
was. Exit code 0 says that all of it is on disk.

While a server has the data directory open it is sent the recording, with a token of the scope
ingest.

` + recordingHelp + `

Examples:
  sensocto import sleep.edf
  sensocto import 100.hea --start 2026-01-01T00:00:00Z --sensor-id patient-100
  sensocto import *.edf --data-dir ./data
  SENSOCTO_TOKEN=… sensocto import night.csv --server https://sensors.example.org`
}

// Run imports one file after the other.
func (c importCmd) Run(a *app) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	options.BlockSpan = 30 * time.Second
	if _, err := parseTime(c.Start); c.Start != "" && err != nil {
		return usagef("--start: %w", err)
	}
	r := &importRun{cmd: c, app: a, options: options, files: c.Files, progress: newProgress(a.stderr, c.Quiet)}
	r.progress.verb, r.failed.files = "read", len(c.Files)
	first := r.next()
	if first == nil { // a new database would be of no use
		return r.failed.err()
	}
	defer first.recording.Close()
	if err := c.prepare(a); err != nil {
		return err
	}
	return c.with(a, func(f remoteFlags) error {
		return r.all(first, func(ctx context.Context, j *importJob) (importSink, error) { return f.openUpload(ctx, j) })
	}, func(ctx context.Context, l local) error {
		return r.all(first, func(ctx context.Context, j *importJob) (importSink, error) { return l.openImport(ctx, j) })
	})
}

// prepare makes a database in a data directory that has none: recordings may
// come before the first start of a server.
func (c importCmd) prepare(a *app) error {
	if c.Server != "" {
		return nil
	}
	config, err := c.load(a)
	if err != nil {
		return err
	}
	if _, err := os.Stat(config.database()); !errors.Is(err, os.ErrNotExist) || config.DatabaseURL != "" {
		return nil // whatever it is, opening it will tell
	}
	db, err := openDatabase(a.ctx, config, newLogger(a.stderr, config))
	if err != nil {
		return err
	}
	if !c.Quiet {
		fmt.Fprintf(a.stderr, "made a new database in %s\n", config.DataDir)
	}
	return db.Close()
}

// startOf returns when the recording began, refused where nothing at its times
// would be stored.
func (c importCmd) startOf(j *importJob) (int64, error) {
	if c.Start != "" {
		start, err := parseTime(c.Start)
		if err != nil {
			return 0, usagef("--start: %w", err)
		}
		return start, j.checkTimes(start)
	}
	r := j.recording
	switch {
	case r.Start.IsZero() && r.StartText != "":
		return 0, usagef("%s does not say when it began: %q is no date with a time: give --start", j.file, r.StartText)
	case r.Start.IsZero():
		return 0, usagef("%s does not say when it began: give --start", j.file)
	default:
		return r.Start.UnixMicro(), j.checkTimes(r.Start.UnixMicro())
	}
}

// checkTimes compares the first and the last time of a recording that begins
// at start with what is stored.
func (j *importJob) checkTimes(start int64) error {
	r := j.recording
	first, last := start, start+r.Last
	if len(r.Annotations) > 0 {
		first = min(first, start+r.Annotations[0].Offset)
	}
	switch {
	case first < sensocto.MinTimestamp:
		return usagef("%s began at %s, and nothing before 2000 is stored: give another --start", j.file, formatTime(first))
	case last > time.Now().Add(store.ImportSkew).UnixMicro():
		return usagef("%s began at %s and ended at %s, which is in the future: give another --start", j.file, formatTime(start), formatTime(last))
	}
	return nil
}

func importedText(i sensocto.Imported) string {
	text := plural(i.Stored, "sample") + " stored"
	if i.Known > 0 {
		text += fmt.Sprintf(", %d were there already", i.Known)
	}
	return text
}
