package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
)

// guest signs in with an account for a day.
func (p *people) guest(name string) *person {
	p.t.Helper()
	answer := p.do(call{method: "POST", path: "/api/v1/session/guest", body: fmt.Sprintf(`{"name":%q}`, name)})
	if answer.Code >= 300 {
		p.t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	cookie := cookieOf(p.t, answer)
	return &person{people: p, id: decode[sensocto.UserView](p.t, answer.Body).ID, name: name, cookie: cookie}
}

// lab is a room of ada's, with its path and join code.
func (p *people) lab(ada *person) (path, code string) {
	p.t.Helper()
	room := decode[sensocto.RoomView](p.t, ada.asks(201, "POST", "/rooms", `{"name":"Lab"}`).Body)
	return "/rooms/" + room.ID, room.JoinCode
}

// Who enters with an account for a day takes nothing away until the owner says so.
func TestRooms_GuestAccountsExportNothing(t *testing.T) {
	p := newPeople(t)
	ada, gus := p.signUp("ada"), p.guest("gus")
	ada.bring("strap")
	path, code := p.lab(ada)
	ada.asks(204, "PUT", path+"/sensors/strap", `{"history":"all"}`)
	gus.asks(200, "POST", "/rooms/join", `{"code":"`+code+`"}`)
	gus.asks(403, "GET", "/sensors/strap/export", "")
	p.wantReason(ada.asks(409, "PATCH", path+"/members/"+gus.id, `{"role":"owner"}`), "guest_account")
	ada.asks(204, "PATCH", path+"/members/"+gus.id, `{"role":"member"}`)
	gus.asks(200, "GET", "/sensors/strap/export", "")
}

// A cursor that is none is refused, wherever lists go on behind an id.
func TestCursors_ThatAreNoneAreRefused(t *testing.T) {
	p, _ := newAuditedPeople(t)
	p.signUp("ada")
	w := rightsWorld{people: p, crowd: map[string]*person{}}
	w.promote("ada")
	ada := w.crowd["ada"]
	ada.bring("strap")
	path, _ := p.lab(ada)
	for list, cursor := range map[string]string{
		"/rooms": "after", "/users": "after", "/audit": "after", "/alerts": "after", "/notifications": "before", path + "/members": "after",
		path + "/bans": "after", path + "/invitations": "after", path + "/recordings": "before",
		"/sessions": "after", "/tokens": "after", "/passkeys": "after", "/identities": "after", "/invitations": "after", "/sensors/strap/grants": "after",
	} {
		for _, wrong := range []string{"zz", "0", "0199D2B7-0000-7000-8000-000000000000"} {
			p.wantReason(ada.asks(422, "GET", list+"?"+cursor+"="+wrong, ""), "invalid_cursor")
		}
		ada.asks(200, "GET", list+"?limit=1&"+cursor+"="+ada.id, "")
	}
}

// A parameter that is misspelt must not pass for one that is missing: this would kick
// who was to be banned.
func TestPeople_UnknownParametersAreRefused(t *testing.T) {
	p := newPeople(t)
	ada, bob := p.signUp("ada"), p.signUp("bob")
	path, code := p.lab(ada)
	bob.asks(200, "POST", "/rooms/join", `{"code":"`+code+`"}`)
	ada.asks(422, "DELETE", path+"/members/"+bob.id+"?Ban=true", "")
	bob.asks(200, "GET", path+"/members", "")
	ada.asks(422, "GET", "/tokens?page=2", "")
	ada.asks(302, "GET", "/session/oidc/callback?state=x&session_state=y", "")
	ada.asks(204, "DELETE", path+"/members/"+bob.id+"?ban=true", "")
}

// Invitations and bans over HTTP: pages, rights, and what the person still has.
func TestRooms_InvitationsAndBans(t *testing.T) {
	p := newPeople(t)
	ada, bob, eve := p.signUp("ada"), p.signUp("bob"), p.signUp("eve")
	path, code := p.lab(ada)
	bob.asks(200, "POST", "/rooms/join", `{"code":"`+code+`"}`)
	type list struct {
		Invitations []sensocto.InvitationView
		Bans        []sensocto.BanView
		Next        string
	}
	for _, user := range []string{`{"user_id":"` + eve.id + `"}`, `{"email":"zoe@example.org"}`} {
		ada.asks(201, "POST", path+"/invitations", user)
	}
	bob.asks(403, "GET", path+"/invitations", "")
	first := decode[list](t, ada.asks(200, "GET", path+"/invitations?limit=1", "").Body)
	if len(first.Invitations) != 1 || first.Invitations[0].UserName != "eve" || first.Next == "" {
		t.Fatalf("%+v", first)
	}
	rest := decode[list](t, ada.asks(200, "GET", path+"/invitations?limit=2&after="+first.Next, "").Body)
	if len(rest.Invitations) != 1 || rest.Invitations[0].Email != "zoe@example.org" || rest.Next != "" {
		t.Errorf("%+v", rest)
	}
	bob.asks(403, "DELETE", path+"/invitations/"+first.Next, "")
	ada.asks(204, "DELETE", path+"/invitations/"+first.Next, "")
	p.wantReason(ada.asks(404, "DELETE", path+"/invitations/"+first.Next, ""), "no_invitation")
	if mine := decode[list](t, eve.asks(200, "GET", "/invitations", "").Body); len(mine.Invitations) != 0 {
		t.Errorf("%+v", mine)
	}
	ada.asks(204, "DELETE", path+"/members/"+eve.id+"?ban=true", "")
	bob.asks(403, "GET", path+"/bans", "")
	if banned := decode[list](t, ada.asks(200, "GET", path+"/bans", "").Body); len(banned.Bans) != 1 || banned.Bans[0].Name != "eve" {
		t.Errorf("%+v", banned)
	}
}

// Where no mail is sent, whoever invites an address hears that, with the link to pass
// on; whether somebody has the address shows in nothing.
func TestRooms_AnInvitationThatNobodyMailsSaysSo(t *testing.T) {
	p := newPeople(t)
	ada, eve := p.signUp("ada"), p.signUp("eve")
	path, code := p.lab(ada)
	type invited struct {
		Mailed   *bool
		JoinLink string `json:"join_link"`
	}
	for _, address := range []string{"eve@example.org", "nobody@example.org"} {
		got := decode[invited](t, ada.asks(201, "POST", path+"/invitations", `{"email":"`+address+`"}`).Body)
		if got.Mailed == nil || *got.Mailed || !strings.HasSuffix(got.JoinLink, "/rooms#join="+code) {
			t.Errorf("%s: %+v", address, got)
		}
	}
	if got := decode[invited](t, ada.asks(201, "POST", path+"/invitations", `{"user_id":"`+eve.id+`"}`).Body); got.Mailed != nil || got.JoinLink != "" {
		t.Errorf("%+v", got)
	}
}

// Errors say whether the room or the sensor is missing, and a new owner is told of
// the sensor.
func TestRooms_SayWhatIsMissing(t *testing.T) {
	p := newPeople(t)
	ada, bob := p.signUp("ada"), p.signUp("bob")
	ada.bring("strap")
	path, _ := p.lab(ada)
	p.wantReason(ada.asks(404, "PUT", path+"/sensors/nope", `{}`), "no_sensor")
	p.wantReason(ada.asks(404, "PUT", "/rooms/nope/sensors/strap", `{}`), "no_room")
	p.wantReason(ada.asks(404, "DELETE", path+"/sensors/strap", ""), "not_shared")
	ada.asks(200, "PATCH", "/sensors/strap", `{"owner_id":"`+bob.id+`"}`)
	notes := bob.asks(200, "GET", "/notifications", "").Body.String()
	if !strings.Contains(notes, `"kind":"sensor_received"`) || !strings.Contains(notes, `"sensor_id":"strap"`) || !strings.Contains(notes, ada.id) {
		t.Error(notes)
	}
}
