package p2p

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Key is a public key as it stands in keys of entries: 52 characters.
type Key string

var keyText = base32.StdEncoding.WithPadding(base32.NoPadding)

// keyOf returns the text of a public key.
func keyOf(public ed25519.PublicKey) Key { return Key(strings.ToLower(keyText.EncodeToString(public))) }

// public returns the key, or nil for what is none.
func (k Key) public() ed25519.PublicKey {
	if len(k) != 52 || strings.ToLower(string(k)) != string(k) {
		return nil
	}
	b, err := keyText.DecodeString(strings.ToUpper(string(k)))
	if err != nil || len(b) != ed25519.PublicKeySize || keyOf(b) != k {
		return nil
	}
	return b
}

// Valid reports whether it has the form of a key.
func (k Key) Valid() bool { return k.public() != nil }

// Signer is a key pair that signs entries.
type Signer struct {
	Key     Key
	private ed25519.PrivateKey
}

func signerOf(seed []byte) Signer {
	private := ed25519.NewKeyFromSeed(seed)
	return Signer{Key: keyOf(private.Public().(ed25519.PublicKey)), private: private}
}

// Keys makes the keys of rooms and people of this server from one secret, so that
// none of them has to be stored.
type Keys struct{ seed []byte }

const seedBytes = 32

// OpenKeys reads the secret from a file that only the server's user may read, and
// makes it where there is none.
func OpenKeys(file string) (*Keys, error) {
	seed, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKeys(file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the keys of rooms: %w", err)
	}
	if len(seed) != seedBytes {
		return nil, fmt.Errorf("%s is damaged: restore it from a copy; without it, nobody can change the rooms that this server owns", file)
	}
	return &Keys{seed}, nil
}

func makeKeys(file string) (*Keys, error) {
	seed := make([]byte, seedBytes)
	_, _ = rand.Read(seed) // never fails: it ends the program first
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("make the keys of rooms: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the keys of rooms: %w", err)
	}
	_, err = f.Write(seed)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("make the keys of rooms: %w", err)
	}
	return &Keys{seed}, nil
}

// Person returns the key pair of a user of this server.
func (k *Keys) Person(userID string) Signer { return k.derive("sensocto person 1 " + userID) }

// Room returns the key pair of a room that was made at this server.
func (k *Keys) Room(roomID string) Signer { return k.derive("sensocto room 1 " + roomID) }

func (k *Keys) derive(info string) Signer {
	seed, err := hkdf.Key(sha256.New, k.seed, nil, info, ed25519.SeedSize)
	if err != nil {
		panic(err) // only for lengths that this is not
	}
	return signerOf(seed)
}

// NewInvite returns a key pair that admits whoever has its seed.
func NewInvite() (Signer, []byte) {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed)
	return signerOf(seed), seed
}
