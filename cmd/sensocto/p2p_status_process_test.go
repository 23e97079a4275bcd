//go:build unix

package main

import (
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
)

// Who sees how all rooms are shared: administrators by session, and tokens with the scope admin.
// Others hear what it takes.
func TestP2PStatus_WhoSeesAllRooms(t *testing.T) {
	s := startServer(t, t.TempDir(), "--registration", "open")
	admin, member := newHouseholder(t, s, "ada"), newHouseholder(t, s, "bob")
	runCLI(t, nil, "user", "make-admin", "ada@example.org", "--data-dir", s.dir).wants(t, 0)
	admin.asks(200, "POST", "/session", `{"email":"ada@example.org","password":"`+goodPassword+`"}`) // a session has the scopes that its user had then
	personal := func(h *householder, scopes string) string {
		return h.asks(201, "POST", "/tokens", `{"name":"`+scopes+`","scopes":["`+strings.ReplaceAll(scopes, ",", `","`)+`"]}`)["token"].(string)
	}
	operators := func(scopes string) string {
		return strings.TrimSpace(runCLI(t, nil, "token", "create", "--name", "test "+scopes, "--scope", scopes, "--data-dir", s.dir).wants(t, 0).stdout)
	}

	admin.asks(200, "GET", "/p2p", "")
	if refused := member.asks(403, "GET", "/p2p", ""); refused["detail"] != "this is for administrators of the server" {
		t.Errorf("%v", refused)
	}
	member.asks(403, "POST", "/tokens", `{"name":"mine","scopes":["admin"]}`)

	lacks := []string{"does not have the scope admin", "sensocto token create --name NAME --scope admin", "sensocto p2p status ROOM"}
	for name, c := range map[string]struct {
		token string
		want  []string // of the refusal; nil where there is none
	}{
		"an administrator's with admin":            {personal(admin, "admin"), nil},
		"an administrator's of sensocto login":     {personal(admin, "view,ingest"), lacks},
		"a member's":                               {personal(member, "view,ingest"), lacks},
		"the server's with admin":                  {operators("admin"), nil},
		"the server's with view and ingest":        {operators("view,ingest"), lacks},
		"one that is not valid":                    {"sno_nobody_nothing", []string{"The token of --token or SENSOCTO_TOKEN is not valid"}},
		"none, where a token with admin is needed": {"", []string{"sensocto token create --name NAME --scope admin"}},
	} {
		r := runCLI(t, []string{"SENSOCTO_SERVER=" + s.url, "SENSOCTO_TOKEN=" + c.token}, "p2p", "status")
		code := 0
		if c.want != nil {
			code = 1
		}
		t.Log(name)
		r.wants(t, code, c.want...)
	}
}

// Of one room whoever is in it sees how it is shared, and nobody else that it is there.
func TestP2PStatus_OfOneRoom(t *testing.T) {
	s := startServer(t, t.TempDir(), "--registration", "open")
	ada, eve := newHouseholder(t, s, "ada"), newHouseholder(t, s, "eve")
	room, _, _ := strings.Cut(ada.run("room", "create", "Lab"), "\t")
	runCLI(t, ada.env, "p2p", "status", room).wants(t, 1, "p2p.listen") // it is off
	runCLI(t, eve.env, "p2p", "status", room).wants(t, 1, "no room with this id", "sensocto room list")
	if said := runCLI(t, s.env, "p2p", "status", room).wants(t, 1, "The token is one of the server itself", "sensocto login").stderr; strings.Contains(said, "not valid") {
		t.Errorf("%s", said)
	}
	if said := runCLI(t, eve.env, "room", "ticket", room).wants(t, 1).stderr; strings.Contains(said, "token") {
		t.Errorf("it speaks of tokens: %s", said)
	}
	limited := ada.asks(201, "POST", "/tokens", `{"name":"sees","scopes":["view"]}`)["token"].(string)
	runCLI(t, []string{"SENSOCTO_SERVER=" + s.url, "SENSOCTO_TOKEN=" + limited}, "room", "create", "Gym").wants(t, 1, "Sign in with 'sensocto login'")
}

func TestSharingNotes_SayWhatTheRowDoesNot(t *testing.T) {
	for _, tc := range []struct {
		room sensocto.P2PRoom
		want string
	}{
		{sensocto.P2PRoom{Own: true, Sidecar: "running"}, "sensocto room ticket"},
		{sensocto.P2PRoom{Own: true, Shared: true}, "made at this server"},
		{sensocto.P2PRoom{Shared: true}, "made at another server"},
		{sensocto.P2PRoom{Shared: true, ReadOnly: true}, "only reads"},
		{sensocto.P2PRoom{Sidecar: "absent"}, "make sidecar"},
		{sensocto.P2PRoom{Sidecar: "down"}, "is being started"},
		{sensocto.P2PRoom{Sidecar: "running", Loopback: true}, "loopback"},
	} {
		if notes := strings.Join(sharingNotes(tc.room), "\n"); !strings.Contains(notes, tc.want) {
			t.Errorf("%+v: %q, want %q", tc.room, notes, tc.want)
		}
	}
}
