package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/sensocto/sensocto/bench"
)

// benchCmd measures a server. What a flag leaves out, the scenario sets.
type benchCmd struct {
	Scenario string `arg:"" optional:"" default:"lobby" enum:"lobby,high-attention,fan-out,ingest,ingest-acked,fan-out-saturated,tiles,idle,attention,stalled,store,restart,calls" help:"One of ${enum}; default ${default}."`

	Sensors   *int           `help:"Sensors, each on a connection of its own."`
	Rate      *float64       `help:"Samples a second of each sensor."`
	Batch     *int           `help:"Samples in one frame."`
	Follow    *bool          `negatable:"" help:"Devices send batches of the size and at the pace that the server asks for. Default in tiles, unless --batch is given."`
	Look      string         `enum:",each,one,high" default:"" help:"In tiles, one way to look alone: each viewer at another sensor, all at one, or high, at all of them."`
	Viewers   *int           `help:"Viewers, each on a connection of its own."`
	Watch     *int           `help:"Sensors that each viewer joins."`
	Stalled   *int           `help:"Further viewers that join every sensor and then stop reading."`
	Duration  *time.Duration `help:"Measured time of one run."`
	Warmup    *time.Duration `help:"Time before, in which devices send as well."`
	Encoding  string         `enum:",json,binary" default:"" help:"json or binary, of devices and viewers."`
	Speed     string         `enum:",paced,max" default:"" help:"paced: at --rate; max: as fast as the server takes it."`
	Tick      *time.Duration `help:"Send what is due at multiples of this only, several devices at once, as timers of whole milliseconds do. Default 1ms; 0: each when it is due."`
	Window    *int           `help:"At full speed: batches of a sensor on their way at most, with viewers or in the scenario store."`
	PerViewer bool           `help:"Report the worst p99 of a single viewer too."`

	Signal      string      `enum:"mixed,float32,decimal" default:"mixed" help:"In the scenarios store and restart, an ECG: float32 with noise of 10 µV, decimal mV of a 12-bit converter, or both by turns."`
	DatabaseURL databaseURL `placeholder:"URL" help:"In the scenarios store and restart: an empty PostgreSQL database instead of a file. The password is better in PGPASSWORD."`

	Journal string `placeholder:"SIZE" default:"1GiB" help:"In the scenario restart: length of the journal; default ${default}."`

	Rooms int `placeholder:"N" default:"1000" help:"In the scenario calls; default ${default}."`
	Peers int `placeholder:"N" default:"4" help:"In the scenario calls, of each room; default ${default}."`

	Server string `placeholder:"URL" help:"Measure this running server. Default: start one, from this program, on an empty data directory."`
	Token  string `help:"Token for --server, with the scopes ingest and view. Also SENSOCTO_TOKEN."`
	PID    int    `name:"pid" help:"Process id of --server, to read its CPU time and memory; in the scenario store of the database server."`
	Binary string `placeholder:"FILE" help:"Start this program instead of this one."`

	Bare       bool   `help:"Measure the floors in the same run, in turns: a server that only moves the bytes, with a write for each frame, and with frames gathered for 4 ms."`
	Rounds     int    `default:"0" help:"Runs of each server; the median is reported. Default 1, with --bare 3."`
	Pairs      int    `default:"-1" help:"Compare this many runs with and without the stalled viewers. Default 5 in the scenario stalled, else 0."`
	JSON       bool   `name:"json" help:"Report as JSON."`
	Out        string `placeholder:"FILE" help:"Save the report as JSON there, whatever is printed."`
	CPUProfile string `placeholder:"FILE" help:"Save a CPU profile of the server that is started, or in the scenario store of this process."`
}

// Help is shown by --help.
func (benchCmd) Help() string {
	return `Drives a server as many devices and viewers, and reports rates, loss, latency from send to
receipt, and the CPU time and memory of the server. Every sample is counted at every viewer.
The exit code is 1 when anything was lost, doubled or merged, when an error reply came, when
somebody was disconnected, or when the server could not keep up with the rate.

Scenarios (all their settings can be changed by flags):
  lobby              100 sensors at 512 Hz, batch 5, 20 viewers × 10 sensors
  high-attention     20 sensors, batch 1, 10 viewers × 4
  fan-out            4 sensors, batch 20, 500 viewers
  ingest             100 sensors, batch 20, no viewers, as fast as the server takes it
  ingest-acked       the same with acknowledged batches, at most 64 of a sensor not on the server's disk,
                     beside the same without, and beside binary ones
  fan-out-saturated  1 sensor, batch 20, 200 viewers, as fast as all of them receive
  tiles              20 sensors whose devices send as the server asks, 10 viewers that show all of
                     them: 18 at low, one at medium, one at high; each viewer another one, or all the
                     same, beside the same viewers with everything at high
  idle               10,000 joined viewers that get nothing: memory of each
  attention          100 devices that send a little, and a viewer that looks at one after the other:
                     latency until a device is asked to send at once
  stalled            the lobby with and without a viewer that stops reading, 5 pairs
  store              no sockets: 100 sensors put batches of 20 into a store in this process, as fast as
                     they become durable, for a minute; at the end everything is read back and compared
  restart            a server starts on a journal of 1 GiB (--journal) that its database has nothing of:
                     how soon devices are accepted and acknowledged, and everything can be read
  calls              4 peers join the call of each of 1,000 rooms within a minute, and send each other
                     offers, answers and candidates: CPU time of the server

Examples:
  sensocto bench
  sensocto bench lobby --sensors 200 --bare
  sensocto bench store --database-url postgres://sensocto@127.0.0.1/bench
  sensocto bench fan-out --server http://127.0.0.1:4000 --token T --pid $(pgrep -x sensocto)`
}

// errBench: the report says what was wrong.
var errBench = errors.New("the run was not clean")

// Run measures and reports.
func (c benchCmd) Run(a *app) error {
	switch c.Scenario {
	case scenarioStore:
		return c.runStore(a)
	case scenarioRestart:
		return c.runRestart(a)
	case scenarioCalls:
		return c.runCalls(a)
	}
	campaign, err := c.campaign(a)
	if err != nil {
		return err
	}
	report, err := campaign.Run(a.ctx)
	if err != nil {
		return err
	}
	return c.report(a, report)
}

// benchReport is what a bench came to.
type benchReport interface {
	WriteJSON(io.Writer) error
	WriteTable(io.Writer) error
	OK() bool
}

// report prints the report, and saves it where --out says. It is an error if
// the run was not clean.
func (c benchCmd) report(a *app, report benchReport) error {
	if c.Out != "" {
		file, err := os.Create(c.Out)
		if err != nil {
			return err
		}
		if err := errors.Join(report.WriteJSON(file), file.Close()); err != nil {
			return err
		}
	}
	write := report.WriteTable
	if c.JSON {
		write = report.WriteJSON
	}
	if err := write(a.stdout); err != nil {
		return err
	}
	if !report.OK() {
		return errBench
	}
	return nil
}

func (c benchCmd) campaign(a *app) (bench.Campaign, error) {
	config, err := c.config()
	if err != nil {
		return bench.Campaign{}, usageError{err}
	}
	binary, err := c.binary()
	if err != nil {
		return bench.Campaign{}, err
	}
	campaign := bench.Campaign{Config: config, Rounds: c.Rounds, Pairs: c.Pairs, CPUProfile: c.CPUProfile}
	campaign.Log = func(format string, args ...any) { fmt.Fprintf(a.stderr, format+"\n", args...) }
	campaign.Contenders = []bench.Contender{c.program(binary)}
	if c.Bare {
		campaign.Contenders = append(campaign.Contenders,
			bareContender("bare, write per frame", 0), bareContender("bare, gathered 4 ms", 4*time.Millisecond))
	}
	if config.Tiles != "" {
		campaign.Contenders = c.tilesContenders(binary)
	}
	if config.Acked {
		campaign.Contenders = []bench.Contender{c.program(binary), c.variant(binary, "not acknowledged", bench.WithoutAcks),
			c.variant(binary, "binary", func(b *bench.Config) { b.Encoding = bench.EncodingBinary })}
	}
	if c.Bare && c.Rounds == 0 {
		campaign.Rounds = 3
	}
	if c.Pairs < 0 {
		campaign.Pairs = 0
		if c.Scenario == "stalled" {
			campaign.Pairs = 5
		}
	}
	if c.Server != "" && c.CPUProfile != "" {
		return campaign, usagef("--cpu-profile is for a server that bench starts, not for --server")
	}
	return campaign, nil
}

// binary is the program that is started as the server.
func (c benchCmd) binary() (string, error) {
	if c.Binary != "" {
		return c.Binary, nil
	}
	return os.Executable()
}

// tilesContenders are the ways to look that the scenario tiles compares.
func (c benchCmd) tilesContenders(binary string) (all []bench.Contender) {
	for _, way := range [...][2]string{
		{bench.TilesEach, "each viewer at another"}, {bench.TilesOne, "all viewers at one"}, {bench.TilesHigh, "everything at high"},
	} {
		if c.Look == "" || c.Look == way[0] {
			all = append(all, c.variant(binary, way[1], func(b *bench.Config) { b.Tiles = way[0] }))
		}
	}
	return all
}

// config is the scenario with what the flags change.
func (c benchCmd) config() (bench.Config, error) {
	config, err := bench.Scenario(c.Scenario)
	override(&config.Sensors, c.Sensors)
	override(&config.Rate, c.Rate)
	if c.Batch != nil {
		config.Batch, config.Follow = *c.Batch, false
	}
	override(&config.Follow, c.Follow)
	override(&config.Viewers, c.Viewers)
	override(&config.Watch, c.Watch)
	override(&config.Stalled, c.Stalled)
	override(&config.Duration, c.Duration)
	override(&config.Warmup, c.Warmup)
	override(&config.Tick, c.Tick)
	override(&config.Window, c.Window)
	if c.Encoding != "" {
		config.Encoding = c.Encoding
	}
	if c.Speed != "" {
		config.Speed = c.Speed
	}
	config.PerViewer = c.PerViewer
	if config.Viewers > 0 && config.Watch == 0 {
		config.Watch = 1
	}
	return config, err
}

func override[T any](setting, flag *T) {
	if flag != nil {
		*setting = *flag
	}
}

// program is the server under test: one that runs already, or this program in
// a process of its own.
func (c benchCmd) program(binary string) bench.Contender {
	if c.Server != "" {
		target := bench.Target{URL: c.Server, Token: c.Token, PID: c.PID}
		return bench.Contender{Name: "server", Start: func(context.Context) (*bench.Server, error) {
			return &bench.Server{Target: target}, nil
		}}
	}
	return bench.Contender{Name: "sensocto", Start: func(ctx context.Context) (*bench.Server, error) {
		return bench.StartProgram(ctx, binary, "--log-level", "warn")
	}}
}

// variant is the program in a configuration that differs.
func (c benchCmd) variant(binary, name string, adjust func(*bench.Config)) bench.Contender {
	v := c.program(binary)
	v.Name, v.Adjust = name, adjust
	return v
}

// bareContender is always this program, even where --binary names another.
func bareContender(name string, gather time.Duration) bench.Contender {
	return bench.Contender{Name: name, Start: func(context.Context) (*bench.Server, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		return bench.StartBare(self, "bench-bare", "--gather", gather.String())
	}}
}

// benchBareCmd serves the floor that bench --bare compares with.
type benchBareCmd struct {
	Listen string        `default:"127.0.0.1:0" help:"Address to listen on."`
	Gather time.Duration `default:"0" help:"Gather the frames for a connection that long; 0: a write for each."`
}

// Run prints the URL and serves until the program is told to stop.
func (c benchBareCmd) Run(a *app) error {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "http://"+strings.TrimSpace(listener.Addr().String()))
	return (&bench.Bare{Gather: c.Gather}).Serve(a.ctx, listener)
}
