package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/recording"
)

type exportCmd struct {
	placeFlags
	Sensors    []string `arg:"" optional:"" name:"sensor" help:"Ids of sensors: each becomes a file."`
	All        bool     `help:"All sensors."`
	Attributes []string `name:"attribute" short:"a" placeholder:"ID" help:"Only this attribute; may be repeated. Default: all."`
	From       string   `placeholder:"TIME" help:"Begin here (RFC 3339 or Unix ms), inclusive."`
	To         string   `placeholder:"TIME" help:"End before here."`
	Format     string   `enum:"csv,edf,parquet,wfdb," default:"" help:"csv, edf (EDF+), parquet or wfdb; default by the name of the output, or csv."`
	Resample   float64  `placeholder:"HZ" help:"Interpolate every attribute on a grid of this rate."`
	Output     string   `short:"o" placeholder:"PATH" help:"File or directory to write; - for standard output. Default: a file here, named after the sensor."`
	Force      bool     `help:"Replace files that exist."`
	Quiet      bool     `short:"q" help:"Say nothing but errors."`
}

// Help is shown by --help.
func (exportCmd) Help() string {
	return `CSV and Parquet hold every measurement to the bit. EDF+ and WFDB hold regular signals with 16
or up to 32 bits: what is irregular is refused, unless --resample says at what rate to interpolate it;
gaps are kept as gaps, and measurements that are no numbers become annotations. What a file does
not hold of what was asked for is said.

A file gets its name when it is complete. A WFDB record is several files; as FILE.zip, and on
standard output, it is a ZIP archive.

While a server has the data directory open it is asked, with a token of the scope view.

Examples:
  sensocto export chest-strap-7
  sensocto export 100 --format wfdb --output ./records
  sensocto export bed-3 -a eeg -a eog --from 2026-01-01T22:00:00Z --to 2026-01-02T07:00:00Z -o night.edf
  sensocto export --all --format parquet --output ./archive --data-dir ./data
  sensocto export 100 --format csv -o - | gzip > 100.csv.gz`
}

// exportSource is where measurements come from.
type exportSource interface {
	// sensors returns the ids of all sensors.
	sensors(ctx context.Context) ([]string, error)
	// export writes the file of one sensor and returns what it does not hold.
	export(ctx context.Context, sensorID string, out io.Writer) (notes []string, err error)
}

// Run exports one sensor after the other.
func (c exportCmd) Run(a *app) error {
	if c.Format == "" {
		c.Format = formatByName(c.Output)
	}
	if err := c.check(); err != nil {
		return err
	}
	query, err := c.query()
	if err != nil {
		return err
	}
	return c.with(a, func(f remoteFlags) error {
		return c.all(a, &serverExports{flags: f, query: query, bar: newBar(a.stderr, "exporting", c.Quiet)})
	}, func(_ context.Context, l local) error {
		return c.all(a, &localExports{cmd: c, query: query, local: l, log: a.stderr})
	})
}

func (c exportCmd) check() error {
	switch {
	case len(c.Sensors) == 0 && !c.All:
		return usagef("name a sensor, or --all; 'sensocto watch' lists those of a server")
	case len(c.Sensors) > 0 && c.All:
		return usagef("--all goes without names of sensors")
	case c.Resample < 0:
		return usagef("--resample: must be greater than 0")
	case (len(c.Sensors) > 1 || c.All) && c.Output != "" && !isDirectory(c.Output):
		return usagef("several sensors are several files: --output must be a directory, such as %s/", strings.TrimRight(c.Output, "/"))
	case c.Format == "wfdb" && c.Output != "" && c.Output != "-" && !strings.HasSuffix(c.Output, ".zip") && !isDirectory(c.Output):
		return usagef("a WFDB record is several files: --output must be a directory, such as %s/, or end in .zip", strings.TrimRight(c.Output, "/"))
	case c.Output == "-" && c.Format != "csv" && isTerminal(os.Stdout):
		return usagef("%s is nothing for a terminal: redirect standard output, or name a file with --output", c.Format)
	}
	for _, id := range c.Sensors {
		if !sensocto.ValidID(id) {
			return usagef("%q is no id of a sensor", id)
		}
	}
	return nil
}

func formatByName(path string) string {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".edf":
		return "edf"
	case ".parquet":
		return "parquet"
	case ".zip", ".hea":
		return "wfdb"
	}
	return "csv"
}

// isDirectory reports whether a path names a directory, or shall.
func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir() || strings.HasSuffix(path, "/")
}

// query is the parameters as the API has them.
func (c exportCmd) query() (url.Values, error) {
	query := url.Values{"format": {c.Format}}
	for name, text := range map[string]string{"from": c.From, "to": c.To} {
		if text == "" {
			continue
		}
		micros, err := parseTime(text)
		if err != nil {
			return nil, usagef("--%s: %w", name, err)
		}
		query.Set(name, string(sensocto.AppendTimestamp(nil, micros)))
	}
	if len(c.Attributes) > 0 {
		query.Set("attributes", strings.Join(c.Attributes, ","))
	}
	if c.Resample > 0 {
		query.Set("resample", strconv.FormatFloat(c.Resample, 'g', -1, 64))
	}
	return query, nil
}

func (c exportCmd) all(a *app, from exportSource) error {
	sensors := c.Sensors
	if c.All {
		var err error
		if sensors, err = from.sensors(a.ctx); err != nil {
			return err
		}
		slices.Sort(sensors)
	}
	var failed error
	for _, id := range sensors {
		err := c.one(a, from, id)
		if c.All && err != nil && strings.Contains(err.Error(), recording.ErrEmpty.Message) {
			continue // a sensor that never sent is nothing to fail for
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", id, err))
		}
		if a.ctx.Err() != nil {
			return errors.New("stopped: nothing incomplete was left behind")
		}
	}
	return failed
}

func (c exportCmd) one(a *app, from exportSource, sensorID string) error {
	out, err := c.target(a, sensorID)
	if err != nil {
		return err
	}
	notes, err := from.export(a.ctx, sensorID, out)
	path, err := out.finish(err)
	if err != nil || c.Quiet {
		return err
	}
	for _, note := range notes {
		fmt.Fprintf(a.stderr, "%s: %s\n", sensorID, note)
	}
	if path != "" {
		fmt.Fprintf(a.stderr, "%s: %s\n", sensorID, path)
	}
	return nil
}
