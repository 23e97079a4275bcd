package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"syscall"
	"time"

	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/web"
)

type serveCmd struct {
	serverFlags
}

// Help is shown by --help.
func (serveCmd) Help() string {
	return `The first line on standard output is the URL; everything else goes to standard error.
The first start prints an admin token there, once. SIGINT or SIGTERM end the server in
order: sockets are closed, everything taken is on disk. A second signal ends it at once.

Every flag can be set in a file (--config, see 'sensocto config print') and in the
environment (SENSOCTO_LISTEN for --listen); flags go before the environment, and that
before the file.

Examples:
  sensocto serve
  sensocto serve --listen 127.0.0.1:0 --data-dir ./data --guests view,ingest
  SENSOCTO_LOG_FORMAT=json sensocto serve --config sensocto.yaml`
}

// Run serves until the context of the program ends.
func (c serveCmd) Run(a *app) (err error) {
	config, err := c.load(a)
	if err != nil {
		return err
	}
	log := newLogger(a.stderr, config)
	db, err := awaitDatabase(a.ctx, config, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s, err := newServer(a.ctx, config, db, log)
	if err != nil {
		return err
	}
	listener, err := listen("listen", config.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := greet(a, s.accounts); err != nil {
		return err
	}
	return s.run(a.ctx, listener, func() {
		fmt.Fprintf(a.stdout, "http://%s\n", listener.Addr())
	})
}

func newLogger(w io.Writer, c Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // checked with the configuration
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// listen opens a listener; an error says what to do.
func listen(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w\nAnother program listens on %s: stop it, or choose another address with --%s (port 0 picks a free one)", err, address, key)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%w\nPorts below 1024 need a right that this user lacks: choose another with --%s", err, key)
	}
	return l, err
}

// greet prints the admin token of a first start.
func greet(a *app, accounts *account.Accounts) error {
	token, created, err := accounts.EnsureAdmin(a.ctx)
	if err != nil || !created {
		return err
	}
	fmt.Fprintf(a.stderr, "\nThis is the first start. Admin token, shown only now:\n\n  %s\n\n"+
		"Make others with 'sensocto token create'.\n\n", token)
	return nil
}

// newHTTP returns the HTTP server of the program.
func newHTTP(h http.Handler, log *slog.Logger) *http.Server { return web.Server(h, log) }

// newPprof returns a server of profiles. It is not part of the public handler:
// profiles show what is in memory.
func newPprof(log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
