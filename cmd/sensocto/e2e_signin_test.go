package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/account/accounttest"
)

// visitor is a browser that finds the server under the name sensors.test.
type visitor struct {
	t      *testing.T
	client *http.Client
}

func newVisitor(t *testing.T, s *running) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == "sensors.test:80" {
			address = strings.TrimPrefix(s.url, "http://")
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	return &visitor{t, &http.Client{Transport: transport, Jar: jar}}
}

// get follows redirects, and returns where they lead to and what is there.
func (v *visitor) get(url string) (where, text string) {
	v.t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	request.Header.Set("Sec-Fetch-Site", "same-origin") // a page of the server asks
	answer, err := v.client.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return answer.Request.URL.String(), string(body)
}

func TestServe_SignInWithAnIssuerThatComesLater(t *testing.T) {
	const site = "http://sensors.test"
	issuer := accounttest.NewIssuer(t, site+account.CallbackPath)
	issuer.SignInAs(accounttest.Person{Subject: "1", Name: "Grace", Email: "grace@example.org", EmailVerified: true})
	issuer.Away.Store(true)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(accounttest.ClientSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--url", site, "--registration", "open", "--log-level", "debug",
		"--oidc-issuer", issuer.URL, "--oidc-client-id", accounttest.ClientID, "--oidc-name", "Example", "--oidc-client-secret-file"}
	dir := t.TempDir()
	runCLI(t, nil, append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", dir}, append(flags, secret+".missing")...)...).wants(t, exitFailed, "oidc.client_secret_file")
	s := startServer(t, dir, append(flags, secret)...)
	v := newVisitor(t, s)
	if _, text := v.get(site + "/api/v1/registration"); !strings.Contains(text, `"passkeys":false`) || !strings.Contains(text, `"oidc":"Example"`) {
		t.Error(text) // passkeys need TLS under that name
	}
	if where, _ := v.get(site + "/api/v1/session/oidc"); where != site+"/link#error=issuer_away" {
		t.Error(where)
	}
	issuer.Away.Store(false)
	waitFor(t, func() bool {
		where, _ := v.get(site + "/api/v1/session/oidc")
		return where == site+"/link"
	})
	if _, text := v.get(site + "/api/v1/session"); !strings.Contains(text, `"name":"Grace"`) {
		t.Error(text)
	}
	s.stop()
	for _, word := range []string{accounttest.ClientSecret, "code=", "state="} {
		if strings.Contains(s.stderr.String(), word) {
			t.Errorf("%q is in the log:\n%s", word, s.stderr)
		}
	}
}

func TestServe_PasskeysOnLoopback(t *testing.T) {
	s := startServer(t, t.TempDir())
	want := `"origin":"` + strings.Replace(s.url, "127.0.0.1", "localhost", 1) + `"`
	if text := get(t, s, "/api/v1/registration"); !strings.Contains(text, `"passkeys":true`) || !strings.Contains(text, want) {
		t.Errorf("%s, want %s", text, want)
	}
}
