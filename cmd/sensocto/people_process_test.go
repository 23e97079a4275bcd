//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto/mail/mailtest"
)

// browser is a person's, with cookies.
type browser struct {
	t      *testing.T
	url    string
	cookie string
}

// asks sends JSON, wants a status, and returns the answer.
func (b *browser) asks(want int, method, path, body string) map[string]any {
	b.t.Helper()
	req, err := http.NewRequest(method, b.url+"/api/v1"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if b.cookie != "" {
		req.Header.Set("Cookie", "sensocto_token="+b.cookie)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != want {
		b.t.Fatalf("%s %s: %d %s, want %d", method, path, resp.StatusCode, text, want)
	}
	for _, c := range resp.Cookies() {
		if c.Name == "sensocto_token" {
			b.cookie = c.Value
		}
	}
	var answer map[string]any
	_ = json.Unmarshal(text, &answer)
	return answer
}

// eventually asks until it gets a status.
func (b *browser) eventually(want int, path string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		req, _ := http.NewRequest(http.MethodGet, b.url+"/api/v1"+path, nil)
		req.Header.Set("Cookie", "sensocto_token="+b.cookie)
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		resp.Body.Close()
		switch {
		case resp.StatusCode == want:
			return
		case time.Now().After(deadline):
			b.t.Fatalf("GET %s: still %d, want %d", path, resp.StatusCode, want)
		}
	}
}

const goodPassword = "four quiet otters swim"

// The first start prints the link that makes the administrator's account; commands
// make, reset, disable and erase accounts while the server runs.
func TestPeople_FromTheFirstStartToErasure(t *testing.T) {
	p := startProcess(t, t.TempDir())
	setup := regexp.MustCompile(`http://localhost:\d+/link#setup=(\S+)`)
	p.wantsLog("#setup=")
	link := setup.FindStringSubmatch(p.stderr.String())
	if link == nil {
		t.Fatalf("no link was printed:\n%s", p.stderr)
	}
	admin := &browser{t: t, url: p.url}
	person := func(secret, name string) string {
		return fmt.Sprintf(`{"link":%q,"name":%q,"email":"%s@example.org","password":%q}`, secret, name, name, goodPassword)
	}
	admin.asks(404, "POST", "/setup", person("wrong", "root"))
	if me := admin.asks(201, "POST", "/setup", person(link[1], "root")); me["is_admin"] != true {
		t.Errorf("%v", me)
	}
	(&browser{t: t, url: p.url}).asks(404, "POST", "/setup", person(link[1], "eve"))
	(&browser{t: t, url: p.url}).asks(403, "POST", "/users", person("", "eve")) // registration is closed

	user := func(args ...string) result {
		return runCLI(t, nil, append(append([]string{"user"}, args...), "--data-dir", p.dir)...)
	}
	reset := strings.TrimSpace(user("create", "ada@example.org", "--name", "Ada", "--url", p.url).stdout)
	_, secret, ok := strings.Cut(reset, "/link#reset=")
	if !ok || !strings.HasPrefix(reset, p.url) {
		t.Fatalf("create prints %q", reset)
	}
	ada := &browser{t: t, url: p.url}
	ada.asks(200, "POST", "/password", fmt.Sprintf(`{"link":%q,"password":%q}`, secret, goodPassword))
	user("list").wants(t, 0, "ada@example.org", "root@example.org", "admin")
	user("create", "ada@example.org", "--name", "Other").wants(t, 1, "an account with this e-mail address")
	user("reset", "nobody@example.org").wants(t, 1, "there is no user")

	// Ada's device brings a sensor with her token; the administrator does not see it.
	token := ada.asks(201, "POST", "/tokens", `{"name":"strap","scopes":["ingest"]}`)["token"].(string)
	ws, err := dialRaw(p.url, token, "2.0.0")
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteMessage(1, []byte(`["1","1","sensocto:sensor:strap","phx_join",{"sensor_name":"Strap","sensor_type":"ecg","attributes":["ecg"]}]`)); err != nil {
		t.Fatal(err)
	}
	if _, reply, err := ws.ReadMessage(); err != nil || !strings.Contains(string(reply), `"ok"`) {
		t.Fatalf("%s %v", reply, err)
	}
	if list := ada.asks(200, "GET", "/sensors", "")["sensors"].([]any); len(list) != 1 {
		t.Errorf("ada sees %v", list)
	}
	if list := admin.asks(200, "GET", "/sensors", "")["sensors"].([]any); len(list) != 0 {
		t.Errorf("the administrator sees %v", list)
	}
	if code, body := p.status("/api/v1/sensors/strap"); code != 200 {
		t.Errorf("the operator's token: %d %s", code, body)
	}

	page, err := dialRaw(p.url, ada.cookie, "2.0.0")
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	if err := page.WriteMessage(1, []byte(`["1","1","data:strap","phx_join",{}]`)); err != nil {
		t.Fatal(err)
	}
	if _, reply, err := page.ReadMessage(); err != nil || !strings.Contains(string(reply), `"ok"`) {
		t.Fatalf("%s %v", reply, err)
	}
	user("sign-out", "ada@example.org").wants(t, 0)
	ada.eventually(401, "/session")
	_ = page.SetReadDeadline(time.Now().Add(patience))
	for { // what the session watched ends; the device goes on
		_, text, err := page.ReadMessage()
		if err != nil || strings.Contains(string(text), "phx_close") {
			break
		}
	}
	device := &browser{t: t, url: p.url, cookie: token}
	device.asks(200, "GET", "/users/me", "")
	ada.asks(200, "POST", "/session", `{"email":"ada@example.org","password":"`+goodPassword+`"}`)

	user("disable", "ada@example.org").wants(t, 0)
	ada.eventually(401, "/session")
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	for { // the device's channel ends with its owner's account
		_, text, err := ws.ReadMessage()
		if err != nil || strings.Contains(string(text), "phx_close") {
			break
		}
	}
	user("enable", "ada@example.org").wants(t, 0)
	ada.asks(401, "GET", "/session", "") // what was ended stays ended: she signs in again
	ada.asks(200, "POST", "/session", `{"email":"ada@example.org","password":"`+goodPassword+`"}`)
	user("make-admin", "root@example.org", "--revoke").wants(t, 1, "last administrator")
	user("delete", "ada@example.org", "--yes").wants(t, 0)
	for deadline := time.Now().Add(patience); ; <-time.After(50 * time.Millisecond) {
		code, _ := p.status("/api/v1/sensors/strap")
		if code == 404 && !strings.Contains(user("list").stdout, "ada@") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not erased: %d, %s\n%s", code, user("list").stdout, p.stderr)
		}
	}
	if log := p.stderr.String(); strings.Contains(log, goodPassword) || strings.Contains(log, secret) || strings.Contains(log, admin.cookie) {
		t.Error("the log holds a secret")
	}
	p.ends()
	q := startProcess(t, p.dir)
	if strings.Contains(q.stderr.String(), "#setup=") {
		t.Error("a second administrator may set himself up")
	}
	q.ends()
}

// A person signs in on the command line with a code that is confirmed in a
// browser, and every command uses that; rooms are made, joined and filled there.
func TestLogin_WithACodeThenRooms(t *testing.T) {
	p := startProcess(t, t.TempDir(), "--registration", "open")
	ada, bob := &browser{t: t, url: p.url}, &browser{t: t, url: p.url}
	for name, b := range map[string]*browser{"ada": ada, "bob": bob} {
		b.asks(201, "POST", "/users", fmt.Sprintf(`{"name":%q,"email":"%s@example.org","password":%q}`, name, name, goodPassword))
	}
	login := func(b *browser) []string {
		t.Helper()
		env := []string{"SENSOCTO_SERVER=" + p.url, "XDG_CONFIG_HOME=" + t.TempDir()}
		runCLI(t, env, "whoami").wants(t, 1, "sign in first", "sensocto login")
		stderr, done := &safeBuffer{}, make(chan int, 1)
		go func() { done <- run(t.Context(), []string{"login"}, io.Discard, stderr, env) }()
		code := regexp.MustCompile(`\b[0-9A-Z]{4}-[0-9A-Z]{4}\b`)
		for deadline := time.Now().Add(patience); code.FindString(stderr.String()) == ""; <-time.After(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("no code: %s", stderr)
			}
		}
		b.asks(404, "POST", "/device/confirm", `{"code":"BBBB-BBBB"}`)
		b.asks(200, "POST", "/device/confirm", fmt.Sprintf(`{"code":%q}`, strings.ToLower(code.FindString(stderr.String()))))
		b.asks(404, "POST", "/device/confirm", fmt.Sprintf(`{"code":%q}`, code.FindString(stderr.String())))
		if got := <-done; got != 0 {
			t.Fatalf("login: %d %s", got, stderr)
		}
		return env
	}
	adaEnv, bobEnv := login(ada), login(bob)
	runCLI(t, adaEnv, "whoami").wants(t, 0, "ada\tada@example.org")
	made := runCLI(t, adaEnv, "room", "create", "Sleep lab").wants(t, 0).stdout
	id, code, _ := strings.Cut(strings.TrimSpace(made), "\t")
	runCLI(t, bobEnv, "room", "join", "AAAAA-AAAAA").wants(t, 1, "no room with this code")
	runCLI(t, bobEnv, "room", "join", strings.ToLower(code)).wants(t, 0, id, "Sleep lab")
	runCLI(t, bobEnv, "room", "members", id).wants(t, 0, "ada", "owner", "bob", "member")

	runCLI(t, bobEnv, "simulate", "--sensors", "1", "--duration", "300ms").wants(t, 0)
	sensor := regexp.MustCompile(`sim\S*`).FindString(runCLI(t, bobEnv, "watch").stdout)
	if sensor == "" {
		t.Fatal("bob does not see his sensor")
	}
	if list := runCLI(t, adaEnv, "watch"); strings.Contains(list.stdout, sensor) {
		t.Errorf("ada sees it before it is shared: %s", list.stdout)
	}
	runCLI(t, bobEnv, "room", "share", sensor, id).wants(t, 0)
	if list := runCLI(t, adaEnv, "watch"); !strings.Contains(list.stdout, sensor) {
		t.Errorf("ada does not see what is shared: %s%s", list.stdout, list.stderr)
	}
	runCLI(t, adaEnv, "room", "share", sensor, id).wants(t, 1, "only the owner")
	ctx, cancel := context.WithCancel(t.Context())
	stderr, ended := &safeBuffer{}, make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"room", "record", id, "--name", "first night"}, io.Discard, stderr, adaEnv)
	}()
	for deadline := time.Now().Add(patience); !strings.Contains(stderr.String(), "1 sensors"); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not record: %s", stderr)
		}
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("record: %d %s", code, stderr)
	}
	runCLI(t, bobEnv, "room", "record", id, "--list").wants(t, 0, "first night", "Z  1")
	exportsRecording(t, adaEnv, id)
	managesRoom(t, adaEnv, bobEnv, id, sensor)
	runCLI(t, bobEnv, "room", "leave", id).wants(t, 0)
	if list := runCLI(t, adaEnv, "watch"); strings.Contains(list.stdout, sensor) {
		t.Errorf("ada sees it after bob has left: %s", list.stdout)
	}
	runCLI(t, bobEnv, "logout").wants(t, 0)
	runCLI(t, bobEnv, "whoami").wants(t, 1)
	p.ends()
}

// A backup holds people and rooms: after a restore everybody signs in, finds the
// room, and the sensor is still theirs. Sessions of before have ended.
func TestBackup_HoldsPeople(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir, "--registration", "open")
	ada := &browser{t: t, url: p.url}
	ada.asks(201, "POST", "/users", fmt.Sprintf(`{"name":"ada","email":"ada@example.org","password":%q}`, goodPassword))
	token := ada.asks(201, "POST", "/tokens", `{"name":"strap","scopes":["ingest","view"]}`)["token"].(string)
	env := []string{"SENSOCTO_SERVER=" + p.url, "SENSOCTO_TOKEN=" + token}
	runCLI(t, env, "simulate", "--sensors", "1", "--duration", "300ms").wants(t, 0)
	room := ada.asks(201, "POST", "/rooms", `{"name":"Lab"}`)["id"].(string)
	admin := strings.TrimSpace(runCLI(t, nil, "token", "create", "--name", "backup", "--scope", "admin", "--data-dir", dir).stdout)
	file := t.TempDir() + "/all.backup"
	runCLI(t, []string{"SENSOCTO_TOKEN=" + admin}, "backup", file, "--server", p.url).wants(t, 0, "personal records")
	p.ends()
	runCLI(t, nil, "restore", file, "--data-dir", dir).wants(t, 1, "people have accounts")

	for _, tokens := range []bool{false, true} {
		to := t.TempDir()
		args := []string{"restore", file, "--data-dir", to}
		if tokens {
			args = append(args, "--tokens")
		}
		runCLI(t, nil, args...).wants(t, 0, "1 sensor")
		q := startProcess(t, to)
		old := &browser{t: t, url: q.url, cookie: ada.cookie}
		old.asks(401, "GET", "/session", "")
		again := &browser{t: t, url: q.url}
		again.asks(200, "POST", "/session", fmt.Sprintf(`{"email":"ada@example.org","password":%q}`, goodPassword))
		if got := again.asks(200, "GET", "/rooms/"+room, "")["name"]; got != "Lab" {
			t.Errorf("the room is %v", got)
		}
		if list := again.asks(200, "GET", "/sensors", "")["sensors"].([]any); len(list) != 1 {
			t.Errorf("ada sees %v", list)
		}
		q.use(token)
		if code, _ := q.status("/api/v1/sensors"); (code == 200) != tokens {
			t.Errorf("with --tokens %v her token gets %d", tokens, code)
		}
		q.ends()
	}
}

// Links are mailed: for a forgotten password, a new address, an invitation. Who
// asks does not learn whether somebody has an account.
func TestMail_CarriesLinks(t *testing.T) {
	post := mailtest.Open(t, false, "127.0.0.1:0")
	p := startProcess(t, t.TempDir(), "--registration", "invited", "--smtp-host", post.Address, "--smtp-from", "sensocto@example.org", "--smtp-tls", "none")
	user := func(args ...string) string {
		return runCLI(t, nil, append(append([]string{"user"}, args...), "--data-dir", p.dir)...).wants(t, 0).stdout
	}
	links := regexp.MustCompile(`/link#(\w+)=(\S+)`)
	mailed := func(to, kind string) string {
		t.Helper()
		m := post.Receive()
		body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		if err != nil {
			t.Fatal(err)
		}
		link := links.FindStringSubmatch(string(body))
		if m.Header.Get("To") != "<"+to+">" || (kind != "") != (link != nil) || link != nil && link[1] != kind {
			t.Fatalf("to %s:\n%s", m.Header.Get("To"), body)
		}
		if link == nil {
			return ""
		}
		return link[2]
	}
	_, secret, _ := strings.Cut(strings.TrimSpace(user("create", "ada@example.org", "--name", "Ada", "--admin")), "=")
	ada := &browser{t: t, url: p.url}
	ada.asks(200, "POST", "/password", fmt.Sprintf(`{"link":%q,"password":%q}`, secret, goodPassword))

	nobody := &browser{t: t, url: p.url}
	nobody.asks(202, "POST", "/password/forgotten", `{"email":"unknown@example.org"}`)
	nobody.asks(202, "POST", "/password/forgotten", `{"email":"ada@example.org"}`)
	nobody.asks(200, "POST", "/password", fmt.Sprintf(`{"link":%q,"password":"five loud geese fly"}`, mailed("ada@example.org", "reset")))
	ada.asks(401, "GET", "/session", "") // whoever knew the old password is out
	ada.asks(200, "POST", "/session", `{"email":"ada@example.org","password":"five loud geese fly"}`)

	ada.asks(401, "PATCH", "/users/me", `{"email":"lovelace@example.org","current_password":"wrong"}`)
	ada.asks(200, "PATCH", "/users/me", `{"email":"lovelace@example.org","current_password":"five loud geese fly"}`)
	confirm := mailed("lovelace@example.org", "email")
	mailed("ada@example.org", "") // the old address is told
	nobody.asks(404, "POST", "/email", `{"link":"wrong"}`)
	if me := nobody.asks(200, "POST", "/email", fmt.Sprintf(`{"link":%q}`, confirm)); me["email"] != "lovelace@example.org" {
		t.Errorf("%v", me)
	}
	nobody.asks(404, "POST", "/email", fmt.Sprintf(`{"link":%q}`, confirm))

	me := ada.asks(200, "GET", "/session", "")["id"].(string)
	if answer := ada.asks(202, "POST", "/users/"+me+"/reset-link", ""); len(answer) > 0 {
		t.Errorf("the administrator is told of the link: %v", answer)
	}
	mailed("lovelace@example.org", "reset")

	room := ada.asks(201, "POST", "/rooms", `{"name":"Lab"}`)["id"].(string)
	if answer := ada.asks(201, "POST", "/rooms/"+room+"/invitations", `{"email":"bob@example.org"}`); answer["mailed"] != true || answer["join_link"] != nil {
		t.Errorf("%v", answer)
	}
	bob := &browser{t: t, url: p.url}
	invite := mailed("bob@example.org", "invite")
	bob.asks(201, "POST", "/users", fmt.Sprintf(`{"name":"Bob","email":"bob@example.org","password":%q,"invitation":%q}`, goodPassword, invite))
	invitations := bob.asks(200, "GET", "/invitations", "")["invitations"].([]any)
	if len(invitations) != 1 {
		t.Fatalf("%v", invitations)
	}
	bob.asks(200, "POST", "/invitations/"+invitations[0].(map[string]any)["id"].(string)+"/accept", "")
	bob.asks(200, "GET", "/rooms/"+room, "")
	if answer := ada.asks(201, "POST", "/invitations", `{"email":"eve@example.org"}`); answer["link"] != nil {
		t.Errorf("the link is told although it was mailed: %v", answer)
	}
	mailed("eve@example.org", "invite")
	if log := p.stderr.String(); strings.Contains(log, invite) || strings.Contains(log, "bob@example.org") {
		t.Error("the log holds a secret or an address")
	}
	p.ends()
}

// Who asks the wrong server hears of the one where they are signed in.
func TestLogout_NamesTheServersOfOtherLogins(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sensocto"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sensocto", "credentials.json"), []byte(`{"http://sensors.example":"secret"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"XDG_CONFIG_HOME=" + dir}
	for command, code := range map[string]int{"logout": 0, "whoami": 1} {
		r := runCLI(t, env, command, "--server", "http://127.0.0.1:1").wants(t, code)
		if !strings.Contains(r.stderr, "you are signed in to http://sensors.example: name the server") || strings.Contains(r.stderr, "secret") {
			t.Errorf("%s: %s", command, r.stderr)
		}
	}
}
