package web_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/alert"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/room"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/web"
)

func newAlertedPeople(t *testing.T) *people {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "people.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	store, hub := peopledb.New(db), pubsub.New()
	p := &people{t: t, owners: map[string]string{}}
	p.accounts = account.New(account.Options{Store: store, Registration: account.RegistrationOpen})
	r := rights.New(rights.Options{Store: store, Owner: func(id string) (string, bool) { owner, ok := p.owners[id]; return owner, ok }})
	t.Cleanup(r.Close)
	rooms := room.New(room.Options{Store: store, Rights: r, Attempts: p.accounts, PubSub: hub, Sensor: func(id string) (sensocto.Sensor, bool) { return sensocto.Sensor{ID: id}, true }})
	alerts := alert.New(alert.Options{Store: store, Rights: r, Notifier: rooms, PubSub: hub, Attention: attention.New(attention.Options{})})
	p.world = newWorld(t, setup{web: func(o *web.Options) {
		o.Auth, o.Accounts, o.Rooms, o.Rights, o.Alerts = p.accounts, p.accounts, rooms, r, alerts
	}})
	return p
}

type alertT struct {
	ID, Name      string
	WebhookSecret string `json:"webhook_secret"`
	WebhookURL    string `json:"webhook_url"`
	High          float64
	PauseSeconds  float64 `json:"pause_seconds"`
	Enabled       bool
	Notify        []string
}

func TestAlerts_OverHTTP(t *testing.T) {
	p := newAlertedPeople(t)
	ada, bob := p.signUp("ada"), p.signUp("bob")
	p.owners["strap"] = ada.id
	const body = `{"sensor_id":"strap","attribute_id":"hr","name":"Fast","condition":"above","high":120,"webhook_url":"https://127.0.0.1:9/x"}`
	p.wantReason(bob.asks(404, "POST", "/alerts", body), "no_sensor")
	made := decode[alertT](t, ada.asks(201, "POST", "/alerts", body).Body)
	if !strings.HasPrefix(made.WebhookSecret, "whsec_") || made.PauseSeconds != 300 || !made.Enabled || len(made.Notify) != 1 || made.Notify[0] != ada.id {
		t.Errorf("%+v", made)
	}
	bob.asks(404, "GET", "/alerts/"+made.ID, "")
	bob.asks(404, "PATCH", "/alerts/"+made.ID, `{"high":1}`)
	bob.asks(404, "DELETE", "/alerts/"+made.ID, "")
	bob.asks(404, "POST", "/alerts/"+made.ID+"/test", "")
	ada.asks(422, "PATCH", "/alerts/"+made.ID, `{"high":"x"}`)
	ada.asks(422, "PATCH", "/alerts/"+made.ID, `{"pause_seconds":1}`)
	ada.asks(422, "PATCH", "/alerts/"+made.ID, `{"higher":1}`)
	p.wantReason(ada.asks(422, "PATCH", "/alerts/"+made.ID, `{"email":true}`), "invalid_email")
	changed := decode[alertT](t, ada.asks(200, "PATCH", "/alerts/"+made.ID, `{"high":130}`).Body)
	if changed.High != 130 || changed.Name != "Fast" || changed.WebhookSecret != "" || changed.WebhookURL == "" {
		t.Errorf("%+v", changed)
	}
	tested := ada.asks(200, "POST", "/alerts/"+made.ID+"/test", "").Body.String()
	if !strings.Contains(tested, `{"way":"notification","to":"`+ada.id+`","ok":true}`) || !strings.Contains(tested, `"way":"webhook","to":"127.0.0.1:9","ok":false`) {
		t.Error(tested)
	}
	p.wantReason(ada.asks(429, "POST", "/alerts/"+made.ID+"/test", ""), "tested_just_now")
	if list := ada.asks(200, "GET", "/notifications", "").Body.String(); !strings.Contains(list, `"kind":"alert"`) || !strings.Contains(list, "this is a test") {
		t.Error(list)
	}
	ada.asks(201, "POST", "/alerts", `{"sensor_id":"strap","name":"Silence","condition":"no_data","after_seconds":60}`)
	page := decode[struct {
		Alerts []alertT
		Next   string
	}](t, ada.asks(200, "GET", "/alerts?limit=1", "").Body)
	if len(page.Alerts) != 1 || page.Alerts[0].ID != made.ID || page.Next != made.ID || page.Alerts[0].WebhookSecret != "" {
		t.Errorf("%+v", page)
	}
	ada.asks(204, "DELETE", "/alerts/"+made.ID, "")
	ada.asks(404, "GET", "/alerts/"+made.ID, "")
	if answer := p.do(call{path: "/api/v1/alerts"}); answer.Code != 401 {
		t.Errorf("a stranger gets %d", answer.Code)
	}
}

// One answer names everything that is wrong with a body, each with its member.
func TestBodies_EverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	p := newAlertedPeople(t)
	ada := p.signUp("ada")
	p.owners["strap"] = ada.id
	for path, test := range map[string]struct {
		body string
		want []string
	}{
		"/alerts": {`{"sensor_id":"strap","name":" x","condition":"outside","low":5,"high":5,"email":true,"webhook_url":"http://example.org/"}`,
			[]string{"body.name", "body.attribute_id", "body.low", "body.email", "body.webhook_url"}},
		"/rooms": {`{"name":"","description":"a\u0000b","settings":[1]}`, []string{"body.name", "body.description", "body.settings"}},
		"/users": {`{"name":"","email":"ada","password":"short"}`, []string{"body.name", "body.email", "body.password"}},
	} {
		answer := ada.asks(422, "POST", path, test.body)
		problem := decode[struct {
			Detail, Reason string
			Errors         []struct{ Location, Message string }
		}](t, answer.Body)
		var got []string
		for _, e := range problem.Errors {
			got = append(got, e.Location)
			if !strings.Contains(problem.Detail, e.Message) {
				t.Errorf("%s: %q is not in the detail %q", path, e.Message, problem.Detail)
			}
		}
		if !slices.Equal(got, test.want) || problem.Reason != "invalid_name" {
			t.Errorf("%s: %s, %q; want %q", path, problem.Reason, got, test.want)
		}
	}
}
