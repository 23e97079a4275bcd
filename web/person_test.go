package web_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

// bring stores a sample of a sensor of the person's own, or of the operator's.
func (p *person) bring(sensorID string) sensocto.SensorLink {
	p.t.Helper()
	return p.people.bring(sensorID, sensocto.Identity{ID: p.id, UserID: p.id, OwnerID: p.id, Scopes: []sensocto.Scope{sensocto.ScopeIngest, sensocto.ScopeView}})
}

func (p *people) bring(sensorID string, id sensocto.Identity) sensocto.SensorLink {
	p.t.Helper()
	link, err := p.sensors.Connect(p.t.Context(), id, sensocto.Registration{SensorID: sensorID, SensorName: sensorID, SensorType: "ecg"}, &device{})
	if err != nil {
		p.t.Fatal(err)
	}
	push(p.t, link, "ecg", sensocto.Sample{Timestamp: time.Now().UnixMicro(), Value: 1})
	return link
}

// archive returns the entries of a ZIP archive.
func archive(t *testing.T, body []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		entries[f.Name] = string(text)
	}
	return entries
}

// A person takes everything along, and nothing of others; then everything is
// erased, and nothing of others.
func TestPerson_ExportAndErasure(t *testing.T) {
	p := newPeople(t)
	ada, bob := p.signUp("ada"), p.signUp("bob")
	for _, id := range []string{"strap", "..", "a:b"} {
		ada.bring(id)
	}
	bob.bring("belt")
	ada.asks(201, "POST", "/rooms", `{"name":"Lab"}`)
	ada.asks(201, "POST", "/tokens", `{"name":"chest strap","scopes":["ingest"]}`)
	ada.asks(204, "PUT", "/sensors/strap/grants/"+bob.id, `{"control":true}`)
	entries := archive(t, ada.asks(200, "GET", "/users/me/export", "").Body.Bytes())
	want := []string{"account.json", "alerts.json", "audit.json", "identities.json", "invitations.json", "notifications.json", "passkeys.json", "rooms.json",
		"sensors/sensor_...csv", "sensors/sensor_a_b.csv", "sensors/sensor_strap.csv", "sessions.json", "shares.json", "tokens.json"}
	var names []string
	for name := range entries {
		names = append(names, name)
	}
	if slices.Sort(names); !slices.Equal(names, want) {
		t.Errorf("%q", names)
	}
	for name, part := range map[string]string{"account.json": "ada@example.org", "rooms.json": "Lab", "tokens.json": "chest strap", "shares.json": bob.id, "sensors/sensor_strap.csv": "samples of strap"} {
		if !strings.Contains(entries[name], part) {
			t.Errorf("%s lacks %q: %s", name, part, entries[name])
		}
	}
	for name, text := range entries {
		if strings.Contains(text, "argon2") || strings.Contains(text, "secret") {
			t.Errorf("%s holds a secret: %s", name, text)
		}
	}

	if other := archive(t, ada.asks(200, "GET", "/users/me/export?format=parquet", "").Body.Bytes()); other["sensors/sensor_strap.parquet"] == "" {
		t.Errorf("as Parquet: %q", slices.Sorted(maps.Keys(other)))
	}
	ada.asks(422, "DELETE", "/users/me", `{}`)
	p.wantReason(ada.asks(401, "DELETE", "/users/me", `{"current_password":"wrong"}`), "wrong_credentials")
	ada.asks(204, "DELETE", "/users/me", fmt.Sprintf(`{"current_password":%q}`, secretWords))
	ada.asks(401, "GET", "/session", "")
	var left []string
	for _, s := range p.sensors.Sensors() {
		left = append(left, s.ID)
	}
	if !slices.Equal(left, []string{"belt"}) {
		t.Errorf("sensors: %q", left)
	}
	if again := p.do(call{method: "POST", path: "/api/v1/session", body: fmt.Sprintf(`{"email":"ada@example.org","password":%q}`, secretWords)}); again.Code != 401 {
		t.Errorf("signed in: %d", again.Code)
	}
	p.signUp("ada") // the address is free again
}

// The operator's sensors can be handed to a user, and a person's to another; what
// one may not see is not found.
func TestSensor_IsHandedOver(t *testing.T) {
	p := newPeople(t)
	ada, bob := p.signUp("ada"), p.signUp("bob")
	p.bring("old", sensocto.Identity{ID: "token", OwnerID: sensocto.OperatorID, Scopes: []sensocto.Scope{sensocto.ScopeIngest}})
	give := func(to *person) string { return fmt.Sprintf(`{"owner_id":%q}`, to.id) }
	ada.asks(404, "PATCH", "/sensors/old", give(ada))
	u, err := p.accounts.User(t.Context(), bob.id)
	if err == nil {
		_, err = p.accounts.SetAdmin(t.Context(), u, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	admin := p.signInAs("bob")
	admin.asks(422, "PATCH", "/sensors/old", `{"owner_id":"nobody"}`)
	admin.asks(422, "PATCH", "/sensors/old", `{}`)
	admin.asks(200, "PATCH", "/sensors/old", give(ada))
	ada.asks(200, "GET", "/sensors/old", "")
	admin.asks(403, "GET", "/sensors/old/attributes/ecg/measurements", "")
	admin.asks(403, "GET", "/sensors/old", "") // an administrator knows that it is there
	ada.asks(200, "PATCH", "/sensors/old", `{"sensor_name":"Strap"}`)
	counts := func() {
		t.Helper()
		if s, _ := p.sensors.Sensor("old"); s.BroughtBy != ada.id {
			t.Errorf("the sensor counts for %q, not for ada, %q", s.BroughtBy, ada.id)
		}
	}
	counts() // an administrator charged her
	ada.asks(200, "PATCH", "/sensors/old", give(bob))
	ada.asks(404, "GET", "/sensors/old", "")
	counts() // she charges nobody
	for range 19 {
		admin.asks(200, "PATCH", "/sensors/old", give(ada))
		ada.asks(200, "PATCH", "/sensors/old", give(bob))
	}
	admin.asks(200, "PATCH", "/sensors/old", give(ada)) // 21 of an administrator, who has no bound
	ada.asks(429, "PATCH", "/sensors/old", give(bob))
	ada.asks(200, "GET", "/sensors/old", "") // it is still hers
}

// signInAs begins another session.
func (p *people) signInAs(name string) *person {
	p.t.Helper()
	answer := p.do(call{method: "POST", path: "/api/v1/session", body: fmt.Sprintf(`{"email":"%s@example.org","password":%q}`, name, secretWords)})
	if answer.Code != 200 {
		p.t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	return &person{people: p, id: decode[sensocto.UserView](p.t, answer.Body).ID, name: name, cookie: cookieOf(p.t, answer)}
}
