package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/sensocto/sensocto"
)

var (
	errPasskey  = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "passkey_refused", Message: "this passkey is not known here: it was removed, or is for another server"}
	errClone    = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "passkey_copied", Message: "this passkey may have been copied: sign in another way, remove it, and make a new one"}
	errDisabled = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "account_disabled", Message: "this account is disabled: ask an administrator"}
)

// BeginPasskeySignIn returns what a browser needs to sign in with a passkey, in
// the JSON of PublicKeyCredentialRequestOptions. It names no account: the
// browser knows which passkeys it has for this server.
func (a *Accounts) BeginPasskeySignIn(from sensocto.Client) (json.RawMessage, error) {
	if a.webauthn == nil {
		return nil, errPasskeysOff
	}
	assertion, session, err := a.webauthn.BeginDiscoverableLogin()
	if err != nil {
		return nil, fmt.Errorf("begin a sign-in with a passkey: %w", err)
	}
	a.assertions.add(keyOf(session.Challenge), from.Address, *session, time.Now())
	return json.Marshal(assertion.Response)
}

// SignInWithPasskey begins a session with a browser's answer to what
// BeginPasskeySignIn returned: its AuthenticationResponseJSON. It returns errors
// of code invalid, unauthorized and unavailable.
func (a *Accounts) SignInWithPasskey(ctx context.Context, response []byte, from sensocto.Client) (sensocto.Session, error) {
	u, err := a.verifyPasskey(ctx, response)
	if err != nil {
		if sensocto.ErrorCode(err) == sensocto.CodeUnauthorized {
			a.signInsRefused.Add(1)
			a.signInRefused(ctx, u.ID, wayPasskey, wayPasskey, err, from)
		}
		return sensocto.Session{}, err
	}
	a.signIns.Add(1)
	return a.Begin(ctx, u, by(wayPasskey, from))
}

// verifyPasskey returns the user whose passkey signed a challenge of ours, also
// with an error where it knows whose passkey it was.
func (a *Accounts) verifyPasskey(ctx context.Context, response []byte) (sensocto.User, error) {
	if a.webauthn == nil {
		return sensocto.User{}, errPasskeysOff
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return sensocto.User{}, errPasskeyWrong
	}
	session, ok := a.assertions.take(keyOf(parsed.Response.CollectedClientData.Challenge), time.Now())
	if !ok {
		return sensocto.User{}, errChallenge
	}
	u, stored, err := a.ownerOf(ctx, parsed.RawID, parsed.Response.UserHandle)
	if err != nil {
		return sensocto.User{}, err
	}
	credential, err := a.webauthn.ValidateDiscoverableLogin(func([]byte, []byte) (webauthn.User, error) { return u, nil }, session, parsed)
	switch {
	case err != nil:
		a.log.Debug("sign-in with a passkey refused", "user", u.ID, "err", describe(err))
		return u.User, errPasskey
	case credential.Authenticator.CloneWarning:
		a.log.WarnContext(ctx, "sign-in with a passkey refused: its counter went back, there may be a copy", "user", u.ID, "passkey", stored.Name)
		return u.User, errClone
	case !u.Active(time.Now()):
		return u.User, errDisabled
	}
	return u.User, a.passkeyUsed(ctx, stored, *credential)
}

// ownerOf returns a passkey and its user, who is the one that the authenticator
// names.
func (a *Accounts) ownerOf(ctx context.Context, id, userHandle []byte) (u passkeyUser, p sensocto.Passkey, err error) {
	if p, err = a.store.Passkey(ctx, id); err == nil {
		u.User, err = a.store.User(ctx, p.UserID)
	}
	switch {
	case errors.Is(err, sensocto.ErrNotFound) || err == nil && p.UserID != string(userHandle):
		return u, p, errPasskey
	case err != nil:
		return u, p, fmt.Errorf("look up passkey: %w: %w", sensocto.ErrUnavailable, err)
	}
	var c webauthn.Credential
	if err := json.Unmarshal([]byte(p.Data), &c); err != nil {
		return u, p, fmt.Errorf("read a passkey of user %s: %w", p.UserID, err)
	}
	u.credentials = []webauthn.Credential{c}
	return u, p, nil
}

// passkeyUsed stores the counter. Of two sign-ins with the same one only the
// first counts: the other is a copy's.
func (a *Accounts) passkeyUsed(ctx context.Context, p sensocto.Passkey, c webauthn.Credential) error {
	err := a.store.UsePasskey(ctx, p.ID, p.Data, passkeyData(c), now())
	switch sensocto.ErrorCode(err) {
	case "":
		return nil
	case sensocto.CodeConflict, sensocto.CodeNotFound: // used or removed meanwhile
		return errPasskey
	}
	return fmt.Errorf("store passkey: %w: %w", sensocto.ErrUnavailable, err)
}
