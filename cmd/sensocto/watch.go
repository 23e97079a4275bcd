package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
	"github.com/sensocto/sensocto/wire"
)

type watchCmd struct {
	remoteFlags
	Sensors   []string `arg:"" optional:"" name:"sensor" help:"Ids of the sensors; without one they are listed."`
	Attribute []string `short:"a" placeholder:"A" help:"Only these attributes."`
	JSON      bool     `help:"A line of JSON for each sample, for scripts."`
	History   int      `placeholder:"N" help:"Begin with the last N samples of each attribute."`
	Count     int64    `short:"n" placeholder:"N" help:"Stop after N samples."`
	Level     string   `enum:"high,medium,low,none" default:"high" help:"How closely to look, default ${default}: high asks the sensor to send at once; medium and low bring what came merged every 200 ms or second; none brings nothing."`
	Binary    bool     `help:"Ask the server for binary columns: cheaper, the values are the same."`
	Verbose   bool     `short:"v" help:"Log what the connection does."`
}

// Help is shown by --help.
func (watchCmd) Help() string {
	return `With --json each line is {"sensor_id", "attribute_id", "payload", "timestamp"}. Samples that were
merged, at a level below high or because this reader was too slow, come as {"sensor_id", "attribute_id", "min", "max",
"mean", "first", "last", "count", "from", "to"}, and a line {"sensor_id", "lagged"} says how many
were not sent one by one. A connection that breaks is made again.

Examples:
  sensocto watch                             what sensors there are
  sensocto watch 100
  sensocto watch sim-1 sim-2 --attribute ecg
  sensocto watch sim-1 --level low           without asking its device for more than that
  sensocto watch 100 --json --count 1000 > samples.jsonl`
}

// Run shows the sensors until it is stopped.
func (c watchCmd) Run(a *app) error {
	if len(c.Sensors) == 0 {
		return c.list(a)
	}
	ctx, cancel := context.WithCancelCause(a.ctx)
	defer cancel(nil)
	screen, err := c.screen(a)
	if err != nil {
		return err
	}
	w := &watching{cmd: c, show: screen, stop: cancel}
	conn, err := c.dial(a, client.Options{Log: a.logger(c.Verbose)})
	if err != nil {
		return err
	}
	defer func() {
		cancel(nil)
		conn.Close()
		w.views.Wait()
	}()
	for _, id := range c.Sensors {
		view, err := conn.View(ctx, id, w.options(id))
		if errors.Is(context.Cause(ctx), errEnough) {
			break // the history was enough
		}
		if err != nil {
			return c.explain(err)
		}
		w.views.Go(func() { w.until(ctx, view) })
	}
	screen.run(ctx)
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, errEnough) && !errors.Is(cause, context.Canceled) {
		return c.explain(cause)
	}
	return nil
}

// errEnough ends a watch that has seen as many samples as it was to.
var errEnough = errors.New("enough")

// list prints the sensors and how to watch one.
func (c watchCmd) list(a *app) error {
	sensors, err := c.sensors(a.ctx)
	if err != nil {
		return err
	}
	if len(sensors) == 0 {
		fmt.Fprintln(a.stderr, "There is no sensor yet. Bring one with 'sensocto simulate' or 'sensocto replay FILE'.")
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SENSOR\tSTATUS\tNAME\tATTRIBUTES")
	for _, text := range sensors {
		s, err := client.ParseSensor(text)
		if err != nil {
			return err
		}
		names := ""
		for _, attribute := range s.Attributes {
			names += attribute.ID + " "
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.ID, s.Activity, s.Name, names)
	}
	fmt.Fprintln(a.stderr, "Watch one with 'sensocto watch SENSOR'.")
	return w.Flush()
}

// viewScreen is one of the ways to show what arrives.
type viewScreen interface {
	update(client.Update)
	joined(client.Joined)
	// run shows until ctx ends.
	run(ctx context.Context)
}

func (c watchCmd) screen(a *app) (viewScreen, error) {
	if c.Count < 0 || c.History < 0 {
		return nil, usagef("--count and --history must not be negative")
	}
	if c.JSON {
		return &jsonScreen{out: bufio.NewWriterSize(a.stdout, 64<<10)}, nil
	}
	return newTextScreen(a.stdout, c.Level), nil
}

// watching filters and counts what all views deliver. All of it runs on the
// connection's reader: a slow terminal slows the reading, and the server merges.
type watching struct {
	cmd     watchCmd
	show    viewScreen
	stop    context.CancelCauseFunc
	seen    int64
	started map[string]bool // sensors whose history was shown
	views   sync.WaitGroup  // waits for their ends
}

func (w *watching) options(id string) client.ViewOptions {
	level, _ := sensocto.ParseAttentionLevel(w.cmd.Level) // an enum of the flag
	return client.ViewOptions{
		Level: &level, History: w.cmd.History, Binary: w.cmd.Binary,
		OnUpdate: w.update,
		OnJoined: w.joined,
	}
}

// until ends the watch when a view is over for good.
func (w *watching) until(ctx context.Context, view *client.View) {
	select {
	case <-view.Done():
		w.stop(fmt.Errorf("%s: %w", view.Topic(), view.Err()))
	case <-ctx.Done():
	}
}

func (w *watching) update(u client.Update) {
	if len(w.cmd.Attribute) > 0 {
		u.Items = slices.DeleteFunc(u.Items, func(i client.Item) bool { return !slices.Contains(w.cmd.Attribute, i.AttributeID) })
	}
	if limit := w.cmd.Count; limit > 0 {
		if w.seen >= limit {
			return
		}
		u.Items = u.Items[:min(int64(len(u.Items)), limit-w.seen)]
	}
	w.seen += int64(len(u.Items))
	w.show.update(u)
	if w.cmd.Count > 0 && w.seen >= w.cmd.Count {
		w.stop(errEnough)
	}
}

// joined shows the state, and the history of the first join: after a reconnect
// it would repeat what was shown.
func (w *watching) joined(j client.Joined) {
	if len(w.cmd.Attribute) > 0 {
		j.Sensor.Attributes = slices.DeleteFunc(j.Sensor.Attributes, func(a sensocto.Attribute) bool { return !slices.Contains(w.cmd.Attribute, a.ID) })
	}
	w.show.joined(j)
	if w.started[j.Sensor.ID] {
		return
	}
	if w.started == nil {
		w.started = make(map[string]bool)
	}
	w.started[j.Sensor.ID] = true
	var items []client.Item
	for _, list := range j.History {
		items = append(items, list...)
	}
	slices.SortStableFunc(items, func(x, y client.Item) int { return int(max(-1, min(1, x.Timestamp-y.Timestamp))) })
	if len(items) > 0 {
		w.update(client.Update{SensorID: j.Sensor.ID, Items: items})
	}
}

// jsonScreen writes JSON lines.
type jsonScreen struct {
	mu   sync.Mutex // guards out, which run flushes at the end
	out  *bufio.Writer
	line []byte
}

func (s *jsonScreen) joined(client.Joined) {}

func (s *jsonScreen) update(u client.Update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range u.Items {
		s.line = appendLine(s.line[:0], u.SensorID, &u.Items[i])
		s.out.Write(s.line)
	}
	if u.Lagged > 0 {
		fmt.Fprintf(s.out, "{\"sensor_id\":%q,\"lagged\":%d}\n", u.SensorID, u.Lagged)
	}
	s.out.Flush()
}

func appendLine(dst []byte, sensorID string, item *client.Item) []byte {
	if item.Bucket == nil {
		m := sensocto.Measurement{AttributeID: item.AttributeID, Sample: item.Sample}
		return append(wire.AppendMeasurement(dst, sensorID, &m, 0), '\n')
	}
	dst = fmt.Appendf(dst, `{"sensor_id":%q,"attribute_id":%q,`, sensorID, item.AttributeID)
	return append(item.Bucket.AppendFields(dst), "}\n"...)
}

func (s *jsonScreen) run(ctx context.Context) {
	<-ctx.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Flush()
}

// refresh is how often the terminal is drawn.
const refresh = 250 * time.Millisecond
