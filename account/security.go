package account

import (
	"context"

	"github.com/sensocto/sensocto"
)

// How somebody signs in, in the security log.
const (
	wayPassword      = "password"
	wayPasswordAgain = "current password" // of somebody who is signed in
	wayPasskey       = "passkey"
	wayIssuer        = "issuer"
	wayGuest         = "guest"
	wayLink          = "new account or link"
)

// by returns a client that signs in in a way.
func by(way string, c sensocto.Client) sensocto.Client {
	c.Way = way
	return c
}

// signInRefused notes a sign-in that was refused in the audit log and in the
// security log. userID is whose account it was, "" where nobody has it. The address
// that was typed is not kept: it may be a mistyped password.
func (a *Accounts) signInRefused(ctx context.Context, userID, way, detail string, err error, from sensocto.Client) {
	a.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditSignInRefused, UserID: userID, Address: from.Address, Detail: detail})
	a.options.Security.Refused(sensocto.Refusal{Event: sensocto.SecuritySignInRefused, Reason: sensocto.ErrorReason(err), UserID: userID, Address: from.Address, Action: way})
}

// issuerRefused is signInRefused for a sign-in with the issuer. That somebody
// cancelled it, or that the issuer is away, is no refusal.
func (a *Accounts) issuerRefused(ctx context.Context, userID string, err error, from sensocto.Client) {
	if _, refused := sensocto.SecurityEventOf(err); refused && err != errCancelled {
		a.signInRefused(ctx, userID, wayIssuer, wayIssuer, err, from)
	}
}

// recordOwn notes a change of how a user signs in or is reached. Without a session
// the person did it with a link.
func (a *Accounts) recordOwn(ctx context.Context, action sensocto.AuditAction, userID, detail string) {
	e := sensocto.AuditEvent{Action: action, UserID: userID, Detail: detail}
	if caller := sensocto.CallerOf(ctx).Identity; caller.UserID == "" && caller.OwnerID != sensocto.OperatorID {
		e.ActorID = userID
	}
	a.audit.Record(ctx, e)
}
