// Package mailtest is a real SMTP server for tests, which keeps what it receives:
// with or without TLS, and asking for a password or not.
package mailtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// PostOffice is a real SMTP server that keeps what it receives.
type PostOffice struct {
	t testing.TB
	// Address is where it listens, Roots is what its certificate is checked against.
	Address string
	Roots   *x509.CertPool
	Mails   chan string // as they came
	// Secret is the password of the user "sensocto"; "": nobody signs in.
	Secret string

	mu     sync.Mutex // guards refuse
	refuse *smtp.SMTPError
}

// NewSession implements smtp.Backend.
func (p *PostOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{p: p}, nil }

// Answer refuses mails with an error; nil takes them.
func (p *PostOffice) Answer(e *smtp.SMTPError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = e
}

type session struct {
	p        *PostOffice
	signedIn bool
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "sensocto" || password != s.p.Secret {
			return errors.New("wrong")
		}
		s.signedIn = true
		return nil
	}), nil
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }
func (s *session) Mail(string, *smtp.MailOptions) error {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if s.p.Secret != "" && !s.signedIn {
		return smtp.ErrAuthRequired
	}
	if s.p.refuse != nil {
		return s.p.refuse
	}
	return nil
}
func (s *session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err == nil {
		s.p.Mails <- string(text)
	}
	return err
}

// Open starts a post office; with an address it is one that had closed.
func Open(t testing.TB, protected bool, address string) *PostOffice {
	t.Helper()
	p := &PostOffice{t: t, Mails: make(chan string, 100), Roots: x509.NewCertPool()}
	server := smtp.NewServer(p)
	server.Domain, server.AllowInsecureAuth = "localhost", false
	if protected {
		server.TLSConfig = p.certificate()
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p.Address = l.Addr().String()
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return p
}

func (p *PostOffice) certificate() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		p.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		p.t.Fatal(err)
	}
	p.Roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// Receive waits for a mail.
func (p *PostOffice) Receive() *netmail.Message {
	p.t.Helper()
	select {
	case text := <-p.Mails:
		m, err := netmail.ReadMessage(strings.NewReader(text))
		if err != nil {
			p.t.Fatal(err)
		}
		return m
	case <-time.After(30 * time.Second):
		p.t.Fatal("no mail came")
	}
	return nil
}
