// Command sensocto is the whole program: the server, and the commands that
// bring, watch and read sensors. This package holds the command line and the
// configuration, and wires the parts together in the order in which they start
// and stop; what the parts do is in the packages that it imports.
//
// Results go to standard output, everything else to standard error. The exit
// code is 0 on success, 1 when something went wrong, and 2 when the command
// line or the configuration was wrong.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set when the program is built.
var version = "dev"

func main() {
	// Who reads the output may go away: then writing fails, and whoever writes
	// decides what that means. By default it would end the process.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// The first signal asks for an orderly end. From then on signals do what
	// they do by default, so that a second one ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Environ()))
}
