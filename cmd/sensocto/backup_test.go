package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// admin returns the environment with a token that may do everything.
func (s *running) admin(t *testing.T) []string {
	t.Helper()
	token := runCLI(t, nil, "token", "create", "--name", "root", "--scope", "admin", "--data-dir", s.dir).wants(t, 0)
	return []string{"SENSOCTO_SERVER=" + s.url, "SENSOCTO_TOKEN=" + strings.TrimSpace(token.stdout)}
}

// replayed is a data directory with two sensors, and what is read of them.
func replayed(t *testing.T) (s *running, want map[string]string) {
	t.Helper()
	s = startServer(t, t.TempDir())
	s.cli(t, "replay", writeRecord(t, "rec-1", 9000), writeRecord(t, "rec-2", 100), "--speed", "max", "--start", startText).wants(t, 0)
	return s, readAll(t, s, "rec-1", "rec-2")
}

func readAll(t *testing.T, s *running, sensors ...string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, id := range sensors {
		all[id] = s.cli(t, "read", id, "ECG_lead_I").wants(t, 0).stdout
	}
	return all
}

func TestBackup_OfARunningServerIsRestored(t *testing.T) {
	s, want := replayed(t)
	file := filepath.Join(t.TempDir(), "all.backup")
	admin := s.admin(t)
	runCLI(t, s.env, "backup", file).wants(t, exitFailed, "admin") // may not do everything
	runCLI(t, admin, "backup", file).wants(t, 0, "2 sensors", "2 series", "9098 samples")
	runCLI(t, admin, "backup", file).wants(t, exitFailed, "--force")
	runCLI(t, admin, "backup", file, "--force", "-q").wants(t, 0)
	runCLI(t, nil, "backup", "--verify", file).wants(t, 0, "is complete", "9098 samples")
	stream := runCLI(t, admin, "backup", "-").wants(t, 0)
	if stream.stdout[:7] != "SNSOBAK" {
		t.Errorf("on standard output: %.20q", stream.stdout)
	}
	runCLI(t, nil, "restore", file, "--data-dir", s.dir).wants(t, exitFailed, "another server")

	dir := filepath.Join(t.TempDir(), "new")
	runCLI(t, nil, "restore", file, "--data-dir", dir, "--tokens").wants(t, 0, "restored 2 sensors")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 { // the database, its lock, and the journal
		t.Errorf("left behind: %v %v", entries, err)
	}
	restored := startServer(t, dir)
	for id, text := range readAll(t, restored, "rec-1", "rec-2") {
		if text != want[id] {
			t.Errorf("%s reads %d bytes, want %d", id, len(text), len(want[id]))
		}
	}
	r := runCLI(t, nil, "token", "list", "--data-dir", dir).wants(t, 0, "root")
	if n := strings.Count(r.stdout, "  admin  "); n != 3 { // a name and two scopes, as before: none was made again
		t.Errorf("%d admin tokens:\n%s", n, r.stdout)
	}
}

func TestBackup_ReadsTheDirectoryOfAStoppedServer(t *testing.T) {
	s, _ := replayed(t)
	if code := s.stop(); code != 0 {
		t.Fatal(code)
	}
	file := filepath.Join(t.TempDir(), "all.backup")
	runCLI(t, nil, "backup", file, "--data-dir", s.dir).wants(t, 0, "9098 samples")
	dir := t.TempDir()
	runCLI(t, nil, "token", "create", "--name", "stays", "--scope", "view", "--data-dir", dir).wants(t, 0)
	runCLI(t, nil, "restore", file, "--data-dir", dir).wants(t, 0, "0 tokens")
	r := runCLI(t, nil, "token", "list", "--data-dir", dir).wants(t, 0, "stays")
	if strings.Contains(r.stdout, "admin") {
		t.Errorf("tokens came back unasked:\n%s", r.stdout)
	}
	runCLI(t, nil, "backup", file, "--data-dir", t.TempDir()).wants(t, exitFailed, "--force")
	runCLI(t, nil, "backup", file+"2", "--data-dir", t.TempDir()).wants(t, exitFailed, "no database")
}

func TestRestore_RefusesAndLeavesEverythingAsItWas(t *testing.T) {
	s, want := replayed(t)
	s.stop()
	file := filepath.Join(t.TempDir(), "all.backup")
	runCLI(t, nil, "backup", file, "--data-dir", s.dir).wants(t, 0)
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped, cut := filepath.Join(t.TempDir(), "flipped"), filepath.Join(t.TempDir(), "cut")
	flip := append([]byte(nil), packed...)
	flip[len(flip)/2] ^= 4
	for path, content := range map[string][]byte{flipped: flip, cut: packed[:len(packed)-7]} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for path, why := range map[string]string{flipped: "changed", cut: "incomplete"} {
		runCLI(t, nil, "backup", "--verify", path).wants(t, exitFailed, why)
		runCLI(t, nil, "restore", path, "--data-dir", dir).wants(t, exitFailed, why, "Nothing was changed")
		if _, err := os.Stat(filepath.Join(dir, "sensocto.db")); err == nil {
			t.Error("there is a database")
		}
	}
	runCLI(t, nil, "restore", file, "--data-dir", s.dir).wants(t, exitFailed, "2 sensors", "--replace")
	runCLI(t, nil, "restore", file, "--data-dir", s.dir, "--replace").wants(t, 0, "replaced-")
	aside, err := filepath.Glob(filepath.Join(s.dir, "replaced-*", "sensocto.db"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("%v %v", aside, err)
	}
	runCLI(t, nil, "backup", filepath.Join(t.TempDir(), "old"), "--data-dir", filepath.Dir(aside[0])).wants(t, 0, "9098 samples")
	for id, text := range readAll(t, startServer(t, s.dir), "rec-1", "rec-2") {
		if text != want[id] {
			t.Errorf("%s differs", id)
		}
	}
}

// A server that is killed in the middle of a backup leaves no file that could
// be taken for one.
func TestBackup_ThatBreaksLeavesNoFile(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("SNSOBAK\x01\x01\x01"))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer broken.Close()
	file := filepath.Join(t.TempDir(), "all.backup")
	runCLI(t, []string{"SENSOCTO_SERVER=" + broken.URL}, "backup", file).wants(t, exitFailed, "early")
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
