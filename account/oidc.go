package account

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/sensocto/sensocto"
)

var (
	errOIDCOff     = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "oidc_off", Message: "this server has no other sign-in service"}
	errFlow        = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "sign_in_expired", Message: "the sign-in took too long, or was begun in another browser: begin again"}
	errWrongIssuer = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "wrong_issuer", Message: "the answer is that of another sign-in service: begin again"}
	errCancelled   = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "sign_in_cancelled", Message: "the sign-in was cancelled"}
	errSignedOut   = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "signed_out", Message: "you are no longer signed in: sign in, then link again"}
	errStale       = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "sign_in_stale", Message: "the sign-in service did not ask you again who you are"}
	errLinked      = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "identity_taken", Message: "this identity belongs to another account"}
)

// flow is a sign-in with the issuer that has begun.
type flow struct {
	nonce, verifier string
	linkTo          string // the user who links an identity; "" for a sign-in
	fresh           bool   // the issuer was told to ask the person anew
	began           time.Time
}

// BeginOIDC begins a sign-in with the issuer. It returns where to send the
// person, and a secret that the browser has to bring back: who does not have it
// cannot end the sign-in.
func (a *Accounts) BeginOIDC(ctx context.Context, want sensocto.IssuerRequest, from sensocto.Client) (location, browser string, err error) {
	if a.issuer == nil || a.issuer.callback == "" {
		return "", "", errOIDCOff
	}
	p, err := a.issuer.provider(ctx)
	if err != nil {
		a.log.WarnContext(ctx, "the OpenID Connect issuer cannot be asked", "issuer", a.issuer.Issuer, "err", err)
		return "", "", errIssuerAway
	}
	f := flow{nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), linkTo: want.LinkTo, fresh: want.Fresh, began: time.Now()}
	browser, state := rand.Text(), rand.Text()
	a.flows.add(keyOf(browser, state), from.Address, f, time.Now())
	return a.issuer.oauth(p, "").AuthCodeURL(state, oidc.Nonce(f.nonce), oauth2.S256ChallengeOption(f.verifier), f.maxAge(a.options.SessionLife)), browser, nil
}

// maxAge tells the issuer how long ago the person may have signed in there, and
// so to say when that was. A session here would not have lasted longer.
func (f flow) maxAge(life time.Duration) oauth2.AuthCodeOption {
	if f.fresh {
		life = 0
	}
	return oauth2.SetAuthURLParam("max_age", strconv.FormatInt(int64(life/time.Second), 10))
}

// clockSkew is how far the issuer's clock may be from ours.
const clockSkew = time.Minute

// checkAge returns errStale where the issuer says that the person signed in there
// longer ago than it was asked for. An issuer that says nothing is believed for a
// sign-in alone: the session is not taken for a recent one (see Confirm).
func (f flow) checkAge(signedIn time.Time, life time.Duration) error {
	oldest := time.Now().Add(-life)
	if f.fresh {
		oldest = f.began
	}
	if signedIn.IsZero() && !f.fresh || signedIn.After(oldest.Add(-clockSkew)) {
		return nil
	}
	return errStale
}

// FinishOIDC ends a sign-in with what the issuer sent the browser back with, and
// begins a session. signedIn is the user whom the browser is signed in as. For a
// flow that links it links, and begins no session: the zero Session.
func (a *Accounts) FinishOIDC(ctx context.Context, browser string, answer sensocto.IssuerAnswer, signedIn string, from sensocto.Client) (sensocto.Session, error) {
	f, who, err := a.identifyAtIssuer(ctx, browser, answer, from)
	if err != nil {
		a.issuerRefused(ctx, "", err, from)
		return sensocto.Session{}, err
	}
	if f.linkTo != "" {
		return sensocto.Session{}, a.linkIdentity(ctx, f.linkTo, signedIn, who.Subject)
	}
	u, err := a.externalUser(ctx, who)
	if err != nil {
		if sensocto.ErrorCode(err) == sensocto.CodeUnauthorized {
			a.signInsRefused.Add(1)
			a.issuerRefused(ctx, u.ID, err, from)
		}
		return sensocto.Session{}, err
	}
	a.signIns.Add(1)
	return a.begin(ctx, u, who.signedIn, by(wayIssuer, from))
}

// identifyAtIssuer returns who somebody is at the issuer.
func (a *Accounts) identifyAtIssuer(ctx context.Context, browser string, answer sensocto.IssuerAnswer, from sensocto.Client) (f flow, who profile, err error) {
	if a.issuer == nil || a.issuer.callback == "" {
		return f, who, errOIDCOff
	}
	f, ok := a.flows.take(keyOf(browser, answer.State), time.Now())
	if !ok {
		return f, who, errFlow
	}
	p, err := a.issuer.provider(ctx)
	switch {
	case err != nil:
		a.log.WarnContext(ctx, "the OpenID Connect issuer cannot be asked", "issuer", a.issuer.Issuer, "err", err)
		return f, who, errIssuerAway
	case answer.Issuer != "" && answer.Issuer != a.issuer.Issuer || answer.Issuer == "" && p.saysIss:
		return f, who, errWrongIssuer // RFC 9207, section 2.4
	case answer.Error == "access_denied":
		return f, who, errCancelled
	case answer.Error != "" || answer.Code == "":
		a.log.WarnContext(ctx, "the OpenID Connect issuer refuses a sign-in", "issuer", a.issuer.Issuer, "error", fmt.Sprintf("%.100s", answer.Error))
		return f, who, errIssuer
	}
	// Each code that is tried costs a request to the issuer.
	at := addressKey(from.Address)
	if err := a.attempts.begin("oidc", at, from.Address, time.Now()); err != nil {
		return f, who, err
	}
	if who, err = a.issuer.redeem(ctx, p, f, answer.Code); err != nil {
		a.log.WarnContext(ctx, "a sign-in with the OpenID Connect issuer failed", "issuer", a.issuer.Issuer, "err", err)
		if errors.Is(err, errIssuerAway) {
			return f, who, errIssuerAway
		}
		return f, who, errIssuer
	}
	a.attempts.succeeded("oidc", at, from.Address, time.Now())
	return f, who, f.checkAge(who.signedIn, a.options.SessionLife)
}

// linkIdentity lets a user sign in as somebody at the issuer, if it is still the
// user who began that.
func (a *Accounts) linkIdentity(ctx context.Context, userID, signedIn, subject string) error {
	if userID != signedIn {
		return errSignedOut
	}
	err := a.store.InsertIdentity(ctx, sensocto.ExternalIdentity{Issuer: a.issuer.Issuer, Subject: subject, UserID: userID})
	if sensocto.ErrorCode(err) == sensocto.CodeConflict {
		owner, err := a.store.UserByIdentity(ctx, a.issuer.Issuer, subject)
		if err == nil && owner.ID != userID || errors.Is(err, sensocto.ErrNotFound) {
			return errLinked
		}
		return err // linked to the same user before
	}
	if err == nil {
		a.log.InfoContext(ctx, "identity linked", "user", userID, "issuer", a.issuer.Issuer)
		a.recordOwn(ctx, sensocto.AuditLinked, userID, a.issuer.Issuer)
	}
	return err
}

// Identities returns who a user is at all issuers.
func (a *Accounts) Identities(ctx context.Context, userID string) ([]sensocto.ExternalIdentity, error) {
	return a.store.Identities(ctx, userID)
}

// Unlink ends that a user signs in with an issuer. Whoever calls it has asked Confirm.
// The only way to sign in stays: that is a conflict. It returns sensocto.ErrNotFound
// where nothing is linked.
func (a *Accounts) Unlink(ctx context.Context, u sensocto.User, issuer string) error {
	err := a.store.DeleteIdentities(ctx, u.ID, issuer, true)
	if err == nil {
		a.log.InfoContext(ctx, "identity unlinked", "user", u.ID, "issuer", issuer)
		a.recordOwn(ctx, sensocto.AuditUnlinked, u.ID, issuer)
	}
	return err
}
