package account

import (
	"context"
	"time"

	"github.com/sensocto/sensocto"
)

const (
	// useInterval is how often it is stored when sessions were last used: a crash
	// makes them look as much older.
	useInterval = time.Minute
	// forgetInterval is how often sessions and tokens of people that ended
	// forgottenAfter ago or earlier are removed from the store: the audit log knows of
	// them.
	forgetInterval, forgottenAfter = time.Hour, 24 * time.Hour
	// useTimeout bounds the last time, when Run ends.
	useTimeout = 5 * time.Second
)

// idle reports whether a session was not used for too long.
func (a *Accounts) idle(t sensocto.Token, now time.Time) bool {
	if t.Kind != sensocto.KindSession || a.options.SessionIdle < 0 {
		return false
	}
	return now.Sub(a.lastUse(t)) >= a.options.SessionIdle
}

// lastUse returns when a session was last used, here or by what the store says.
func (a *Accounts) lastUse(t sensocto.Token) time.Time {
	if here := a.watch.usedAt(t.ID); here.After(t.UsedAt) {
		return here
	}
	return t.UsedAt
}

// usedAt returns when a live credential was last used here.
func (w *watch) usedAt(id string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.live[id].used
}

// unusedSince returns the live sessions that were not used here since a time.
func (w *watch) unusedSince(t time.Time) []string {
	return w.where(func(_ string, l live) bool { return l.session && l.used.Before(t) })
}

// usedElsewhere notes a use that another process stored.
func (w *watch) usedElsewhere(id string, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l, ok := w.live[id]; ok && at.After(l.used) {
		l.used, l.stored = at, at
		w.live[id] = l
	}
}

// unstored returns the uses of sessions that the store does not know.
func (w *watch) unstored() map[string]time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	uses := make(map[string]time.Time)
	for id, l := range w.live {
		if l.session && l.used.After(l.stored) {
			uses[id] = l.used
		}
	}
	return uses
}

// stored notes that the store knows uses.
func (w *watch) stored(uses map[string]time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, at := range uses {
		if l, ok := w.live[id]; ok {
			l.stored = at
			w.live[id] = l
		}
	}
}

// storeUses stores when sessions were last used. Where it fails they stay in
// memory for the next time.
func (a *Accounts) storeUses(ctx context.Context) error {
	uses := a.watch.unstored()
	if len(uses) == 0 {
		return nil
	}
	err := a.store.UseTokens(ctx, uses)
	if err == nil {
		a.watch.stored(uses)
	}
	return err
}

// storeLastUses is storeUses when Run ends.
func (a *Accounts) storeLastUses(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), useTimeout)
	defer cancel()
	if err := a.storeUses(ctx); err != nil {
		a.log.Warn("cannot store when sessions were last used: they may end early", "err", err)
	}
}
