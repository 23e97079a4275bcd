package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/journal"
)

// placeFlags say where the data is that a command works on: in a directory,
// or, while a server has that open, behind the server.
type placeFlags struct {
	databaseFlags
	Server string `placeholder:"URL" help:"Ask this server, and do not look at the data directory. Also SENSOCTO_SERVER."`
	Token  string `placeholder:"TOKEN" help:"Token with the scope that the command needs, where a server is asked. Also SENSOCTO_TOKEN."`
}

// remote returns how a server is asked.
func (p placeFlags) remote(a *app, server string) remoteFlags {
	f := remoteFlags{Server: server, Token: p.Token}
	_ = f.AfterApply(a) // a file that cannot be read is no token: the server says what is missing
	return f
}

// local is a data directory that no server has open.
type local struct {
	config Config
	db     database
	store  *store.Store
}

// with calls one of two functions: onServer where a server is named or has the
// data directory open, or else here, with what is in the directory.
func (p placeFlags) with(a *app, onServer func(remoteFlags) error, here func(context.Context, local) error) error {
	if p.Server != "" {
		return onServer(p.remote(a, p.Server))
	}
	config, err := p.load(a)
	if err != nil {
		return err
	}
	if _, err := os.Stat(config.database()); err != nil && config.DatabaseURL == "" {
		return fmt.Errorf("there is no database in %s: name the server's data directory with --data-dir, or the server with --server", config.DataDir)
	}
	db, err := openDatabase(a.ctx, config, newLogger(a.stderr, config))
	if inUse(err) {
		address, ok := ownAddress(config)
		if !ok {
			return fmt.Errorf("a server has %s open: name it with --server", config.place())
		}
		fmt.Fprintf(a.stderr, "a server has %s open: asking it at %s\n", config.place(), address)
		return onServer(p.remote(a, address))
	}
	if err != nil {
		return err
	}
	err = withStore(a, config, db, func(ctx context.Context, s *store.Store) error {
		return here(ctx, local{config, db, s})
	})
	return errors.Join(err, db.Close())
}

// withStore calls f beside a running store that holds everything in the
// database.
func withStore(a *app, config Config, db database, f func(context.Context, *store.Store) error) (err error) {
	s, err := store.Open(a.ctx, db, store.Options{
		Journal: journal.OS(config.journal()), JournalBytes: int64(config.JournalMax), Log: newLogger(a.stderr, config),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(a.ctx))
	ended := make(chan error, 1) // the one result
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-ended)
	}()
	if err := s.Flush(a.ctx); err != nil {
		return err
	}
	return f(a.ctx, s)
}

// ownAddress is where the server of this configuration listens, as far as that
// can be told.
func ownAddress(c Config) (string, bool) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "0" {
		return "", false
	}
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), true
}

// send makes a request that may take long. The answer's body is the caller's to
// close.
func (f remoteFlags) send(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, f.base()+path, nil)
	if err != nil {
		return nil, usagef("--server: %w", err)
	}
	if f.Token != "" {
		req.Header.Set("Authorization", "Bearer "+f.Token)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ResponseHeaderTimeout: 5 * time.Minute}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, f.explain(err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, f.apiError(resp)
	}
	return resp, nil
}

// post calls the API and decodes its answer.
func (f remoteFlags) post(ctx context.Context, path string, answer any) error {
	resp, err := f.send(ctx, http.MethodPost, path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return fmt.Errorf("read the answer of %s: %w", f.Server, err)
	}
	return nil
}
