package web_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/alert"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/audit"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/room"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/web"
)

type auditEvents struct {
	Events []struct {
		ID, Action, Address, Detail string
		ActorID                     string `json:"actor_id"`
		UserID                      string `json:"user_id"`
		SensorID                    string `json:"sensor_id"`
		RoomID                      string `json:"room_id"`
	}
	Next string
}

// newAuditedPeople is newPeople with an audit log, whose queue flush writes.
func newAuditedPeople(t *testing.T) (p *people, flush func()) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "people.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	store := peopledb.New(db)
	log := audit.New(audit.Options{Store: store})
	p = &people{t: t, owners: map[string]string{}}
	p.accounts = account.New(account.Options{Store: store, Registration: account.RegistrationOpen, Audit: log})
	r := rights.New(rights.Options{Store: store, Owner: p.owner})
	t.Cleanup(r.Close)
	rooms := room.New(room.Options{
		Store: store, Rights: r, Attempts: p.accounts, PubSub: pubsub.New(), Audit: log,
		Sensor: func(id string) (sensocto.Sensor, bool) { _, ok := p.owner(id); return sensocto.Sensor{ID: id}, ok },
	})
	alerts := alert.New(alert.Options{Store: store, Rights: r, Notifier: rooms, PubSub: pubsub.New(), Attention: attention.New(attention.Options{})})
	p.world = newWorld(t, setup{web: func(o *web.Options) {
		o.Auth, o.Accounts, o.Rooms, o.Rights, o.Audit, o.AuditLog, o.Alerts = p.accounts, p.accounts, rooms, r, log, log, alerts
		p.sensors = o.Sensors.(*sensor.Registry)
		o.HandOver = func(ctx context.Context, sensorID, ownerID string, charge bool) error {
			defer r.Recheck()
			return p.sensors.SetOwner(ctx, sensorID, ownerID, charge)
		}
	}})
	return p, func() {
		if err := log.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Everything that people do is in the log, with who did it, to whom and from
// where, and no secret is.
func TestAudit_RecordsWhatPeopleDo(t *testing.T) {
	p, flush := newAuditedPeople(t)
	ada, bob := p.signUp("ada"), p.signUp("bob")
	p.owners["strap"] = ada.id
	p.do(call{method: "POST", path: "/api/v1/session", body: `{"email":"ada@example.org","password":"a wrong guess"}`, peer: "198.51.100.9:7"})
	p.do(call{method: "POST", path: "/api/v1/session", body: `{"email":"my-secret@password.example","password":"x"}`})
	token := decode[struct{ ID, Token string }](t, ada.asks(201, "POST", "/tokens", `{"name":"phone","scopes":["view"]}`).Body)
	ada.asks(204, "DELETE", "/tokens/"+token.ID, "")
	room := decode[struct{ ID string }](t, ada.asks(201, "POST", "/rooms", `{"name":"Lab","is_public":true}`).Body)
	bob.asks(200, "POST", "/rooms/"+room.ID+"/join", "")
	ada.asks(204, "PUT", "/rooms/"+room.ID+"/sensors/strap", `{"history":"all"}`)
	ada.asks(204, "DELETE", "/rooms/"+room.ID+"/sensors/strap", "")
	ada.asks(204, "PUT", "/sensors/strap/grants/"+bob.id, `{"control":true}`)
	ada.asks(204, "DELETE", "/sensors/strap/grants/"+bob.id, "")
	ada.asks(204, "PATCH", "/rooms/"+room.ID+"/members/"+bob.id, `{"role":"guest"}`)
	ada.asks(204, "DELETE", "/rooms/"+room.ID+"/members/"+bob.id+"?ban=true", "")
	ada.asks(204, "DELETE", "/rooms/"+room.ID+"/bans/"+bob.id, "")
	ada.asks(204, "DELETE", "/rooms/"+room.ID, "")
	ada.asks(200, "PATCH", "/users/me", fmt.Sprintf(`{"password":"five other otters sang","current_password":%q}`, secretWords))
	flush()

	var got []string
	list := decode[auditEvents](t, ada.asks(200, "GET", "/audit", "").Body)
	for _, e := range list.Events {
		got = append(got, e.Action)
		if e.Action == "sign_in_refused" && (e.ActorID != "" || e.UserID != ada.id || e.Address != "198.51.100.9") {
			t.Errorf("%+v", e)
		}
		if e.Action == "grant_given" && (e.ActorID != ada.id || e.UserID != bob.id || e.SensorID != "strap" || e.Detail != "live, control" || e.Address != "192.0.2.1") {
			t.Errorf("%+v", e)
		}
	}
	want := "password_changed room_deleted member_unbanned member_banned role_changed grant_revoked grant_given sensor_unshared sensor_shared member_joined room_created token_revoked token_created sign_in_refused signed_in user_created"
	if strings.Join(got, " ") != want {
		t.Errorf("\n%s, want\n%s", strings.Join(got, " "), want)
	}
	raw := ada.asks(200, "GET", "/audit?limit=500", "").Body.String()
	for _, secret := range []string{secretWords, "five other otters", token.Token, "wrong guess", "my-secret"} {
		if strings.Contains(raw, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// What is done with a person's sensors and rooms is in the log of that person,
// whoever did it: recordings, settings, alert rules, commands, hand-overs.
func TestAudit_TellsWhomItConcerns(t *testing.T) {
	p, flush := newAuditedPeople(t)
	ada, bob := p.signUp("ada"), p.signUp("bob")
	_, strap := p.connect(t, "strap")
	if err := p.sensors.SetOwner(t.Context(), "strap", ada.id, true); err != nil {
		t.Fatal(err)
	}
	room := decode[struct{ ID string }](t, bob.asks(201, "POST", "/rooms", `{"name":"Lab","is_public":true}`).Body).ID
	ada.asks(200, "POST", "/rooms/"+room+"/join", "")
	ada.asks(204, "PUT", "/rooms/"+room+"/sensors/strap", `{"control":true}`)
	ada.asks(204, "PUT", "/sensors/strap/grants/"+bob.id, `{"control":true}`)

	bob.asks(200, "PATCH", "/rooms/"+room, `{"name":"Lab 2","is_public":false}`, "If-Match", `"1"`)
	bob.asks(201, "POST", "/rooms/"+room+"/code", "")
	rec := decode[struct{ ID string }](t, bob.asks(201, "POST", "/rooms/"+room+"/recordings", `{"name":"night"}`).Body).ID
	bob.asks(200, "POST", "/rooms/"+room+"/recordings/"+rec+"/stop", "")
	rule := decode[alertT](t, bob.asks(201, "POST", "/alerts", `{"sensor_id":"strap","attribute_id":"ecg","name":"private words","condition":"above","high":120,"webhook_url":"https://127.0.0.1:9/secret"}`).Body).ID
	bob.asks(200, "PATCH", "/alerts/"+rule, `{"webhook_url":""}`)
	bob.asks(204, "DELETE", "/alerts/"+rule, "")
	bob.asks(202, "POST", "/sensors/strap/command", `{"secret":"value"}`)
	ada.asks(200, "PATCH", "/sensors/strap", `{"owner_id":"`+bob.id+`"}`)
	flush()
	if strap.commands[0] != `{"secret":"value"}` {
		t.Errorf("%q", strap.commands)
	}

	show := func(who *person) (lines []string) {
		for _, e := range decode[auditEvents](t, who.asks(200, "GET", "/audit?limit=100", "").Body).Events {
			by := map[string]string{ada.id: "ada", bob.id: "bob"}
			lines = append(lines, fmt.Sprintf("%s: %s to %s, sensor %q, room %v: %s", e.Action, by[e.ActorID], by[e.UserID], e.SensorID, e.RoomID == room, strings.NewReplacer(ada.id, "ada", bob.id, "bob").Replace(e.Detail)))
		}
		return lines
	}
	hers := strings.Join(show(ada), "\n")
	for _, want := range []string{
		`sensor_handed_over: ada to bob, sensor "strap", room false: from ada`,
		`sensor_commanded: bob to ada, sensor "strap", room false: `,
		`alert_deleted: bob to ada, sensor "strap", room false: above, tells 1`,
		`alert_changed: bob to ada, sensor "strap", room false: above, tells 1`,
		`alert_created: bob to ada, sensor "strap", room false: above, tells 1, webhook`,
		`recording_stopped: bob to ada, sensor "", room true: night`,
		`recording_started: bob to ada, sensor "", room true: night`,
	} {
		if strings.Count(hers, want) != 1 {
			t.Errorf("ada does not see %s in\n%s", want, hers)
		}
	}
	if strings.Contains(hers, "room_changed") {
		t.Error("ada sees changes of a room that is not hers")
	}
	his := strings.Join(show(bob), "\n")
	for _, want := range []string{
		`room_changed: bob to bob, sensor "", room true: name, not public`,
		`room_changed: bob to bob, sensor "", room true: join code`,
		`recording_stopped: bob to bob, sensor "", room true: night`,
		`sensor_handed_over: ada to bob, sensor "strap", room false: from ada`,
	} {
		if !strings.Contains(his, want) {
			t.Errorf("bob does not see %s in\n%s", want, his)
		}
	}
	if raw := bob.asks(200, "GET", "/audit?limit=500", "").Body.String(); strings.Contains(raw, "secret") || strings.Contains(raw, "private words") {
		t.Errorf("the log holds what was said: %s", raw)
	}
}

func TestAudit_IsPagedAndPrivate(t *testing.T) {
	p, flush := newAuditedPeople(t)
	ada, bob := p.signUp("ada"), p.signUp("bob")
	room := decode[struct{ ID string }](t, ada.asks(201, "POST", "/rooms", `{"name":"Lab","is_public":true}`).Body)
	bob.asks(200, "POST", "/rooms/"+room.ID+"/join", "")
	ada.asks(204, "DELETE", "/rooms/"+room.ID+"/members/"+bob.id, "")
	flush()

	first := decode[auditEvents](t, bob.asks(200, "GET", "/audit?limit=1", "").Body)
	if len(first.Events) != 1 || first.Events[0].Action != "member_kicked" || first.Events[0].Address != "" || first.Next == "" {
		t.Errorf("%+v", first)
	}
	rest := decode[auditEvents](t, bob.asks(200, "GET", "/audit?limit=10&after="+first.Next, "").Body)
	if len(rest.Events) != 3 || rest.Next != "" {
		t.Errorf("%+v", rest)
	}
	p.wantReason(bob.asks(403, "GET", "/audit?user_id="+ada.id, ""), "no_right")
	bob.asks(422, "GET", "/audit?user=x", "")
	if answer := p.do(call{path: "/api/v1/audit"}); answer.Code != http.StatusUnauthorized {
		t.Errorf("a stranger gets %d", answer.Code)
	}
	eve := p.signUp("eve")
	u, err := p.accounts.User(t.Context(), eve.id)
	if err == nil {
		_, err = p.accounts.SetAdmin(t.Context(), u, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	session := p.do(call{method: "POST", path: "/api/v1/session", body: `{"email":"eve@example.org","password":"` + secretWords + `"}`})
	eve.cookie = cookieOf(t, session)
	flush()
	if all := decode[auditEvents](t, eve.asks(200, "GET", "/audit?user_id="+bob.id, "").Body); len(all.Events) != 4 || all.Events[0].Address != "192.0.2.1" {
		t.Errorf("%+v", all)
	}
}

// What leaves the server, and who is removed from it, is in the log of an
// administrator, who may have done neither.
func TestAudit_ExportsAndErasures(t *testing.T) {
	p, flush := newAuditedPeople(t)
	ada := p.signUp("ada")
	ada.bring("strap")
	ada.asks(201, "POST", "/sensors/strap/notes", `{"text":"private words"}`)
	ada.asks(200, "GET", "/users/me/export", "")
	if _, err := p.accounts.NewLink(t.Context(), sensocto.LinkReset, ada.id, "", time.Hour); err != nil {
		t.Fatal(err)
	}
	u, err := p.accounts.User(t.Context(), ada.id)
	if err == nil {
		err = p.accounts.Erase(t.Context(), u)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.signUp("root")
	root, err := p.accounts.User(t.Context(), p.signInAs("root").id)
	if err == nil {
		_, err = p.accounts.SetAdmin(t.Context(), root, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	flush()
	answer := p.signInAs("root").asks(200, "GET", "/audit", "")
	got := map[string]string{}
	for _, e := range decode[auditEvents](t, answer.Body).Events {
		got[e.Action] = e.UserID + " " + e.SensorID + " " + e.Detail
	}
	for action, want := range map[string]string{
		"note_added": ada.id + " strap ", "exported": "  archive of the account", "reset_link_made": ada.id + "  ", "user_erased": ada.id + "  ",
	} {
		if got[action] != want {
			t.Errorf("%s: %q, want %q", action, got[action], want)
		}
	}
}
