package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

// Alerts are rules that tell people of sensors; *alert.Alerts are.
type Alerts interface {
	Create(ctx context.Context, id sensocto.Identity, r sensocto.AlertRule) (sensocto.AlertInfo, error)
	Update(ctx context.Context, id sensocto.Identity, ruleID string, change func(*sensocto.AlertRule)) (sensocto.AlertInfo, error)
	Delete(ctx context.Context, id sensocto.Identity, ruleID string) error
	Alert(ctx context.Context, id sensocto.Identity, ruleID string) (sensocto.AlertInfo, error)
	List(ctx context.Context, id sensocto.Identity, after string, limit int) ([]sensocto.AlertInfo, error)
	Test(ctx context.Context, id sensocto.Identity, ruleID string) ([]sensocto.AlertDelivery, error)
}

func (s *server) registerAlerts() {
	const tag = "Alerts"
	huma.Register(s.api, s.alertOperation("list-alerts", http.MethodGet, "/alerts", tag, "List one's alert rules"), s.listAlerts)
	op := s.alertOperation("create-alert", http.MethodPost, "/alerts", tag, "Make an alert rule")
	op.Description = "For a sensor that one sees. Each time that the condition becomes true there is one alert at most, and between two alerts there is the pause. " +
		"The people in `notify` are told if they may see the sensor at that moment. A webhook is called as Standard Webhooks (standardwebhooks.com) describes; " +
		"`webhook_secret`, with which to check its signature, is in this answer and nowhere else."
	op.DefaultStatus = http.StatusCreated
	huma.Register(s.api, op, s.createAlert)
	huma.Register(s.api, s.alertOperation("get-alert", http.MethodGet, "/alerts/{id}", tag, "Look at an alert rule"), s.getAlert)
	op = s.alertOperation("change-alert", http.MethodPatch, "/alerts/{id}", tag, "Change an alert rule")
	op.Description = "What is left out stays. The sensor stays in any case. A rule that looks for something else from now on begins anew."
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.changeAlert)
	op = s.alertOperation("delete-alert", http.MethodDelete, "/alerts/{id}", tag, "Delete an alert rule")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.deleteAlert)
	op = s.alertOperation("test-alert", http.MethodPost, "/alerts/{id}/test", tag, "Tell everybody of a rule as if it had fired")
	op.Description = "In each way once, and says what came of it. Every ten seconds at most."
	huma.Register(s.api, op, s.testAlert)
}

func (s *server) alertOperation(id, method, path, tag, summary string) huma.Operation {
	op := s.personal(id, method, path, signedIn, tag, summary)
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity)
	return op
}

type alertView struct {
	ID            string                  `json:"id"`
	SensorID      string                  `json:"sensor_id"`
	AttributeID   string                  `json:"attribute_id,omitempty"`
	Name          string                  `json:"name"`
	Condition     sensocto.AlertCondition `json:"condition" enum:"above,below,outside,no_data,battery_under"`
	Low           float64                 `json:"low"`
	High          float64                 `json:"high"`
	Hysteresis    float64                 `json:"hysteresis"`
	AfterSeconds  float64                 `json:"after_seconds"`
	PauseSeconds  float64                 `json:"pause_seconds"`
	Notify        []string                `json:"notify" nullable:"false"`
	Email         bool                    `json:"email"`
	WebhookURL    string                  `json:"webhook_url,omitempty"`
	WebhookSecret string                  `json:"webhook_secret,omitempty" doc:"Only in the answer that makes it."`
	Enabled       bool                    `json:"enabled"`
	Firing        bool                    `json:"firing" doc:"The condition holds."`
	FiredAt       *time.Time              `json:"fired_at,omitempty" doc:"When the last alert was sent."`
	FiredValue    *float64                `json:"fired_value,omitempty"`
	Silent        bool                    `json:"silent" doc:"One may not see the sensor now: nobody is told, until that changes."`
	Warnings      []string                `json:"warnings,omitempty" doc:"What of the rule cannot work as it is now, for people. Not in lists."`
	CreatedAt     time.Time               `json:"created_at"`
	Version       int64                   `json:"version"`
}

func viewOfAlert(i sensocto.AlertInfo) alertView {
	r := i.Rule
	v := alertView{
		ID: r.ID, SensorID: r.SensorID, AttributeID: r.AttributeID, Name: r.Name, Condition: r.Condition, Low: r.Low, High: r.High, Hysteresis: r.Hysteresis,
		AfterSeconds: r.After.Seconds(), PauseSeconds: r.Pause.Seconds(), Notify: r.Notify, Email: r.Email, WebhookURL: r.WebhookURL, WebhookSecret: i.NewSecret,
		Enabled: r.Enabled, Firing: i.State.Firing, Silent: i.Silent, Warnings: i.Warnings, CreatedAt: r.CreatedAt, Version: r.Version,
	}
	if !i.State.FiredAt.IsZero() {
		v.FiredAt = &i.State.FiredAt
		if r.Condition != sensocto.AlertNoData {
			v.FiredValue = &i.State.Value
		}
	}
	return v
}

type alertsAnswer struct {
	Body struct {
		Alerts []alertView `json:"alerts" nullable:"false"`
		Next   string      `json:"next" doc:"Where the list goes on; empty at its end."`
	}
}

type alertAnswer struct{ Body alertView }

func (s *server) alertAnswer(i sensocto.AlertInfo, err error, doing string) (*alertAnswer, error) {
	if err != nil {
		return nil, s.personalProblem(err, doing)
	}
	return &alertAnswer{viewOfAlert(i)}, nil
}

func (s *server) listAlerts(ctx context.Context, in *PageQuery) (*alertsAnswer, error) {
	list, err := s.Alerts.List(ctx, identityOf(ctx), in.After, in.Limit)
	if err != nil {
		return nil, s.personalProblem(err, "list alert rules")
	}
	var out alertsAnswer
	out.Body.Alerts = make([]alertView, len(list))
	for i, info := range list {
		out.Body.Alerts[i] = viewOfAlert(info)
	}
	out.Body.Next = next(list, in.Limit, func(i sensocto.AlertInfo) string { return i.Rule.ID })
	return &out, nil
}

// AlertBody is what may be said of a rule; what is left out stays as it is.
type AlertBody struct {
	AttributeID  *string                  `json:"attribute_id,omitempty" maxLength:"64" doc:"What is looked at. Left out: the battery, or for no_data any attribute."`
	Name         *string                  `json:"name,omitempty" maxLength:"256"`
	Condition    *sensocto.AlertCondition `json:"condition,omitempty" enum:"above,below,outside,no_data,battery_under"`
	Low          *float64                 `json:"low,omitempty" doc:"For below, outside and battery_under."`
	High         *float64                 `json:"high,omitempty" doc:"For above and outside."`
	Hysteresis   *float64                 `json:"hysteresis,omitempty" doc:"How far a value must come back before the rule can fire again."`
	AfterSeconds *float64                 `json:"after_seconds,omitempty" minimum:"10" maximum:"2592000" doc:"For no_data."`
	PauseSeconds *float64                 `json:"pause_seconds,omitempty" minimum:"60" maximum:"2592000" doc:"Between two alerts; by default 300."`
	Notify       []string                 `json:"notify,omitempty" maxItems:"20" doc:"Users' ids; by default oneself."`
	Email        *bool                    `json:"email,omitempty" doc:"Tell them by e-mail, too."`
	WebhookURL   *string                  `json:"webhook_url,omitempty" maxLength:"2048" doc:"Called for each alert; empty for none."`
	Enabled      *bool                    `json:"enabled,omitempty"`
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (b *AlertBody) apply(r *sensocto.AlertRule) {
	set(&r.AttributeID, b.AttributeID)
	set(&r.Name, b.Name)
	set(&r.Condition, b.Condition)
	set(&r.Low, b.Low)
	set(&r.High, b.High)
	set(&r.Hysteresis, b.Hysteresis)
	set(&r.Email, b.Email)
	set(&r.WebhookURL, b.WebhookURL)
	set(&r.Enabled, b.Enabled)
	if b.AfterSeconds != nil {
		r.After = time.Duration(*b.AfterSeconds * float64(time.Second))
	}
	if b.PauseSeconds != nil {
		r.Pause = time.Duration(*b.PauseSeconds * float64(time.Second))
	}
	if b.Notify != nil {
		r.Notify = b.Notify
	}
}

type createAlertInput struct {
	Body struct {
		AlertBody
		_        struct{} `additionalProperties:"false"`
		SensorID string   `json:"sensor_id" maxLength:"128"`
	}
}

func (s *server) createAlert(ctx context.Context, in *createAlertInput) (*alertAnswer, error) {
	r := sensocto.AlertRule{SensorID: in.Body.SensorID, Enabled: true}
	in.Body.apply(&r)
	i, err := s.Alerts.Create(ctx, identityOf(ctx), r)
	if err == nil {
		s.recordAlert(ctx, sensocto.AuditAlertCreated, i.Rule)
	}
	return s.alertAnswer(i, err, "make an alert rule")
}

// AlertPath is an alert rule in the path.
type AlertPath struct {
	AlertID string `path:"id" maxLength:"64" doc:"The rule's id."`
}

func (s *server) getAlert(ctx context.Context, in *AlertPath) (*alertAnswer, error) {
	i, err := s.Alerts.Alert(ctx, identityOf(ctx), in.AlertID)
	return s.alertAnswer(i, err, "read an alert rule")
}

type changeAlertInput struct {
	AlertPath
	Body struct {
		AlertBody
		_           struct{} `additionalProperties:"false"`
		RenewSecret bool     `json:"renew_secret,omitempty" doc:"Give the webhook another secret, which is in the answer."`
	}
}

func (s *server) changeAlert(ctx context.Context, in *changeAlertInput) (*alertAnswer, error) {
	i, err := s.Alerts.Update(ctx, identityOf(ctx), in.AlertID, func(r *sensocto.AlertRule) {
		in.Body.apply(r)
		if in.Body.RenewSecret {
			r.WebhookSecret = ""
		}
	})
	if err == nil {
		s.recordAlert(ctx, sensocto.AuditAlertChanged, i.Rule)
	}
	return s.alertAnswer(i, err, "change an alert rule")
}

func (s *server) deleteAlert(ctx context.Context, in *AlertPath) (*empty, error) {
	i, err := s.Alerts.Alert(ctx, identityOf(ctx), in.AlertID)
	if err == nil {
		err = s.Alerts.Delete(ctx, identityOf(ctx), in.AlertID)
	}
	if err == nil {
		s.recordAlert(ctx, sensocto.AuditAlertDeleted, i.Rule)
	}
	return s.done(err, "delete an alert rule")
}

type testAlertAnswer struct {
	Body struct {
		Deliveries []sensocto.AlertDelivery `json:"deliveries" nullable:"false"`
	}
}

func (s *server) testAlert(ctx context.Context, in *AlertPath) (*testAlertAnswer, error) {
	done, err := s.Alerts.Test(ctx, identityOf(ctx), in.AlertID)
	if err != nil {
		return nil, s.personalProblem(err, "test an alert rule")
	}
	var out testAlertAnswer
	out.Body.Deliveries = done
	return &out, nil
}
