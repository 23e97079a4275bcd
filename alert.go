package sensocto

import "time"

// AlertCondition names what an alert rule looks for.
type AlertCondition string

// The conditions.
const (
	AlertAbove   AlertCondition = "above"         // a value over High
	AlertBelow   AlertCondition = "below"         // a value under Low
	AlertOutside AlertCondition = "outside"       // a value under Low or over High
	AlertNoData  AlertCondition = "no_data"       // nothing arrived for After
	AlertBattery AlertCondition = "battery_under" // the battery's level is under Low
)

// AlertRule says when somebody is to be told of a sensor. Once loaded it is
// never modified; a change replaces it.
type AlertRule struct {
	ID       string // UUID, version 7
	OwnerID  string // the user whose rule it is
	SensorID string
	// AttributeID is what is looked at; "" for the battery, and for no data of any
	// attribute.
	AttributeID string
	Name        string
	Condition   AlertCondition
	Low, High   float64
	// Hysteresis is how far a value must come back inside before the rule can fire
	// again.
	Hysteresis float64
	After      time.Duration // of AlertNoData
	Pause      time.Duration // between two alerts, at least
	// Notify are the users who are told, if they may see the sensor then.
	Notify []string
	Email  bool // tell them by e-mail, too
	// WebhookURL is sent each alert, signed with WebhookSecret; "" for none.
	WebhookURL    string
	WebhookSecret string // whsec_…
	Enabled       bool
	CreatedAt     time.Time
	Version       int64
}

// AlertState is what is known of a rule beside itself.
type AlertState struct {
	RuleID    string
	Firing    bool      // the condition holds
	ChangedAt time.Time // when Firing changed last
	FiredAt   time.Time // when the last alert was sent; zero for never
	Value     float64   // that fired last
}

// AlertInfo is a rule as its owner sees it.
type AlertInfo struct {
	Rule  AlertRule
	State AlertState
	// Silent says that the owner may not see the sensor now: nobody is told.
	Silent bool
	// Warnings say, for people, what of the rule cannot work as it is now.
	Warnings []string
	// NewSecret is that of the webhook in the answer that made it.
	NewSecret string
}

// AlertDelivery is what came of telling somebody in one way.
type AlertDelivery struct {
	Way   string `json:"way" enum:"notification,email,webhook"`
	To    string `json:"to" doc:"A user's id, or the host of the webhook."`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty" doc:"What went wrong."`
}
