package sensocto

import "time"

// Passkey is a public key with which a user signs in (WebAuthn).
type Passkey struct {
	ID     []byte // the credential's id, which the authenticator chose
	UserID string
	Name   string // what its owner calls it
	// Data is the credential in JSON: its public key, its counter, its flags.
	Data      string
	CreatedAt time.Time
	UsedAt    time.Time // zero until the first sign-in
}

// ExternalIdentity is who a user is at an OpenID Connect issuer.
type ExternalIdentity struct {
	Issuer, Subject string
	UserID          string
}
