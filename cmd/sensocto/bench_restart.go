package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/bench"
	"github.com/sensocto/sensocto/store"
)

const scenarioRestart = "restart"

// runRestart measures how a server starts on a long journal.
func (c benchCmd) runRestart(a *app) (err error) {
	config := defaults(a.env)
	config.DatabaseURL = c.DatabaseURL
	if problems := config.check(); len(problems) > 0 {
		return usagef("%s: %s", problems[0].key, problems[0].text)
	}
	if config.DataDir, err = os.MkdirTemp("", "sensocto-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(config.DataDir)
	r := restartBench{config: config, log: slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if r.binary, err = c.binary(); err != nil {
		return err
	}
	load, err := c.restartConfig(config)
	if err != nil {
		return err
	}
	result, err := bench.RunRestart(a.ctx, load, bench.Restart{Fill: r.fill, Start: r.start, Open: r.open})
	if err != nil {
		return err
	}
	return c.report(a, result)
}

func (c benchCmd) restartConfig(config Config) (bench.RestartConfig, error) {
	size, err := parseBytes(c.Journal)
	if err != nil {
		return bench.RestartConfig{}, usagef("--journal: %w", err)
	}
	load, err := c.storeConfig(config)
	if c.Duration == nil {
		load.Duration = 5 * time.Second
	}
	return bench.RestartConfig{StoreConfig: load, JournalBytes: int64(size)}, err
}

// restartBench opens stores and a server on one data directory.
type restartBench struct {
	config Config
	log    *slog.Logger
	binary string
}

// fill opens a store whose database takes nothing.
func (r restartBench) fill(ctx context.Context) (opened bench.OpenStore, err error) {
	db, err := openDatabase(ctx, r.config, r.log)
	if err != nil {
		return opened, err
	}
	o := r.config.storeOptions(slog.New(slog.DiscardHandler))
	o.MaxUnflushedBytes, o.JournalBytes, o.ShutdownTimeout = 1<<40, 1<<40, time.Second
	opened, err = runBenchStore(ctx, absent{db}, o, db.Close)
	kill := opened.Close
	opened.Close = func() error { _ = kill(); return nil } // it says what is not written: all
	return opened, err
}

// absent is a cold tier that cannot be written.
type absent struct{ store.Cold }

// WriteChunks writes nothing.
func (absent) WriteChunks(context.Context, []sensocto.Chunk) error { return sensocto.ErrUnavailable }

// start starts the server.
func (r restartBench) start(ctx context.Context) (*bench.Server, error) {
	flags := []string{"--log-level", "warn"}
	token := []string{"token", "create", "--name", "bench", "--scope", "ingest,view", "--data-dir", r.config.DataDir}
	if url := string(r.config.DatabaseURL); url != "" {
		flags = append(flags, "--database-url", url)
		token = append(token, "--database-url", url)
	}
	text, err := exec.CommandContext(ctx, r.binary, token...).Output()
	if err != nil {
		return nil, fmt.Errorf("create a token: %w", err)
	}
	return bench.StartOn(r.binary, r.config.DataDir, strings.TrimSpace(string(text)), flags...)
}

// open opens a store as the server has left it.
func (r restartBench) open(ctx context.Context) (bench.OpenStore, error) {
	return openStore(ctx, r.config, false, r.log)
}
