package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

const (
	lookInterval = time.Second
	// syncInterval is how often memory is compared with the database and with all
	// rights: users may be gone, and sensors may have another owner.
	syncInterval = 10 * time.Minute
	loadPage     = 500
	finalTime    = 5 * time.Second // for what is to be stored and told at the end
)

// Load reads all rules into memory, and takes those out that are gone. It is
// called before Run, and by it.
func (a *Alerts) Load(ctx context.Context) error {
	a.change.Lock()
	defer a.change.Unlock()
	stored := make(map[string]struct{})
	for after := ""; ; {
		page, err := a.options.Store.AllAlerts(ctx, after, loadPage)
		if err != nil {
			return fmt.Errorf("load alert rules: %w", err)
		}
		for _, info := range page {
			after = info.Rule.ID
			stored[after] = struct{}{}
			if a.watching(after) == nil {
				info.Silent = true // until the rights are known
				a.add(info)
			}
			if err := a.checkRights(ctx, info.Rule); err != nil {
				return err
			}
		}
		if len(page) < loadPage {
			break
		}
	}
	for _, id := range a.ruleIDs() {
		if _, ok := stored[id]; !ok {
			a.forget(id)
		}
	}
	return nil
}

func (a *Alerts) ruleIDs() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := make([]string, 0, len(a.rules))
	for id := range a.rules {
		ids = append(ids, id)
	}
	return ids
}

// Run evaluates what time alone brings about, stores states, and tells people,
// until ctx ends and the states are stored.
func (a *Alerts) Run(ctx context.Context) error {
	defer a.options.Rights.OnChanged(a.recheck.add)()
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	defer work.Wait()
	defer stop()
	work.Go(func() { a.tell(working) })
	work.Go(func() { a.sendMails(working) })
	for range webhooksAtOnce {
		work.Go(func() { a.callHooks(working) })
	}
	look, compare := time.NewTicker(lookInterval), time.NewTicker(syncInterval)
	defer look.Stop()
	defer compare.Stop()
	for {
		select {
		case <-look.C:
			a.look(ctx)
			if a.recheck.pending() {
				a.recheckRights(ctx)
			}
		case <-a.recheck.wake:
			a.recheckRights(ctx)
		case <-compare.C:
			if err := a.Load(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("alert rules were not compared with the database", "err", err)
			}
		case <-ctx.Done():
			a.detach() // nothing fires from here on
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalTime)
			defer cancel()
			a.save(ctx, a.unsaved())
			return nil
		}
	}
}

// detach ends all subscriptions.
func (a *Alerts) detach() {
	for _, w := range a.watchedSensors() {
		w.attached.Lock()
		w.closed = true
		w.attached.Unlock()
		w.attach()
	}
}

func (a *Alerts) watchedSensors() []*watched {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]*watched, 0, len(a.sensors))
	for _, w := range a.sensors {
		all = append(all, w)
	}
	return all
}

// look lets all rules look at the time, and stores the states that changed.
func (a *Alerts) look(ctx context.Context) {
	at := now()
	for _, w := range a.watchedSensors() {
		w.look(at)
	}
	a.save(ctx, a.unsaved())
}

// unsaved returns the states that are not stored.
func (a *Alerts) unsaved() (states []sensocto.AlertState) {
	for _, w := range a.watchedSensors() {
		states = w.takeUnsaved(states)
	}
	return states
}

func (a *Alerts) save(ctx context.Context, states []sensocto.AlertState) {
	if len(states) == 0 {
		return
	}
	err := a.options.Store.SaveAlertStates(ctx, states)
	if err == nil {
		return
	}
	for _, s := range states {
		if w := a.watching(s.RuleID); w != nil {
			w.unsaved(s.RuleID)
		}
	}
	if ctx.Err() == nil && !errors.Is(err, sensocto.ErrUnavailable) {
		a.log.Warn("states of alert rules were not stored; trying on", "rules", len(states), "err", err)
	}
}

// recheck is whose rights are to be looked at again.
type recheck struct {
	mu    sync.Mutex // guards users and all
	users map[string]struct{}
	all   bool
	wake  chan struct{} // one slot: wake-ups coalesce
}

// add notes users; nil is everybody.
func (r *recheck) add(userIDs []string) {
	r.mu.Lock()
	r.all = r.all || userIDs == nil
	for _, id := range userIDs {
		r.users[id] = struct{}{}
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// later has everybody looked at again, at the next look at the time.
func (r *recheck) later() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = true
}

func (r *recheck) pending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all || len(r.users) > 0
}

// take returns whose rights are to be looked at, and begins anew.
func (r *recheck) take() (concerns func(userID string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	users, all := r.users, r.all
	r.users, r.all = make(map[string]struct{}), false
	return func(userID string) bool {
		_, is := users[userID]
		return all || is
	}
}

// recheckRights looks again at the rights of those who may have others now.
func (a *Alerts) recheckRights(ctx context.Context) {
	concerns := a.recheck.take()
	for _, w := range a.watchedSensors() {
		w.mu.Lock()
		rules := make([]sensocto.AlertRule, 0, len(w.rules))
		for _, r := range w.rules {
			rules = append(rules, r.AlertRule)
		}
		w.mu.Unlock()
		rules = slices.DeleteFunc(rules, func(r sensocto.AlertRule) bool { return !concerns(r.OwnerID) })
		for _, r := range rules {
			if err := a.checkRights(ctx, r); err != nil {
				if ctx.Err() == nil {
					a.log.Debug("the rights of alert rules were not checked; trying on", "err", err)
				}
				a.recheck.later()
				return
			}
		}
	}
}

// checkRights notes whether the owner of a rule may see its sensor.
func (a *Alerts) checkRights(ctx context.Context, r sensocto.AlertRule) error {
	_, sees, err := a.sees(ctx, r.OwnerID, r.SensorID)
	if err != nil {
		return err
	}
	if w := a.watching(r.ID); w != nil {
		w.setSilent(r.ID, !sees)
	}
	return nil
}

// sees returns a user and whether the user may see a sensor live now. A user who
// is gone or disabled sees nothing.
func (a *Alerts) sees(ctx context.Context, userID, sensorID string) (u sensocto.User, sees bool, err error) {
	u, err = a.options.Store.User(ctx, userID)
	switch {
	case errors.Is(err, sensocto.ErrNotFound):
		return u, false, nil
	case err != nil || !u.Active(time.Now()):
		return u, false, err
	}
	id := sensocto.Identity{UserID: u.ID, OwnerID: u.ID, Name: u.Name, Scopes: []sensocto.Scope{sensocto.ScopeView}}
	if u.IsAdmin { // sensors of the operator are those of every administrator
		id.Scopes = append(id.Scopes, sensocto.ScopeAdmin)
	}
	rights, err := a.options.Rights.Sensor(ctx, id, sensorID)
	return u, rights.Live, err
}
