package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
)

// open are the operations that anybody may call: they check what they are sent.
var open = []string{"sign-up", "set-up", "sign-in", "sign-in-as-guest", "sign-out", "reset-password", "see-registration", "begin-device", "finish-device",
	"begin-passkey-sign-in", "sign-in-with-passkey", "begin-oidc", "finish-oidc", "forgot-password", "confirm-email", "see-link"}

// private are the operations on what is one person's, and what another user hears
// of them: in the order in which they are asked, so that nothing is destroyed
// before it was asked about. {…} in a path stands for what is ada's.
var private = map[string]struct {
	body string
	want []int // for another user
}{
	// Sensors.
	"get-sensor":        {want: []int{404}},
	"change-sensor":     {body: `{"sensor_name":"mine"}`, want: []int{404}},
	"delete-sensor":     {want: []int{404}},
	"command-sensor":    {body: `{"do":"it"}`, want: []int{404}},
	"add-note":          {body: `{"text":"mine"}`, want: []int{404}},
	"remove-note":       {want: []int{404}},
	"list-measurements": {want: []int{404}},
	"read-history":      {want: []int{404}},
	"export-sensor":     {want: []int{404}},
	"import-recording":  {want: []int{404}},
	"list-grants":       {want: []int{404}},
	"grant-sensor":      {want: []int{404}},
	"revoke-grant":      {want: []int{404}},
	// Rooms.
	"get-room":            {want: []int{404}},
	"change-room":         {body: `{"name":"mine"}`, want: []int{404}},
	"delete-room":         {want: []int{404}},
	"join-room":           {want: []int{404}},
	"join-room-by-code":   {body: `{"code":"00000-00000"}`, want: []int{404}},
	"leave-room":          {want: []int{404}},
	"renew-code":          {want: []int{404}},
	"list-members":        {want: []int{404}},
	"change-member":       {body: `{"role":"owner"}`, want: []int{404}},
	"remove-member":       {want: []int{404}},
	"unban":               {want: []int{404}},
	"list-bans":           {want: []int{404}},
	"share-sensor":        {want: []int{404}},
	"unshare-sensor":      {want: []int{404}},
	"draw-join-link":      {want: []int{404}},
	"make-room-ticket":    {body: `{"role":"member"}`, want: []int{404}},
	"list-room-tickets":   {want: []int{404}},
	"move-room":           {want: []int{404}},
	"end-room-ticket":     {want: []int{404}},
	"join-room-by-ticket": {body: `{"ticket":"sensocto-room-e30"}`, want: []int{422, 503}},
	"see-room-sharing":    {want: []int{404}}, "see-sharing": {want: []int{403}},
	"list-recordings":       {want: []int{404}},
	"start-recording":       {want: []int{404}},
	"stop-recording":        {want: []int{404}},
	"delete-recording":      {want: []int{404}},
	"export-recording":      {want: []int{404}},
	"invite":                {body: `{"email":"eve@example.org"}`, want: []int{404}},
	"list-room-invitations": {want: []int{404}}, "withdraw-invitation": {want: []int{404}},
	"accept-invitation": {want: []int{404}}, "decline-invitation": {want: []int{404}},
	"read-notification": {want: []int{404}},
	// Credentials, and what administrators do.
	"end-session": {want: []int{404}}, "revoke-token": {want: []int{404}},
	"see-device":       {body: `{"code":"BBBB-BBBB"}`, want: []int{404}},
	"confirm-device":   {body: `{"code":"BBBB-BBBB"}`, want: []int{404}},
	"invite-to-server": {body: `{"email":"x@example.org"}`, want: []int{403}},
	"remove-passkey":   {want: []int{404, 422}},
	"list-users":       {want: []int{403}}, "change-user": {body: `{"is_admin":true}`, want: []int{403}}, "erase-user": {want: []int{403}}, "sign-out-user": {want: []int{403}},
	"mail-reset-link": {want: []int{403}}, "list-all-sensors": {want: []int{403}},
	"backup": {want: []int{403}}, "plan-retention": {want: []int{403}}, "apply-retention": {want: []int{403}},
}

// own are the operations that answer with what is the asker's own: none of it may
// be ada's.
var own = []string{"list-sensors", "see-attention", "who-am-i", "get-me", "change-me", "export-me", "list-sessions", "end-other-sessions", "confirm-session", "list-tokens", "create-token",
	"list-rooms", "create-room", "list-invitations", "list-notifications", "erase-me",
	"list-passkeys", "begin-passkey", "add-passkey", "list-identities", "unlink-identity"}

// Every operation of the API is asked as another user and as nobody: neither
// learns or changes what is somebody's own. One that this test does not know fails
// it.
func TestAPI_AsAnotherUserAndAsNobody(t *testing.T) {
	p := newPeople(t)
	ada, eve := p.signUp("ada"), p.signUp("eve")
	ada.bring("strap")
	room := decode[struct{ ID string }](t, ada.asks(201, "POST", "/rooms", `{"name":"Ada's room"}`).Body).ID
	ada.asks(204, "PUT", "/rooms/"+room+"/sensors/strap", `{}`)
	invitation := decode[struct{ ID string }](t, ada.asks(201, "POST", "/rooms/"+room+"/invitations", `{"email":"bob@example.org"}`).Body).ID
	recording := decode[struct{ ID string }](t, ada.asks(201, "POST", "/rooms/"+room+"/recordings", `{"name":"Ada's night"}`).Body).ID
	token := decode[struct{ ID string }](t, ada.asks(201, "POST", "/tokens", `{"name":"Ada's token","scopes":["view"]}`).Body).ID
	var document struct {
		Paths map[string]map[string]struct{ OperationID string }
	}
	if err := json.Unmarshal(p.do(call{path: "/api/openapi.json", header: ada.header()}).Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for path, methods := range document.Paths {
		for method, op := range methods {
			id := op.OperationID
			if slices.Contains(open, id) {
				continue
			}
			asked++
			thing := "strap"
			switch {
			case strings.Contains(path, "/rooms/"):
				thing = room
			case strings.Contains(path, "/tokens/"), strings.Contains(path, "/sessions/"):
				thing = token
			case strings.Contains(path, "/users/"):
				thing = ada.id
			}
			target := strings.NewReplacer("{id}", thing, "{sensor_id}", "strap", "{attribute}", "ecg", "{note_id}", "n1?timestamp=1767225600000", "{user_id}", ada.id, "{recording_id}", recording, "{invitation_id}", invitation, "{ticket_id}", "aaaa").Replace(strings.TrimPrefix(path, "/api/v1"))
			verb := strings.ToUpper(method)
			test, isPrivate := private[id]
			body := test.body
			if body == "" && verb != http.MethodGet && verb != http.MethodDelete {
				body = "{}"
			}
			if answer := p.do(call{method: verb, path: "/api/v1" + target, body: body}); answer.Code != 401 && answer.Code != 403 && !(id == "who-am-i" && answer.Code == 204) {
				t.Errorf("%s, without a credential: %d %s", id, answer.Code, answer.Body)
			}
			switch {
			case isPrivate:
				answer := p.do(call{method: verb, path: "/api/v1" + target, body: body, header: eve.header("If-Match", `"1"`)})
				if !slices.Contains(test.want, answer.Code) || strings.Contains(answer.Body.String(), "Ada's") {
					t.Errorf("%s, as another user: %d %s", id, answer.Code, answer.Body)
				}
			case slices.Contains(own, id):
				if verb != http.MethodGet {
					continue // it changes what is eve's, which other tests look at
				}
				answer := p.do(call{method: verb, path: "/api/v1" + target, header: eve.header()})
				if answer.Code >= 500 || strings.Contains(answer.Body.String(), "Ada's") || strings.Contains(answer.Body.String(), ada.id) || strings.Contains(answer.Body.String(), "strap") {
					t.Errorf("%s shows another user what is ada's: %d %s", id, answer.Code, answer.Body)
				}
			default:
				t.Errorf("%s %s (%s): nobody has said what another user may hear of it", verb, path, id)
			}
		}
	}
	if asked < 40 {
		t.Errorf("only %d operations were asked", asked)
	}
	for _, path := range []string{"/metrics", "/readyz"} { // they name everybody's sensors
		if answer := p.do(call{path: path, header: eve.header()}); answer.Code != 403 {
			t.Errorf("%s, as a user: %d", path, answer.Code)
		}
	}
	ada.asks(200, "GET", "/sensors/strap", "")
	if left := ada.asks(200, "GET", "/rooms/"+room+"/invitations", "").Body.String(); !strings.Contains(left, invitation) {
		t.Errorf("her invitation is gone: %s", left)
	}
	if left := ada.asks(200, "GET", "/rooms/"+room, "").Body.String(); !strings.Contains(left, "Ada's room") || !strings.Contains(left, `"member_count":1`) {
		t.Errorf("her room was changed: %s", left)
	}
	ada.asks(200, "GET", "/session", "")
}

// header returns what the person's browser sends.
func (p *person) header(more ...string) map[string]string {
	h := map[string]string{"Cookie": fmt.Sprintf("%s=%s", "sensocto_token", p.cookie)}
	for i := 0; i+1 < len(more); i += 2 {
		h[more[i]] = more[i+1]
	}
	return h
}

// What is not in a body's description does not get in: nobody makes themselves an
// administrator, or somebody else's.
func TestAPI_MassAssignment(t *testing.T) {
	p := newPeople(t)
	ada := p.signUp("ada")
	for path, body := range map[string]string{
		"/users/me": `{"name":"ada","is_admin":true,"id":"x","is_guest":true,"email":"other@example.org"}`,
	} {
		p.do(call{method: "PATCH", path: "/api/v1" + path, body: body, header: ada.header()})
	}
	me := decode[sensocto.UserView](t, ada.asks(200, "GET", "/session", "").Body)
	if me.IsAdmin || me.IsGuest || me.ID != ada.id || me.Email != "ada@example.org" {
		t.Errorf("%+v", me)
	}
	signed := p.do(call{method: "POST", path: "/api/v1/users", body: fmt.Sprintf(`{"email":"eve@example.org","name":"eve","password":%q,"is_admin":true,"Admin":true}`, secretWords)})
	if strings.Contains(signed.Body.String(), `"is_admin":true`) {
		t.Error(signed.Body)
	}
	p.do(call{method: "POST", path: "/api/v1/rooms", body: `{"name":"mine","owner_id":"somebody","version":7,"join_code":"AAAAA-AAAAA"}`, header: ada.header()})
	if rooms := ada.asks(200, "GET", "/rooms", "").Body.String(); strings.Contains(rooms, "somebody") || strings.Contains(rooms, "AAAAA") {
		t.Error(rooms)
	}
}
