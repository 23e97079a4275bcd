// Package p2ptest finds the sidecar for the tests of all packages that start it, and
// skips them where it was not built.
package p2ptest

import (
	"os"
	"path/filepath"
	"testing"
)

// Program returns the file of the sidecar that was built, or skips the test: that which
// SENSOCTO_SIDECAR names, or else bin/sensocto-sidecar of the repository.
func Program(t testing.TB) string {
	t.Helper()
	file := os.Getenv("SENSOCTO_SIDECAR")
	if file == "" {
		file = filepath.Join(repository(t), "bin", "sensocto-sidecar")
	}
	file, err := filepath.Abs(file)
	if err == nil {
		_, err = os.Stat(file)
	}
	if err != nil {
		t.Skipf("the sidecar is not built ('make sidecar' builds it): %v", err)
	}
	return file
}

// repository is the directory of go.mod: tests run in that of their package.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("this is no part of the repository")
		}
		dir = parent
	}
}
