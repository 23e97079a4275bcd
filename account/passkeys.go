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

const (
	// maxPasskeys bounds the passkeys of one user.
	maxPasskeys = 20
	// recent is how long ago the person may have shown who they are, in a session
	// whose word is enough for a change of how its user signs in.
	recent = 15 * time.Minute
)

var (
	errPasskeysOff  = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "passkeys_off", Message: "there are no passkeys here: the server needs a name and TLS for them"}
	errChallenge    = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "challenge_expired", Message: "this took too long, or was done before: try again"}
	errPasskeyWrong = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_passkey", Field: "credential", Message: "the browser's answer is not that of a passkey for this server"}
	errConfirm      = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "confirmation_needed", Message: "enter the present password, or sign in again: you last showed who you are more than 15 minutes ago"}
	errGuest        = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "account_needed", Message: "this is not for guests: make an account first"}
)

// registration is a passkey that a user has begun to register.
type registration struct {
	session   webauthn.SessionData
	userID    string
	sessionID string // of the browser that began it
}

// Confirm returns nil where the person showed who they are in the session a short
// while ago, or the password is the user's: for changes of how a user signs in, which
// whoever finds a browser open must not make.
func (a *Accounts) Confirm(ctx context.Context, u sensocto.User, sessionID, password string, from sensocto.Client) error {
	if password != "" {
		return a.CheckPassword(ctx, u, password, from)
	}
	t, err := a.store.Token(ctx, sessionID)
	switch {
	case err != nil:
		return err
	case t.UserID != u.ID || t.Kind != sensocto.KindSession || time.Since(t.ConfirmedAt) > recent:
		return errConfirm
	}
	return nil
}

// ConfirmSession notes that the person showed in a session who they are, by the
// password. It returns errors as CheckPassword does, and confirmation_needed for a
// user who has no password.
func (a *Accounts) ConfirmSession(ctx context.Context, u sensocto.User, sessionID, password string, from sensocto.Client) error {
	if u.PasswordHash == "" {
		return errConfirm
	}
	if err := a.CheckPassword(ctx, u, password, from); err != nil {
		return err
	}
	return a.store.ConfirmToken(ctx, sessionID, now())
}

// BeginPasskey returns what a browser needs to make a passkey, in the JSON of
// PublicKeyCredentialCreationOptions. Whoever calls it has asked Confirm.
func (a *Accounts) BeginPasskey(ctx context.Context, u sensocto.User, sessionID string, from sensocto.Client) (json.RawMessage, error) {
	switch {
	case a.webauthn == nil:
		return nil, errPasskeysOff
	case u.IsGuest:
		return nil, errGuest
	}
	present, err := a.store.Passkeys(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	exclude := make([]protocol.CredentialDescriptor, len(present))
	for i, p := range present { // one authenticator needs one passkey
		exclude[i] = protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: p.ID}
	}
	creation, session, err := a.webauthn.BeginRegistration(passkeyUser{User: u}, webauthn.WithExclusions(exclude))
	if err != nil {
		return nil, fmt.Errorf("begin a passkey: %w", err)
	}
	a.registrations.add(keyOf(session.Challenge), from.Address, registration{*session, u.ID, sessionID}, time.Now())
	return json.Marshal(creation.Response)
}

// AddPasskey stores the passkey that a browser made of what BeginPasskey
// returned to the same session; response is its RegistrationResponseJSON. It
// returns errors of code invalid and conflict.
func (a *Accounts) AddPasskey(ctx context.Context, u sensocto.User, sessionID, name string, response []byte) (sensocto.Passkey, error) {
	if a.webauthn == nil {
		return sensocto.Passkey{}, errPasskeysOff
	}
	if err := sensocto.CheckName(name); err != nil {
		return sensocto.Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return sensocto.Passkey{}, errPasskeyWrong
	}
	r, ok := a.registrations.take(keyOf(parsed.Response.CollectedClientData.Challenge), time.Now())
	if !ok || r.userID != u.ID || r.sessionID != sessionID {
		return sensocto.Passkey{}, errChallenge
	}
	credential, err := a.webauthn.CreateCredential(passkeyUser{User: u}, r.session, parsed)
	if err != nil {
		a.log.Debug("passkey refused", "user", u.ID, "err", describe(err))
		return sensocto.Passkey{}, errPasskeyWrong
	}
	p := sensocto.Passkey{ID: credential.ID, UserID: u.ID, Name: name, Data: passkeyData(*credential), CreatedAt: now()}
	if err := a.store.InsertPasskey(ctx, p, maxPasskeys); err != nil {
		return sensocto.Passkey{}, err
	}
	a.log.InfoContext(ctx, "passkey added", "user", u.ID)
	a.recordOwn(ctx, sensocto.AuditPasskeyAdded, u.ID, name)
	return p, nil
}

// Passkeys returns the passkeys of a user, oldest first.
func (a *Accounts) Passkeys(ctx context.Context, userID string) ([]sensocto.Passkey, error) {
	return a.store.Passkeys(ctx, userID)
}

// DeletePasskey removes one of a user's passkeys. Whoever calls it has asked Confirm.
// The only way to sign in stays: that is a conflict. It returns sensocto.ErrNotFound
// for one that is not the user's.
func (a *Accounts) DeletePasskey(ctx context.Context, u sensocto.User, id []byte) error {
	err := a.store.DeletePasskey(ctx, u.ID, id, true)
	if err == nil {
		a.log.InfoContext(ctx, "passkey removed", "user", u.ID)
		a.recordOwn(ctx, sensocto.AuditPasskeyRemoved, u.ID, "")
	}
	return err
}

// passkeyData is what is kept of a credential. The attestation says who made the
// authenticator, which nobody asks here.
func passkeyData(c webauthn.Credential) string {
	c.Attestation = webauthn.CredentialAttestation{}
	data, err := json.Marshal(c)
	if err != nil {
		panic(err) // it has no value that JSON does not have
	}
	return string(data)
}

// passkeyUser is a user as the library wants it.
type passkeyUser struct {
	sensocto.User
	credentials []webauthn.Credential
}

// WebAuthnID implements webauthn.User. The id says nothing about the person.
func (u passkeyUser) WebAuthnID() []byte { return []byte(u.ID) }

// WebAuthnName implements webauthn.User: it tells accounts apart where a browser
// lists them.
func (u passkeyUser) WebAuthnName() string {
	if u.Email != "" {
		return u.Email
	}
	return u.Name
}

// WebAuthnDisplayName implements webauthn.User.
func (u passkeyUser) WebAuthnDisplayName() string { return u.Name }

// WebAuthnCredentials implements webauthn.User.
func (u passkeyUser) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

// describe returns what the library says is wrong, for the log.
func describe(err error) string {
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		return e.Details
	}
	return err.Error()
}
