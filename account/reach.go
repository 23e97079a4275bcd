package account

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/sensocto/sensocto"
)

// ServeAt says under which address people reach the server, such as
// https://sensors.example.org: passkeys are bound to its name, and an OpenID
// Connect issuer sends people back there. Until it is called both are off. It
// must be called before the first request.
func (a *Accounts) ServeAt(address string) error {
	u, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is not the address of a server", address)
	}
	a.origin = u.Scheme + "://" + u.Host
	if a.issuer != nil {
		a.issuer.callback = a.origin + CallbackPath
	}
	if !allowsPasskeys(u) {
		return nil
	}
	a.webauthn, err = webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "SensOcto", RPOrigins: []string{a.origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			// A passkey signs in alone: it has to be found without a name, and to
			// ask for a finger, a face or a PIN.
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Timeout: pendingLife},
			Registration: webauthn.TimeoutConfig{Timeout: pendingLife},
		},
	})
	if err != nil {
		return fmt.Errorf("passkeys for %s: %w", a.origin, err)
	}
	return nil
}

// allowsPasskeys reports whether browsers make passkeys for an address: for names
// alone, and only over TLS or on the machine itself.
func allowsPasskeys(u *url.URL) bool {
	_, err := netip.ParseAddr(u.Hostname())
	return err != nil && protocol.ValidateRPID(u.Hostname()) == nil && (u.Scheme == "https" || u.Hostname() == "localhost")
}

// Ways returns how people sign in beside passwords.
func (a *Accounts) Ways() sensocto.SignInWays {
	w := sensocto.SignInWays{Origin: a.origin, Passkeys: a.webauthn != nil}
	if a.issuer != nil && a.issuer.callback != "" {
		w.Issuer = a.issuer.Name
	}
	return w
}
