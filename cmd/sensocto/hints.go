package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sensocto/sensocto/client"
)

// refusal is an answer of the API that is no success.
type refusal struct {
	status int
	reason string // the server's word for it; "" where it has none
	// fault and scope are what the challenge in the header says of the credential, as RFC 6750
	// has it: invalid_token or insufficient_scope, and the scopes that it takes.
	fault, scope string
	err          error // what the server said, and what to do next
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// readChallenge reads the header in which the server says what is wrong with a credential.
func (r *refusal) readChallenge(header string) {
	parameter := func(name string) string {
		_, rest, _ := strings.Cut(header, " "+name+`="`)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	r.fault, r.scope = parameter("error"), parameter("scope")
}

// hint says what to do after a refusal, "" where what the server said is all that there is to
// say. Of the token it speaks only where that is the reason.
func (f remoteFlags) hint(r *refusal) string {
	switch {
	case r.fault == "insufficient_scope":
		return scopeHint(r.scope)
	case r.reason == "account_needed" && f.Token != "":
		return "The token is one of the server itself: leave it out, and sign in with 'sensocto login'"
	case r.status == http.StatusUnauthorized && (r.reason == "" || r.reason == "account_needed"):
		return f.signInHint(r.scope)
	case r.status == http.StatusNotFound && r.reason == "":
		return reasonHints["no_sensor"]
	}
	return reasonHints[r.reason]
}

// signInHint says how to be known to a server that asks for that; scopes are those that a token
// takes, "" where it has to be a person's.
func (f remoteFlags) signInHint(scopes string) string {
	switch {
	case f.Token != "":
		return f.tokenHint()
	case scopes != "":
		return scopeHint(scopes)
	}
	return "Sign in with 'sensocto login', or give a personal token with --token or SENSOCTO_TOKEN"
}

// tokenHint says how to be known to a server that does not take the token, or asks for one.
func (f remoteFlags) tokenHint() string {
	switch {
	case f.Token == "":
		return "Sign in with 'sensocto login', or give a token with --token or SENSOCTO_TOKEN; 'sensocto token create' makes one on the server's machine"
	case f.Kept:
		return "Your sign-in has expired or was ended: sign in again with 'sensocto login'"
	}
	return "The token of --token or SENSOCTO_TOKEN is not valid on this server, has expired or was revoked: leave it out to use that of 'sensocto login', or make another; 'sensocto token list' on the server's machine shows its own"
}

// scopeHint says how to get a token with some scopes, separated by spaces.
func scopeHint(scopes string) string {
	switch scopes {
	case "admin":
		return "It takes a token with the scope admin, given with --token or SENSOCTO_TOKEN: 'sensocto token create --name NAME --scope admin' makes one on the server's machine. That of 'sensocto login' has the scopes view and ingest alone, also for administrators"
	case "view", "ingest":
		return fmt.Sprintf("It takes a token with the scope %s: sign in with 'sensocto login', or give one with --token or SENSOCTO_TOKEN; 'sensocto token create --name NAME --scope %[1]s' makes one on the server's machine", scopes)
	}
	return "Sign in with 'sensocto login', and leave out --token and SENSOCTO_TOKEN"
}

// reasonHints say what to do next, by the server's reason, where its sentence does not.
var reasonHints = map[string]string{
	"no_sensor":         "'sensocto watch' without a sensor lists what there is",
	"no_room":           "'sensocto room list' lists your rooms, and with --public those that you may join",
	"no_member":         "'sensocto room members' lists who is in the room",
	"room_exists":       "'sensocto room list' shows the rooms that you are in",
	"no_user":           "'sensocto room members' lists people with their ids",
	"no_invitation":     "'sensocto room invitations' lists those that wait for an answer",
	"no_ticket":         "'sensocto room tickets' lists those that admit people",
	"wrong_credentials": "'sensocto user reset ADDRESS' on the server's machine prints a link that sets a new password",
}

func withHint(err error, hint string) error {
	if hint == "" {
		return err
	}
	return fmt.Errorf("%w\n%s", err, hint)
}

// explain adds to why there is no connection, or why a channel was refused, what to do next.
func (f remoteFlags) explain(err error) error {
	refused, _ := errors.AsType[*client.HandshakeError](err)
	switch {
	case client.Reason(err) == "unauthorized":
		return withHint(err, f.channelHint())
	case refused != nil && refused.Status == http.StatusUnauthorized:
		return withHint(err, f.tokenHint())
	case refused == nil && err != nil && strings.Contains(err.Error(), "connection refused"):
		return withHint(err, "Is the server running? Start it with 'sensocto serve', or name another with --server")
	}
	return err
}

// channelHint says what a refusal may mean for which channels have one word alone: they do not
// tell what there is to whoever may not see it.
func (f remoteFlags) channelHint() string {
	if f.Token == "" {
		return f.tokenHint()
	}
	return "You may not see or bring this: 'sensocto watch' without a sensor lists what you may see. Or the token is not valid any more, or lacks the scope: view to watch, ingest to bring sensors"
}
