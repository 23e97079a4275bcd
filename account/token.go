package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
)

// A token's text is sno_<id>_<secret>: the prefix lets scanners of leaked
// secrets recognise it, the id is public and finds the token in the store, the
// secret is 32 random bytes. The id never contains an underscore, the secret
// may: base64url has one.
const (
	tokenPrefix     = "sno_"
	idBytes         = 5 // 8 characters
	secretBytes     = 32
	maxTokenTextLen = 128
)

// idEncoding is lower-case, so that ids are easy to read out and to type.
var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newToken returns a fresh id and secret.
func newToken() (id, secret string) {
	var b [idBytes + secretBytes]byte
	rand.Read(b[:]) // never fails: the runtime aborts instead
	return idEncoding.EncodeToString(b[:idBytes]), base64.RawURLEncoding.EncodeToString(b[idBytes:])
}

func tokenText(id, secret string) string { return tokenPrefix + id + "_" + secret }

// splitToken takes a token's text apart. It reports false for what cannot be
// one, so that junk never reaches the store.
func splitToken(text string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok || len(text) > maxTokenTextLen {
		return "", "", false
	}
	id, secret, ok = strings.Cut(rest, "_")
	return id, secret, ok && validID(id) && secret != ""
}

func validID(id string) bool {
	b, err := idEncoding.DecodeString(id)
	return err == nil && len(b) == idBytes
}

// hashSecret is one round of SHA-256. That is enough here, and a slow salted
// hash would buy nothing: a secret has 256 random bits, so there is no guessing
// it from its hash however fast each guess is. It would only make every
// request slow.
func hashSecret(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}
