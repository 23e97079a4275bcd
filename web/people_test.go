package web_test

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/erasure"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/room"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/web"
)

// people is the people's part of the API on real parts.
type people struct {
	*world
	t        testing.TB
	db       peopledb.SQL
	store    *peopledb.DB
	accounts *account.Accounts
	rights   *rights.Rights
	sensors  *sensor.Registry
	owners   map[string]string // of sensors, by user id
}

func newPeople(t testing.TB, change ...func(*account.Options)) *people {
	t.Helper()
	return newPeopleWith(t, func(*web.Options) {}, change...)
}

func newPeopleWith(t testing.TB, more func(*web.Options), change ...func(*account.Options)) *people {
	t.Helper()
	return newPeopleOn(t, nil, more, change...)
}

// newPeopleOn takes a database, by default a new one of SQLite.
func newPeopleOn(t testing.TB, db peopledb.SQL, more func(*web.Options), change ...func(*account.Options)) *people {
	t.Helper()
	if db == nil {
		file, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "people.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		db = file
	}
	store := peopledb.New(db)
	p := &people{t: t, db: db, store: store, owners: map[string]string{}}
	o := account.Options{Store: store, Registration: account.RegistrationOpen, Guests: true}
	for _, c := range change {
		c(&o)
	}
	p.accounts = account.New(o)
	p.rights = rights.New(rights.Options{Store: store, Owner: p.owner})
	t.Cleanup(p.rights.Close)
	rooms := room.New(room.Options{
		Store: store, Rights: p.rights, Attempts: p.accounts, PubSub: pubsub.New(),
		Sensor: func(id string) (sensocto.Sensor, bool) { _, ok := p.owner(id); return sensocto.Sensor{ID: id}, ok },
	})
	p.world = newWorld(t, setup{web: func(o *web.Options) {
		o.Auth, o.Accounts, o.Rooms, o.Rights = p.accounts, p.accounts, rooms, p.rights
		sensors := o.Sensors.(*sensor.Registry)
		o.Erase = erasure.New(erasure.Options{Store: store, Sensors: sensors, Rooms: rooms}).User
		o.HandOver = func(ctx context.Context, sensorID, ownerID string, charge bool) error {
			defer p.rights.Recheck()
			return sensors.SetOwner(ctx, sensorID, ownerID, charge)
		}
		o.Export = func(_ context.Context, q web.ExportQuery) (web.ExportFile, error) { return csvFile(q.Sensor.ID), nil }
		p.sensors = sensors
		more(o)
	}})
	var err error
	p.world.admin, _, err = p.accounts.Create(t.Context(), "admin", []sensocto.Scope{sensocto.ScopeAdmin}) // the world's own accounts are not asked
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// csvFile is an export.
type csvFile string

func (f csvFile) Name() string      { return string(f) + ".csv" }
func (f csvFile) MediaType() string { return "text/csv" }
func (f csvFile) Notes() []string   { return nil }
func (f csvFile) Write(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "samples of "+string(f))
	return err
}
func (f csvFile) Close() error { return nil }

// owner returns to whom a sensor belongs, also one that is only said to be there.
func (p *people) owner(id string) (string, bool) {
	if owner, ok := p.owners[id]; ok {
		return owner, true
	}
	if p.sensors == nil {
		return "", false
	}
	return p.sensors.Owner(id)
}

// age makes a person's sessions older.
func (p *people) age(who *person, by time.Duration) {
	p.t.Helper()
	err := p.db.Update(p.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE token SET created_at = created_at - $1, confirmed_at = confirmed_at - $1 WHERE account_id = $2`, by.Microseconds(), who.id)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// person is somebody with a browser.
type person struct {
	*people
	id, name, cookie string
}

const secretWords = "four quiet otters swim"

func (p *people) signUp(name string) *person {
	p.t.Helper()
	answer := p.do(call{method: "POST", path: "/api/v1/users", body: fmt.Sprintf(`{"email":"%s@example.org","name":%q,"password":%q}`, name, name, secretWords)})
	if answer.Code != http.StatusCreated {
		p.t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	return &person{people: p, id: decode[sensocto.UserView](p.t, answer.Body).ID, name: name, cookie: cookieOf(p.t, answer)}
}

// signsIn signs the person in with the browser's cookie, and keeps the new one.
func (p *person) signsIn() {
	p.t.Helper()
	answer := p.asks(200, "POST", "/session", fmt.Sprintf(`{"email":"%s@example.org","password":%q}`, p.name, secretWords))
	p.cookie = cookieOf(p.t, answer)
}

// The socket knows the cookie by its plain name, and sees it as the API does.
func TestPeople_TheSocketSeesTheCookieThatCounts(t *testing.T) {
	got := ""
	p := newPeopleWith(t, func(o *web.Options) {
		o.Socket = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Cookie") })
	})
	if err := p.accounts.ServeAt("https://sensors.example.org"); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{"sensors.example.org": "sensocto_token=right", "127.0.0.1": "sensocto_token=planted; __Host-sensocto_token=right"} {
		p.do(call{path: "/socket/websocket", host: host, header: map[string]string{"Cookie": "sensocto_token=planted; __Host-sensocto_token=right"}})
		if got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}

func TestPeople_SigningOutClearsTheBrowser(t *testing.T) {
	p := newPeople(t)
	answer := p.signUp("ada").asks(204, "DELETE", "/session", "")
	if clears := answer.Header().Get("Clear-Site-Data"); clears != `"storage"` {
		t.Errorf("Clear-Site-Data: %s", clears)
	}
	if c := answer.Result().Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("%v", c)
	}
}

// Whoever signs in leaves no session behind that nobody sees any more.
func TestPeople_ASignInEndsTheFormerSession(t *testing.T) {
	p := newPeople(t)
	ada, elsewhere := p.signUp("ada"), &person{people: p, name: "ada"}
	elsewhere.signsIn()
	former := *ada
	ada.asks(401, "POST", "/session", `{"email":"ada@example.org","password":"wrong"}`)
	former.asks(200, "GET", "/session", "")
	ada.signsIn()
	former.asks(401, "GET", "/session", "")
	ada.asks(200, "GET", "/session", "")
	elsewhere.asks(200, "GET", "/session", "")
	former = *ada
	ada.asks(201, "POST", "/users", `{"email":"bob@example.org","name":"bob","password":"`+secretWords+`"}`) // another person at the same browser
	former.asks(401, "GET", "/session", "")
}

func cookieOf(t testing.TB, answer *httptest.ResponseRecorder) string {
	t.Helper()
	for _, c := range answer.Result().Cookies() {
		if c.Name == web.SessionCookie {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
				t.Errorf("cookie %+v", c)
			}
			return c.Value
		}
	}
	t.Fatal("no cookie was set")
	return ""
}

// asks sends a request with the person's cookie and wants a status.
func (p *person) asks(want int, method, path, body string, header ...string) *httptest.ResponseRecorder {
	p.t.Helper()
	c := call{method: method, path: "/api/v1" + path, body: body, header: map[string]string{"Cookie": web.SessionCookie + "=" + p.cookie}}
	for i := 0; i+1 < len(header); i += 2 {
		c.header[header[i]] = header[i+1]
	}
	answer := p.do(c)
	if answer.Code != want {
		p.t.Errorf("%s: %s %s: %d %s, want %d", p.name, method, path, answer.Code, answer.Body, want)
	}
	return answer
}

func (p *people) wantReason(answer *httptest.ResponseRecorder, reason string) {
	p.t.Helper()
	var problem struct{ Reason string }
	if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil || problem.Reason != reason {
		p.t.Errorf("%s, want %s", answer.Body, reason)
	}
}

func TestPeople_SessionsAndPasswords(t *testing.T) {
	p := newPeople(t)
	ada := p.signUp("ada")
	me := decode[sensocto.UserView](t, ada.asks(200, "GET", "/session", "").Body)
	if me.ID != ada.id || me.Email != "ada@example.org" || me.IsAdmin || strings.Contains(ada.asks(200, "GET", "/users/me", "").Body.String(), "argon") {
		t.Errorf("%+v", me)
	}
	p.wantReason(p.do(call{method: "POST", path: "/api/v1/users", body: `{"email":"ADA@example.org","name":"Ada","password":"` + secretWords + `"}`}), "email_taken")
	wrong := p.do(call{method: "POST", path: "/api/v1/session", body: `{"email":"ada@example.org","password":"wrong"}`})
	unknown := p.do(call{method: "POST", path: "/api/v1/session", body: `{"email":"nobody@example.org","password":"wrong"}`})
	if wrong.Code != 401 || unknown.Code != 401 || wrong.Body.String() != unknown.Body.String() {
		t.Errorf("%d %s\n%d %s", wrong.Code, wrong.Body, unknown.Code, unknown.Body)
	}
	again := p.do(call{method: "POST", path: "/api/v1/session", body: `{"email":"ada@example.org","password":"` + secretWords + `"}`, header: map[string]string{"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}})
	phone := &person{people: p, id: ada.id, name: "ada", cookie: cookieOf(t, again)}
	sessions := ada.asks(200, "GET", "/sessions", "").Body.String()
	if strings.Count(sessions, `"id"`) != 2 || !strings.Contains(sessions, "Firefox on Linux") || strings.Count(sessions, `"current":true`) != 1 {
		t.Error(sessions)
	}
	p.wantReason(ada.asks(401, "PATCH", "/users/me", `{"password":"five loud geese fly","current_password":"wrong"}`), "wrong_credentials")
	p.wantReason(ada.asks(422, "PATCH", "/users/me", `{"password":"short","current_password":"`+secretWords+`"}`), "weak_password")
	everything := ada.asks(422, "PATCH", "/users/me", `{"name":"","email":"ada","password":"short","current_password":"`+secretWords+`"}`).Body.String()
	for _, member := range []string{"body.name", "body.email", "body.password"} {
		if !strings.Contains(everything, member) {
			t.Errorf("%s does not say that %s is wrong", everything, member)
		}
	}
	ada.asks(200, "PATCH", "/users/me", `{"name":"Ada L","password":"five loud geese fly","current_password":"`+secretWords+`"}`)
	phone.asks(401, "GET", "/session", "") // whoever knew the old password is out
	ada.asks(204, "DELETE", "/session", "")
	ada.asks(401, "GET", "/session", "")
	guest := p.do(call{method: "POST", path: "/api/v1/session/guest", body: `{"name":"Gus"}`})
	if guest.Code != 201 || !decode[sensocto.UserView](t, guest.Body).IsGuest {
		t.Errorf("%d %s", guest.Code, guest.Body)
	}
}

func TestPeople_TokensDoNotMakeTokens(t *testing.T) {
	p := newPeople(t)
	ada, eve := p.signUp("ada"), p.signUp("eve")
	made := decode[struct{ ID, Token string }](t, ada.asks(201, "POST", "/tokens", `{"name":"watch","scopes":["view"],"sensor_ids":["strap"]}`).Body)
	if answer := p.do(call{path: "/api/v1/session", token: made.Token}); answer.Code != 200 {
		t.Errorf("%d", answer.Code)
	}
	for _, route := range []call{{method: "POST", path: "/api/v1/tokens", body: `{"name":"x","scopes":["view"]}`}, {path: "/api/v1/sessions"}, {method: "PATCH", path: "/api/v1/users/me", body: `{"name":"x"}`}} {
		route.token = made.Token
		checkProblem(t, p.do(route), http.StatusForbidden)
	}
	ada.asks(403, "POST", "/tokens", `{"name":"x","scopes":["admin"]}`)
	eve.asks(404, "DELETE", "/tokens/"+made.ID, "")
	if list := ada.asks(200, "GET", "/tokens", "").Body.String(); !strings.Contains(list, made.ID) || strings.Contains(list, made.Token) {
		t.Error(list)
	}
	ada.asks(204, "DELETE", "/tokens/"+made.ID, "")
	checkProblem(t, p.do(call{path: "/api/v1/session", token: made.Token}), http.StatusUnauthorized)
	eve.asks(403, "GET", "/users", "")
	eve.asks(403, "PATCH", "/users/"+ada.id, `{"disabled":true}`)
}

func TestPeople_SetUpAndAdministration(t *testing.T) {
	p := newPeople(t)
	eve := p.signUp("eve")
	secret, err := p.accounts.SetupLink(t.Context(), 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	body := `{"link":"` + secret + `","email":"root@example.org","name":"Root","password":"` + secretWords + `"}`
	answer := p.do(call{method: "POST", path: "/api/v1/setup", body: body})
	root := &person{people: p, name: "root", cookie: cookieOf(t, answer)}
	p.wantReason(p.do(call{method: "POST", path: "/api/v1/setup", body: body}), "link_expired")
	if list := root.asks(200, "GET", "/users?limit=1", "").Body.String(); !strings.Contains(list, `"next":"`+eve.id+`"`) {
		t.Error(list)
	}
	made := decode[struct{ Token string }](t, eve.asks(201, "POST", "/tokens", `{"name":"watch","scopes":["view"]}`).Body)
	eve.asks(403, "DELETE", "/users/"+eve.id+"/sessions", "")
	root.asks(404, "DELETE", "/users/nobody/sessions", "")
	root.asks(204, "DELETE", "/users/"+eve.id+"/sessions", "")
	eve.asks(401, "GET", "/session", "")
	root.asks(200, "GET", "/session", "")
	if answer := p.do(call{path: "/api/v1/session", token: made.Token}); answer.Code != 200 {
		t.Errorf("a token of hers: %d", answer.Code)
	}
	eve.signsIn()
	root.asks(200, "PATCH", "/users/"+eve.id, `{"disabled":true}`)
	eve.asks(401, "GET", "/session", "")
	reset, err := p.accounts.NewLink(t.Context(), sensocto.LinkReset, eve.id, "", 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	root.asks(200, "PATCH", "/users/"+eve.id, `{"disabled":false}`)
	if answer := p.do(call{method: "POST", path: "/api/v1/password", body: `{"link":"` + reset + `","password":"five loud geese fly"}`}); answer.Code != 200 {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

func TestPeople_AdministratorsFindUsers(t *testing.T) {
	p := newPeople(t)
	root, eve := p.administrator(), p.signUp("eve")
	p.signUp("bob")
	list := decode[struct{ Users []sensocto.UserView }](t, root.asks(200, "GET", "/users?search=EVE%40", "").Body)
	if len(list.Users) != 1 || list.Users[0].ID != eve.id {
		t.Errorf("%+v", list)
	}
	p.wantReason(root.asks(409, "POST", "/users/"+eve.id+"/reset-link", ""), "not_mailed")
	root.asks(200, "PATCH", "/users/"+eve.id, `{"disabled":true}`)
	p.wantReason(root.asks(409, "POST", "/users/"+eve.id+"/reset-link", ""), "no_password")
	root.asks(404, "POST", "/users/nobody/reset-link", "")
}

// administrator makes the first administrator's account.
func (p *people) administrator() *person {
	p.t.Helper()
	secret, err := p.accounts.SetupLink(p.t.Context(), 1<<40)
	if err != nil {
		p.t.Fatal(err)
	}
	answer := p.do(call{method: "POST", path: "/api/v1/setup", body: `{"link":"` + secret + `","email":"root@example.org","name":"Root","password":"` + secretWords + `"}`})
	if answer.Code != 201 {
		p.t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	return &person{people: p, id: decode[sensocto.UserView](p.t, answer.Body).ID, name: "root", cookie: cookieOf(p.t, answer)}
}

// An administrator sees whose every sensor is, and nothing that it measured.
func TestPeople_AllSensors(t *testing.T) {
	p := newPeople(t)
	root, ada := p.administrator(), p.signUp("ada")
	ada.bring("strap")
	ada.bring("belt")
	p.connect(t, "clock") // of the operator
	type page struct {
		Sensors []struct {
			ID        string `json:"sensor_id"`
			OwnerID   string `json:"owner_id"`
			OwnerName string `json:"owner_name"`
		}
		Next string
	}
	list := func(query string) (ids []string, p page) {
		body := root.asks(200, "GET", "/administration/sensors"+query, "").Body
		if strings.Contains(body.String(), "last_value") {
			t.Error(body)
		}
		p = decode[page](t, body)
		for _, s := range p.Sensors {
			ids = append(ids, s.ID+" "+cmp.Or(s.OwnerName, s.OwnerID))
		}
		return ids, p
	}
	for query, want := range map[string][]string{
		"":                       {"belt ada", "clock operator", "strap ada"},
		"?search=STR":            {"strap ada"},
		"?limit=1":               {"belt ada"},
		"?limit=1&next=belt":     {"clock operator"},
		"?next=cat":              {"clock operator", "strap ada"},
		"?search=belt&limit=1":   {"belt ada"},
		"?search=nothing":        nil,
		"?search=a&next=strap":   nil,
		"?search=strap&limit=20": {"strap ada"},
	} {
		if ids, _ := list(query); !slices.Equal(ids, want) {
			t.Errorf("%s: %v, want %v", query, ids, want)
		}
	}
	if _, page := list("?limit=2"); page.Next != "clock" {
		t.Errorf("%+v", page)
	}
	if _, page := list("?limit=3"); page.Next != "" {
		t.Errorf("%+v", page)
	}
	ada.asks(403, "GET", "/administration/sensors", "")
}

func TestSensors_SayWhetherTheyAreOnesOwn(t *testing.T) {
	p := newPeople(t)
	root, ada, bob := p.administrator(), p.signUp("ada"), p.signUp("bob")
	ada.bring("strap")
	p.connect(t, "clock")
	ada.asks(204, "PUT", "/sensors/strap/grants/"+bob.id, "{}")
	own := func(who *person, id string) bool {
		t.Helper()
		one := decode[struct{ Own bool }](t, who.asks(200, "GET", "/sensors/"+id, "").Body).Own
		all := decode[struct {
			Sensors []struct {
				ID  string `json:"sensor_id"`
				Own bool
			}
		}](t, who.asks(200, "GET", "/sensors", "").Body)
		for _, s := range all.Sensors {
			if s.ID == id && s.Own != one {
				t.Errorf("%s of %s: %v alone, %v in the list", id, who.name, one, s.Own)
			}
		}
		return one
	}
	if !own(ada, "strap") || own(bob, "strap") || !own(root, "clock") {
		t.Errorf("ada %v, bob %v, root %v", own(ada, "strap"), own(bob, "strap"), own(root, "clock"))
	}
}

func TestPeople_Rooms(t *testing.T) {
	p := newPeople(t)
	ada, bob, eve := p.signUp("ada"), p.signUp("bob"), p.signUp("eve")
	p.owners["strap"] = ada.id
	answer := ada.asks(201, "POST", "/rooms", `{"name":"Lab","settings":{"theme":"dark"}}`)
	lab := decode[sensocto.RoomView](t, answer.Body)
	path := "/rooms/" + lab.ID
	if lab.JoinCode == "" || answer.Header().Get("ETag") != `"1"` {
		t.Errorf("%+v %v", lab, answer.Header())
	}
	for _, hidden := range []struct{ method, path, body string }{
		{"GET", path, ""}, {"DELETE", path, ""}, {"POST", path + "/join", ""}, {"POST", path + "/leave", ""}, {"POST", path + "/code", ""}, {"GET", path + "/members", ""},
		{"PUT", path + "/sensors/strap", `{}`}, {"DELETE", path + "/sensors/strap", ""}, {"POST", path + "/invitations", `{"user_id":"x"}`},
		{"DELETE", path + "/members/" + ada.id, ""}, {"PATCH", path + "/members/" + ada.id, `{"role":"guest"}`}, {"GET", "/sensors/strap/grants", ""},
		{"PUT", "/sensors/strap/grants/public", `{}`}, {"DELETE", "/sensors/strap/grants/public", ""}, {"DELETE", path + "/bans/" + bob.id, ""},
	} {
		eve.asks(404, hidden.method, hidden.path, hidden.body)
	}
	eve.asks(404, "PATCH", path, `{"name":"mine"}`, "If-Match", "1")
	p.wantReason(bob.asks(404, "POST", "/rooms/join", `{"code":"AAAAA-AAAAA"}`), "invalid_code")
	bob.asks(200, "POST", "/rooms/join", `{"code":"`+strings.ToLower(lab.JoinCode)+`"}`)
	ada.asks(428, "PATCH", path, `{"name":"Ward"}`)
	ada.asks(412, "PATCH", path, `{"name":"Ward"}`, "If-Match", `"7"`)
	ada.asks(200, "PATCH", path, `{"name":"Ward"}`, "If-Match", `"1"`)
	bob.asks(403, "PATCH", path, `{"name":"Bobs"}`, "If-Match", `"2"`)
	ada.asks(204, "PUT", path+"/sensors/strap", `{"control":true,"history":"all"}`)
	if room := decode[sensocto.RoomView](t, bob.asks(200, "GET", path, "").Body); len(room.Sensors) != 1 || room.Name != "Ward" || *room.Role != sensocto.RoleMember {
		t.Errorf("%+v", room)
	}
	if grants := ada.asks(200, "GET", "/sensors/strap/grants", "").Body.String(); !strings.Contains(grants, `"history":"all"`) {
		t.Error(grants)
	}
	invitation := decode[sensocto.InvitationView](t, ada.asks(201, "POST", path+"/invitations", `{"email":"eve@example.org","role":"guest"}`).Body)
	if list := eve.asks(200, "GET", "/invitations", "").Body.String(); strings.Contains(list, invitation.ID) {
		t.Errorf("the invitation is for whoever claims the address: %s", list)
	}
	eve.asks(404, "POST", "/invitations/"+invitation.ID+"/accept", "")
	proof, err := p.accounts.NewLink(t.Context(), sensocto.LinkEmail, eve.id, "eve@example.org", time.Hour)
	if err == nil {
		_, err = p.accounts.ConfirmEmail(t.Context(), proof)
	}
	if err != nil {
		t.Fatal(err)
	}
	eve.asks(204, "POST", "/invitations/"+invitation.ID+"/decline", "")
	invitation = decode[sensocto.InvitationView](t, ada.asks(201, "POST", path+"/invitations", `{"email":"eve@example.org","role":"guest"}`).Body)
	ada.asks(201, "POST", path+"/invitations", `{"email":"zoe@example.org","role":"guest"}`)
	if list := eve.asks(200, "GET", "/invitations", "").Body.String(); !strings.Contains(list, invitation.ID) {
		t.Error(list)
	}
	bob.asks(404, "POST", "/invitations/"+invitation.ID+"/accept", "")
	eve.asks(200, "POST", "/invitations/"+invitation.ID+"/accept", "")
	notes := decode[struct{ Notifications []sensocto.NotificationView }](t, eve.asks(200, "GET", "/notifications", "").Body)
	if len(notes.Notifications) != 1 {
		t.Fatalf("%+v", notes)
	}
	eve.asks(204, "POST", "/notifications/"+notes.Notifications[0].ID+"/read", "")
	if members := ada.asks(200, "GET", path+"/members?limit=2", "").Body.String(); strings.Count(members, `"user_id"`) != 2 || strings.Contains(members, `"next":""`) {
		t.Error(members)
	}
	ada.asks(204, "PATCH", path+"/members/"+bob.id, `{"role":"owner"}`)
	bob.asks(204, "DELETE", path+"/members/"+eve.id+"?ban=true", "")
	eve.asks(404, "GET", path, "")
	ada.asks(204, "DELETE", path+"/sensors/strap", "")
	bob.asks(204, "DELETE", path, "")
	ada.asks(404, "GET", path, "")
	if list := ada.asks(200, "GET", "/rooms?scope=mine", "").Body.String(); !strings.Contains(list, `"rooms":[]`) {
		t.Error(list)
	}
}

func TestPeople_NobodyWithoutACredential(t *testing.T) {
	p := newPeople(t)
	for _, c := range []call{{path: "/api/v1/users/me"}, {path: "/api/v1/session", token: "sno_wrong"}, {path: "/api/v1/rooms"}, {method: "POST", path: "/api/v1/rooms", body: `{"name":"x"}`}, {path: "/api/v1/notifications"}, {path: "/api/v1/users"}} {
		checkProblem(t, p.do(c), http.StatusUnauthorized)
	}
}

// A page that asks who looks at it has made no mistake where nobody is signed in.
func TestPeople_NobodyIsNoError(t *testing.T) {
	p := newPeople(t)
	if answer := p.do(call{path: "/api/v1/session"}); answer.Code != http.StatusNoContent || answer.Body.Len() > 0 || answer.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", answer.Code, answer.Body, answer.Header())
	}
}

// A link can be looked up without being used; one that was used says so, and a kind is
// not taken for another.
func TestLinks_AreLookedUp(t *testing.T) {
	p := newPeople(t)
	secret, err := p.accounts.NewLink(t.Context(), sensocto.LinkInvite, "", "zoe@example.org", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	see := func(kind string) *httptest.ResponseRecorder {
		return p.do(call{method: "POST", path: "/api/v1/links", body: fmt.Sprintf(`{"kind":%q,"link":%q}`, kind, secret)})
	}
	for range 2 {
		if answer := see("invite"); answer.Code != 200 || !strings.Contains(answer.Body.String(), `"email":"zoe@example.org"`) {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
	}
	p.wantReason(see("reset"), "link_expired")
	if answer := see("device"); answer.Code != 422 {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if answer := p.do(call{method: "POST", path: "/api/v1/users", body: fmt.Sprintf(`{"name":"Zoe","password":%q,"invitation":%q}`, secretWords, secret)}); answer.Code != 201 {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	p.wantReason(see("invite"), "link_expired")
	old, err := p.accounts.NewLink(t.Context(), sensocto.LinkReset, p.signUp("ada").id, "", -time.Second)
	if err != nil {
		t.Fatal(err)
	}
	p.wantReason(p.do(call{method: "POST", path: "/api/v1/links", body: fmt.Sprintf(`{"kind":"reset","link":%q}`, old)}), "link_expired")
}

// Links of older versions lead to the app; where the program was built without it, the
// address says so instead of being missing.
func TestPages_OldLinksLeadToTheApp(t *testing.T) {
	p := newPeople(t)
	if answer := p.do(call{path: "/account"}); answer.Code != http.StatusPermanentRedirect || answer.Header().Get("Location") != "/link" {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
	for _, path := range []string{"/link", "/device", "/sign-in"} {
		if answer := p.do(call{path: path}); answer.Code != 200 || !strings.Contains(answer.Body.String(), "built without the web app") {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
		}
	}
}
