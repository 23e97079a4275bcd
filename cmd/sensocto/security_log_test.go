//go:build unix

package main

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The log of a server has what it refuses, over HTTP and WebSocket, and who changed
// an account.
func TestSecurityLog_OfAServer(t *testing.T) {
	s := startServer(t, t.TempDir(), "--registration", "open")
	link := regexp.MustCompile(`link#setup=(\S+)`).FindStringSubmatch(s.stderr.String())
	if link == nil {
		t.Fatalf("no link was printed:\n%s", s.stderr)
	}
	root, ada, nobody := &browser{t: t, url: s.url}, &browser{t: t, url: s.url}, &browser{t: t, url: s.url}
	rootID := root.asks(201, "POST", "/setup", `{"link":"`+link[1]+`","email":"root@example.org","name":"Root","password":"`+goodPassword+`"}`)["id"].(string)
	adaID := ada.asks(201, "POST", "/users", `{"email":"ada@example.org","name":"Ada","password":"`+goodPassword+`"}`)["id"].(string)
	nobody.asks(401, "POST", "/session", `{"email":"ada@example.org","password":"a wrong password"}`)
	ada.asks(403, "GET", "/users", "")
	root.asks(200, "PATCH", "/users/"+adaID, `{"disabled":true}`)
	req, _ := http.NewRequest(http.MethodGet, s.url+"/socket/websocket?vsn=2.0.0", nil)
	req.Header.Set("Origin", "https://evil.example")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusForbidden {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
	for _, want := range []string{
		`event=sign_in_refused reason=wrong_credentials user=` + adaID + ` address=127.0.0.1 action=password`,
		`event=right_refused reason=no_right user=` + adaID + ` credential=\w+ address=127.0.0.1 action="GET /api/v1/users"`,
		`event=cross_site_refused reason=origin_not_allowed address=127.0.0.1 action="websocket upgrade" target=https://evil.example`,
		`"account changed" user=` + adaID + ` disabled=true by=` + rootID + ` credential=\w+ address=127.0.0.1`,
		`event=signed_in user=` + rootID + ` .*way="new account or link"`,
	} {
		pattern := regexp.MustCompile(want)
		for end := time.Now().Add(patience); !pattern.MatchString(s.stderr.String()); <-time.After(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no %s in\n%s", want, s.stderr)
			}
		}
	}
}

// docs/operations.md explains every event of the security log.
func TestOperationsDoc_HasTheEventsOfTheSecurityLog(t *testing.T) {
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../../security.go")
	if err != nil {
		t.Fatal(err)
	}
	events := regexp.MustCompile(`SecurityEvent = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(events) < 5 {
		t.Fatalf("only %q were found", events)
	}
	for _, e := range events {
		if !strings.Contains(string(doc), "| `"+e[1]+"` |") {
			t.Errorf("%s is not there", e[1])
		}
	}
}
