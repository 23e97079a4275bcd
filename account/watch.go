package account

import (
	"context"
	"time"

	"github.com/sensocto/sensocto"
)

// PollInterval is how often Run asks the store whether another process changed
// the tokens.
const PollInterval = 100 * time.Millisecond

// OnRevoked calls f with Identity.ID once for each token that stops being
// valid, until stop is called: at once when it is revoked here, and while Run
// runs within PollInterval when another process revoked it. f must not block;
// it may be called from several goroutines, and a last time while stop runs.
func (a *Accounts) OnRevoked(f func(identityID string)) (stop func()) {
	l := &listener{revoked: f}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listeners[l] = struct{}{}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.listeners, l)
	}
}

// Run watches the store for tokens revoked by other processes, until ctx ends.
func (a *Accounts) Run(ctx context.Context) error {
	tick := time.NewTicker(PollInterval)
	defer tick.Stop()
	p := poller{Accounts: a}
	for {
		p.poll(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// poller is the state of Run's loop.
type poller struct {
	*Accounts
	version int64
	read    bool // version is that of a successful read
	failing bool // the failure was logged
}

func (p *poller) poll(ctx context.Context) {
	err := p.refresh(ctx)
	switch {
	case err == nil:
		p.failing = false
	case ctx.Err() == nil && !p.failing:
		// Not fatal: without the store only those are let in whom it knew last.
		p.failing = true
		p.log.Error("cannot see whether tokens were revoked; trying on", "err", err)
	}
}

// refresh reads all tokens if they have changed. The version is asked for
// first: a change between the two reads shows as another one the next time.
func (p *poller) refresh(ctx context.Context) error {
	asked := time.Now()
	version, err := p.tokens.DataVersion(ctx)
	if err != nil {
		return err
	}
	if p.read && version == p.version {
		p.seen.confirmAll(asked)
		return nil
	}
	tokens, err := p.tokens.Tokens(ctx)
	if err != nil {
		return err
	}
	p.version, p.read = version, true
	p.seen.replace(tokens, asked)
	for _, id := range p.ended(tokens) {
		p.tell(id)
	}
	return nil
}

// ended returns the ids that are no longer valid: revoked ones, and those that
// vanished from the store.
func (a *Accounts) ended(tokens []sensocto.Token) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.live
	a.live = make(map[string]struct{}, len(tokens))
	var ids []string
	for _, t := range tokens {
		delete(before, t.ID)
		if t.RevokedAt.IsZero() {
			a.live[t.ID] = struct{}{}
		} else {
			ids = append(ids, t.ID)
		}
	}
	for id := range before {
		ids = append(ids, id)
	}
	return ids
}

// tell passes the end of a token on to the listeners, the first time it is
// noticed. A token that is revoked stays so: once is enough.
func (a *Accounts) tell(id string) {
	a.mu.Lock()
	_, known := a.told[id]
	a.told[id] = struct{}{}
	var listeners []*listener
	for l := range a.listeners {
		listeners = append(listeners, l)
	}
	a.mu.Unlock()
	if known {
		return
	}
	for _, l := range listeners {
		l.revoked(id)
	}
}
