package p2p

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// The bounds of facts. What is beyond is refused, whoever signed it.
const (
	maxKeyBytes   = 512
	maxValueBytes = 64 << 10
	// maxCount bounds versions and generations, so that JSON numbers hold them in
	// every language.
	maxCount = 1 << 53
	// maxConfirmed bounds the generations of others that the room's key confirms, so that
	// nobody uses up those that the room itself needs.
	maxConfirmed = maxCount / 2
	// confirmAhead bounds how far the generation of an administrator's fact about a member may
	// exceed that of the room's: the room's key confirms no greater one, since new tickets start
	// beyond the confirmed generations.
	confirmAhead = 1000
)

// formatVersion is the version of the form of values.
const formatVersion = 1

// Fact is one thing that is said of a room: the body of a value.
type Fact struct {
	Room string `json:"room"` // the room's id, so that a fact of one room is none of another
	// Generation counts how often the fact was deleted and made again. A deletion
	// ends all versions of its generation.
	Generation int64 `json:"generation"`
	// Version counts the changes within a generation.
	Version int64 `json:"version"`
	AtUS    int64 `json:"at"` // for people; decides nothing
	Deleted bool  `json:"deleted,omitempty"`
	// Value is what the fact says; null where it is deleted.
	Value json.RawMessage `json:"value,omitempty"`
	// Invitation is the key by which a member came, or "".
	Invitation Key `json:"invitation,omitempty"`
}

// envelope is the form of values in a document.
type envelope struct {
	Format    int    `json:"format"`
	Signer    Key    `json:"signer"`
	Signature string `json:"signature"` // base64url of the signature of key and body
	// Consent is the same signature by the person whom an invitation admits.
	Consent string `json:"consent,omitempty"`
	Body    string `json:"body"` // the JSON text of a Fact
}

// signed is a fact with who said it. Whether the signature is right is found out
// when it matters.
type signed struct {
	Fact
	key       string
	signer    Key
	body      []byte
	value     []byte
	signature []byte
	consent   []byte
	verified  *bool
}

// message is what is signed.
func message(key string, body []byte) []byte {
	return bytes.Join([][]byte{[]byte("sensocto room entry 1\x00"), []byte(key), []byte{0}, body}, nil)
}

// encodeFact returns the body of a fact. It leaves <, > and & in the value as they
// are: the value is compared with that of the room, byte by byte.
func encodeFact(f Fact) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return nil, fmt.Errorf("encode fact: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (s Signer) signature(key string, body []byte) string {
	return base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.private, message(key, body)))
}

// Sign returns the value of an entry that says a fact under a key.
func (s Signer) Sign(key string, f Fact) ([]byte, error) {
	body, err := encodeFact(f)
	if err != nil {
		return nil, err
	}
	return encodeEnvelope(key, envelope{Signer: s.Key, Signature: s.signature(key, body), Body: string(body)})
}

// Admit returns the value of an entry in which an invitation says a fact about a
// person, who consents.
func (s Signer) Admit(key string, f Fact, person Signer) ([]byte, error) {
	f.Invitation = s.Key
	body, err := encodeFact(f)
	if err != nil {
		return nil, err
	}
	return encodeEnvelope(key, envelope{Signer: s.Key, Signature: s.signature(key, body), Consent: person.signature(key, body), Body: string(body)})
}

func encodeEnvelope(key string, e envelope) ([]byte, error) {
	e.Format = formatVersion
	value, err := json.Marshal(e)
	if err == nil && (len(value) > maxValueBytes || len(key) > maxKeyBytes) {
		err = fmt.Errorf("the fact %s is too large", key)
	}
	return value, err
}

// Why entries are refused.
var (
	errMalformed = errors.New("malformed")
	errTooLarge  = errors.New("too_large")
	errFormat    = errors.New("other_format")
	errOtherRoom = errors.New("other_room")
)

// decodeFact reads an entry, without looking at its signature.
func decodeFact(room string, e Entry) (*signed, error) {
	if e.State == "too_large" || len(e.Value) > maxValueBytes || len(e.Key) > maxKeyBytes {
		return nil, errTooLarge
	}
	var v envelope
	if json.Unmarshal(e.Value, &v) != nil {
		return nil, errMalformed
	}
	if v.Format != formatVersion {
		return nil, errFormat
	}
	s := &signed{key: e.Key, signer: v.Signer, body: []byte(v.Body), value: e.Value}
	var err error
	if s.signature, err = base64.RawURLEncoding.DecodeString(v.Signature); err != nil || len(s.signature) != ed25519.SignatureSize {
		return nil, errMalformed
	}
	if s.consent, err = base64.RawURLEncoding.DecodeString(v.Consent); err != nil {
		return nil, errMalformed
	}
	if json.Unmarshal(s.body, &s.Fact) != nil || !validCount(s.Version) || !validCount(s.Generation) || s.Deleted != (s.Value == nil) {
		return nil, errMalformed
	}
	if s.Room != room {
		return nil, errOtherRoom
	}
	return s, nil
}

func validCount(n int64) bool { return n >= 0 && n <= maxCount }

// authentic reports whether the signer signed it.
func (s *signed) authentic() bool {
	if s.verified == nil {
		public := s.signer.public()
		ok := public != nil && ed25519.Verify(public, message(s.key, s.body), s.signature)
		s.verified = &ok
	}
	return *s.verified
}

// consented reports whether a person signed it, too.
func (s *signed) consented(k Key) bool {
	public := k.public()
	return public != nil && ed25519.Verify(public, message(s.key, s.body), s.consent)
}

// before reports whether the other fact of the same key goes before this one. It
// is a total order in which clocks have no say.
func (s *signed) before(o *signed) bool {
	switch {
	case s.Generation != o.Generation:
		return s.Generation < o.Generation
	case s.Deleted != o.Deleted:
		return o.Deleted
	case s.Version != o.Version:
		return s.Version < o.Version
	}
	if c := bytes.Compare(s.body, o.body); c != 0 {
		return c < 0
	}
	if c := bytes.Compare(s.signature, o.signature); c != 0 {
		return c < 0
	}
	return bytes.Compare(s.consent, o.consent) < 0
}

// The keys of facts. Each ends in a slash, so that none begins with another: an
// entry of Iroh replaces those of the same author whose keys begin with its own.
const (
	keyOwner       = "meta/owner/"
	keyClosed      = "meta/closed/"
	keyName        = "meta/name/"
	keyDescription = "meta/description/"
	prefixSetting  = "settings/"
	prefixMember   = "members/"
	prefixPerson   = "people/"
	prefixSensor   = "sensors/"
	prefixInvite   = "invites/"
	prefixMoved    = "moved/"
	prefixDocument = "documents/"
)

func settingKey(name string) string     { return prefixSetting + url.PathEscape(name) + "/" }
func memberKey(k Key) string            { return prefixMember + string(k) + "/" }
func personKey(k Key) string            { return prefixPerson + string(k) + "/" }
func sensorsKey(k Key) string           { return prefixSensor + string(k) + "/" } // all sensors of a member
func inviteKey(k Key) string            { return prefixInvite + string(k) + "/" }
func movedKey(k Key) string             { return prefixMoved + string(k) + "/" }
func documentKey(doc string) string     { return prefixDocument + doc + "/" }
func sensorKey(k Key, id string) string { return prefixSensor + string(k) + "/" + id + "/" }

// splitKey returns the kind of a key and what it names; ok is false for keys that
// mean nothing.
func splitKey(key string) (kind string, parts []string, ok bool) {
	body, ended := strings.CutSuffix(key, "/")
	kind, rest, found := strings.Cut(body, "/")
	if !ended || !found || rest == "" {
		return "", nil, false
	}
	return kind + "/", strings.Split(rest, "/"), true
}
