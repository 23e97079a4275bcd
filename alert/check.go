package alert

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

// Bounds of a rule.
const (
	minPause     = time.Minute
	maxPause     = 30 * 24 * time.Hour
	minAfter     = 10 * time.Second
	maxAfter     = 30 * 24 * time.Hour
	maxNotify    = 20
	maxURLBytes  = 2048
	defaultPause = 5 * time.Minute
)

// fields are those that are not called as the reason says.
var fields = map[string]string{"pause": "pause_seconds", "after": "after_seconds", "threshold": "low"}

func invalid(reason, format string, args ...any) error {
	return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_" + reason, Message: fmt.Sprintf(format, args...), Field: fields[reason]}
}

// check returns everything that is wrong with a rule, and fills in what was not said.
func (a *Alerts) check(r *sensocto.AlertRule) error {
	if r.Pause == 0 {
		r.Pause = defaultPause
	}
	if len(r.Notify) == 0 {
		r.Notify = []string{r.OwnerID}
	}
	slices.Sort(r.Notify)
	r.Notify = slices.Compact(r.Notify)
	wrong := []error{sensocto.CheckName(r.Name)}
	if !sensocto.ValidID(r.SensorID) {
		wrong = append(wrong, invalid("sensor_id", "sensor_id must be 1 to 128 of A–Z a–z 0–9 . _ : -"))
	}
	if r.AttributeID != "" && !sensocto.ValidAttributeID(r.AttributeID) {
		wrong = append(wrong, sensocto.ErrInvalidAttributeID)
	}
	if r.Pause < minPause || r.Pause > maxPause {
		wrong = append(wrong, invalid("pause", "pause_seconds must be from %.0f to %.0f", minPause.Seconds(), maxPause.Seconds()))
	}
	return errors.Join(append(wrong, checkCondition(r), a.checkTold(r), a.checkWebhook(r.WebhookURL))...)
}

// checkTold returns what is wrong with who is told, and how.
func (a *Alerts) checkTold(r *sensocto.AlertRule) error {
	var wrong []error
	switch {
	case len(r.Notify) > maxNotify:
		wrong = append(wrong, invalid("notify", "notify has at most %d users", maxNotify))
	case slices.ContainsFunc(r.Notify, unfitID):
		wrong = append(wrong, invalid("notify", "notify is a list of users' ids"))
	}
	if r.Email && a.options.Mailer == nil {
		wrong = append(wrong, invalid("email", "this server sends no e-mail: leave email out, or ask the operator to configure it"))
	}
	return errors.Join(wrong...)
}

// unfitID reports whether a text cannot be a user's id.
func unfitID(id string) bool { return id == "" || len(id) > 64 || !sensocto.ValidID(id) }

func checkCondition(r *sensocto.AlertRule) error {
	return errors.Join(checkOfCondition(r), checkThresholds(r))
}

// checkOfCondition returns what a condition lacks, or must not have.
func checkOfCondition(r *sensocto.AlertRule) error {
	switch r.Condition {
	case sensocto.AlertAbove, sensocto.AlertBelow, sensocto.AlertOutside:
		if r.AttributeID == "" {
			return invalid("attribute_id", "%s needs an attribute_id", r.Condition)
		}
	case sensocto.AlertNoData:
		if r.After < minAfter || r.After > maxAfter {
			return invalid("after", "after_seconds must be from %.0f to %.0f", minAfter.Seconds(), maxAfter.Seconds())
		}
	case sensocto.AlertBattery:
		if r.AttributeID != "" {
			return invalid("attribute_id", "battery_under looks at battery and battery_level: leave attribute_id out")
		}
	default:
		return invalid("condition", "condition must be above, below, outside, no_data or battery_under")
	}
	return nil
}

// checkThresholds returns what is wrong with the numbers.
func checkThresholds(r *sensocto.AlertRule) error {
	for _, v := range []float64{r.Low, r.High, r.Hysteresis} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return invalid("threshold", "low, high and hysteresis must be finite numbers")
		}
	}
	switch {
	case r.Hysteresis < 0:
		return invalid("hysteresis", "hysteresis must not be negative")
	case r.Condition == sensocto.AlertOutside && !(r.Low < r.High):
		return invalid("threshold", "low must be less than high")
	case r.Condition == sensocto.AlertOutside && !(r.Low+r.Hysteresis <= r.High-r.Hysteresis):
		return invalid("hysteresis", "with this hysteresis no value between low and high would end the alert: make it smaller")
	}
	return nil
}

func (a *Alerts) checkWebhook(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(text) > maxURLBytes:
		return invalid("webhook_url", "webhook_url must be an address such as https://example.org/hook, without a user or a fragment")
	case u.Scheme == "https", u.Scheme == "http" && a.options.AllowPrivate:
		return nil
	}
	return invalid("webhook_url", "webhook_url must begin with https://")
}
