package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// probePause is how long calls fail at once after one found the database away:
// then one more is let through to see.
const probePause = 250 * time.Millisecond

// health is whether the database can be reached, as far as calls have found
// out: nothing asks but them. A server asks ten times a second anyway whether
// tokens have changed.
type health struct {
	log  *slog.Logger
	name string

	mu    sync.Mutex // guards the following
	err   error      // nil while it can be reached
	since time.Time
	probe time.Time // when the next call may try

	reconnects, outages atomic.Uint64
}

func (h *health) reason() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		return nil
	}
	return fmt.Errorf("away since %s: %w", h.since.UTC().Format(time.RFC3339), h.err)
}

// admit returns the error that is due at once, nil for who may try.
func (h *health) admit(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil || !now.Before(h.probe) {
		h.probe = now.Add(probePause) // only one at a time tries
		return nil
	}
	return h.err
}

// note takes how a call went. An error that is not the database's being away
// says nothing of it; nor does a caller who gave up.
func (h *health) note(ctx context.Context, err error) {
	f, _ := err.(*failure)
	if err != nil && (f == nil || !f.away || ctx.Err() != nil) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil && h.err != nil:
		h.log.Info("the database is back", "database", h.name, "after", time.Since(h.since).Round(time.Millisecond))
		h.reconnects.Add(1)
		h.err = nil
	case err != nil:
		if h.err == nil {
			h.since = time.Now()
			h.outages.Add(1)
			h.log.Error("the database is away: what is taken is kept, and written when it is back", "database", h.name, "err", err)
		}
		h.err, h.probe = err, time.Now().Add(probePause)
	}
}
