package p2p

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// What is meant for one person alone is sealed with HPKE (RFC 9180) for a key that the
// person says in people/{person}/.
var (
	sealKEM  = hpke.DHKEM(ecdh.X25519())
	sealKDF  = hpke.HKDFSHA256()
	sealAEAD = hpke.ChaCha20Poly1305()
)

var errSeal = errors.New("not sealed for this person")

// opener returns the private key with which a user of this server opens what is sealed
// for them.
func (k *Keys) opener(userID string) (hpke.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, k.seed, nil, "sensocto seal 1 "+userID, 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of a seal: %w", err)
	}
	return sealKEM.DeriveKeyPair(seed)
}

// SealKey returns the public key for what only a user of this server is to read: 43
// characters of base64url.
func (k *Keys) SealKey(userID string) (string, error) {
	opener, err := k.opener(userID)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(opener.PublicKey().Bytes()), nil
}

// move says where a room goes on; it is sealed for a member.
type move struct {
	Doc  string `json:"doc"`  // Iroh's ticket of the document
	Keys int    `json:"keys"` // how many keys the document has at least: whoever has fewer waits
}

// moveInfo is what a move is bound to, so that one for another room or another time does
// not open.
func moveInfo(room string, moves int64) []byte {
	return fmt.Appendf(nil, "sensocto move 1\x00%s\x00%d", room, moves)
}

// seal seals a move for whoever has said a key.
func (m move) seal(key, room string, moves int64) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return nil, fmt.Errorf("the key of a seal: %w", err)
	}
	public, err := sealKEM.NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("the key of a seal: %w", err)
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return hpke.Seal(public, sealKDF, sealAEAD, moveInfo(room, moves), text)
}

// openMove opens a move that is sealed for a user of this server.
func (k *Keys) openMove(userID, room string, moves int64, sealed []byte) (m move, err error) {
	opener, err := k.opener(userID)
	if err != nil {
		return m, err
	}
	text, err := hpke.Open(opener, sealKDF, sealAEAD, moveInfo(room, moves), sealed)
	if err != nil || json.Unmarshal(text, &m) != nil || m.Doc == "" {
		return m, errSeal
	}
	return m, nil
}
