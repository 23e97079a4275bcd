package main

import (
	"context"
	"log/slog"
	"net"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/alert"
	"github.com/sensocto/sensocto/mail"
)

// checkMail returns what is wrong with how mails are sent.
func (c Config) checkMail(bad func(key, format string, args ...any)) {
	oneOf(bad, "smtp.tls", c.SMTPTLS, mail.StartTLS, mail.TLS, mail.NoTLS)
	switch {
	case c.SMTPHost == "":
		for key, value := range map[string]string{"smtp.from": c.SMTPFrom, "smtp.user": c.SMTPUser} {
			if value != "" {
				bad(key, "it does nothing without smtp.host")
			}
		}
		return
	case c.SMTPFrom == "":
		bad("smtp.from", "name the address that mails come from, such as sensocto@example.org")
		return
	case (c.SMTPUser == "") != (c.SMTPPasswordFile == ""):
		bad("smtp.user", "smtp.user and smtp.password_file go together")
	}
	if host, _, _ := net.SplitHostPort(c.SMTPHost); c.SMTPTLS == mail.NoTLS && !isLoopback(host) {
		bad("smtp.tls", "mails with secrets would travel in clear text: none is for a mail server on this machine")
	}
	if _, err := mail.New(c.mailOptions(nil)); err != nil {
		bad("smtp.host", "%v", err)
	}
}

func (c Config) mailOptions(log *slog.Logger) mail.Options {
	return mail.Options{Host: c.SMTPHost, From: c.SMTPFrom, User: c.SMTPUser, PasswordFile: c.SMTPPasswordFile, TLS: c.SMTPTLS, Log: log}
}

// newMailer returns what sends mails; nil where none are sent.
func newMailer(c Config, log *slog.Logger) (*mail.Mailer, error) {
	if c.SMTPHost == "" {
		return nil, nil
	}
	return mail.New(c.mailOptions(log))
}

// outgoing is the mailer as accounts see it: none is nil.
func outgoing(m *mail.Mailer) account.Mailer {
	if m == nil {
		return nil
	}
	return m
}

// alertMail sends the mails of alerts.
type alertMail struct{ mailer *mail.Mailer }

// Mail implements alert.Mailer: the mail waits in the queue with all others.
func (m alertMail) Mail(_ context.Context, to sensocto.User, subject, text string) error {
	return m.mailer.Later(func(context.Context) (sensocto.Mail, bool, error) {
		return sensocto.Mail{To: to.Email, Subject: subject, Text: text}, true, nil
	})
}

// alerting is the mailer as alerts see it: none is nil.
func alerting(m *mail.Mailer) alert.Mailer {
	if m == nil {
		return nil
	}
	return alertMail{m}
}
