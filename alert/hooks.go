package alert

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	webhooksAtOnce = 4
	maxCalls       = 1000           // that wait; a new one is dropped and counted then
	hookPatience   = 24 * time.Hour // after which a call is given up
)

// backoff is how long a call waits after each failure; the last one repeats.
var backoff = [...]time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour}

// call is a call of a webhook.
type call struct {
	ruleID string
	url    string
	host   string
	id     string // the same at each attempt, so that a receiver knows it again
	body   []byte
	began  time.Time
	due    time.Time
	failed int
}

// hostOf returns the host of an address; "" where there is none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// hooks is the calls that wait. Of one host there is one call at a time, so that
// a slow receiver holds up nobody else's.
type hooks struct {
	client *http.Client

	mu    sync.Mutex // guards what follows
	calls []call
	busy  map[string]bool // hosts that are called now
	wake  chan struct{}   // closed when there may be something to do, and made anew

	sent, retried, givenUp, dropped atomic.Uint64
}

func newHooks(client *http.Client) *hooks {
	return &hooks{client: client, busy: make(map[string]bool), wake: make(chan struct{})}
}

func (h *hooks) waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.calls)
}

// add queues a call, or drops it where too many wait.
func (h *hooks) add(c call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.calls) >= maxCalls {
		h.dropped.Add(1)
		return
	}
	h.calls = append(h.calls, c)
	h.tellAll()
}

// tellAll wakes those who wait for a call. The caller holds mu.
func (h *hooks) tellAll() {
	close(h.wake)
	h.wake = make(chan struct{})
}

// next returns the call that is due first, whose host is busy until done is
// called; false where ctx ended.
func (h *hooks) next(ctx context.Context) (c call, ok bool) {
	for {
		c, wait, wake := h.take(time.Now())
		if wait == 0 {
			return c, true
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-wake:
		case <-ctx.Done():
			timer.Stop()
			return call{}, false
		}
		timer.Stop()
	}
}

// take takes a call that is due, or returns for how long there is none, and what
// is closed when that changes.
func (h *hooks) take(at time.Time) (c call, wait time.Duration, wake <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := -1
	for i, c := range h.calls {
		if !h.busy[c.host] && (first < 0 || c.due.Before(h.calls[first].due)) {
			first = i
		}
	}
	if first < 0 {
		return call{}, time.Hour, h.wake
	}
	if wait := h.calls[first].due.Sub(at); wait > 0 {
		return call{}, wait, h.wake
	}
	c = h.calls[first]
	h.calls = slices.Delete(h.calls, first, first+1)
	h.busy[c.host] = true
	return c, 0, nil
}

func (h *hooks) done(c call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.busy, c.host)
	h.tellAll()
}

// retry queues a call that failed once more, unless that has gone on for a day.
func (h *hooks) retry(c call) {
	wait := backoff[min(c.failed, len(backoff)-1)]
	c.failed++
	c.due = time.Now().Add(wait + rand.N(wait/10+1)) // so that those that failed together do not come together
	if c.due.Sub(c.began) > hookPatience {
		h.givenUp.Add(1)
		return
	}
	h.retried.Add(1)
	h.add(c)
}

// callHooks calls webhooks until ctx ends. What waits then is lost.
func (a *Alerts) callHooks(ctx context.Context) {
	for {
		c, ok := a.hooks.next(ctx)
		if !ok {
			return
		}
		a.callHook(ctx, c)
		a.hooks.done(c)
	}
}

// callHook calls one webhook, if its rule is still as it was and its owner may
// still see the sensor.
func (a *Alerts) callHook(ctx context.Context, c call) {
	w := a.watching(c.ruleID)
	if w == nil {
		return
	}
	info, ok := w.snapshot(c.ruleID)
	if r := info.Rule; !ok || !r.Enabled || r.WebhookURL != c.url {
		return
	}
	_, sees, err := a.sees(ctx, info.Rule.OwnerID, info.Rule.SensorID)
	if err != nil {
		a.hooks.retry(c)
		return
	}
	if !sees {
		return
	}
	again, err := a.hooks.post(ctx, c, info.Rule.WebhookSecret)
	switch {
	case err == nil:
		a.hooks.sent.Add(1)
	case ctx.Err() != nil:
		a.hooks.dropped.Add(1)
	case again:
		a.log.Debug("a webhook failed, and is tried again", "alert", c.ruleID, "err", explain(err))
		a.hooks.retry(c)
	default:
		a.hooks.givenUp.Add(1)
		a.log.Warn("a webhook failed for good", "alert", c.ruleID, "err", explain(err))
	}
}
