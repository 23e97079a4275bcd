package p2p

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pidOf returns the process id of a running sidecar.
func pidOf(t testing.TB, s *Sidecar) string {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(b), "--dir\x00"+s.options.Dir+"\x00") {
			return filepath.Base(filepath.Dir(file))
		}
	}
	t.Fatal("the sidecar's process was not found")
	return ""
}

func signalProcess(t *testing.T, pid, signal string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "kill", signal, pid).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
