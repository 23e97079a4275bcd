package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// Mailer sends mails; *mail.Mailer does.
type Mailer interface {
	// Later composes and sends a mail soon, or nothing where compose says so.
	Later(compose func(ctx context.Context) (m sensocto.Mail, send bool, err error)) error
}

// How long the links in mails work.
const (
	forgottenLife  = time.Hour
	resetLife      = 24 * time.Hour
	emailLife      = 24 * time.Hour
	invitationLife = 14 * 24 * time.Hour
)

var errNoMail = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "no_mail", Message: "this server sends no mail: ask an administrator for a link"}

// SendsMail reports whether mails are sent.
func (a *Accounts) SendsMail() bool { return a.options.Mail != nil }

// Forgotten mails a link that sets a new password to whoever has an account with
// the address. Whether there is one shows neither in the answer nor in its time:
// that is found out later.
func (a *Accounts) Forgotten(email, address string) error {
	email, err := sensocto.NormalizeEmail(email)
	if err != nil {
		return err
	}
	if err := a.attempts.begin("forgotten", email, address, time.Now()); err != nil {
		return err
	}
	if a.options.Mail == nil {
		return errNoMail
	}
	return a.options.Mail.Later(func(ctx context.Context) (m sensocto.Mail, send bool, err error) {
		u, err := a.store.UserByEmail(ctx, email)
		if errors.Is(err, sensocto.ErrNotFound) || err == nil && !u.Active(time.Now()) {
			return m, false, nil
		}
		if err != nil {
			return m, false, err
		}
		secret, err := a.NewLink(ctx, sensocto.LinkReset, u.ID, u.Email, forgottenLife)
		return sensocto.Mail{To: email, Subject: "A new password for SensOcto", Text: paragraphs(
			"Hello "+u.Name+",",
			"with this link you set a new password. It works once, for an hour:",
			sensocto.LinkReset.URL(a.origin, secret),
			"If you did not ask for it, do nothing: your password stays as it is.")}, true, err
	})
}

// MailReset mails a link that sets a new password to a user, at the wish of an
// administrator. The administrator does not see it: whoever has the link sees what
// is the user's. The user's audit log says that it was made.
func (a *Accounts) MailReset(ctx context.Context, u sensocto.User) error {
	switch {
	case u.IsGuest || !u.Active(time.Now()):
		return errNoReset
	case a.options.Mail == nil || !u.EmailProven:
		return errNotMailed
	}
	secret, err := a.NewLink(ctx, sensocto.LinkReset, u.ID, u.Email, resetLife)
	if err != nil {
		return err
	}
	err = a.options.Mail.Later(func(context.Context) (sensocto.Mail, bool, error) {
		return sensocto.Mail{To: u.Email, Subject: "A new password for SensOcto", Text: paragraphs(
			"Hello "+u.Name+",",
			"an administrator sends you this link, with which you set a new password. It works once, for a day:",
			sensocto.LinkReset.URL(a.origin, secret),
			"If you did not ask for it, do nothing: your password stays as it is.")}, true, nil
	})
	if err == nil {
		a.log.Info("link for a new password mailed", "user", u.ID)
	}
	return err
}

var (
	errNoReset   = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "no_password", Message: "guests, and users who are disabled, cannot set a password"}
	errNotMailed = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "not_mailed", Message: "the link cannot be mailed: this server sends no mail, or the user has not confirmed an e-mail address. 'sensocto user reset' makes a link on the server's machine"}
)

// ChangeEmail mails a link to a new address, which becomes the user's once it is
// used, and tells the present one.
func (a *Accounts) ChangeEmail(u sensocto.User, email, address string) error {
	email, err := sensocto.NormalizeEmail(email)
	switch {
	case err != nil:
		return err
	case email == u.Email && u.EmailProven:
		return nil
	case a.options.Mail == nil:
		return errNoMail
	}
	if err := a.attempts.begin("e-mail", u.ID, address, time.Now()); err != nil {
		return err
	}
	err = a.options.Mail.Later(func(ctx context.Context) (sensocto.Mail, bool, error) {
		secret, err := a.NewLink(ctx, sensocto.LinkEmail, u.ID, email, emailLife)
		return sensocto.Mail{To: email, Subject: "Your address for SensOcto", Text: paragraphs(
			"Hello "+u.Name+",",
			"with this link your account gets this address. It works once, for a day:",
			sensocto.LinkEmail.URL(a.origin, secret),
			"If you have no account, somebody has mistyped theirs: do nothing.")}, true, err
	})
	if err != nil || u.Email == "" || u.Email == email {
		return err
	}
	return a.options.Mail.Later(func(context.Context) (sensocto.Mail, bool, error) {
		return sensocto.Mail{To: u.Email, Subject: "Your address for SensOcto is being changed", Text: paragraphs(
			"Hello "+u.Name+",",
			"somebody who is signed in to your account wants to give it the address "+email+".",
			"If that was not you, set a new password: that signs out everybody else.")}, true, nil
	})
}

// ConfirmEmail gives a user the address to which the link was mailed. It returns
// an error of code conflict where somebody else has the address by now.
func (a *Accounts) ConfirmEmail(ctx context.Context, secret string) (sensocto.User, error) {
	link, err := a.SeeLink(ctx, sensocto.LinkEmail, secret)
	if err != nil {
		return sensocto.User{}, err
	}
	u, err := a.store.User(ctx, link.UserID)
	if err != nil {
		return sensocto.User{}, err
	}
	u.Email, u.EmailProven = link.Data, true
	if u, err = a.store.UpdateUser(ctx, u); err != nil {
		return u, err
	}
	a.log.InfoContext(ctx, "e-mail address changed", "user", u.ID)
	a.recordOwn(ctx, sensocto.AuditEmailChanged, u.ID, "by a link")
	_, err = a.UseLink(ctx, sensocto.LinkEmail, secret)
	return u, err
}

// InviteToServer makes a link with which the owner of an address can sign up, and
// mails it. Where no mail is sent the link is returned, for whoever invites to pass
// on.
func (a *Accounts) InviteToServer(ctx context.Context, by sensocto.User, email string) (string, error) {
	email, err := sensocto.NormalizeEmail(email)
	if err != nil {
		return "", err
	}
	secret, err := a.NewLink(ctx, sensocto.LinkInvite, "", email, invitationLife)
	if err != nil {
		return "", err
	}
	a.log.InfoContext(ctx, "invited to sign up", "user", by.ID)
	link := sensocto.LinkInvite.URL(a.origin, secret)
	if a.options.Mail == nil {
		return link, nil
	}
	return "", a.options.Mail.Later(func(context.Context) (sensocto.Mail, bool, error) {
		return sensocto.Mail{To: email, Subject: by.Name + " invites you to SensOcto", Text: paragraphs(
			"Hello,", by.Name+" invites you to SensOcto. With this link you make your account. It works once, for 14 days:", link)}, true, nil
	})
}

// MailInvitation mails an invitation into a room to its address. Whoever has no
// account yet, or one whose address is not confirmed, gets a link that proves the
// address: invitations are only for those who have. Who invites does not learn
// whether there is an account.
func (a *Accounts) MailInvitation(i sensocto.Invitation, by string) error {
	if a.options.Mail == nil || i.Email == "" {
		return nil
	}
	return a.options.Mail.Later(func(ctx context.Context) (m sensocto.Mail, send bool, err error) {
		how, link := "Sign in, and accept the invitation:", a.origin+"/rooms"
		u, err := a.store.UserByEmail(ctx, i.Email)
		switch {
		case errors.Is(err, sensocto.ErrNotFound):
			secret, err := a.NewLink(ctx, sensocto.LinkInvite, "", i.Email, time.Until(i.ExpiresAt))
			if err != nil {
				return m, false, err
			}
			how, link = "With this link you make an account. Then accept the invitation there:", sensocto.LinkInvite.URL(a.origin, secret)
		case err != nil:
			return m, false, err
		case !u.EmailProven:
			secret, err := a.NewLink(ctx, sensocto.LinkEmail, u.ID, i.Email, emailLife)
			if err != nil {
				return m, false, err
			}
			how, link = "An account uses this address, but nobody has confirmed it. If the account is yours, confirm the address with this link within a day, and accept the invitation. "+
				"If it is not yours, do not use the link: ask for a new password on the sign-in page. The account is then yours.", sensocto.LinkEmail.URL(a.origin, secret)
		}
		return sensocto.Mail{To: i.Email, Subject: by + " invites you into the room " + i.RoomName, Text: paragraphs(
			"Hello,", fmt.Sprintf("%s invites you into the room %s on SensOcto.", by, i.RoomName), how, link)}, true, nil
	})
}

// paragraphs puts an empty line between texts.
func paragraphs(texts ...string) string { return strings.Join(texts, "\n\n") + "\n" }
