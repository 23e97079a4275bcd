package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sensocto/sensocto/backup"
)

// roomKeyFile is the secret from which the keys of shared rooms and their people are made.
func (c Config) roomKeyFile() string { return filepath.Join(c.DataDir, "p2p", "rooms.key") }

// readRoomKey returns the secret for a backup, or nil where rooms were never shared.
func readRoomKey(file string) ([]byte, error) {
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && len(key) != backup.RoomKeyBytes {
		err = fmt.Errorf("%s is damaged: restore it from a copy, or move it aside", file)
	}
	return key, err
}

// restoreRoomKey puts the secret of a backup in its place, and returns where another one
// went that was there, or "".
func restoreRoomKey(file string, key []byte, stamp string) (aside string, err error) {
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if key == nil || bytes.Equal(before, key) {
		return "", nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	if before != nil {
		// A copy: were the file away for a moment, a crash then would have the server make
		// another secret, which nobody knows.
		aside = file + ".replaced-" + stamp
		if err := writeSecret(aside, before); err != nil {
			return "", err
		}
	}
	return aside, writeSecret(file, key)
}

// writeSecret makes a file that only its owner reads, whole or not at all.
func writeSecret(file string, secret []byte) error {
	partial := file + ".partial"
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(secret)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return errors.Join(os.Rename(partial, file), syncDir(filepath.Dir(file)))
}
