package alert_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/alert"
	"github.com/sensocto/sensocto/peopledb"
)

func high(notify ...string) sensocto.AlertRule {
	return sensocto.AlertRule{SensorID: "strap", AttributeID: "hr", Name: "Fast", Condition: sensocto.AlertAbove, High: 100, Hysteresis: 10, Pause: time.Minute, Notify: notify, Enabled: true}
}

// An alert reaches those who may see the sensor at that moment, and nobody else;
// the sensor's device is held as long as a rule needs it.
func TestAlerts_TellThoseWhoMaySeeTheSensor(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		ctx := t.Context()
		addUsers(t, db, "ada", "bob", "eve")
		w := newWorld(t, db, nil)
		defer run(w.Alerts)()
		_, err := w.Create(ctx, identity("bob"), high())
		wantReason(t, err, "no_sensor")
		must(t, db.PutGrant(ctx, sensocto.Grant{SensorID: "strap", UserID: "bob", GrantedAt: time.Now()}))
		i, err := w.Create(ctx, identity("bob"), high("ada", "bob", "eve"))
		must(t, err)
		if s := w.looks.Snapshot("strap"); s.Listeners != 1 || !s.NeverPause {
			t.Errorf("the device may pause: %+v", s)
		}
		publish(w.hub, "strap", "hr", 90, 130)
		first, second := w.told.wait(t), w.told.wait(t)
		if first != "ada alert strap: hr is 130, above 100" || second != "bob alert strap: hr is 130, above 100" {
			t.Errorf("%q, %q", first, second)
		}
		waitFor(t, func() bool { return metric(w, "alert_notifications_total", "result", "unseen") >= 1 }) // eve
		_, err = w.Alert(ctx, identity("ada"), i.Rule.ID)
		wantReason(t, err, "not_found")
		wantReason(t, w.Delete(ctx, identity("ada"), i.Rule.ID), "not_found")

		// Without the right the rule stays, and is silent.
		must(t, db.RemoveGrant(ctx, "strap", "bob"))
		waitFor(t, func() bool {
			i, err := w.Alert(ctx, identity("bob"), i.Rule.ID)
			return err == nil && i.Silent && !w.hub.Subscribed(sensocto.DataTopic("strap"))
		})
		if s := w.looks.Snapshot("strap"); s.Listeners != 0 {
			t.Errorf("a silent rule holds the device: %+v", s)
		}
		_, err = w.Test(ctx, identity("bob"), i.Rule.ID)
		wantReason(t, err, "silent")
		must(t, db.PutGrant(ctx, sensocto.Grant{SensorID: "strap", UserID: "bob", GrantedAt: time.Now()}))
		waitFor(t, func() bool { return w.hub.Subscribed(sensocto.DataTopic("strap")) })
		must(t, w.Delete(ctx, identity("bob"), i.Rule.ID))
		if w.hub.Subscribed(sensocto.DataTopic("strap")) || metric(w, "alert_sensors") != 0 {
			t.Error("a deleted rule is still there")
		}
	})
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); {
		if time.Now().After(end) {
			t.Fatal("it did not happen within 10 s")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A restart neither forgets that a rule fired nor repeats it.
func TestAlerts_StateSurvivesARestart(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		ctx := t.Context()
		addUsers(t, db, "ada")
		w := newWorld(t, db, nil)
		stop := run(w.Alerts)
		i, err := w.Create(ctx, identity("ada"), high())
		must(t, err)
		publish(w.hub, "strap", "hr", 130)
		w.told.wait(t)
		stop()

		w = newWorld(t, db, nil)
		stop = run(w.Alerts)
		publish(w.hub, "strap", "hr", 131) // still above: told already
		publish(w.hub, "strap", "hr", 80)
		publish(w.hub, "strap", "hr", 132) // again, but within the pause
		stop()
		if told := w.told.take(); len(told) != 0 {
			t.Errorf("told again: %q", told)
		}
		got, err := w.Alert(ctx, identity("ada"), i.Rule.ID)
		if err != nil || !got.State.Firing || got.State.FiredAt.IsZero() || got.State.Value != 130 {
			t.Errorf("%+v, %v", got.State, err)
		}
	})
}

func TestAlerts_AreManaged(t *testing.T) {
	each(t, func(t *testing.T, db *peopledb.DB) {
		ctx := t.Context()
		addUsers(t, db, "ada")
		w := newWorld(t, db, func(o *alert.Options) { o.RulesOfUser = 3 })
		ada := identity("ada")
		r := high()
		r.WebhookURL = "https://example.org/hook?key=secret"
		i, err := w.Create(ctx, ada, r)
		must(t, err)
		if !strings.HasPrefix(i.NewSecret, "whsec_") || len(i.Rule.Notify) != 1 || i.Rule.Notify[0] != "ada" {
			t.Errorf("%+v", i)
		}
		changed, err := w.Update(ctx, ada, i.Rule.ID, func(r *sensocto.AlertRule) { r.High, r.SensorID, r.OwnerID = 120, "other", "eve" })
		must(t, err)
		if changed.NewSecret != "" || changed.Rule.SensorID != "strap" || changed.Rule.OwnerID != "ada" || changed.Rule.High != 120 || changed.Rule.Version != 2 {
			t.Errorf("%+v", changed)
		}
		renewed, err := w.Update(ctx, ada, i.Rule.ID, func(r *sensocto.AlertRule) { r.WebhookSecret = "" })
		if err != nil || renewed.NewSecret == "" || renewed.NewSecret == i.NewSecret {
			t.Errorf("%+v, %v", renewed, err)
		}
		for range 2 {
			_, err = w.Create(ctx, ada, high())
			must(t, err)
		}
		_, err = w.Create(ctx, ada, high())
		wantReason(t, err, "too_many_alerts")
		page, err := w.List(ctx, ada, i.Rule.ID, 1)
		if err != nil || len(page) != 1 || page[0].Rule.ID == i.Rule.ID || page[0].NewSecret != "" {
			t.Errorf("%+v, %v", page, err)
		}
		_, err = w.List(ctx, sensocto.Identity{}, "", 1)
		wantReason(t, err, "account_needed")

		// The rules of a user who is gone are gone, too.
		must(t, db.DeleteUser(ctx, "ada"))
		must(t, w.Load(ctx))
		if metric(w, "alert_rules") != 0 || w.hub.Subscribed(sensocto.DataTopic("strap")) {
			t.Error("rules of nobody are left")
		}
	})
}

func TestAlerts_RefuseWhatCannotBe(t *testing.T) {
	w := newWorld(t, openSQLite(t), nil)
	for reason, change := range map[string]func(*sensocto.AlertRule){
		"invalid_name":         func(r *sensocto.AlertRule) { r.Name = "" },
		"invalid_condition":    func(r *sensocto.AlertRule) { r.Condition = "near" },
		"invalid_attribute_id": func(r *sensocto.AlertRule) { r.AttributeID = "" },
		"invalid_pause":        func(r *sensocto.AlertRule) { r.Pause = time.Second },
		"invalid_after":        func(r *sensocto.AlertRule) { r.Condition, r.After = sensocto.AlertNoData, time.Second },
		"invalid_threshold":    func(r *sensocto.AlertRule) { r.Condition, r.Low, r.High = sensocto.AlertOutside, 5, 5 },
		"invalid_hysteresis": func(r *sensocto.AlertRule) {
			r.Condition, r.Low, r.High, r.Hysteresis = sensocto.AlertOutside, 0, 10, 6
		},
		"invalid_notify":      func(r *sensocto.AlertRule) { r.Notify = []string{"a,b"} },
		"invalid_email":       func(r *sensocto.AlertRule) { r.Email = true },
		"invalid_webhook_url": func(r *sensocto.AlertRule) { r.WebhookURL = "http://example.org" },
		"invalid_sensor_id":   func(r *sensocto.AlertRule) { r.SensorID = "a b" },
	} {
		r := high()
		change(&r)
		_, err := w.Create(t.Context(), identity("ada"), r)
		wantReason(t, err, reason)
	}
}

// post is a Mailer that remembers.
type post struct{ sent chan string }

func (p post) Mail(_ context.Context, to sensocto.User, subject, text string) error {
	p.sent <- to.Email + ": " + subject + ": " + text
	return nil
}

func TestAlerts_AreMailed(t *testing.T) {
	db := openSQLite(t)
	addUsers(t, db, "ada")
	p := post{make(chan string, 10)}
	w := newWorld(t, db, func(o *alert.Options) {
		o.Mailer, o.Origin = p, func() string { return "https://sensors.example.org" }
	})
	defer run(w.Alerts)()
	r := high()
	r.Email = true
	i, err := w.Create(t.Context(), identity("ada"), r)
	must(t, err)
	publish(w.hub, "strap", "hr", 130)
	if got := <-p.sent; !strings.HasPrefix(got, "ada@example.org: Alert: Fast: strap: hr is 130, above 100\n") || !strings.Contains(got, "https://sensors.example.org/sensors/strap\n") {
		t.Errorf("%q", got)
	}
	done, err := w.Test(t.Context(), identity("ada"), i.Rule.ID)
	if err != nil || len(done) != 2 || !done[0].OK || !done[1].OK || done[1].Way != "email" {
		t.Errorf("%+v, %v", done, err)
	}
	if got := <-p.sent; !strings.HasPrefix(got, "ada@example.org: Test of an alert: Fast: ") || !strings.Contains(got, "this is a test") {
		t.Errorf("%q", got)
	}
	_, err = w.Test(t.Context(), identity("ada"), i.Rule.ID)
	wantReason(t, err, "tested_just_now")
}

func TestAlerts_AreNotMailedToAnAddressThatIsOnlyClaimed(t *testing.T) {
	db := openSQLite(t)
	must(t, db.InsertUser(t.Context(), sensocto.User{ID: "ada", Name: "ada", Email: "victim@example.org", CreatedAt: time.Now(), Version: 1}))
	p := post{make(chan string, 10)}
	w := newWorld(t, db, func(o *alert.Options) { o.Mailer = p })
	defer run(w.Alerts)()
	r := high()
	r.Email = true
	i, err := w.Create(t.Context(), identity("ada"), r)
	must(t, err)
	done, err := w.Test(t.Context(), identity("ada"), i.Rule.ID)
	must(t, err)
	if len(done) != 2 || !done[0].OK || done[1].Way != "email" || done[1].OK || !strings.Contains(done[1].Error, "has not confirmed") || len(p.sent) > 0 {
		t.Errorf("%+v, %d mails", done, len(p.sent))
	}
}

// Whoever makes a rule that cannot reach everybody hears so at once.
func TestAlerts_WarnOfWhatCannotWork(t *testing.T) {
	db := openSQLite(t)
	addUsers(t, db, "ada", "bob")
	w := newWorld(t, db, func(o *alert.Options) {
		o.Sensor = func(id string) (sensocto.Sensor, bool) {
			return sensocto.Sensor{ID: id, Attributes: []sensocto.Attribute{{ID: "hr"}}}, true
		}
	})
	i, err := w.Create(t.Context(), identity("ada"), high())
	if err != nil || len(i.Warnings) > 0 {
		t.Fatalf("%v %q", err, i.Warnings)
	}
	i, err = w.Update(t.Context(), identity("ada"), i.Rule.ID, func(r *sensocto.AlertRule) {
		r.AttributeID, r.Notify = "hearrate", []string{"ada", "bob", "zoe"}
	})
	want := []string{"bob may not see the sensor, and is not told until that changes", "there is no user zoe: nobody is told in that name", "the sensor has no attribute hearrate so far"}
	if err != nil || !slices.Equal(i.Warnings, want) {
		t.Errorf("%v %q", err, i.Warnings)
	}
	if i, err = w.Alert(t.Context(), identity("ada"), i.Rule.ID); err != nil || !slices.Equal(i.Warnings, want) {
		t.Errorf("later: %v %q", err, i.Warnings)
	}
}
