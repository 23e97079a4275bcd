package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/sensocto/sensocto"
)

// alertEvent is an alert as people and webhooks get it.
type alertEvent struct {
	AlertID     string                  `json:"alert_id"`
	Name        string                  `json:"name"`
	SensorID    string                  `json:"sensor_id"`
	SensorName  string                  `json:"sensor_name"`
	AttributeID string                  `json:"attribute_id,omitempty"`
	Condition   sensocto.AlertCondition `json:"condition"`
	Value       *float64                `json:"value,omitempty"`
	Text        string                  `json:"text"` // for people
	At          time.Time               `json:"at"`
	Test        bool                    `json:"test,omitempty"`
}

func (a *Alerts) event(r sensocto.AlertRule, value float64, at time.Time) alertEvent {
	e := alertEvent{AlertID: r.ID, Name: r.Name, SensorID: r.SensorID, SensorName: r.SensorID, AttributeID: r.AttributeID, Condition: r.Condition, At: at}
	if s, ok := a.options.Sensor(r.SensorID); ok && s.Name != "" {
		e.SensorName = s.Name
	}
	if r.Condition != sensocto.AlertNoData {
		e.Value = &value
	}
	e.Text = fmt.Sprintf("%s: %s", e.SensorName, sentence(r, value))
	return e
}

// sentence says what happened.
func sentence(r sensocto.AlertRule, value float64) string {
	n := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	switch r.Condition {
	case sensocto.AlertAbove:
		return fmt.Sprintf("%s is %s, above %s", r.AttributeID, n(value), n(r.High))
	case sensocto.AlertBelow:
		return fmt.Sprintf("%s is %s, below %s", r.AttributeID, n(value), n(r.Low))
	case sensocto.AlertOutside:
		return fmt.Sprintf("%s is %s, outside %s to %s", r.AttributeID, n(value), n(r.Low), n(r.High))
	case sensocto.AlertBattery:
		return fmt.Sprintf("the battery is at %s, under %s", n(value), n(r.Low))
	}
	if r.AttributeID != "" {
		return fmt.Sprintf("no data of %s for %v", r.AttributeID, r.After)
	}
	return fmt.Sprintf("no data for %v", r.After)
}

// tell takes alerts from the queue and tells people, until ctx ends and the queue
// is empty.
func (a *Alerts) tell(ctx context.Context) {
	for {
		select {
		case f := <-a.fired:
			a.handle(ctx, f)
			continue
		case <-ctx.Done():
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalTime)
		defer cancel()
		for len(a.fired) > 0 { // nothing fires any more
			a.handle(ctx, <-a.fired)
		}
		return
	}
}

// handle tells of one alert those who may know.
func (a *Alerts) handle(ctx context.Context, f firing) {
	info, ok := f.watched.snapshot(f.ruleID)
	if !ok {
		return // the rule was deleted meanwhile
	}
	r := info.Rule
	_, sees, err := a.sees(ctx, r.OwnerID, r.SensorID)
	switch {
	case err != nil:
		f.watched.untold(f)
		if !a.blind {
			a.blind = true
			a.log.Error("alerts wait: rights cannot be checked; trying on", "alert", r.ID, "sensor", r.SensorID, "err", err)
		}
		return
	case !sees:
		a.unseen.Add(1)
		f.watched.setSilent(r.ID, true)
		return
	}
	a.blind = false
	a.save(ctx, []sensocto.AlertState{info.State}) // before anybody hears of it: a restart does not repeat it
	a.log.Info("alert", "alert", r.ID, "sensor", r.SensorID, "condition", r.Condition)
	e := a.event(r, f.value, f.at)
	for _, userID := range r.Notify {
		a.tellUser(ctx, r, userID, e)
	}
	if r.WebhookURL != "" {
		a.hooks.add(call{ruleID: r.ID, url: r.WebhookURL, host: hostOf(r.WebhookURL), id: "msg_" + uuid.Must(uuid.NewV7()).String(), body: body(e), began: time.Now(), due: time.Now()})
	}
}

// tellUser notifies one user, and queues an e-mail where the rule wants one.
func (a *Alerts) tellUser(ctx context.Context, r sensocto.AlertRule, userID string, e alertEvent) {
	u, err := a.notify(ctx, r, userID, e)
	if err != nil || !r.Email || a.options.Mailer == nil {
		return
	}
	select {
	case a.mails <- mail{u, e}:
	default:
		a.mailsDropped.Add(1)
	}
}

var (
	errUnseen   = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "no_right", Message: "the user may not see the sensor"}
	errNoMailer = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "not_configured", Message: "this server sends no e-mail"}
	errNoEmail  = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "no_email", Message: "the user has no e-mail address"}
	// Anybody can claim an address, and an alert tells a value.
	errUnproven = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "email_not_confirmed", Message: "the user has not confirmed the e-mail address: the account page sends the link for it"}
)

// notify keeps a notification for a user who may see the sensor.
func (a *Alerts) notify(ctx context.Context, r sensocto.AlertRule, userID string, e alertEvent) (sensocto.User, error) {
	u, sees, err := a.sees(ctx, userID, r.SensorID)
	if err == nil && !sees {
		a.unseen.Add(1)
		return u, errUnseen
	}
	if err == nil {
		err = a.options.Notifier.Notify(ctx, userID, "alert", e)
	}
	if err != nil {
		a.failed.Add(1)
		a.log.Error("an alert was not sent", "alert", r.ID, "user", userID, "err", err)
		return u, err
	}
	a.notified.Add(1)
	return u, nil
}

// mail is an e-mail that waits to be sent.
type mail struct {
	to    sensocto.User
	event alertEvent
}

// mailTimeout bounds the sending of one e-mail.
const mailTimeout = 30 * time.Second

// sendMails sends e-mails until ctx ends. What waits then is dropped and counted:
// the notification is there in any case.
func (a *Alerts) sendMails(ctx context.Context) {
	for {
		select {
		case m := <-a.mails:
			if err := a.mail(ctx, m); err != nil {
				a.log.Warn("an alert was not mailed", "alert", m.event.AlertID, "user", m.to.ID, "err", err)
			}
		case <-ctx.Done():
			a.mailsDropped.Add(uint64(len(a.mails)))
			return
		}
	}
}

func (a *Alerts) mail(ctx context.Context, m mail) error {
	err := error(errNoMailer)
	switch {
	case m.to.Email == "":
		err = errNoEmail
	case m.to.ProvenEmail() == "":
		err = errUnproven
	case a.options.Mailer != nil:
		ctx, cancel := context.WithTimeout(ctx, mailTimeout)
		defer cancel()
		e := m.event
		err = a.options.Mailer.Mail(ctx, m.to, subject(e), a.letter(e))
	}
	if err != nil {
		a.mailsFailed.Add(1)
		return err
	}
	a.mailed.Add(1)
	return nil
}

func subject(e alertEvent) string {
	if e.Test {
		return "Test of an alert: " + e.Name
	}
	return "Alert: " + e.Name
}

// letter is the text of a mail.
func (a *Alerts) letter(e alertEvent) string {
	text := e.Text + "\n\nRule: " + e.Name + "\nTime: " + e.At.Format(time.RFC3339) + "\n"
	if origin := a.options.Origin(); origin != "" {
		text += "\nLook at it: " + origin + "/sensors/" + url.PathEscape(e.SensorID) + "\n"
	}
	return text + "\nYou get this mail because the rule names you. Whoever made it can change it, or take you out of it.\n"
}

// body is what a webhook is sent.
func body(e alertEvent) []byte {
	b, err := json.Marshal(struct {
		Type      string     `json:"type"`
		Timestamp time.Time  `json:"timestamp"`
		Data      alertEvent `json:"data"`
	}{"alert", e.At, e})
	if err != nil {
		panic(err) // finite numbers and texts: cannot fail
	}
	return b
}

// Test tells everybody of a rule as if it had fired, in each way once, and
// returns what came of it.
func (a *Alerts) Test(ctx context.Context, id sensocto.Identity, ruleID string) ([]sensocto.AlertDelivery, error) {
	info, err := a.own(ctx, id, ruleID)
	if err != nil {
		return nil, err
	}
	r := info.Rule
	if _, sees, err := a.sees(ctx, r.OwnerID, r.SensorID); err != nil || !sees {
		if err == nil {
			err = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "silent", Message: "you may not see the sensor: the rule is silent"}
		}
		return nil, err
	}
	if err := a.mayTest(r.ID); err != nil {
		return nil, err
	}
	e := a.event(r, 0, now())
	e.Text, e.Value, e.Test = e.SensorName+": this is a test of the rule "+r.Name, nil, true
	var done []sensocto.AlertDelivery
	note := func(way, to string, err error) {
		d := sensocto.AlertDelivery{Way: way, To: to, OK: err == nil}
		if err != nil {
			d.Error = explain(err)
		}
		done = append(done, d)
	}
	for _, userID := range r.Notify {
		u, err := a.notify(ctx, r, userID, e)
		note("notification", userID, err)
		if r.Email && err == nil {
			note("email", userID, a.mail(ctx, mail{u, e}))
		}
	}
	if r.WebhookURL != "" {
		c := call{ruleID: r.ID, url: r.WebhookURL, host: hostOf(r.WebhookURL), id: "msg_" + uuid.Must(uuid.NewV7()).String(), body: body(e)}
		_, err := a.hooks.post(ctx, c, r.WebhookSecret)
		note("webhook", c.host, err)
	}
	return done, nil
}
