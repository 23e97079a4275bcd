package postgrestest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// unprivileged starts a process as somebody without rights, outside of the
// terminal's signals, that ends when the test does.
func unprivileged() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: credential(), Setpgid: true, Pdeathsig: syscall.SIGQUIT}
}

// killChildren kills the processes that a process started.
func killChildren(parent int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
			}
		}
	}
}
