package web_test

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"strings"
	"testing"
)

// A member has the link and its picture; others do not.
func TestJoinLink_IsForMembers(t *testing.T) {
	p := newPeople(t)
	if err := p.accounts.ServeAt("https://sensors.example.org"); err != nil {
		t.Fatal(err)
	}
	ada, eve := p.signUp("ada"), p.signUp("eve")
	room := decode[struct {
		ID   string
		Code string `json:"join_code"`
		Link string `json:"join_link"`
	}](t, ada.asks(201, "POST", "/rooms", `{"name":"Lab","is_public":true}`).Body)
	if room.Link != "https://sensors.example.org/account#join="+room.Code {
		t.Errorf("the link is %q", room.Link)
	}
	answer := ada.asks(200, "GET", "/rooms/"+room.ID+"/qr", "")
	picture, err := png.Decode(bytes.NewReader(answer.Body.Bytes()))
	if err != nil || picture.Bounds().Dx() < 100 || answer.Header().Get("Content-Type") != "image/png" || answer.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%v %v", err, answer.Header())
	}
	if seen := eve.asks(200, "GET", "/rooms/"+room.ID, "").Body.String(); strings.Contains(seen, room.Code) {
		t.Errorf("a stranger sees %s", seen)
	}
	eve.asks(http.StatusConflict, "GET", "/rooms/"+room.ID+"/qr", "")
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
