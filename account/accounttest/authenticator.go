// Package accounttest has the other sides of a sign-in for tests: an
// authenticator that makes passkeys, and an OpenID Connect issuer. Both follow
// their specifications, and can be told to deviate.
package accounttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// Authenticator holds one passkey, and is the browser in front of it as well. It
// is not safe for concurrent use.
type Authenticator struct {
	Origin string // of the page that asks, such as http://localhost:4000
	RPID   string // the name that the passkey is for, such as localhost
	// Counter counts signatures; one that goes back is a copy's. 0 stays 0, as of
	// passkeys that are synchronised between devices.
	Counter uint32
	// Unverified says that nobody was asked for a finger or a PIN.
	Unverified bool

	id, user []byte
	key      *ecdsa.PrivateKey
}

// Flags of the authenticator data (WebAuthn level 3, section 6.1).
const (
	userPresent  = 1 << 0
	userVerified = 1 << 2
	attested     = 1 << 6
)

type creationOptions struct {
	Challenge string
	RP        struct{ ID string }
	User      struct{ ID string }
}

// Create makes a passkey for PublicKeyCredentialCreationOptionsJSON, and returns
// a RegistrationResponseJSON.
func (a *Authenticator) Create(t testing.TB, options []byte) []byte {
	t.Helper()
	var o creationOptions
	decode(t, options, &o)
	if o.RP.ID != a.RPID {
		t.Fatalf("the passkey would be for %q", o.RP.ID)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	a.key, a.id, a.user = key, make([]byte, 16), unbase64(t, o.User.ID)
	_, err = rand.Read(a.id)
	check(t, err)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": append(a.data(attested), a.attested(t)...)})
	check(t, err)
	return a.answer(t, map[string]any{"clientDataJSON": a.clientData(t, "webauthn.create", o.Challenge), "attestationObject": encode(object)})
}

// Sign signs in for PublicKeyCredentialRequestOptionsJSON, and returns an
// AuthenticationResponseJSON.
func (a *Authenticator) Sign(t testing.TB, options []byte) []byte {
	t.Helper()
	var o struct{ Challenge, RPID string }
	decode(t, options, &o)
	if a.Counter > 0 {
		a.Counter++
	}
	client := a.clientData(t, "webauthn.get", o.Challenge)
	data := a.data(0)
	hash := sha256.Sum256(unbase64(t, client))
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := a.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	check(t, err)
	return a.answer(t, map[string]any{"clientDataJSON": client, "authenticatorData": encode(data), "signature": encode(signature), "userHandle": encode(a.user)})
}

func (a *Authenticator) answer(t testing.TB, response map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"id": encode(a.id), "rawId": encode(a.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
	check(t, err)
	return text
}

// clientData is what the browser adds.
func (a *Authenticator) clientData(t testing.TB, kind, challenge string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
	check(t, err)
	return encode(text)
}

func (a *Authenticator) data(flags byte) []byte {
	rp := sha256.Sum256([]byte(a.RPID))
	flags |= userPresent
	if !a.Unverified {
		flags |= userVerified
	}
	return binary.BigEndian.AppendUint32(append(rp[:], flags), a.Counter)
}

// attested is the attested credential data: AAGUID, id and public key.
func (a *Authenticator) attested(t testing.TB) []byte {
	t.Helper()
	point, err := a.key.PublicKey.Bytes() // 4, x, y
	check(t, err)
	key, err := webauthncbor.Marshal(webauthncose.EC2PublicKeyData{
		PublicKeyData: webauthncose.PublicKeyData{KeyType: int64(webauthncose.EllipticKey), Algorithm: int64(webauthncose.AlgES256)},
		Curve:         int64(webauthncose.P256), XCoord: point[1:33], YCoord: point[33:],
	})
	check(t, err)
	data := binary.BigEndian.AppendUint16(make([]byte, 16), uint16(len(a.id)))
	return append(append(data, a.id...), key...)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func unbase64(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	check(t, err)
	return b
}

func decode(t testing.TB, text []byte, into any) {
	t.Helper()
	check(t, json.Unmarshal(text, into))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
