package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The device of docs/devices.md works as it stands there.
func TestDocument_TheDeviceInGo(t *testing.T) {
	t.Parallel() // it mostly waits
	text, err := os.ReadFile("../../docs/devices.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```go\n")
	code, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatal("docs/devices.md has no device in Go")
	}
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "strap")
	if err := os.WriteFile(source, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := startServer(t, t.TempDir())
	strap := exec.Command(binary)
	strap.Env = append(append(os.Environ(), s.env...), "STRAP_FILE="+filepath.Join(dir, "strap.spool"))
	out, err := strap.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "asked for 20 or 5000 ms at none, paused: false") || !strings.HasSuffix(string(out), "done, 0 missed\n") {
		t.Errorf("%v: %s", err, out)
	}
	if got := s.cli(t, "read", "strap", "heartrate").wants(t, 0).stdout; strings.Count(got, "\n") != 501 {
		t.Errorf("%d lines are stored", strings.Count(got, "\n"))
	}
}
