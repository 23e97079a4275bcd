package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"runtime/pprof"
	"time"

	"github.com/sensocto/sensocto/bench"
	"github.com/sensocto/sensocto/sim"
	"github.com/sensocto/sensocto/store"
)

const scenarioStore = "store"

// runStore measures a store in this process, set up as a server sets it up.
func (c benchCmd) runStore(a *app) error {
	config := defaults(a.env)
	config.DatabaseURL = c.DatabaseURL
	if problems := config.check(); len(problems) > 0 {
		return usagef("%s: %s", problems[0].key, problems[0].text)
	}
	var err error
	if config.DataDir, err = os.MkdirTemp("", "sensocto-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(config.DataDir)
	load, err := c.storeConfig(config)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	stopProfile, err := c.profile()
	if err != nil {
		return err
	}
	opened := 0
	result, err := bench.RunStore(a.ctx, load, func(ctx context.Context) (bench.OpenStore, error) {
		if opened++; opened == 2 { // what follows is not measured
			if err := stopProfile(); err != nil {
				return bench.OpenStore{}, err
			}
		}
		return openStore(ctx, config, opened == 1, log)
	})
	if err = errors.Join(err, stopProfile()); err != nil {
		return err
	}
	return c.report(a, result)
}

func (c benchCmd) storeConfig(config Config) (bench.StoreConfig, error) {
	load := bench.StoreConfig{
		Sensors: 100, Rate: 512, Batch: 20, Window: 64, Warmup: 2 * time.Second, Duration: time.Minute,
		Signal: c.Signal, Database: "SQLite", DatabasePID: c.PID,
	}
	override(&load.Sensors, c.Sensors)
	override(&load.Rate, c.Rate)
	override(&load.Batch, c.Batch)
	override(&load.Window, c.Window)
	override(&load.Warmup, c.Warmup)
	override(&load.Duration, c.Duration)
	if config.DatabaseURL != "" {
		load.Database = "PostgreSQL"
	}
	var err error
	load.Signals, err = storeSignals(c.Signal, load.Rate)
	return load, err
}

// profile starts the profile that was asked for; it may be stopped twice.
func (c benchCmd) profile() (stop func() error, err error) {
	if c.CPUProfile == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(c.CPUProfile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	var closer io.Closer = file
	return func() (err error) {
		pprof.StopCPUProfile()
		if closer != nil {
			err, closer = closer.Close(), nil
		}
		return err
	}, nil
}

// storeSignals are two minutes of ECG, as devices send them.
func storeSignals(kind string, rate float64) ([][]float64, error) {
	device, err := sim.New(sim.Options{Seed: 1, Rate: rate, Noise: 0.01})
	if err != nil {
		return nil, err
	}
	noisy := make([]float64, int(120*rate))
	for _, s := range device.Signals {
		if s.Type == "ecg" {
			s.Fill(noisy)
		}
	}
	decimal := make([]float64, len(noisy))
	for i, v := range noisy {
		noisy[i], decimal[i] = float64(float32(v)), math.Round(v*200)/200
	}
	switch kind {
	case "float32":
		return [][]float64{noisy}, nil
	case "decimal":
		return [][]float64{decimal}, nil
	}
	return [][]float64{noisy, decimal}, nil
}

// openStore opens and runs a store. The first time its database must be empty:
// nothing that is somebody's is measured with.
func openStore(ctx context.Context, c Config, first bool, log *slog.Logger) (opened bench.OpenStore, err error) {
	db, err := openDatabase(ctx, c, log)
	if err != nil {
		return opened, err
	}
	if known, err := db.Series(ctx); err != nil || first && len(known) > 0 {
		if err == nil {
			err = fmt.Errorf("%s has measurements: give an empty database", c.place())
		}
		return opened, errors.Join(err, db.Close())
	}
	return runBenchStore(ctx, db, c.storeOptions(log), db.Close)
}

// runBenchStore opens and runs a store over a cold tier.
func runBenchStore(ctx context.Context, cold store.Cold, o store.Options, closeCold func() error) (opened bench.OpenStore, err error) {
	s, err := store.Open(ctx, cold, o)
	if err != nil {
		return opened, errors.Join(err, closeCold())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1) // the one result
	go func() { ended <- s.Run(running) }()
	return bench.OpenStore{Store: s, Metrics: s, Close: func() error {
		stop()
		return errors.Join(<-ended, closeCold())
	}}, nil
}
