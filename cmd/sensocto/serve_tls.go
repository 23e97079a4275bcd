package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// tlsConfig returns what the server identifies itself with, nil for plain HTTP:
// a certificate in files, or one that an authority issues for the names.
func (c Config) tlsConfig(ctx context.Context, log *slog.Logger) (*tls.Config, error) {
	switch {
	case c.TLSCert != "":
		files := &certificateFiles{cert: c.TLSCert, key: c.TLSKey, log: log}
		if _, err := files.get(nil); err != nil {
			return nil, err
		}
		return newTLS(files.get), nil
	case len(c.ACMEDomains) > 0:
		return c.acme(ctx, log)
	}
	return nil, nil
}

func newTLS(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	// WebSockets need HTTP/1.1, and a page has few requests beside them.
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: get}
}

// recheck is how often the files of a certificate are looked at for a new one.
const recheck = 10 * time.Second

// certificateFiles is a certificate in files, which is read again when they
// change: whatever renews it need not know of this program.
type certificateFiles struct {
	cert, key string
	log       *slog.Logger

	loaded atomic.Pointer[tls.Certificate]

	mu      sync.Mutex   // guards what follows; handshakes do not wait for it
	changed [2]time.Time // of the files that were loaded
	checked time.Time
}

// get implements tls.Config.GetCertificate. A new certificate that cannot be
// read is reported, and the one before stays.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	loaded := f.loaded.Load()
	switch {
	case loaded == nil:
		f.mu.Lock() // the start
	case !f.mu.TryLock():
		return loaded, nil // another handshake looks
	}
	defer f.mu.Unlock()
	if loaded != nil && time.Since(f.checked) < recheck {
		return loaded, nil
	}
	f.checked = time.Now()
	fresh, err := f.read(loaded != nil)
	switch {
	case err == nil && fresh == nil:
		return loaded, nil
	case err == nil:
		if loaded != nil {
			f.log.Info("a new certificate is in use", "expires", fresh.Leaf.NotAfter)
		}
		f.loaded.Store(fresh)
		return fresh, nil
	}
	err = fmt.Errorf("read the certificate: %w", err)
	if loaded == nil {
		return nil, err
	}
	f.log.Error("the new certificate cannot be used; the one before stays", "err", err)
	return loaded, nil
}

// read returns the certificate of the files, nil if they have not changed since
// one was loaded. The caller holds mu.
func (f *certificateFiles) read(haveOne bool) (*tls.Certificate, error) {
	var changed [2]time.Time
	for i, path := range []string{f.cert, f.key} {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		changed[i] = info.ModTime()
	}
	if haveOne && changed == f.changed {
		return nil, nil
	}
	loaded, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("%w\ntls.cert is the certificate with its chain, tls.key its key, both in PEM", err)
	}
	f.changed = changed
	return &loaded, nil
}

// acmeEvents logs what became of a certificate that was asked for.
func acmeEvents(log *slog.Logger) func(context.Context, string, map[string]any) error {
	return func(_ context.Context, event string, about map[string]any) error {
		switch event {
		case "cert_failed":
			log.Error("the authority issued no certificate; it is asked again. See that it is reachable, and that it reaches this server under the name as port 443", "name", about["identifier"], "err", about["error"])
		case "cert_obtained":
			log.Info("a new certificate is in use", "name", about["identifier"])
		}
		return nil
	}
}

// acme gets certificates from an authority (RFC 8555), which proves the names
// over the port that the server listens on (RFC 8737): others have to reach that
// as port 443. They are kept in the data directory and renewed in time.
func (c Config) acme(ctx context.Context, log *slog.Logger) (*tls.Config, error) {
	var magic *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil },
		Logger:           zap.NewNop(),
	})
	context.AfterFunc(ctx, cache.Stop)
	magic = certmagic.New(cache, certmagic.Config{Storage: &certmagic.FileStorage{Path: filepath.Join(c.DataDir, "acme")}, Logger: zap.NewNop(), OnEvent: acmeEvents(log)})
	template := certmagic.ACMEIssuer{CA: c.ACMEDirectory, Email: c.ACMEEmail, Agreed: true, DisableHTTPChallenge: true, Logger: zap.NewNop()}
	if c.ACMERoots != "" {
		pem, err := os.ReadFile(c.ACMERoots)
		if err != nil {
			return nil, fmt.Errorf("read acme.roots: %w", err)
		}
		if template.TrustedRoots = x509.NewCertPool(); !template.TrustedRoots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("acme.roots: %s holds no certificate in PEM", c.ACMERoots)
		}
	}
	if _, port, ok := splitPort(c.Listen); ok {
		template.AltTLSALPNPort = port
	}
	magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(magic, template)}
	if err := magic.ManageAsync(ctx, c.ACMEDomains); err != nil {
		return nil, fmt.Errorf("get certificates: %w", err)
	}
	t := newTLS(magic.GetCertificate)
	t.NextProtos = append(t.NextProtos, "acme-tls/1")
	return t, nil
}
