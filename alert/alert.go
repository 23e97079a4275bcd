// Package alert tells people when a sensor needs them: a value is too high or too
// low, nothing arrives, a battery is nearly empty.
//
// A rule belongs to a user and looks at one attribute of a sensor that the user
// may see live. Rules are kept in memory by sensor; one subscriber for each
// sensor evaluates them in the sensor's turn, without blocking and without
// allocating. What fires goes through bounded queues to those who tell people: a
// notification always, e-mail and a webhook where the rule says so. Who may not
// see the sensor at that moment is not told; a rule whose owner may not see it is
// silent until that changes.
//
// Each time that a condition becomes true there is one alert at most, and between
// two alerts of a rule there is its pause: what becomes true within the pause is
// told at its end, if it is still true. An alert for which there is no place in
// the queue, or whose rights cannot be checked because the database is away, is
// tried again within a second, as long as the condition holds. The state of a rule
// is stored within a second, and before anybody is told, so a restart repeats no
// alert. Webhooks that wait to be tried again are lost with the process.
package alert

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// Store keeps rules and their states; *peopledb.DB is one.
type Store interface {
	InsertAlert(ctx context.Context, r sensocto.AlertRule, ofOwner, ofSensor int) error
	UpdateAlert(ctx context.Context, r sensocto.AlertRule, s sensocto.AlertState) error
	SaveAlertStates(ctx context.Context, states []sensocto.AlertState) error
	DeleteAlert(ctx context.Context, ownerID, id string) error
	Alert(ctx context.Context, ownerID, id string) (sensocto.AlertInfo, error)
	Alerts(ctx context.Context, ownerID, after string, limit int) ([]sensocto.AlertInfo, error)
	AllAlerts(ctx context.Context, after string, limit int) ([]sensocto.AlertInfo, error)
	User(ctx context.Context, id string) (sensocto.User, error)
}

// Notifier keeps a notification for a user and shows it; *room.Rooms does.
type Notifier interface {
	Notify(ctx context.Context, userID, kind string, data any) error
}

// Mailer sends a message to a user's address. It is called by one goroutine at a
// time, and may take as long as its context allows.
type Mailer interface {
	Mail(ctx context.Context, to sensocto.User, subject, text string) error
}

// Rights is what is asked of sensocto.Rights.
type Rights interface {
	Sensor(ctx context.Context, id sensocto.Identity, sensorID string) (sensocto.SensorRights, error)
	OnChanged(f func(userIDs []string)) (stop func())
}

// Listener holds the attention of a sensor; *attention.Tracker is one.
type Listener interface {
	Listen(sensorID string, d sensocto.Demand) (stop func())
}

// Options are what New needs. Mailer, Sensor, Log and what follows may be left
// out.
type Options struct {
	Store     Store
	Rights    Rights
	Notifier  Notifier
	PubSub    sensocto.PubSub
	Attention Listener
	// Mailer sends e-mail; nil means that there is none.
	Mailer Mailer
	// Origin is under which people reach the server, "https://example.org", for the
	// links in mails; "" leaves them out.
	Origin func() string
	// Sensor returns what is known of a sensor, for its name.
	Sensor func(id string) (sensocto.Sensor, bool)
	Log    *slog.Logger
	// AllowPrivate lets webhooks go to private addresses, and without TLS.
	AllowPrivate bool
	// Resolver finds the addresses of webhooks; by default that of the system.
	Resolver *net.Resolver
	// RulesOfUser and RulesOfSensor bound rules; default 100 and 200.
	RulesOfUser, RulesOfSensor int
	// Queue is how many alerts may wait to be told; default 1,024.
	Queue int
}

// Alerts is safe for concurrent use.
type Alerts struct {
	options Options
	log     *slog.Logger
	fired   chan firing // when full, the rule tries again at its next look
	mails   chan mail   // when full, the message is dropped and counted
	hooks   *hooks

	change sync.Mutex // held over a change of the rules in database and memory

	mu      sync.Mutex // guards what follows; taken before watched.mu
	sensors map[string]*watched
	rules   map[string]*watched // by rule id
	tested  map[string]time.Time

	recheck recheck
	blind   bool // rights could not be checked; of the goroutine that tells alone

	evaluated, delayed, notified, unseen, failed, mailed, mailsDropped, mailsFailed, queueFull atomic.Uint64
}

// New returns Alerts without rules. It starts nothing: see Load and Run.
func New(o Options) *Alerts {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Sensor == nil {
		o.Sensor = func(id string) (sensocto.Sensor, bool) { return sensocto.UnknownSensor(id), false }
	}
	if o.Origin == nil {
		o.Origin = func() string { return "" }
	}
	o.RulesOfUser, o.RulesOfSensor = cmp.Or(o.RulesOfUser, 100), cmp.Or(o.RulesOfSensor, 200)
	return &Alerts{
		options: o, log: o.Log,
		fired: make(chan firing, cmp.Or(o.Queue, 1024)), mails: make(chan mail, 256),
		hooks:   newHooks(newClient(o.AllowPrivate, o.Resolver)),
		sensors: make(map[string]*watched), rules: make(map[string]*watched), tested: make(map[string]time.Time),
		recheck: recheck{users: make(map[string]struct{}), wake: make(chan struct{}, 1)},
	}
}

// now is the present, as exactly as it is stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Metrics implements sensocto.MetricSource.
func (a *Alerts) Metrics(emit func(sensocto.Metric)) {
	a.mu.Lock()
	sensors, rules := len(a.sensors), len(a.rules)
	a.mu.Unlock()
	gauge := func(name, help string, v int) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Value: float64(v)})
	}
	gauge("alert_rules", "Alert rules, those that are switched off or silent included.", rules)
	gauge("alert_sensors", "Sensors that have alert rules.", sensors)
	gauge("alert_queued", "Alerts that wait to be told.", len(a.fired))
	gauge("alert_webhooks_queued", "Calls of webhooks that wait, for the first time or to be tried again.", a.hooks.waiting())
	counter := func(name, help string, n *atomic.Uint64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Labels: labels, Value: float64(n.Load())})
	}
	counter("alert_samples_total", "Samples that alert rules were evaluated with.", &a.evaluated)
	counter("alert_queue_full_total", "Times that an alert found no place in the queue, and had to wait for the next look.", &a.queueFull)
	counter("alert_delayed_total", "Alerts that waited for the pause of their rule.", &a.delayed)
	const notified = "Notifications of alerts, by result; unseen are those of users who may not see the sensor."
	counter("alert_notifications_total", notified, &a.notified, "result", "sent")
	counter("alert_notifications_total", notified, &a.unseen, "result", "unseen")
	counter("alert_notifications_total", notified, &a.failed, "result", "failed")
	const mails = "E-mails of alerts, by result."
	counter("alert_mails_total", mails, &a.mailed, "result", "sent")
	counter("alert_mails_total", mails, &a.mailsFailed, "result", "failed")
	counter("alert_mails_total", mails, &a.mailsDropped, "result", "dropped")
	const calls = "Calls of webhooks, by result; retried ones are counted at each attempt, given_up is after a day, dropped is without a place in the queue."
	counter("alert_webhook_calls_total", calls, &a.hooks.sent, "result", "sent")
	counter("alert_webhook_calls_total", calls, &a.hooks.retried, "result", "retried")
	counter("alert_webhook_calls_total", calls, &a.hooks.givenUp, "result", "given_up")
	counter("alert_webhook_calls_total", calls, &a.hooks.dropped, "result", "dropped")
}
