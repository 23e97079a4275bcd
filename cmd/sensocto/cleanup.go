package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/sensocto/sensocto"
)

type cleanupCmd struct {
	placeFlags
	Sensor string `arg:"" help:"Id of the sensor."`
	DryRun bool   `help:"Say what would be deleted; nothing is."`
	Yes    bool   `short:"y" help:"Do not ask."`
	Erase  bool   `help:"Rewrite the database file too, so that nothing of what was deleted can be found in it. The server must be stopped."`
}

// Help is shown by --help.
func (cleanupCmd) Help() string {
	return `Deletes a sensor and everything that is stored of it, from memory, journal and database, and
says what that was. It cannot be undone, except from a backup. A device that is connected as
this sensor is disconnected; if it comes back, it begins anew.

While a server has the data directory open it is asked, with a token of the scope admin.

What is deleted is out of reach at once; its room in the database file is used again, and until
then its bytes are there. --erase rewrites the file, which takes room for a second one. Backups,
and what restore and repair put aside, are yours to delete.

Examples:
  sensocto cleanup chest-strap-7 --dry-run
  sensocto cleanup chest-strap-7 --yes --data-dir ./data
  sensocto cleanup chest-strap-7 --erase`
}

// Run asks, deletes and says what.
func (c cleanupCmd) Run(a *app) error {
	if !sensocto.ValidID(c.Sensor) {
		return usagef("%q is no id of a sensor", c.Sensor)
	}
	return c.with(a, func(f remoteFlags) error { return c.onServer(a, f) },
		func(ctx context.Context, l local) error { return c.here(ctx, a, l) })
}

func (c cleanupCmd) onServer(a *app, f remoteFlags) error {
	if c.Erase {
		return errors.New("--erase rewrites the database file: stop the server first")
	}
	path := "/api/v1/sensors/" + url.PathEscape(c.Sensor)
	var sensor struct {
		Name       string     `json:"sensor_name"`
		Attributes []struct{} `json:"attributes"`
	}
	if err := f.fetch(a.ctx, path, &sensor); err != nil {
		return err
	}
	what := fmt.Sprintf("sensor %s (%s) with %s", c.Sensor, sensor.Name, plural(int64(len(sensor.Attributes)), "attribute"))
	if ok, err := c.confirmed(a, what); !ok {
		return err
	}
	resp, err := f.send(a.ctx, http.MethodDelete, path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var removed struct {
		Attributes   int64 `json:"attributes"`
		Measurements int64 `json:"measurements"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&removed); err != nil {
		return fmt.Errorf("read the answer of %s: %w", f.Server, err)
	}
	c.report(a, removed.Attributes, removed.Measurements)
	return nil
}

// eraser is a database that can leave nothing of what was deleted.
type eraser interface{ Erase(context.Context) error }

func (c cleanupCmd) here(ctx context.Context, a *app, l local) error {
	if _, ok := l.db.(eraser); c.Erase && !ok {
		return errors.New("--erase rewrites a database file, and PostgreSQL has its own means for that: leave it out, and run VACUUM FULL afterwards")
	}
	sensors, err := l.db.LoadSensors(ctx)
	if err != nil {
		return err
	}
	list, err := l.db.Series(ctx)
	if err != nil {
		return err
	}
	var samples, series int64
	for _, info := range list {
		if info.SensorID == c.Sensor {
			samples += info.Samples
			series++
		}
	}
	known := slices.ContainsFunc(sensors, func(s sensocto.Sensor) bool { return s.ID == c.Sensor })
	if !known && series == 0 {
		return fmt.Errorf("there is no sensor %s in %s", c.Sensor, l.config.place())
	}
	what := fmt.Sprintf("sensor %s with %s of %s", c.Sensor, plural(samples, "sample"), plural(series, "attribute"))
	if ok, err := c.confirmed(a, what); !ok {
		return err
	}
	removed, err := l.store.Cleanup(ctx, c.Sensor)
	if err == nil {
		err = l.db.DeleteSensor(ctx, c.Sensor)
	}
	if err != nil {
		return err
	}
	c.report(a, int64(removed.Series), removed.Samples)
	if !c.Erase {
		return nil
	}
	return erase(ctx, a, l)
}

// erase rewrites the database file, and says where else there may be samples.
func erase(ctx context.Context, a *app, l local) error {
	if err := l.db.(eraser).Erase(ctx); err != nil {
		return fmt.Errorf("the sensor is deleted, but the file was not rewritten: %w", err)
	}
	fmt.Fprintln(a.stdout, "the database file was rewritten: nothing of what was deleted is left in it")
	for _, pattern := range []string{"replaced-*", "repair-*"} {
		for _, dir := range globIn(l.config.DataDir, pattern) {
			fmt.Fprintf(a.stdout, "%s may hold the sensor as well\n", dir)
		}
	}
	return nil
}

// globIn returns what fits a pattern in a directory, whatever its name.
func globIn(dir, pattern string) (paths []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

func (c cleanupCmd) report(a *app, attributes, samples int64) {
	fmt.Fprintf(a.stdout, "deleted sensor %s: %s of %s\n", c.Sensor, plural(samples, "sample"), plural(attributes, "attribute"))
}

// confirmed says what would be done, and asks whether to do it.
func (c cleanupCmd) confirmed(a *app, what string) (bool, error) {
	if c.DryRun {
		fmt.Fprintf(a.stdout, "would delete %s\n", what)
		return false, nil
	}
	if c.Yes {
		return true, nil
	}
	return a.confirm("Delete " + what + "? It cannot be undone.")
}

// confirm asks a question whose answer is no unless it is yes.
func (a *app) confirm(question string) (bool, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return false, errors.New("this has to be confirmed, and there is no terminal to ask at: add --yes")
	}
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
		return true, nil
	}
	return false, errors.New("nothing was changed")
}
