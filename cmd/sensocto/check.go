package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

// dirFlags name a data directory that no server has open.
type dirFlags struct {
	ConfigFile string  `name:"config" placeholder:"FILE" help:"Configuration file of the server. Also SENSOCTO_CONFIG."`
	Database   *string `name:"database-url" placeholder:"URL" help:"The server's PostgreSQL database, where it uses one. Also SENSOCTO_DATABASE_URL."`
	Dir        string  `arg:"" optional:"" name:"data-dir" help:"The data directory; default that of the configuration."`
	Quiet      bool    `short:"q" help:"Show no progress."`
}

// with calls f with the configuration while nobody else can open the directory.
func (d dirFlags) with(a *app, f func(Config) error) (err error) {
	flags := serverFlags{ConfigFile: d.ConfigFile, Database: d.Database}
	if d.Dir != "" {
		flags.DataDir = &d.Dir
	}
	config, err := flags.load(a)
	if err != nil {
		return err
	}
	if _, err := os.Stat(config.database()); err != nil && config.DatabaseURL == "" {
		return fmt.Errorf("there is no database in %s: name the data directory of a server", config.DataDir)
	}
	unlock, err := sqlite.Lock(config.database())
	if errors.Is(err, sqlite.ErrInUse) {
		return fmt.Errorf("a server has %s open: stop it first", config.DataDir)
	}
	if err != nil {
		return explainDataDir(config, err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return f(config)
}

// openToCheck opens the database, which nobody else may write to.
func openToCheck(ctx context.Context, c Config) (database, error) {
	if c.DatabaseURL != "" {
		return asDatabase(postgres.Open(ctx, string(c.DatabaseURL), postgres.Options{Exclusive: true, Plain: store.Plain()}))
	}
	return asDatabase(sqlite.Open(ctx, c.database(), sqlite.Options{})) // with the directory's lock held
}

type checkCmd struct {
	dirFlags
	JSON bool `name:"json" help:"Write the report as JSON."`
}

// Help is shown by --help.
func (checkCmd) Help() string {
	return `Reads everything in a data directory and says what is wrong with it: the pages and indexes of
the database, every chunk (checksum, decoding, count, bounds and statistics), the numbers of
the samples, every rollup against what it was made of, and the journal. It changes nothing. The
server must be stopped; a copy of its directory will do as well. Of a PostgreSQL database it
reads what is in the tables; its files are looked after by PostgreSQL (pg_amcheck).

The exit code is 0 where all is sound and 1 where something is not. 'sensocto repair' mends
what can be mended.

Examples:
  sensocto check /var/lib/sensocto
  sensocto check ./data --json | jq .faults
  sensocto check ./data --database-url postgres://sensocto@localhost/sensocto`
}

// findings is the report of a check.
type findings struct {
	DataDir string `json:"data_dir"`
	Sound   bool   `json:"sound"`
	place   string // for people
	// Database is what is wrong with the database file itself.
	Database []string          `json:"database"`
	Chunks   store.CheckReport `json:"chunks"`
	Faults   []store.Fault     `json:"faults"` // the first maxFaults
	// Orphans counts series whose sensor is not known: the next start makes it known.
	Orphans int64           `json:"series_without_sensor"`
	Journal journalFindings `json:"journal"`
	Seconds float64         `json:"seconds"`
}

// maxFaults bounds what is remembered of a directory that is wrong throughout.
const maxFaults = 100_000

// Run checks and reports.
func (c checkCmd) Run(a *app) error {
	return c.with(a, func(config Config) error {
		f, err := checkDirectory(a, config, c.Quiet)
		if err != nil {
			return err
		}
		if c.JSON {
			text, err := json.MarshalIndent(f, "", "  ")
			if err != nil {
				return err
			}
			fmt.Fprintln(a.stdout, string(text))
		} else {
			f.print(a.stdout)
		}
		if !f.Sound {
			return fmt.Errorf("%s is not sound: 'sensocto repair %s' says what it can mend, and asks before it does", config.place(), config.DataDir)
		}
		return nil
	})
}

// checkDirectory looks at everything, as far as that can be read.
func checkDirectory(a *app, config Config, quiet bool) (f findings, err error) {
	began := time.Now()
	f = findings{DataDir: config.DataDir, place: config.place(), Database: []string{}, Faults: []store.Fault{}}
	if f.Journal, err = checkJournal(config); err != nil {
		return f, err
	}
	if config.DatabaseURL == "" {
		problems, err := sqlite.Problems(a.ctx, config.database())
		if err != nil {
			return f, err
		}
		f.Database = append(f.Database, problems...)
	}
	err = f.chunks(a.ctx, config, newBar(a.stderr, "checking", quiet))
	if a.ctx.Err() != nil { // half a look says nothing
		return f, context.Cause(a.ctx)
	}
	if err != nil && (len(f.Database) == 0 || config.DatabaseURL != "") {
		return f, err
	}
	if err != nil {
		f.Database = append(f.Database, err.Error())
	}
	f.Sound = f.count() == 0
	f.Seconds = time.Since(began).Seconds()
	return f, nil
}

// count is how much is wrong.
func (f *findings) count() int64 {
	return f.Chunks.Faults + int64(len(f.Database)+len(f.Journal.Damage))
}

func (f *findings) chunks(ctx context.Context, config Config, progress *bar) (err error) {
	defer progress.finish()
	db, err := openToCheck(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	f.Chunks, err = store.Check(ctx, db, func(fault store.Fault) {
		if len(f.Faults) < maxFaults {
			f.Faults = append(f.Faults, fault)
		}
	}, progress.show)
	if err != nil {
		return err
	}
	return f.orphans(ctx, db)
}

func (f *findings) orphans(ctx context.Context, db database) error {
	series, err := db.Series(ctx)
	if err != nil {
		return err
	}
	sensors, err := db.LoadSensors(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(sensors))
	for i := range sensors {
		known[sensors[i].ID] = true
	}
	for i := range series {
		if !known[series[i].SensorID] {
			f.Orphans++
		}
	}
	return nil
}

// print writes the report for people.
func (f *findings) print(w io.Writer) {
	const shown = 200
	for _, p := range f.Database {
		fmt.Fprintf(w, "database: %s\n", p)
	}
	f.Journal.printDamage(w)
	for i, fault := range f.Faults {
		if i == shown {
			fmt.Fprintf(w, "… and %s more; --json has them\n", plural(f.Chunks.Faults-shown, "fault"))
			break
		}
		fmt.Fprintln(w, describeFault(fault))
	}
	c := &f.Chunks
	fmt.Fprintf(w, "%s, %s in %s, %s, %s: read in %.1f s\n", plural(c.Series, "series"), plural(c.Samples, "sample"),
		plural(c.Chunks, "chunk"), plural(c.Rollups, "rollup"), humanBytes(c.Bytes), f.Seconds)
	f.Journal.print(w)
	if c.Unverified > 0 {
		fmt.Fprintf(w, "%s stand for samples that are not all kept any more, and were decoded only\n", plural(c.Unverified, "rollup"))
	}
	if f.Orphans > 0 {
		fmt.Fprintf(w, "%d series belong to no known sensor; the next start makes it known\n", f.Orphans)
	}
	if f.Sound {
		fmt.Fprintf(w, "%s is sound\n", f.place)
	} else {
		fmt.Fprintf(w, "%s\n", plural(f.count(), "fault"))
	}
}

func describeFault(f store.Fault) string {
	if f.Kind == store.FaultTotals {
		return fmt.Sprintf("%s: %s %s: %s", f.Kind, f.SensorID, f.AttributeID, f.Text)
	}
	what := "samples"
	if f.Level > 0 {
		what = fmt.Sprintf("rollup of level %d,", f.Level)
	}
	return fmt.Sprintf("%s: %s %s, %s %d to %d: %s", f.Kind, f.SensorID, f.AttributeID, what, f.FirstSeq, f.FirstSeq+int64(max(f.Count, 1))-1, f.Text)
}
