package mail_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/mail"
	"github.com/sensocto/sensocto/mail/mailtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(t *testing.T, o mail.Options) *mail.Mailer {
	t.Helper()
	o.From = "SensOcto <sensocto@example.org>"
	m, err := mail.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return m
}

func text(to, subject, body string) func(context.Context) (sensocto.Mail, bool, error) {
	return func(context.Context) (sensocto.Mail, bool, error) {
		return sensocto.Mail{To: to, Subject: subject, Text: body}, true, nil
	}
}

func metric(m *mail.Mailer, name string) (value float64) {
	m.Metrics(func(metric sensocto.Metric) {
		if metric.Name == name {
			value = metric.Value
		}
	})
	return value
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// A mail goes over STARTTLS, with a name and a password.
func TestMailer_SendsProtectedAndSignedIn(t *testing.T) {
	p := mailtest.Open(t, true, "127.0.0.1:0")
	p.Secret = "four quiet otters"
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(p.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := run(t, mail.Options{Host: p.Address, User: "sensocto", PasswordFile: file, Config: &tls.Config{RootCAs: p.Roots}})
	if err := m.Later(text("ada@example.org", "Grüße", "Ein Link:\n\nhttp://localhost/#reset=abc\n")); err != nil {
		t.Fatal(err)
	}
	got := p.Receive()
	var body bytes.Buffer
	_, _ = io.Copy(&body, got.Body)
	if got.Header.Get("To") != "<ada@example.org>" || !strings.Contains(got.Header.Get("From"), "sensocto@example.org") || got.Header.Get("Message-Id") == "" || !strings.Contains(body.String(), "reset=3Dabc") {
		t.Errorf("%v\n%s", got.Header, body.String())
	}
}

// Without protection that was asked for nothing is sent.
func TestMailer_RefusesClearText(t *testing.T) {
	p := mailtest.Open(t, false, "127.0.0.1:0")
	m := run(t, mail.Options{Host: p.Address})
	if err := m.Later(text("ada@example.org", "x", "secret")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an attempt fails", func() bool { return metric(m, "mails_retried_total") > 0 })
	select {
	case got := <-p.Mails:
		t.Errorf("sent: %s", got)
	default:
	}
}

// What is refused for good is not tried again; what is composed to nothing is no
// mail; headers cannot be injected.
func TestMailer_WhatIsNotSent(t *testing.T) {
	p := mailtest.Open(t, false, "127.0.0.1:0")
	m := run(t, mail.Options{Host: p.Address, TLS: mail.NoTLS})
	p.Answer(&smtp.SMTPError{Code: 550, Message: "no such user"})
	for i, compose := range []mail.Compose{
		text("nobody@example.org", "x", "y"),
		text("ada@example.org\r\nBcc: eve@example.org", "x", "y"),
		text("ada@example.org", "x\r\nBcc: eve@example.org", "y"),
		text("no address", "x", "y"),
	} {
		if err := m.Later(compose); err != nil {
			t.Fatal(err)
		}
		eventually(t, fmt.Sprint("mail ", i, " fails"), func() bool { return metric(m, "mails_failed_total") == float64(i+1) })
	}
	p.Answer(nil)
	if err := m.Later(func(context.Context) (sensocto.Mail, bool, error) { return sensocto.Mail{}, false, nil }); err != nil {
		t.Fatal(err)
	}
	if err := m.Later(text("bob@example.org", "last", "y")); err != nil {
		t.Fatal(err)
	}
	if got := p.Receive(); got.Header.Get("Subject") != "last" {
		t.Errorf("%v", got.Header)
	}
	if n := metric(m, "mails_retried_total"); n != 0 {
		t.Errorf("%v attempts were repeated", n)
	}
}

// A mail server that is away gets the mail when it is back.
func TestMailer_TriesAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("the first pause is 15 s")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	m := run(t, mail.Options{Host: address, TLS: mail.NoTLS})
	if err := m.Later(text("ada@example.org", "late", "y")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an attempt fails", func() bool { return metric(m, "mails_retried_total") == 1 && metric(m, "mails_waiting") == 1 })
	p := mailtest.Open(t, false, address)
	if got := p.Receive(); got.Header.Get("Subject") != "late" {
		t.Errorf("%v", got.Header)
	}
}

// What waits is bounded, and what is dropped is counted.
func TestMailer_IsBounded(t *testing.T) {
	m, err := mail.New(mail.Options{Host: "127.0.0.1:1", From: "a@example.org", Waiting: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		err := m.Later(text("ada@example.org", "x", "y"))
		if (err != nil) != (i >= 2) || err != nil && sensocto.ErrorCode(err) != sensocto.CodeUnavailable {
			t.Errorf("mail %d: %v", i, err)
		}
	}
	if n := metric(m, "mails_dropped_total"); n != 2 {
		t.Errorf("%v dropped", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if n := metric(m, "mails_dropped_total"); n != 4 {
		t.Errorf("%v dropped with those of the end", n)
	}
}

func TestNew_RefusesWhatCannotBe(t *testing.T) {
	for _, o := range []mail.Options{{Host: "mail.example.org", From: "a@example.org"}, {Host: "mail.example.org:smtp", From: "a@example.org"}, {Host: "m:25", From: "nobody"}} {
		if _, err := mail.New(o); err == nil {
			t.Errorf("%+v", o)
		}
	}
}
