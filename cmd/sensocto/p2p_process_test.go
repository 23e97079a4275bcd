//go:build unix

package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/sensocto/sensocto/p2p/p2ptest"
)

// sidecarProgram returns the sidecar that was built, or skips the test.
func sidecarProgram(t *testing.T) string { return p2ptest.Program(t) }

// householder is somebody with an account at a server, and the commands as them.
type householder struct {
	*browser
	name string
	env  []string
}

func newHouseholder(t *testing.T, s *running, name string) *householder {
	h := &householder{browser: &browser{t: t, url: s.url}, name: name}
	h.asks(201, "POST", "/users", `{"name":"`+name+`","email":"`+name+`@example.org","password":"`+goodPassword+`"}`)
	token := h.asks(201, "POST", "/tokens", `{"name":"terminal","scopes":["view","ingest"]}`)
	h.env = []string{"SENSOCTO_SERVER=" + s.url, "SENSOCTO_TOKEN=" + token["token"].(string)}
	return h
}

func (h *householder) run(args ...string) string {
	h.t.Helper()
	return strings.TrimSpace(runCLI(h.t, h.env, args...).wants(h.t, 0).stdout)
}

// ticket makes a ticket for a room. The sidecar starts in the background.
func (h *householder) ticket(room string) (ticket string) {
	h.t.Helper()
	waitFor(h.t, func() bool {
		ticket = strings.TrimSpace(runCLI(h.t, h.env, "room", "ticket", room).stdout)
		return ticket != ""
	})
	return ticket
}

// rename gives a room of which this is the first change another name.
func (h *householder) rename(room, name string) {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodPatch, h.url+"/api/v1/rooms/"+room, strings.NewReader(`{"name":"`+name+`"}`))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("If-Match", fmt.Sprintf(`"%v"`, h.asks(200, "GET", "/rooms/"+room, "")["version"]))
	req.Header.Set("Cookie", "sensocto_token="+h.cookie)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		h.t.Fatal(resp.Status)
	}
}

// Two servers that have nothing in common share a room: what one changes the other
// has, by the commands that people type.
func TestP2P_TwoServersShareARoom(t *testing.T) {
	flags := []string{"--registration", "open", "--p2p-listen", "127.0.0.1:0", "--p2p-discovery", "none", "--p2p-program", sidecarProgram(t)}
	ada, bob := newHouseholder(t, startServer(t, t.TempDir(), flags...), "ada"), newHouseholder(t, startServer(t, t.TempDir(), flags...), "bob")
	room, _, _ := strings.Cut(ada.run("room", "create", "Sleep lab"), "\t")
	ticket := ada.ticket(room)
	if got := bob.run("room", "join", ticket); got != room+"\tSleep lab" {
		t.Errorf("joined %q", got)
	}
	runCLI(t, bob.env, "room", "join", ticket).wants(t, 1, "you are in this room already", "sensocto room list")
	runCLI(t, bob.env, "room", "join", ticket[:len(ticket)-9]).wants(t, 1, "not a ticket")
	if said := runCLI(t, bob.env, "room", "ticket", room).wants(t, 1, "ask its owner").stderr; strings.Contains(said, "token") {
		t.Errorf("it speaks of tokens: %s", said)
	}

	says := func(h *householder, want string, args ...string) {
		t.Helper()
		waitFor(t, func() bool { return strings.Contains(h.run(args...), want) })
	}
	says(ada, "bob", "room", "members", room)
	says(bob, "ada", "room", "members", room)
	ada.rename(room, "Gym")
	says(bob, "Gym", "room", "list")

	waitFor(t, func() bool {
		status := ada.asks(200, "GET", "/rooms/"+room+"/p2p", "")
		return status["own"] == true && len(status["peers"].([]any)) == 1
	})
	ada.asks(403, "GET", "/p2p", "")
	says(ada, "bob", "p2p", "status", room)
	says(ada, "made at this server", "p2p", "status", room)
	says(bob, "made at another server", "p2p", "status", room)
	stranger := newHouseholder(t, &running{url: ada.url}, "eve")
	stranger.asks(404, "GET", "/rooms/"+room+"/p2p", "")
	stranger.asks(404, "POST", "/rooms/"+room+"/tickets", `{}`)

	runCLI(t, ada.env, "room", "move", room).wants(t, 2, "--yes")
	runCLI(t, bob.env, "room", "move", room, "--yes").wants(t, 1)
	if said := ada.run("room", "move", room, "--yes"); !strings.Contains(said, "follow by themselves") || !strings.Contains(said, "bob") {
		t.Errorf("said %q", said)
	}
	ada.rename(room, "Moved")
	says(bob, "Moved", "room", "list")
	waitFor(t, func() bool {
		status := ada.asks(200, "GET", "/rooms/"+room+"/p2p", "")
		return len(status["waiting"].([]any)) == 0 && status["shared"] == true
	})
	runCLI(t, newHouseholder(t, &running{url: bob.url}, "eve2").env, "room", "join", ticket).wants(t, 1, "ticket")

	spare := ada.ticket(room)
	id, _, _ := strings.Cut(strings.Split(ada.run("room", "tickets", room), "\n")[1], " ")
	runCLI(t, bob.env, "room", "tickets", room, "--end", id).wants(t, 1, "ask its owner")
	ada.run("room", "tickets", room, "--end", id)
	runCLI(t, ada.env, "room", "tickets", room).wants(t, 0, "No ticket admits anybody")
	runCLI(t, ada.env, "room", "tickets", room, "--end", id).wants(t, 1, "no such ticket", "sensocto room tickets")
	if said := runCLI(t, newHouseholder(t, &running{url: bob.url}, "eve3").env, "room", "join", spare).wants(t, 1, "ask for another").stderr; strings.Contains(said, "token") {
		t.Errorf("it speaks of tokens: %s", said)
	}

	bob.run("room", "leave", room)
	waitFor(t, func() bool { return !strings.Contains(ada.run("room", "members", room), "bob") })
}

// A server that is killed before it has sent a change sends it when it is back, as the
// same endpoint with the same rooms.
func TestP2P_AKilledServerSendsWhatItHadNotSent(t *testing.T) {
	flags := []string{"--registration", "open", "--p2p-listen", "127.0.0.1:0", "--p2p-discovery", "none", "--p2p-program", sidecarProgram(t)}
	dir := t.TempDir()
	home := startProcess(t, dir, flags...)
	ada, bob := newHouseholder(t, &home.running, "ada"), newHouseholder(t, startServer(t, t.TempDir(), flags...), "bob")
	room, _, _ := strings.Cut(ada.run("room", "create", "Sleep lab"), "\t")
	bob.run("room", "join", ada.ticket(room))
	peers := func() string {
		status := bob.asks(200, "GET", "/rooms/"+room+"/p2p", "")
		all := status["peers"].([]any)
		if len(all) != 1 || all[0].(map[string]any)["path"] != "direct" {
			return ""
		}
		return all[0].(map[string]any)["endpoint"].(string)
	}
	waitFor(t, func() bool { return peers() != "" && strings.Contains(ada.run("room", "members", room), "bob") })
	endpoint := peers()

	ada.rename(room, "Gym")
	home.signal(syscall.SIGKILL)
	if strings.Contains(bob.run("room", "list"), "Gym") {
		t.Log("the change was sent before the server was killed")
	}
	startProcess(t, dir, flags...)
	waitFor(t, func() bool { return strings.Contains(bob.run("room", "list"), "Gym") })
	waitFor(t, func() bool { return peers() == endpoint })
}

// Five servers with data directories of their own meet in a room: what one changes all
// have.
func TestP2P_FiveServersShareARoom(t *testing.T) {
	flags := []string{"--registration", "open", "--p2p-listen", "127.0.0.1:0", "--p2p-discovery", "none", "--p2p-program", sidecarProgram(t)}
	var all []*householder
	for _, name := range []string{"ada", "bob", "cid", "dan", "eve"} {
		all = append(all, newHouseholder(t, startServer(t, t.TempDir(), flags...), name))
	}
	ada := all[0]
	room, _, _ := strings.Cut(ada.run("room", "create", "Sleep lab"), "\t")
	ticket := ada.ticket(room)
	for _, h := range all[1:] {
		h.run("room", "join", ticket)
	}
	for _, h := range all {
		waitFor(t, func() bool {
			members := h.run("room", "members", room)
			return !slices.ContainsFunc(all, func(other *householder) bool { return !strings.Contains(members, other.name) })
		})
	}
	ada.rename(room, "Gym")
	for _, h := range all[1:] {
		waitFor(t, func() bool { return strings.Contains(h.run("room", "list"), "Gym") })
	}
}

func TestP2P_WhereItIsOff(t *testing.T) {
	ada := newHouseholder(t, startServer(t, t.TempDir(), "--registration", "open"), "ada")
	room, _, _ := strings.Cut(ada.run("room", "create", "Lab"), "\t")
	runCLI(t, ada.env, "room", "ticket", room).wants(t, 1, "p2p.listen")

	s := startServer(t, t.TempDir(), "--registration", "open", "--p2p-listen", "127.0.0.1:0", "--p2p-program", filepath.Join(t.TempDir(), "sensocto-sidecar"))
	bob := newHouseholder(t, s, "bob")
	room, _, _ = strings.Cut(bob.run("room", "create", "Lab"), "\t")
	runCLI(t, bob.env, "room", "ticket", room).wants(t, 1)
	waitFor(t, func() bool { return strings.Contains(s.stderr.String(), "make sidecar") })
	runCLI(t, s.admin(t), "p2p", "status").wants(t, 0, "not running", "make sidecar")
}

// A sensor that is simulated at one server is seen live at the other, with its past.
func TestP2P_ASensorOfAnotherServerIsSeenLive(t *testing.T) {
	flags := []string{"--registration", "open", "--p2p-listen", "127.0.0.1:0", "--p2p-discovery", "none", "--p2p-program", sidecarProgram(t)}
	home, away := startServer(t, t.TempDir(), flags...), startServer(t, t.TempDir(), flags...)
	ada, bob := newHouseholder(t, home, "ada"), newHouseholder(t, away, "bob")
	room, _, _ := strings.Cut(ada.run("room", "create", "Sleep lab"), "\t")
	ada.run("simulate", "--duration", "300ms", "--quiet")
	ada.run("room", "share", "sim-1", room, "--all-history")
	ticket := ada.ticket(room)
	bob.run("room", "join", ticket)
	var id string
	waitFor(t, func() bool {
		for word := range strings.FieldsSeq(bob.run("watch")) {
			if strings.HasPrefix(word, "p2p:") {
				id = word
			}
		}
		return id != ""
	})

	simulated := make(chan result, 1) // one result
	go func() { simulated <- runCLI(t, ada.env, "simulate", "--duration", "20s") }()
	live := bob.run("watch", id, "--json", "--history", "10", "--count", "500")
	if n := strings.Count(live, `"sensor_id":"`+id+`"`); n < 500 {
		t.Errorf("%d lines: %s", n, live[:min(len(live), 500)])
	}
	if s := bob.asks(200, "GET", "/sensors/"+id, ""); s["activity_status"] != "online" || s["owner_name"] != "ada" {
		t.Errorf("%v", s)
	}
	history := bob.asks(200, "GET", "/sensors/"+id+"/attributes/ecg/history?max_buckets=20", "")
	if buckets := history["buckets"].([]any); len(buckets) == 0 || len(buckets) > 20 {
		t.Errorf("%v", history)
	}
	if csv := bob.run("read", id, "ecg", "--limit", "5"); strings.Count(csv, "\n") < 4 {
		t.Errorf("%q", csv)
	}

	ada.run("room", "keep", room)
	settings := func(want string) {
		t.Helper()
		waitFor(t, func() bool { return fmt.Sprint(bob.asks(200, "GET", "/rooms/"+room, "")["settings"]) == want })
	}
	settings("map[keep_watched:true]")
	runCLI(t, bob.env, "room", "keep", room, "--off").wants(t, 1)
	ada.run("room", "keep", room, "--off")
	settings("map[]")

	eve := newHouseholder(t, away, "eve") // at the same server, and in no room
	eve.asks(404, "GET", "/sensors/"+id, "")
	(<-simulated).wants(t, 0, "attention high", "0 refused")

	ada.run("room", "share", "sim-1", room, "--end")
	waitFor(t, func() bool { return !strings.Contains(bob.run("watch"), id) })
}
