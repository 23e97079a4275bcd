package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

type loginCmd struct {
	remoteFlags
	Email         string `placeholder:"ADDRESS" help:"Sign in with a password, which is read from standard input, instead of a browser."`
	PasswordStdin bool   `help:"Read the password from standard input; goes with --email."`
}

// Help is shown by --help.
func (loginCmd) Help() string {
	return `Prints a code and an address of the server, where you confirm it in a browser in which
you are signed in. The token that comes of it is kept in your configuration directory
($XDG_CONFIG_HOME/sensocto or ~/.config/sensocto), where only you can read it, and used by all commands that
talk to this server, unless --token or SENSOCTO_TOKEN is given.

Examples:
  sensocto login --server https://sensors.example.org
  sensocto login --email ada@example.org --password-stdin < password`
}

// signedIn is what a sign-in brings.
type signedIn struct {
	Token string
	User  struct{ Name, Email string }
}

// Run signs in and keeps the token.
func (c loginCmd) Run(a *app) error {
	c.Token = "" // a new one is wanted
	if c.PasswordStdin != (c.Email != "") {
		return usagef("--email and --password-stdin go together")
	}
	host, _ := os.Hostname()
	name := "sensocto on " + host
	name = name[:min(len(name), 64)]
	var got signedIn
	var err error
	if c.Email != "" {
		got, err = c.withPassword(a.ctx, name)
	} else {
		got, err = c.withBrowser(a, name)
	}
	if err != nil {
		return err
	}
	if err := a.credentials().keep(c.base(), got.Token); err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "Signed in to %s as %s.\n", c.base(), got.User.Name)
	return nil
}

// withPassword begins a session, makes a token with it, and ends it.
func (c loginCmd) withPassword(ctx context.Context, name string) (got signedIn, err error) {
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return got, err
	}
	session := &apiClient{remoteFlags: c.remoteFlags}
	if err := session.call(ctx, http.MethodPost, "/session", map[string]string{"email": c.Email, "password": strings.TrimRight(line, "\r\n")}, &got.User); err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, session.call(ctx, http.MethodDelete, "/session", nil, nil)) }()
	err = session.call(ctx, http.MethodPost, "/tokens", map[string]any{"name": name, "scopes": []string{"view", "ingest"}}, &got)
	return got, err
}

// askEvery is how often the server is asked whether the code was confirmed.
const askEvery = 2 * time.Second

func (c loginCmd) withBrowser(a *app, name string) (got signedIn, err error) {
	api := &apiClient{remoteFlags: c.remoteFlags}
	var begun struct {
		Code, Secret string
		ExpiresAt    time.Time `json:"expires_at"`
	}
	if err := api.call(a.ctx, http.MethodPost, "/device", map[string]string{"name": name}, &begun); err != nil {
		return got, err
	}
	fmt.Fprintf(a.stderr, "Open %s/device in a browser, sign in, and confirm this code:\n\n  %s\n\n", c.base(), begun.Code)
	for {
		err := api.call(a.ctx, http.MethodPost, "/device/token", map[string]string{"secret": begun.Secret}, &got)
		var refused *refusal
		if !errors.As(err, &refused) || refused.status != http.StatusConflict {
			return got, err
		}
		select {
		case <-a.ctx.Done():
			return got, a.ctx.Err()
		case <-time.After(askEvery):
		}
	}
}

type logoutCmd struct {
	remoteFlags
}

// Run ends the token, and forgets it in any case.
func (c logoutCmd) Run(a *app) error {
	kept := a.credentials()
	token, err := kept.of(c.base())
	if err != nil {
		return err
	}
	if token == "" {
		fmt.Fprintf(a.stderr, "You were not signed in to %s.\n", c.base())
		if hint := kept.elsewhere(c.base()); hint != "" {
			fmt.Fprintf(a.stderr, "But %s.\n", hint)
		}
		return nil
	}
	c.Token, c.Kept = token, true
	err = (&apiClient{remoteFlags: c.remoteFlags}).call(a.ctx, http.MethodDelete, "/session", nil, nil)
	if err != nil {
		err = fmt.Errorf("the token was forgotten here, but not revoked: %w", err)
	}
	return errors.Join(kept.keep(c.base(), ""), err)
}

type whoamiCmd struct {
	remoteFlags
}

// Run prints who the token stands for.
func (c whoamiCmd) Run(a *app) error {
	var u struct {
		Name, Email string
		IsAdmin     bool `json:"is_admin"`
	}
	if err := (&apiClient{remoteFlags: c.remoteFlags}).call(a.ctx, http.MethodGet, "/users/me", nil, &u); err != nil {
		if hint := a.credentials().elsewhere(c.base()); hint != "" {
			err = fmt.Errorf("%w\n%s", err, hint)
		}
		return err
	}
	fmt.Fprintf(a.stdout, "%s\t%s\n", u.Name, orDash(u.Email))
	return nil
}

// apiClient calls the API with JSON. Cookies of a session are kept.
type apiClient struct {
	remoteFlags
	cookies []*http.Cookie
	ifMatch string // the version that a request changes; "" where there is none
}

// call sends in, unless it is nil, and decodes the answer into out, unless that is.
func (c *apiClient) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = strings.NewReader(string(text))
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base()+"/api/v1"+path, body)
	if err != nil {
		return usagef("--server: %w", err)
	}
	req.Header.Set("User-Agent", "sensocto/"+version)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.ifMatch != "" {
		req.Header.Set("If-Match", c.ifMatch)
	}
	for _, cookie := range c.cookies {
		req.AddCookie(cookie)
	}
	resp, err := (&http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return c.explain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return c.apiError(resp)
	}
	if len(resp.Cookies()) > 0 {
		c.cookies = resp.Cookies()
	}
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.Server, err)
	}
	return nil
}
