package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/sensocto/sensocto/client"
)

// remoteFlags say which server a command talks to.
type remoteFlags struct {
	Server string `default:"http://127.0.0.1:4000" placeholder:"URL" help:"The server, default ${default}. Also SENSOCTO_SERVER."`
	Token  string `placeholder:"TOKEN" help:"Token with the scope that the command needs. Also SENSOCTO_TOKEN, which others on this machine cannot see."`
	Kept   bool   `kong:"-"` // the token is that of 'sensocto login'
}

// AfterApply takes the token of 'sensocto login' where none is given.
func (f *remoteFlags) AfterApply(a *app) (err error) {
	if f.Token == "" {
		f.Token, err = a.credentials().of(f.base())
		f.Kept = f.Token != ""
	}
	return err
}

// base is the server's address without a slash at its end.
func (f remoteFlags) base() string {
	base := f.Server
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	return strings.TrimRight(base, "/")
}

// dial connects within 15 s, and says on standard error when the connection is lost
// and when it is back.
func (f remoteFlags) dial(a *app, o client.Options) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(a.ctx, 15*time.Second)
	defer cancel()
	return f.dialWithin(ctx, a, o)
}

// dialWithin waits for a place on the server until ctx ends.
func (f remoteFlags) dialWithin(ctx context.Context, a *app, o client.Options) (*client.Client, error) {
	o.Token = f.Token
	onUp, onDown := o.OnUp, o.OnDown
	lost := false // only the client's own goroutine calls these
	o.OnDown = func(err error, retryIn time.Duration) {
		if refused, ok := errors.AsType[*client.HandshakeError](err); ok && refused.Full() {
			a.full.Do(func() { fmt.Fprintf(a.stderr, "sensocto: %v; trying again until there is a place\n", err) })
		} else if !lost {
			fmt.Fprintf(a.stderr, "sensocto: connection lost (%v); trying again until it is back\n", err)
			lost = true
		}
		if onDown != nil {
			onDown(err, retryIn)
		}
	}
	o.OnUp = func() {
		if lost {
			fmt.Fprintln(a.stderr, "sensocto: connected again")
		}
		lost = false
		if onUp != nil {
			onUp()
		}
	}
	c, err := client.Dial(ctx, f.Server, o)
	if err != nil {
		return nil, f.explain(err)
	}
	return c, nil
}

// logger returns the log of a client command: silence unless it is asked for.
func (a *app) logger(verbose bool) *slog.Logger {
	if !verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
