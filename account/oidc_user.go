package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sensocto/sensocto"
)

// errEmailKnown keeps an account from being taken over by whoever an issuer says
// has the same e-mail address.
var errEmailKnown = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "email_taken", Message: "there is an account with this e-mail address: sign in to it, then link the sign-in service on this page"}

// externalUser returns the user who somebody at the issuer is here. Who is
// unknown gets an account as the registration allows.
func (a *Accounts) externalUser(ctx context.Context, who profile) (sensocto.User, error) {
	u, err := a.store.UserByIdentity(ctx, a.issuer.Issuer, who.Subject)
	switch {
	case errors.Is(err, sensocto.ErrNotFound):
		return a.signUpExternal(ctx, who)
	case err != nil:
		return u, fmt.Errorf("look up identity: %w: %w", sensocto.ErrUnavailable, err)
	case !u.Active(time.Now()):
		return u, errDisabled
	}
	return u, nil
}

func (a *Accounts) signUpExternal(ctx context.Context, who profile) (sensocto.User, error) {
	email, err := sensocto.NormalizeEmail(who.Email)
	if err != nil {
		email = ""
	}
	var invitation []byte
	switch {
	case a.options.Registration == RegistrationOpen:
		err = a.emailFree(ctx, email)
	case !bool(who.EmailVerified) || email == "": // nobody may learn who has an account by claiming an address
		err = a.notOpen()
	default:
		if err = a.emailFree(ctx, email); err == nil {
			invitation, err = a.invitationFor(ctx, email)
		}
	}
	if err != nil {
		return sensocto.User{}, err
	}
	u := sensocto.User{ID: newID(), Name: nameOf(who), CreatedAt: now(), Version: 1}
	if who.EmailVerified { // an address that is only claimed might be somebody else's
		u.Email, u.EmailProven = email, true
	}
	identity := sensocto.ExternalIdentity{Issuer: a.issuer.Issuer, Subject: who.Subject, UserID: u.ID}
	switch err := a.store.InsertUserWithIdentity(ctx, u, identity, invitation); {
	case errors.Is(err, sensocto.ErrNotFound): // the invitation was used meanwhile
		return sensocto.User{}, errInvited
	case err != nil:
		return sensocto.User{}, err
	}
	a.signUps.Add(1)
	a.log.InfoContext(ctx, "account created", "user", u.ID, "issuer", a.issuer.Issuer)
	a.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditUserCreated, ActorID: u.ID, UserID: u.ID, Detail: a.issuer.Issuer})
	return u, nil
}

// emailFree returns errEmailKnown where an account has the address.
func (a *Accounts) emailFree(ctx context.Context, email string) error {
	if email == "" {
		return nil
	}
	switch _, err := a.store.UserByEmail(ctx, email); {
	case err == nil:
		return errEmailKnown
	case !errors.Is(err, sensocto.ErrNotFound):
		return fmt.Errorf("look up user: %w: %w", sensocto.ErrUnavailable, err)
	}
	return nil
}

// notOpen says why somebody cannot sign up.
func (a *Accounts) notOpen() error {
	if a.options.Registration == RegistrationInvited {
		return errInvited
	}
	return errClosed
}

// invitationFor returns the hash of an invitation for an address.
func (a *Accounts) invitationFor(ctx context.Context, email string) ([]byte, error) {
	if a.options.Registration != RegistrationInvited {
		return nil, errClosed
	}
	link, err := a.store.LinkFor(ctx, sensocto.LinkInvite, email, time.Now())
	if errors.Is(err, sensocto.ErrNotFound) {
		return nil, errInvited
	}
	return link.Hash, err
}

// nameOf returns a name that an account may have, from what the issuer says.
func nameOf(who profile) string {
	local, _, _ := strings.Cut(who.Email, "@")
	for _, name := range []string{who.Name, who.Username, local} {
		name = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) || r == utf8.RuneError {
				return -1
			}
			return r
		}, name)
		if runes := []rune(name); len(runes) > sensocto.MaxNameRunes {
			name = string(runes[:sensocto.MaxNameRunes])
		}
		if name = strings.TrimSpace(name); sensocto.CheckName(name) == nil {
			return name
		}
	}
	return "New user"
}
