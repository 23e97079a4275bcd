package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
)

type retentionCmd struct {
	placeFlags
	DryRun bool `xor:"do" help:"Say what would go now; nothing is removed."`
	Apply  bool `xor:"do" help:"Remove it now, also where the server holds retention."`
}

// Help is shown by --help.
func (retentionCmd) Help() string {
	return `How long samples (raw) and their statistics (rollups) are kept is a table in the server's
configuration; without one everything is kept for ever:

  retention:
    - {raw: 90d}                             of everything
    - {type: ecg, raw: 30d, rollups: 2y}     of attributes of this type
    - {sensor: chest-strap-7, raw: forever}  of this sensor

The most specific rule counts: a sensor before an attribute before a type. The server removes
what is older within minutes, in whole chunks and in the order in which it arrived; samples
whose rollups are kept go once they are in one.

The server removes nothing while its clock is more than a day ahead of the last time it saw,
for 24 hours of uptime, and never more than store.retention_share of what should have gone long
ago: its log and /readyz say so. See with --dry-run what would go, and remove it with --apply.

While a server has the data directory open it is asked, with a token of the scope admin, and
its rules count; otherwise those of --config or SENSOCTO_RETENTION.

Examples:
  sensocto retention --dry-run
  sensocto retention --apply
  SENSOCTO_RETENTION='[{raw: 30d}]' sensocto retention --dry-run --data-dir ./data`
}

// agedSeries is one series in the answer of the API.
type agedSeries struct {
	SensorID    string    `json:"sensor_id"`
	AttributeID string    `json:"attribute_id"`
	Raw         agedTotal `json:"raw"`
	Rollups     agedTotal `json:"rollups"`
}

type agedTotal struct {
	Keep         string `json:"keep"`
	Chunks       int64  `json:"chunks"`
	Measurements int64  `json:"measurements"`
	Bytes        int64  `json:"bytes"`
}

// Run prints what would be removed.
func (c retentionCmd) Run(a *app) error {
	if !c.DryRun && !c.Apply {
		return usagef("the server removes by itself what is too old: --dry-run shows what goes, --apply removes it now")
	}
	return c.with(a, func(f remoteFlags) error {
		var answer struct {
			Series []agedSeries `json:"series"`
		}
		get := f.fetch
		if c.Apply {
			get = f.post
		}
		if err := get(a.ctx, "/api/v1/retention", &answer); err != nil {
			return err
		}
		return c.print(a.stdout, answer.Series)
	}, func(ctx context.Context, l local) error {
		r := newRetainer(l.store, l.config, l.db.LoadSensors, nil)
		do := r.Apply
		if c.DryRun {
			do = func(ctx context.Context) ([]sensocto.Aged, error) { return r.Plan(ctx, time.Now()) }
		}
		list, err := do(ctx)
		if err != nil {
			return err
		}
		if len(l.config.Retention) == 0 {
			fmt.Fprintln(a.stderr, "the configuration has no rules: everything is kept for ever")
		}
		series := make([]agedSeries, len(list))
		for i, x := range list {
			series[i] = agedSeries{x.SensorID, x.AttributeID, totalOf(x.Keep.Raw, x.Raw), totalOf(x.Keep.Rollups, x.Rollups)}
		}
		return c.print(a.stdout, series)
	})
}

func totalOf(keep time.Duration, d sensocto.DroppedChunks) agedTotal {
	return agedTotal{sensocto.FormatAge(keep), d.Chunks, d.Samples, d.Bytes}
}

func (c retentionCmd) print(out io.Writer, list []agedSeries) error {
	verb := "removed"
	if c.DryRun {
		verb = "would remove"
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	var samples, bytes int64
	if len(list) > 0 {
		fmt.Fprintln(w, "SENSOR\tATTRIBUTE\tKEEPS\tSAMPLES TO GO\tABOUT\tKEEPS ROLLUPS\tROLLUPS TO GO")
	}
	for _, s := range list {
		samples += s.Raw.Measurements
		bytes += s.Raw.Bytes + s.Rollups.Bytes
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", s.SensorID, s.AttributeID, s.Raw.Keep, s.Raw.Measurements,
			humanBytes(s.Raw.Bytes), s.Rollups.Keep, humanBytes(s.Rollups.Bytes))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s %s, about %s, of %s\n", verb, plural(samples, "sample"), humanBytes(bytes), plural(int64(len(list)), "series"))
	return err
}

// newRetainer returns the retainer of a store, which learns the types of
// attributes from what is known of sensors.
func newRetainer(s *store.Store, c Config, sensors func(context.Context) ([]sensocto.Sensor, error), log *slog.Logger) *store.Retainer {
	return store.NewRetainer(s, store.RetainerOptions{
		Rules: store.Retention(c.Retention), Log: log, Share: c.RetentionShare, ClockFile: filepath.Join(c.DataDir, "clock.json"),
		Types: func(ctx context.Context) (func(sensorID, attributeID string) string, error) {
			list, err := sensors(ctx)
			if err != nil {
				return nil, err
			}
			types := make(map[[2]string]string)
			for _, s := range list {
				for _, a := range s.Attributes {
					types[[2]string{s.ID, a.ID}] = a.Type
				}
			}
			return func(sensorID, attributeID string) string { return types[[2]string{sensorID, attributeID}] }, nil
		},
	})
}
