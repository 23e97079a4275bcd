package web_test

import (
	"fmt"
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
