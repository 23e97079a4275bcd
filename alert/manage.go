package alert

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sensocto/sensocto"
)

var errNoAccount = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "account_needed", Message: "alerts are for people with an account: sign in first"}

// secretPrefix and the size of a secret are those of Standard Webhooks.
const (
	secretPrefix = "whsec_"
	secretBytes  = 32
)

func newSecret() string {
	var b [secretBytes]byte
	rand.Read(b[:]) // never fails: the runtime aborts instead
	return secretPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// Create makes a rule of the identity's user for a sensor that they may see. It
// returns errors of code invalid, not_found, unauthorized and rate_limited.
func (a *Alerts) Create(ctx context.Context, id sensocto.Identity, r sensocto.AlertRule) (sensocto.AlertInfo, error) {
	if id.UserID == "" {
		return sensocto.AlertInfo{}, errNoAccount
	}
	r.ID, r.OwnerID, r.CreatedAt, r.Version, r.WebhookSecret = uuid.Must(uuid.NewV7()).String(), id.UserID, now(), 1, ""
	if err := a.check(&r); err != nil {
		return sensocto.AlertInfo{}, err
	}
	rights, err := a.options.Rights.Sensor(ctx, id, r.SensorID)
	switch {
	case err != nil:
		return sensocto.AlertInfo{}, err
	case !rights.Live:
		return sensocto.AlertInfo{}, &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "no_sensor", Message: "there is no sensor " + r.SensorID + " that you may see"}
	}
	if r.WebhookURL != "" {
		r.WebhookSecret = newSecret()
	}
	warnings, err := a.warn(ctx, r)
	if err != nil {
		return sensocto.AlertInfo{}, err
	}
	a.change.Lock()
	defer a.change.Unlock()
	if err := a.options.Store.InsertAlert(ctx, r, a.options.RulesOfUser, a.options.RulesOfSensor); err != nil {
		return sensocto.AlertInfo{}, err
	}
	info := sensocto.AlertInfo{Rule: r, State: sensocto.AlertState{RuleID: r.ID}, Warnings: warnings}
	a.add(info)
	a.log.Info("alert rule made", "alert", r.ID, "sensor", r.SensorID, "user", r.OwnerID)
	info.NewSecret = r.WebhookSecret
	return info, nil
}

// Update changes a rule of the identity's user as change says; the id, the owner
// and the sensor stay. A webhook whose secret change empties gets another one. A
// rule that looks for something else from now on begins anew.
func (a *Alerts) Update(ctx context.Context, id sensocto.Identity, ruleID string, change func(*sensocto.AlertRule)) (sensocto.AlertInfo, error) {
	a.change.Lock()
	defer a.change.Unlock()
	info, err := a.own(ctx, id, ruleID)
	if err != nil {
		return sensocto.AlertInfo{}, err
	}
	before := info.Rule
	r := before
	change(&r)
	r.ID, r.OwnerID, r.SensorID, r.CreatedAt, r.Version = before.ID, before.OwnerID, before.SensorID, before.CreatedAt, before.Version
	if err := a.check(&r); err != nil {
		return sensocto.AlertInfo{}, err
	}
	switch {
	case r.WebhookURL == "":
		r.WebhookSecret = ""
	case r.WebhookSecret == "":
		r.WebhookSecret = newSecret()
		info.NewSecret = r.WebhookSecret
	}
	if looksForOther(before, r) {
		info.State = sensocto.AlertState{RuleID: r.ID, FiredAt: info.State.FiredAt}
	}
	if err := a.options.Store.UpdateAlert(ctx, r, info.State); err != nil {
		return sensocto.AlertInfo{}, err
	}
	r.Version++
	info.Rule = r
	a.add(info)
	info.Warnings, err = a.warn(ctx, r)
	return info, err
}

func looksForOther(a, b sensocto.AlertRule) bool {
	return a.AttributeID != b.AttributeID || a.Condition != b.Condition || a.Low != b.Low || a.High != b.High || a.Hysteresis != b.Hysteresis || a.After != b.After || a.Enabled != b.Enabled
}

// Delete removes a rule of the identity's user.
func (a *Alerts) Delete(ctx context.Context, id sensocto.Identity, ruleID string) error {
	if id.UserID == "" {
		return errNoAccount
	}
	a.change.Lock()
	defer a.change.Unlock()
	if err := a.options.Store.DeleteAlert(ctx, id.UserID, ruleID); err != nil {
		return err
	}
	a.forget(ruleID)
	return nil
}

// Alert returns a rule of the identity's user, or sensocto.ErrNotFound.
func (a *Alerts) Alert(ctx context.Context, id sensocto.Identity, ruleID string) (sensocto.AlertInfo, error) {
	info, err := a.own(ctx, id, ruleID)
	if err == nil {
		info.Warnings, err = a.warn(ctx, info.Rule)
	}
	return info, err
}

// List returns up to limit rules of the identity's user behind an id, oldest
// first.
func (a *Alerts) List(ctx context.Context, id sensocto.Identity, after string, limit int) ([]sensocto.AlertInfo, error) {
	if id.UserID == "" {
		return nil, errNoAccount
	}
	list, err := a.options.Store.Alerts(ctx, id.UserID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list alert rules: %w", err)
	}
	for i := range list {
		a.present(&list[i])
	}
	return list, nil
}

func (a *Alerts) own(ctx context.Context, id sensocto.Identity, ruleID string) (sensocto.AlertInfo, error) {
	if id.UserID == "" {
		return sensocto.AlertInfo{}, errNoAccount
	}
	info, err := a.options.Store.Alert(ctx, id.UserID, ruleID)
	if err == nil {
		a.present(&info)
	}
	return info, err
}

// present adds what only memory knows: the state of this moment.
func (a *Alerts) present(info *sensocto.AlertInfo) {
	if w := a.watching(info.Rule.ID); w != nil {
		if live, ok := w.snapshot(info.Rule.ID); ok {
			info.State, info.Silent = live.State, live.Silent
		}
	}
}

func (a *Alerts) watching(ruleID string) *watched {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rules[ruleID]
}

// add puts a rule into memory, or replaces it there. The caller holds change.
func (a *Alerts) add(info sensocto.AlertInfo) {
	info.NewSecret = ""
	a.mu.Lock()
	w := a.sensors[info.Rule.SensorID]
	if w == nil {
		w = &watched{alerts: a, sensorID: info.Rule.SensorID}
		a.sensors[w.sensorID] = w
	}
	a.rules[info.Rule.ID] = w
	a.mu.Unlock()
	w.put(info)
}

// forget takes a rule out of memory. The caller holds change.
func (a *Alerts) forget(ruleID string) {
	w := a.watching(ruleID)
	if w == nil {
		return
	}
	empty := w.drop(ruleID)
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.rules, ruleID)
	delete(a.tested, ruleID)
	if empty {
		delete(a.sensors, w.sensorID)
	}
}

// testInterval is how often a rule may be tested.
const testInterval = 10 * time.Second

// mayTest notes a test of a rule, unless there was one a moment ago.
func (a *Alerts) mayTest(ruleID string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at := now(); at.Sub(a.tested[ruleID]) < testInterval {
		return &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "tested_just_now", Message: "the rule was tested just now: wait ten seconds"}
	} else if _, known := a.rules[ruleID]; known {
		a.tested[ruleID] = at
	}
	return nil
}
