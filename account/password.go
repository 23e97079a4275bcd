package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn"
	"golang.org/x/crypto/argon2"

	"github.com/sensocto/sensocto"
)

// The cost of a password hash: argon2id with the least parameters that OWASP's
// Password Storage Cheat Sheet recommends (2026).
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16 // bytes
	argonKey     = 32 // bytes
)

// Bounds of a password (OWASP ASVS 5.0, 6.2.1 and 6.2.9). There are no rules of
// composition: what is easy to guess is refused by an estimate instead.
const (
	minPasswordRunes = 8
	maxPasswordBytes = 256
	// estimatedBytes is how much of a password the estimate looks at: its time
	// grows with the square of that.
	estimatedBytes = 64
	// minScore is from 0, found by any list of common passwords, to 4. 2 withstands
	// 10⁶ guesses, more than the limit on attempts allows in years.
	minScore = 2
)

// maxHashing bounds who waits for a hash: each costs some 20 ms of a processor
// and 19 MiB, which strangers may ask for.
const maxHashing = 64

var (
	errWeakPassword = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "weak_password",
		Message: fmt.Sprintf("a password has at least %d characters and at most %d bytes, and must not be easy to guess: a few words are easy to remember", minPasswordRunes, maxPasswordBytes)}
	errBusy = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "busy", Message: "too many people sign in at this moment: try again in a few seconds"}
)

// passwords hashes and compares passwords, as many at once as there are
// processors.
type passwords struct {
	waiting chan struct{} // holds who waits or hashes
	running chan struct{} // holds who hashes
	dummy   string        // hash of a random password, for accounts that do not exist
}

func newPasswords() *passwords {
	p := &passwords{waiting: make(chan struct{}, maxHashing), running: make(chan struct{}, runtime.GOMAXPROCS(0))}
	p.dummy = encodeHash(make([]byte, argonSalt), make([]byte, argonKey))
	return p
}

// checkPassword refuses what is short or easy to guess, for those who know the
// person's own words, too.
func checkPassword(password string, own ...string) error {
	if utf8.RuneCountInString(password) < minPasswordRunes || len(password) > maxPasswordBytes || !utf8.ValidString(password) {
		return errWeakPassword
	}
	if strings.Contains(strings.ToLower(password), "sensocto") {
		return errWeakPassword // the first word that anybody tries here
	}
	estimated := password[:min(len(password), estimatedBytes)]
	if zxcvbn.PasswordStrength(estimated, own).Score < minScore {
		return errWeakPassword
	}
	return nil
}

// hash returns the hash of a password in PHC format.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails: the runtime aborts instead
	key, err := p.derive(ctx, password, salt)
	return encodeHash(salt, key), err
}

// matches reports whether the password is the one of a hash. With an empty hash
// it takes as long and reports false.
func (p *passwords) matches(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	salt, want, err := decodeHash(hash)
	if err != nil {
		return false, err
	}
	got, err := p.derive(ctx, password, salt)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1 && known, err
}

func (p *passwords) derive(ctx context.Context, password string, salt []byte) ([]byte, error) {
	if len(password) > maxPasswordBytes {
		password = password[:maxPasswordBytes+1] // none is as long: the comparison fails
	}
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		return nil, errBusy
	}
	select {
	case p.running <- struct{}{}:
		defer func() { <-p.running }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey), nil
}

// phc is the beginning of every hash that this program makes.
var phc = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, argonMemory, argonTime, argonThreads)

func encodeHash(salt, key []byte) string {
	return phc + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(key)
}

func decodeHash(hash string) (salt, key []byte, err error) {
	rest, ok := strings.CutPrefix(hash, phc)
	saltText, keyText, ok2 := strings.Cut(rest, "$")
	if !ok || !ok2 {
		return nil, nil, fmt.Errorf("a stored password hash does not begin with %s", phc)
	}
	if salt, err = base64.RawStdEncoding.DecodeString(saltText); err == nil {
		key, err = base64.RawStdEncoding.DecodeString(keyText)
	}
	return salt, key, err
}
