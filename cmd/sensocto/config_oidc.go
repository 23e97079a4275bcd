package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/sensocto/sensocto/account"
)

// checkOIDC returns what is wrong with the OpenID Connect issuer.
func (c Config) checkOIDC(bad func(key, format string, args ...any)) {
	if c.OIDCIssuer == "" {
		if c.OIDCClientID != "" || c.OIDCClientSecretFile != "" || c.OIDCName != "" {
			bad("oidc.issuer", "is missing: without it the other keys of oidc mean nothing")
		}
		return
	}
	u, err := url.Parse(c.OIDCIssuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		bad("oidc.issuer", "%q is not the address of an issuer, such as https://id.example.org", c.OIDCIssuer)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		bad("oidc.issuer", "%q is not https: whoever reads the network could sign in as anybody", c.OIDCIssuer)
	}
	if c.OIDCClientID == "" {
		bad("oidc.client_id", "is missing: the issuer gives it to the clients that it knows")
	}
}

// oidc is the issuer with which people sign in; the zero value for none. The
// secret is read whenever it is needed, so that it can be changed while the
// server runs, and once now: a wrong path should not be found out by the first
// who signs in.
func (c Config) oidc() (account.OIDC, error) {
	o := account.OIDC{Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, Name: c.OIDCName}
	if c.OIDCIssuer == "" || c.OIDCClientSecretFile == "" {
		return o, nil
	}
	o.Secret = func() (string, error) { return readSecret(c.OIDCClientSecretFile) }
	if _, err := o.Secret(); err != nil {
		return o, fmt.Errorf("oidc.client_secret_file: %w", err)
	}
	return o, nil
}

// maxSecretBytes bounds what is read of a file that is to hold one secret.
const maxSecretBytes = 4 << 10

// readSecret returns what a file holds, without the line break at its end.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretBytes {
		return "", fmt.Errorf("%s is not a file of one short line", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		return "", errors.New(path + " is empty")
	}
	return secret, nil
}
