package account

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

const (
	// PollInterval is how often Run asks the store whether another process changed
	// credentials or users.
	PollInterval = 100 * time.Millisecond
	// expiryInterval is how often Run looks for credentials that have expired.
	expiryInterval = time.Second
)

// watch is whom to tell when a credential ends.
type watch struct {
	mu        sync.Mutex // guards what follows
	listeners map[*listener]struct{}
	live      map[string]live     // by token id: those that were accepted here and have not ended
	told      map[string]struct{} // ids that ended through this process, until the store's change is seen
}

type listener struct{ revoked func(identityID string) }

// live is a credential that somebody may hold a connection open for.
type live struct {
	userID  string
	expires time.Time
	session bool
	// used is when it was last used, stored the latest that the store knows.
	used, stored time.Time
}

// follow remembers a credential that was accepted, and when.
func (w *watch) follow(t sensocto.Token, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live[t.ID] = live{t.UserID, t.ExpiresAt, t.Kind == sensocto.KindSession, now, t.UsedAt}
}

// ofUser returns the ids of a user's live credentials.
func (w *watch) ofUser(userID string) (ids []string) {
	return w.where(func(_ string, l live) bool { return l.userID == userID })
}

// expired returns the ids of live credentials that ended before now.
func (w *watch) expired(now time.Time) []string {
	return w.where(func(_ string, l live) bool { return !l.expires.IsZero() && !now.Before(l.expires) })
}

func (w *watch) where(is func(id string, l live) bool) (ids []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, l := range w.live {
		if is(id, l) {
			ids = append(ids, id)
		}
	}
	return ids
}

// tell passes the end of a credential on. here says that this process made it
// end: the store will report it once more.
func (w *watch) tell(id string, here bool) {
	w.mu.Lock()
	_, known := w.told[id]
	if here {
		w.told[id] = struct{}{}
	} else {
		delete(w.told, id)
	}
	delete(w.live, id)
	listeners := make([]*listener, 0, len(w.listeners))
	for l := range w.listeners {
		listeners = append(listeners, l)
	}
	w.mu.Unlock()
	if known {
		return
	}
	for _, l := range listeners {
		l.revoked(id)
	}
}

// OnRevoked calls f with Identity.ID for each credential that stops being
// valid, until stop is called: at once when it is revoked here, and while Run
// runs within PollInterval when another process revoked it, and within a second
// when it expires. f must not block; it may be called from several goroutines,
// and a last time while stop runs.
func (a *Accounts) OnRevoked(f func(identityID string)) (stop func()) {
	l := &listener{revoked: f}
	a.watch.mu.Lock()
	defer a.watch.mu.Unlock()
	a.watch.listeners[l] = struct{}{}
	return func() {
		a.watch.mu.Lock()
		defer a.watch.mu.Unlock()
		delete(a.watch.listeners, l)
	}
}

// Run watches the store for what other processes change, and the clock for what
// expires, and stores when sessions were last used, until ctx ends.
func (a *Accounts) Run(ctx context.Context) error {
	tick := time.NewTicker(PollInterval)
	defer tick.Stop()
	p := poller{Accounts: a, version: -1}
	for {
		p.poll(ctx)
		select {
		case <-ctx.Done():
			a.storeLastUses(ctx)
			return nil
		case <-tick.C:
		}
	}
}

// poller is the state of Run's loop.
type poller struct {
	*Accounts
	version int64 // of the last change that was seen
	failing bool  // the failure was logged
	// When what was done last:
	checked     time.Time // what has expired
	idleChecked time.Time // sessions that were not used
	stored      time.Time // the uses of sessions
	forgot      time.Time // sessions and tokens that had ended
}

func (p *poller) poll(ctx context.Context) {
	if now := time.Now(); now.Sub(p.checked) >= expiryInterval {
		p.checked = now
		for _, id := range p.watch.expired(now) {
			p.watch.tell(id, false)
		}
		p.attempts.forget(now)
	}
	err := p.refresh(ctx)
	if err == nil {
		err = p.useSessions(ctx, time.Now())
	}
	switch {
	case err == nil:
		p.failing = false
	case ctx.Err() == nil && !p.failing:
		// Not fatal: without the store only those are let in whom it knew last.
		p.failing = true
		p.log.Error("cannot see whether credentials were revoked, or note that they are in use; trying on", "err", err)
	}
}

// useSessions stores when sessions were last used, from time to time, ends those
// that were not for too long, which another process may have seen since, and
// removes what ended long ago.
func (p *poller) useSessions(ctx context.Context, now time.Time) error {
	if now.Sub(p.stored) >= useInterval {
		p.stored = now
		if err := p.storeUses(ctx); err != nil {
			return err
		}
	}
	if now.Sub(p.forgot) >= forgetInterval {
		p.forgot = now
		if _, err := p.store.ForgetTokens(ctx, now.Add(-forgottenAfter)); err != nil {
			return err
		}
	}
	if p.options.SessionIdle < 0 || now.Sub(p.idleChecked) < expiryInterval {
		return nil
	}
	p.idleChecked = now
	for _, id := range p.watch.unusedSince(now.Add(-p.options.SessionIdle)) {
		if err := p.check(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// refresh looks at what has changed since the last time.
func (p *poller) refresh(ctx context.Context) error {
	asked := time.Now()
	changes, version, all, err := p.store.Changes(ctx, p.version)
	if err != nil {
		return err
	}
	for _, id := range p.affected(changes, all) {
		if err := p.check(ctx, id); err != nil {
			return err
		}
	}
	p.version = version
	p.seen.confirmAll(asked)
	return nil
}

// affected returns the credentials that the changes may have ended. all is for
// changes that are not remembered one by one.
func (p *poller) affected(changes []sensocto.Change, all bool) (ids []string) {
	if all {
		p.seen.clear()
		return p.watch.where(func(string, live) bool { return true })
	}
	for _, c := range changes {
		switch c.Kind {
		case sensocto.ChangeToken:
			ids = append(ids, c.ID)
		case sensocto.ChangeUser:
			ids = append(ids, p.watch.ofUser(c.ID)...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids) // one may have changed several times
}

// check tells the listeners if a credential has ended.
func (p *poller) check(ctx context.Context, id string) error {
	token, user, err := p.store.Credential(ctx, id)
	c := credential{token, user}
	switch {
	case errors.Is(err, sensocto.ErrNotFound):
		p.seen.forget(id)
	case err != nil:
		return err
	default:
		p.seen.refresh(c, time.Now())
		p.watch.usedElsewhere(id, token.UsedAt)
	}
	if now := time.Now(); !c.valid(now) || p.idle(token, now) {
		p.watch.tell(id, false)
	}
	return nil
}
