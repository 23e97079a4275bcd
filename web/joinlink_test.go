package web_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
)

// Who may invite, as docs/rights.md says, sees the code, its link and the picture, in
// every answer that has the room; nobody else does.
func TestJoinLink_IsForWhoeverMayInvite(t *testing.T) {
	p := newPeople(t)
	if err := p.accounts.ServeAt("https://sensors.example.org"); err != nil {
		t.Fatal(err)
	}
	w := rightsWorld{people: p, crowd: map[string]*person{}}
	for _, name := range []string{"owner", "room owner", "room admin", "room member", "room guest", "public", "stranger"} {
		w.crowd[name] = p.signUp(strings.ReplaceAll(name, " ", "-"))
	}
	p.signUp("administrator")
	w.promote("administrator")
	w.openRoom()
	host := w.crowd["room owner"]
	room := decode[sensocto.RoomView](t, host.asks(200, "GET", w.room, "").Body)
	if room.JoinLink != "https://sensors.example.org/rooms#join="+room.JoinCode {
		t.Errorf("the link is %q", room.JoinLink)
	}
	host.asks(200, "PATCH", w.room, `{"is_public":true}`, "If-Match", fmt.Sprint(room.Version))
	rows := rightsTable(t, "Rooms")
	if len(rows) != 7 {
		t.Fatalf("%d rows", len(rows))
	}
	for who, row := range rows {
		t.Run(who, func(t *testing.T) {
			may := row["invite"] == "yes"
			member := strings.HasPrefix(who, "room ")
			for path, has := range map[string]bool{w.room: true, "/rooms": member, "/rooms?scope=public": true, "/users/me/export": member} {
				answer := w.crowd[who].asks(200, "GET", path, "")
				text := answer.Body.String()
				if answer.Header().Get("Content-Type") == "application/zip" {
					text = zipped(t, answer.Body.Bytes(), "rooms.json")
				}
				if !strings.Contains(text, room.ID) != !has {
					t.Errorf("GET %s has the room: %v", path, !has)
				}
				for _, secret := range []string{room.JoinCode, "code_expires_at"} {
					if strings.Contains(text, secret) != (may && has) {
						t.Errorf("GET %s: may invite: %v, and the answer is %s", path, may, text)
					}
				}
			}
			want := http.StatusForbidden
			if may {
				want = http.StatusOK
			}
			answer := w.crowd[who].asks(want, "GET", w.room+"/qr", "")
			if !may {
				return
			}
			picture, err := png.Decode(bytes.NewReader(answer.Body.Bytes()))
			if err != nil || picture.Bounds().Dx() < 100 || answer.Header().Get("Content-Type") != "image/png" || answer.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%v %v", err, answer.Header())
			}
		})
	}
}

// zipped returns a file of a ZIP archive.
func zipped(t *testing.T, archive []byte, name string) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Where people reach the server by TLS, browsers are told to stay with that, and
// keep the session's cookie for it: also behind a proxy that speaks plain HTTP.
func TestPeople_BehindTLS(t *testing.T) {
	p := newPeople(t)
	if err := p.accounts.ServeAt("https://sensors.example.org"); err != nil {
		t.Fatal(err)
	}
	p.signUp("ada")
	for host, behind := range map[string]bool{"sensors.example.org": true, "127.0.0.1": false} {
		w := p.do(call{method: "POST", path: "/api/v1/session", host: host, body: fmt.Sprintf(`{"email":"ada@example.org","password":%q}`, secretWords)})
		cookie := w.Header().Get("Set-Cookie")
		if w.Code != 200 || strings.Contains(cookie, "Secure") != behind || strings.HasPrefix(cookie, "__Host-sensocto_token=") != behind || !strings.Contains(cookie, "Path=/;") || strings.Contains(cookie, "Domain") || (w.Header().Get("Strict-Transport-Security") != "") != behind {
			t.Errorf("%s: %d %q %q", host, w.Code, cookie, w.Header().Get("Strict-Transport-Security"))
		}
		// A neighbour under the same domain can set a cookie without the prefix.
		secret := w.Result().Cookies()[0].Value
		for name, want := range map[string]bool{"sensocto_token": !behind, "__Host-sensocto_token": behind} {
			who := p.do(call{path: "/api/v1/session", host: host, header: map[string]string{"Cookie": "a=b; " + name + "=" + secret}})
			if (who.Code == 200) != want {
				t.Errorf("%s, %s: %d, want %v", host, name, who.Code, want)
			}
		}
	}
}
