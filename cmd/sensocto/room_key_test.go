package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A backup has the secret by which other servers know the people of this one, and a
// restore puts it in its place, also where there is another.
func TestBackup_HasTheKeyOfSharedRooms(t *testing.T) {
	dir := t.TempDir()
	from, to, file := filepath.Join(dir, "from"), filepath.Join(dir, "to"), filepath.Join(dir, "all.backup")
	key, other := bytes.Repeat([]byte("k"), 32), bytes.Repeat([]byte("o"), 32)
	source, target := Config{DataDir: from}.roomKeyFile(), Config{DataDir: to}.roomKeyFile()
	write := func(file string, key []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(file string) string {
		t.Helper()
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	runCLI(t, nil, "token", "create", "--name", "one", "--scope", "view", "--data-dir", from).wants(t, 0)
	write(source, key[:31])
	runCLI(t, nil, "backup", file, "--data-dir", from).wants(t, 1, "damaged")
	write(source, key)
	runCLI(t, nil, "backup", file, "--data-dir", from).wants(t, 0)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}

	runCLI(t, nil, "restore", file, "--data-dir", to).wants(t, 0)
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o600 || read(target) != string(key) {
		t.Errorf("%v, %v", info, err)
	}
	out := runCLI(t, nil, "restore", file, "--data-dir", to, "--replace").wants(t, 0).stdout
	if strings.Contains(out, "rooms.key") {
		t.Errorf("the same key was moved aside: %s", out)
	}
	write(target, other)
	runCLI(t, nil, "restore", file, "--data-dir", to, "--replace").wants(t, 0, "rooms.key.replaced-")
	aside, err := filepath.Glob(target + ".replaced-*")
	if err != nil || len(aside) != 1 || read(aside[0]) != string(other) || read(target) != string(key) {
		t.Errorf("%v, %v", aside, err)
	}

	// Where rooms were never shared, a backup has none and a restore leaves what is there.
	if err := os.Remove(source); err != nil {
		t.Fatal(err)
	}
	runCLI(t, nil, "backup", file, "--data-dir", from, "--force").wants(t, 0)
	runCLI(t, nil, "restore", file, "--data-dir", to, "--replace").wants(t, 0)
	if read(target) != string(key) {
		t.Error("the key is gone")
	}
}

// A restore that ends halfway leaves the secret of before in its place.
func TestRestoreRoomKey_TheFileIsNeverAway(t *testing.T) {
	file := Config{DataDir: t.TempDir()}.roomKeyFile()
	before, key := bytes.Repeat([]byte("b"), 32), bytes.Repeat([]byte("k"), 32)
	if err := os.MkdirAll(file+".partial", 0o700); err != nil { // the new one cannot be written
		t.Fatal(err)
	}
	if err := os.WriteFile(file, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := restoreRoomKey(file, key, "now"); err == nil {
		t.Fatal("it was restored")
	}
	for _, name := range []string{file, file + ".replaced-now"} {
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, before) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
