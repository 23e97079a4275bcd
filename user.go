package sensocto

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// User is a person, or a guest, who has an account here.
type User struct {
	ID    string // UUID, version 7
	Name  string // what others see
	Email string // in lower case; "" for a guest and for whoever came without one
	// EmailProven says that the user has shown to receive mails there, or that an
	// administrator or an issuer vouches for it: anybody can claim an address.
	EmailProven bool
	// PasswordHash is an argon2id hash in PHC format; "" where there is no password.
	PasswordHash string
	IsGuest      bool
	IsAdmin      bool
	CreatedAt    time.Time
	ExpiresAt    time.Time // when a guest ends; zero for never
	DisabledAt   time.Time // zero while the user may sign in
	ErasedAt     time.Time // since when everything of the user is being removed; zero for never
	// Version counts changes: an update names the version that it changes.
	Version int64
}

// ProvenEmail returns the address, or "" where it is only claimed.
func (u User) ProvenEmail() string {
	if !u.EmailProven {
		return ""
	}
	return u.Email
}

// Active reports whether the user's credentials count at a time.
func (u User) Active(now time.Time) bool {
	return u.DisabledAt.IsZero() && u.ErasedAt.IsZero() && (u.ExpiresAt.IsZero() || now.Before(u.ExpiresAt))
}

// AtOtherServer reports whether the account stands for somebody of another server with
// whom a room is shared: it is disabled from the start, and nobody can sign in with it.
func (u User) AtOtherServer() bool {
	return u.Email == "" && !u.DisabledAt.IsZero() && u.DisabledAt.Equal(u.CreatedAt)
}

// Bounds of what people write.
const (
	MaxNameRunes  = 64
	MaxEmailBytes = 254 // RFC 5321 section 4.5.3.1.3, without the angle brackets
)

// CheckName returns an error of code invalid unless the name is 1–64 printable
// characters without spaces around them. Names appear in terminals, logs and
// lists, so control characters are refused.
func CheckName(name string) error {
	n := utf8.RuneCountInString(name)
	if n == 0 || n > MaxNameRunes || !utf8.ValidString(name) || strings.TrimSpace(name) != name || strings.ContainsFunc(name, unprintable) {
		return &Error{Code: CodeInvalid, Reason: "invalid_name", Message: "a name must be 1 to 64 printable characters without spaces around them"}
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// NormalizeEmail returns the form in which an address is stored and compared:
// in lower case. It returns an error of code invalid for what is no address.
// The syntax is checked only as far as mistakes are likely: whether an address
// exists is shown by a message to it.
func NormalizeEmail(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || domain == "" || len(email) > MaxEmailBytes || strings.ContainsAny(domain, "@ ") ||
		!utf8.ValidString(email) || strings.ContainsFunc(email, func(r rune) bool { return unprintable(r) || r == ' ' || strings.ContainsRune(`<>(),;:"\`, r) }) {
		return "", &Error{Code: CodeInvalid, Reason: "invalid_email", Message: "that is not an e-mail address, such as ada@example.org"}
	}
	return email, nil
}

// TokenKind says what a credential is for.
type TokenKind string

// The kinds of credentials.
const (
	KindToken   TokenKind = "token"   // made on purpose, for programs
	KindSession TokenKind = "session" // made by a sign-in, kept in a browser's cookie
)

// LinkKind says what a link that works once does.
type LinkKind string

// The kinds of links.
const (
	LinkSetup  LinkKind = "setup"  // makes the first administrator's account
	LinkReset  LinkKind = "reset"  // sets a new password
	LinkEmail  LinkKind = "email"  // confirms a new e-mail address, which is its Data
	LinkInvite LinkKind = "invite" // allows a sign-up, for the address in Data where there is one
	LinkDevice LinkKind = "device" // a browser's consent to a sign-in on the command line
)

// LinkPage is the path of the view of the web app that links open, those that are
// mailed and printed and those with which a sign-in elsewhere ends.
const LinkPage = "/link"

// URL returns the address with which a link of the kind is used at a server. The
// secret is behind the #: no server and no log sees it.
func (k LinkKind) URL(origin, secret string) string {
	return origin + LinkPage + "#" + string(k) + "=" + secret
}

// Link is a secret that is sent to a person and works once.
type Link struct {
	Hash      []byte // SHA-256 of the secret
	Kind      LinkKind
	UserID    string // "" where there is no account yet
	Data      string
	ExpiresAt time.Time
}

// Change says that something that others may have cached is different now.
type Change struct {
	Kind ChangeKind
	ID   string
}

// ChangeKind names what changed.
type ChangeKind string

// The kinds of changes, and what their ID is.
const (
	ChangeToken  ChangeKind = "token"  // Token.ID
	ChangeUser   ChangeKind = "user"   // User.ID
	ChangeRoom   ChangeKind = "room"   // Room.ID: the room, its members or the sensors in it
	ChangeSensor ChangeKind = "sensor" // a sensor's id: who may see it beside rooms
)
