package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn"
	"golang.org/x/crypto/argon2"

	"github.com/sensocto/sensocto"
)

// cost is what a password hash takes: the parameters of argon2id.
type cost struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// present is the cost of new hashes: the least parameters that OWASP's Password
// Storage Cheat Sheet recommends (2026). It may be changed: hashes say what theirs
// is, and are made anew when their owners sign in.
var present = cost{memory: 19 << 10, time: 2, threads: 1}

// most is the highest cost of a stored hash that is read.
var most = cost{memory: 1 << 20, time: 100, threads: 64}

const (
	argonSalt = 16 // bytes
	argonKey  = 32 // bytes
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
	errWeakPassword = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "weak_password", Field: "password",
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
	p.dummy = passwordHash{present, make([]byte, argonSalt), make([]byte, argonKey)}.String()
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
	h := passwordHash{cost: present, salt: salt, key: make([]byte, argonKey)}
	key, err := p.derive(ctx, password, h)
	h.key = key
	return h.String(), err
}

// matches reports whether the password is the one of a hash. With an empty hash
// it takes as long and reports false.
func (p *passwords) matches(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	h, err := parseHash(hash)
	if err != nil {
		return false, err
	}
	got, err := p.derive(ctx, password, h)
	return err == nil && subtle.ConstantTimeCompare(got, h.key) == 1 && known, err
}

// derive returns the key that a password has with the cost, the salt and the length
// of a hash's.
func (p *passwords) derive(ctx context.Context, password string, h passwordHash) ([]byte, error) {
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
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key))), nil
}

// passwordHash is a hash in PHC format, taken apart.
type passwordHash struct {
	cost
	salt, key []byte
}

// String returns the hash in PHC format.
func (h passwordHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

// parseHash reads a hash of any cost. Its text is in no error.
func parseHash(text string) (h passwordHash, err error) {
	bad := errors.New("a stored password hash is none of argon2id in PHC format, or costs too much")
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, bad
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return h, bad
	}
	var errSalt, errKey error
	h.salt, errSalt = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, errKey = base64.RawStdEncoding.DecodeString(parts[5])
	switch {
	case errSalt != nil || errKey != nil, len(h.salt) < 8, len(h.key) < argonKey/2, len(h.key) > 4*argonKey,
		h.time < 1, h.threads < 1, h.memory > most.memory, h.time > most.time, h.threads > most.threads:
		return h, bad
	}
	return h, nil
}

// outdated reports whether a hash was made with another cost than new ones are.
func outdated(hash string) bool {
	h, err := parseHash(hash)
	return err == nil && (h.cost != present || len(h.key) != argonKey || len(h.salt) != argonSalt)
}
