package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// RestartConfig says what RunRestart makes a server read back: a journal of some
// length, of which the database has nothing, as after a kill at the end of a
// long absence of the database.
type RestartConfig struct {
	StoreConfig        // what is put; Duration is for how long devices send once all is read back
	JournalBytes int64 `json:"journal_bytes"`
}

// Restart is what RunRestart measures with.
type Restart struct {
	// Fill opens an empty store that keeps everything in its journal. Closing it
	// leaves the journal as a kill would.
	Fill func(context.Context) (OpenStore, error)
	// Start starts the server that reads it back, and does not wait for it.
	Start func(context.Context) (*Server, error)
	// Open opens the store again, when that server has ended.
	Open func(context.Context) (OpenStore, error)
}

// RunRestart fills a journal, starts a server on it, and measures how long it
// takes until devices are accepted and acknowledged and until everything can be
// read, and what acknowledgements take meanwhile. At the end everything that the
// journal had is read and compared.
func RunRestart(ctx context.Context, cfg RestartConfig, restart Restart) (RestartResult, error) {
	r := RestartResult{Config: cfg}
	if err := cfg.check(); err != nil {
		return r, err
	}
	load, err := fillJournal(ctx, &r, restart.Fill)
	if err != nil {
		return r, fmt.Errorf("fill the journal: %w", err)
	}
	began := time.Now()
	server, err := restart.Start(ctx)
	if err != nil {
		return r, err
	}
	const patience = 5 * time.Minute
	measuring, stop := context.WithTimeout(ctx, patience)
	defer stop()
	err = (&restarted{target: server.Target, began: began, result: &r, ready: make(chan struct{})}).measure(measuring)
	if err = errors.Join(err, server.Close()); err != nil {
		return r, err
	}
	opened, err := restart.Open(ctx)
	if err != nil {
		return r, err
	}
	var found StoreResult
	err = load.verify(ctx, opened.Store, &found)
	r.Found, r.Faults = found.Found, append(r.Faults, found.Faults...)
	return r, errors.Join(err, opened.Close())
}

// fillJournal puts batches until the journal is as long as it is to be.
func fillJournal(ctx context.Context, r *RestartResult, fill func(context.Context) (OpenStore, error)) (*storeLoad, error) {
	opened, err := fill(ctx)
	if err != nil {
		return nil, err
	}
	load := newStoreLoad(r.Config.StoreConfig, opened)
	filling, stop := context.WithCancel(ctx)
	defer stop()
	var writers sync.WaitGroup
	for _, w := range load.writers {
		writers.Go(func() { w.run(filling) })
	}
	for err == nil && load.gauges()["journal_bytes"].Value < float64(r.Config.JournalBytes) {
		err = pause(ctx, 20*time.Millisecond)
	}
	stop()
	writers.Wait()
	r.Journal = int64(load.gauges()["journal_bytes"].Value)
	for _, w := range load.writers {
		r.Put += w.next
		r.Confirmed += w.confirmed
		if w.fault != nil {
			err = errors.Join(err, w.fault)
		}
	}
	return load, errors.Join(err, opened.Close())
}
