//go:build unix

package recording_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sensocto/sensocto/recording"
)

// Nobody writes to the pipes: whoever opened one as a file would wait for ever.
func TestOpen_RefusesWhatIsNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"pipe.csv", "pipe.edf", "pipe.hea", "pipe.bin", "r.dat", "n.atr"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Skipf("no named pipes here: %v", err)
		}
	}
	for name, text := range map[string]string{"r.hea": "r 1 100 2\nr.dat 16\n", "n.hea": "n 1 100 2\nn.raw 16\n", "n.raw": "\x01\x00\x02\x00"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "directory.csv"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir) // the name of a socket has at most 108 bytes
	listener, err := net.Listen("unix", "socket.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for path, want := range map[string]string{
		"pipe.csv": "a named pipe", "pipe.edf": "a named pipe", "pipe.hea": "a named pipe", "pipe.bin": "a named pipe",
		"r.hea": "a named pipe", "n.hea": "a named pipe",
		"directory.csv": "a directory", ".": "a directory", "socket.csv": "a socket", "/dev/null": "a device",
	} {
		r, err := recording.Open(path)
		if err == nil {
			r.Close()
			t.Errorf("%s: no error", path)
		} else if !strings.Contains(err.Error(), want+": only regular files") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
