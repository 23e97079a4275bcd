package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line; package kong reads its tags.
type cli struct {
	Serve      serveCmd      `cmd:"" help:"Run the server."`
	Replay     replayCmd     `cmd:"" help:"Stream recordings (WFDB, EDF, CSV) to a server as a device would."`
	Simulate   simulateCmd   `cmd:"" help:"Bring simulated sensors to a server."`
	Watch      watchCmd      `cmd:"" help:"Watch sensors live."`
	Top        topCmd        `cmd:"" help:"Show who looks at what, and what that asks of the devices."`
	Read       readCmd       `cmd:"" help:"Read stored measurements of one attribute."`
	Export     exportCmd     `cmd:"" help:"Write measurements as CSV, EDF+, Parquet or WFDB files."`
	Import     importCmd     `cmd:"" help:"Store recordings (WFDB, EDF, CSV) with their own times, at full speed."`
	Bench      benchCmd      `cmd:"" help:"Drive a server as many devices and viewers, and measure it."`
	BenchBare  benchBareCmd  `cmd:"" hidden:""`
	Token      tokenCmd      `cmd:"" help:"Create, list and revoke tokens."`
	Login      loginCmd      `cmd:"" help:"Sign in to a server, for all commands that talk to it."`
	Logout     logoutCmd     `cmd:"" help:"Forget and revoke the token of login."`
	Whoami     whoamiCmd     `cmd:"" help:"Say who you are to a server."`
	Room       roomCmd       `cmd:"" help:"List, make, join, leave and fill rooms."`
	P2P        p2pCmd        `cmd:"" name:"p2p" help:"Rooms from server to server."`
	User       userCmd       `cmd:"" help:"Create, list, reset and disable people's accounts."`
	Backup     backupCmd     `cmd:"" help:"Write everything that a server keeps into one file, also while it runs."`
	Restore    restoreCmd    `cmd:"" help:"Bring a backup back into a data directory."`
	Doctor     doctorCmd     `cmd:"" help:"Say whether something can work from here, and what is in its way."`
	Check      checkCmd      `cmd:"" help:"Say whether everything in a data directory is sound."`
	Repair     repairCmd     `cmd:"" help:"Mend a data directory, after asking."`
	Retention  retentionCmd  `cmd:"" help:"Say what is older than the server's rules keep."`
	Cleanup    cleanupCmd    `cmd:"" help:"Delete a sensor with all its measurements."`
	Config     configCmd     `cmd:"" help:"Print or check the server's configuration."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Completion completionCmd `cmd:"" help:"Print a completion script for a shell."`
}

// app is what commands get beside their flags.
type app struct {
	ctx            context.Context
	stdout, stderr io.Writer
	env            environment
	model          *kong.Application
	full           sync.Once // says that the server has no place for another connection
}

// environment is the variables that the process was started with.
type environment map[string]string

func parseEnvironment(list []string) environment {
	env := make(environment, len(list))
	for _, entry := range list {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a mistake of whoever called the program.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitPanic carries the exit that --help asks for out of the parser.
type exitPanic int

// run is the program: main calls it, and tests do.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, environ []string) (code int) {
	defer func() {
		if r := recover(); r != nil {
			exit, ok := r.(exitPanic)
			if !ok {
				panic(r)
			}
			code = int(exit)
		}
	}()
	a := &app{ctx: ctx, stdout: stdout, stderr: stderr, env: parseEnvironment(environ)}
	parser, err := newParser(a, &cli{})
	if err != nil {
		panic(err) // the tags are wrong
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return a.usage(err)
	}
	if strings.Fields(parsed.Command())[0] != "top" { // which draws; what it shows of others is visible
		a.stdout = onTerminal(a.stdout)
	}
	return a.exitCode(parsed.Run(a), hasNoEnd(parsed.Command()))
}

// hasNoEnd reports whether a command goes on until it is stopped: a signal is
// how it ends. Those that have an end and were stopped did not reach it.
func hasNoEnd(command string) bool {
	if strings.HasPrefix(command, "room record") {
		return true
	}
	switch strings.Fields(command)[0] {
	case "serve", "simulate", "watch", "top", "replay", "bench", "bench-bare":
		return true
	}
	return false
}

func newParser(a *app, grammar *cli) (*kong.Kong, error) {
	parser, err := kong.New(grammar,
		kong.Name("sensocto"),
		kong.Description("Real-time sensor platform: devices stream measurements, viewers see them live, and everything is kept.\n\n"+
			"Start a server with 'sensocto serve', then stream a recording to it with 'sensocto replay'."),
		kong.Writers(a.stdout, a.stderr),
		kong.Exit(func(code int) { panic(exitPanic(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Resolvers(a.env),
		kong.Bind(a),
	)
	if err == nil {
		a.model = parser.Model
	}
	return parser, err
}

// resolved are the flags of client commands that the environment may set.
var resolved = map[string]string{"token": "SENSOCTO_TOKEN", "server": "SENSOCTO_SERVER", "config": "SENSOCTO_CONFIG"}

// Validate implements kong.Resolver.
func (environment) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver: what the command line leaves out is taken
// from the environment.
func (e environment) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if value := e[resolved[flag.Name]]; value != "" {
		return value, nil
	}
	return nil, nil
}

// usage reports a wrong command line.
func (a *app) usage(err error) int {
	command := "sensocto"
	if e, ok := errors.AsType[*kong.ParseError](err); ok && e.Context != nil && e.Context.Command() != "" {
		command += " " + strings.Fields(e.Context.Command())[0]
	}
	fmt.Fprintf(a.stderr, "sensocto: %v\nTry '%s --help'.\n", err, command)
	return exitUsage
}

// exitCode reports what a command returned.
func (a *app) exitCode(err error, hasNoEnd bool) int {
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE): // whoever read the output has seen enough
		return exitOK
	case errors.Is(err, context.Canceled) && a.ctx.Err() != nil && hasNoEnd:
		return exitOK // asked to stop
	case errors.Is(err, context.Canceled) && a.ctx.Err() != nil:
		fmt.Fprintln(a.stderr, "sensocto: interrupted: it did not finish")
		return exitFailed
	}
	fmt.Fprintf(a.stderr, "sensocto: %s\n", visible(err.Error()))
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}
