package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
	"github.com/sensocto/sensocto/store"
)

type importCmd struct {
	placeFlags
	Files     []string `arg:"" name:"file" type:"path" help:"WFDB header (.hea), EDF, BDF or CSV."`
	SensorID  string   `placeholder:"ID" help:"Sensor that it becomes; default the record's name."`
	Start     string   `placeholder:"TIME" help:"Time of the first sample (RFC 3339 or Unix ms). Default: what the file says."`
	Rate      float64  `placeholder:"HZ" help:"Sampling rate of a CSV file without a time column."`
	Annotator string   `placeholder:"SUFFIX" help:"Suffix of the annotation file of a WFDB record, default atr."`
	Quiet     bool     `short:"q" help:"Say nothing but errors."`
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

Examples:
  sensocto import sleep.edf
  sensocto import 100.hea --start 2026-01-01T00:00:00Z --sensor-id patient-100
  sensocto import *.edf --data-dir ./data
  SENSOCTO_TOKEN=… sensocto import night.csv --server https://sensors.example.org`
}

// Run imports one file after the other.
func (c importCmd) Run(a *app) error {
	jobs, err := c.plan()
	defer func() {
		for _, j := range jobs {
			j.recording.Close()
		}
	}()
	if err != nil {
		return err
	}
	if err := c.prepare(a); err != nil {
		return err
	}
	return c.with(a, func(f remoteFlags) error {
		return c.all(a, jobs, func(ctx context.Context, j *importJob) (importSink, error) { return f.openUpload(ctx, j) })
	}, func(ctx context.Context, l local) error {
		return c.all(a, jobs, func(ctx context.Context, j *importJob) (importSink, error) { return l.openImport(ctx, j) })
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

// plan opens the files, so that what is wrong with one is said before anything
// is stored.
func (c importCmd) plan() (jobs []*importJob, err error) {
	switch {
	case c.SensorID != "" && len(c.Files) > 1:
		return nil, usagef("--sensor-id goes with one file: without it each sensor is named after its record")
	case c.SensorID != "" && !sensocto.ValidID(c.SensorID):
		return nil, usagef("--sensor-id %q: an id has 1 to 128 of the characters A-Z a-z 0-9 . _ : -", c.SensorID)
	}
	for _, file := range c.Files {
		r, err := recording.OpenWith(file, recording.Options{Rate: c.Rate, Annotator: c.Annotator, BlockSpan: 30 * time.Second})
		if err != nil {
			return jobs, err
		}
		j := &importJob{file: file, recording: r, sensorID: c.SensorID}
		jobs = append(jobs, j)
		if j.sensorID == "" {
			j.sensorID = recording.SensorID(r.Name)
		}
		if j.start, err = c.startOf(j); err != nil {
			return jobs, err
		}
	}
	return jobs, nil
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

// all imports the files and says how it went.
func (c importCmd) all(a *app, jobs []*importJob, open func(context.Context, *importJob) (importSink, error)) error {
	p := newProgress(a.stderr, c.Quiet)
	p.verb = "read"
	for _, j := range jobs {
		p.add(j.samples(), false)
		p.say("%s", j)
	}
	p.start()
	var total sensocto.Imported
	var err error
	for _, j := range jobs {
		var done sensocto.Imported
		done, err = j.run(a.ctx, p, open)
		total.Stored += done.Stored
		total.Known += done.Known
		if err != nil {
			err = fmt.Errorf("%s: %w", j.file, err)
			break
		}
	}
	p.finish()
	switch {
	case err != nil && a.ctx.Err() != nil:
		return errors.New("stopped; what is stored stays, and the same command goes on from there")
	case err != nil && p.sent.Load() > 0:
		return fmt.Errorf("%w\nWhat is stored stays: once the cause is gone, the same command goes on from there", err)
	case err != nil:
		return err
	}
	p.say("%s %s", importedText(total), p.pace())
	return nil
}

func importedText(i sensocto.Imported) string {
	text := plural(i.Stored, "sample") + " stored"
	if i.Known > 0 {
		text += fmt.Sprintf(", %d were there already", i.Known)
	}
	return text
}
