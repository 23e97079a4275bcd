package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/seclog"
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
SIGHUP ends it in order as well. A log that nobody reads any more ends nothing.

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
	lines := &logLines{out: a.stderr}
	log := newLogger(lines, config)
	db, err := awaitDatabase(a.ctx, config, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s, err := newServer(a.ctx, config, db, log, lines)
	if err != nil {
		return err
	}
	listener, err := listen("listen", config.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	certificates, err := config.tlsConfig(a.ctx, log)
	if err != nil {
		return err
	}
	config.warnClearText(certificates != nil, log)
	config.Listen = listener.Addr().String() // port 0 has become one
	if err := s.accounts.ServeAt(config.baseURL()); err != nil {
		return err
	}
	if err := greet(a, config, s.accounts); err != nil {
		return err
	}
	return s.run(a.ctx, entrance(listener, s.conns, certificates), func() {
		scheme := "http"
		if certificates != nil {
			scheme = "https"
		}
		fmt.Fprintf(a.stdout, "%s://%s\n", scheme, reachable(listener.Addr()))
	})
}

// warnClearText warns where tokens and measurements can be read on their way.
func (c Config) warnClearText(encrypted bool, log *slog.Logger) {
	host, _, _ := net.SplitHostPort(c.Listen)
	if !encrypted && !isLoopback(host) && len(c.TrustedProxies) == 0 {
		log.Warn("tokens and measurements travel in clear text: anybody on the way can read them. "+
			"Set tls.cert and tls.key, or acme.domains, or put a proxy with TLS in front and name it in trusted_proxies", "listen", c.Listen)
	}
	if host, _, _ := net.SplitHostPort(c.MetricsListen); c.MetricsListen != "" && !isLoopback(host) {
		log.Warn("metrics, with the ids of sensors, travel in clear text and answer everybody who reaches their address", "metrics_listen", c.MetricsListen)
	}
}

func newLogger(w io.Writer, c Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // checked with the configuration
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(seclog.WithCaller(slog.NewJSONHandler(w, options)))
	}
	return slog.New(seclog.WithCaller(slog.NewTextHandler(w, options)))
}

// greet prints the admin token of a first start, and how the first person gets
// in, as long as nobody is an administrator.
func greet(a *app, config Config, accounts *account.Accounts) error {
	token, created, err := accounts.EnsureAdmin(a.ctx)
	if err != nil {
		return err
	}
	if created {
		fmt.Fprintf(a.stderr, "\nThis is the first start. Admin token, shown only now:\n\n  %s\n\n"+
			"Make others with 'sensocto token create'.\n\n", token)
	}
	secret, err := accounts.SetupLink(a.ctx, linkLife)
	if err != nil || secret == "" {
		return err
	}
	fmt.Fprintf(a.stderr, "Make the administrator's account in a browser; the link works once, until the next start or for a day:\n\n  %s\n\n",
		sensocto.LinkSetup.URL(config.baseURL(), secret))
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
		Handler:           onLoopbackName(mux),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// onLoopbackName refuses requests under another name than one of this machine: a
// page whose name resolves to it must not read what is in memory.
func onLoopbackName(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !isLoopback(strings.Trim(host, "[]")) {
			http.Error(w, "profiles are shown under localhost and loopback addresses alone", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// logLines is where the log goes. Lines that nobody reads any more are lost, and
// counted: a log must not end the server.
type logLines struct {
	out  io.Writer
	lost atomic.Uint64
}

// Write implements io.Writer.
func (l *logLines) Write(b []byte) (int, error) {
	if _, err := l.out.Write(b); err != nil {
		l.lost.Add(1)
	}
	return len(b), nil
}

// Metrics implements sensocto.MetricSource.
func (l *logLines) Metrics(emit func(sensocto.Metric)) {
	emit(sensocto.Metric{Name: "log_lines_lost_total", Help: "Lines of the log that could not be written.", Kind: sensocto.KindCounter, Value: float64(l.lost.Load())})
}
