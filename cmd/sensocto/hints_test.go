package main

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sensocto/sensocto/client"
)

// Each refusal is followed by what explains it, and by nothing else: a token is spoken of only
// where it is the reason.
func TestHint_FollowsOnlyWhatItExplains(t *testing.T) {
	const (
		login, renew, given, person = "Sign in with 'sensocto login', or give a personal token", "sign in again with 'sensocto login'", "The token of --token or SENSOCTO_TOKEN is not valid", "The token is one of the server itself"
		admin, ingest, both         = "sensocto token create --name NAME --scope admin", "sensocto token create --name NAME --scope ingest", "Sign in with 'sensocto login', and leave out"
	)
	const lacks, invalid = `Bearer realm="sensocto", scope="SCOPE", error="insufficient_scope"`, `Bearer realm="sensocto", scope="view", error="invalid_token"`
	scope := func(s string) string { return strings.Replace(lacks, "SCOPE", s, 1) }
	none, kept, typed := remoteFlags{}, remoteFlags{Token: "t", Kept: true}, remoteFlags{Token: "t"}
	for _, tc := range []struct {
		status            int
		reason, challenge string
		from              remoteFlags
		want              string // "" for no hint
	}{
		{401, "", `Bearer realm="sensocto"`, none, login},
		{401, "", `Bearer realm="sensocto", scope="ingest"`, none, ingest},
		{401, "", `Bearer realm="sensocto", scope="admin"`, none, admin},
		{401, "", invalid, kept, renew},
		{401, "", invalid, typed, given},
		{401, "", "", typed, given}, // of a proxy, which says nothing else
		{401, "account_needed", "", none, login},
		{401, "account_needed", "", typed, person},
		{401, "account_disabled", "", none, ""},
		{401, "wrong_credentials", "", none, "sensocto user reset"},
		{401, "passkey_refused", "", none, ""},

		{403, "", scope("admin"), typed, admin},
		{403, "", scope("admin"), kept, admin},
		{403, "", scope("ingest"), typed, ingest},
		{403, "", scope("view ingest"), typed, both},
		{403, "insufficient_scope", "", kept, ""}, // of a token that is to be made
		{403, "", "", typed, ""},                  // a page of another site, or what takes a session
		{403, "no_right", "", typed, ""},
		{403, "no_right", "", kept, ""},
		{403, "ticket_ended", "", typed, ""},
		{403, "banned", "", typed, ""},
		{403, "guest_account", "", typed, ""},
		{403, "registration_closed", "", none, ""},

		{404, "no_room", "", typed, "sensocto room list"},
		{404, "no_sensor", "", typed, "sensocto watch"},
		{404, "no_member", "", typed, "sensocto room members"},
		{404, "no_ticket", "", typed, "sensocto room tickets"},
		{404, "", "", typed, "sensocto watch"},
		{404, "room_not_shared", "", typed, ""},

		{409, "not_admitted", "", typed, ""},
		{409, "room_exists", "", typed, "sensocto room list"},
		{409, "ticket_reads", "", typed, ""},
		{422, "invalid_ticket", "", typed, ""},
		{429, "too_many_rooms", "", typed, ""},
		{503, "p2p_off", "", typed, ""},
		{503, "p2p_unavailable", "", typed, ""},
	} {
		resp := &http.Response{StatusCode: tc.status, Status: http.StatusText(tc.status), Header: http.Header{"Www-Authenticate": {tc.challenge}}, Body: io.NopCloser(strings.NewReader(`{"detail":"what is wrong","reason":"` + tc.reason + `"}`))}
		said, hint, _ := strings.Cut(tc.from.apiError(resp).Error(), "\n")
		if !strings.Contains(said, "what is wrong") {
			t.Errorf("%d %s: what the server said is missing in %q", tc.status, tc.reason, said)
		}
		if (hint == "") != (tc.want == "") || !strings.Contains(hint, tc.want) {
			t.Errorf("%d %s %s: hint %q, want %q", tc.status, tc.reason, tc.challenge, hint, tc.want)
		}
	}
}

// The same of connections and channels.
func TestExplain_FollowsOnlyWhatItExplains(t *testing.T) {
	none, typed := remoteFlags{}, remoteFlags{Token: "t"}
	reply := func(reason string) error {
		return &client.ReplyError{Topic: "sensor:s", Event: "phx_join", Reason: reason}
	}
	handshake := func(status int, reason string) error { return &client.HandshakeError{Status: status, Reason: reason} }
	for _, tc := range []struct {
		err  error
		from remoteFlags
		want string
	}{
		{reply("unauthorized"), none, "sensocto login"},
		{reply("unauthorized"), typed, "sensocto watch"},
		{reply("not_found"), typed, ""},
		{reply("call_full"), typed, ""},
		{handshake(401, ""), typed, "is not valid on this server"},
		{handshake(401, ""), none, "sensocto login"},
		{handshake(403, "origin_not_allowed"), typed, ""},
		{handshake(403, "unsupported_vsn"), typed, ""},
		{handshake(429, "too_many_refusals"), typed, ""},
		{errors.New("dial tcp 127.0.0.1:1: connect: connection refused"), none, "sensocto serve"},
		{errors.New("no such host"), none, ""},
	} {
		_, hint, _ := strings.Cut(tc.from.explain(tc.err).Error(), "\n")
		if (hint == "") != (tc.want == "") || !strings.Contains(hint, tc.want) {
			t.Errorf("%v: hint %q, want %q", tc.err, hint, tc.want)
		}
	}
	if err := typed.explain(nil); err != nil {
		t.Error(err)
	}
}
