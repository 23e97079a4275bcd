package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestToken_ListAndRevokeMakeNoDatabase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "elsewhere")
	for _, args := range [][]string{{"token", "list"}, {"token", "revoke", "lab"}} {
		runCLI(t, nil, append(args, "--data-dir", dir)...).wants(t, 1, "there is no database in "+dir, "--data-dir")
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a command that reads left something behind: %v", err)
	}
	made := runCLI(t, nil, "token", "create", "--name", "lab", "--scope", "view", "--data-dir", dir).wants(t, 0, "a new database is made in "+dir)
	if len(made.stdout) != 57 {
		t.Errorf("stdout holds more than the token: %q", made.stdout)
	}
	runCLI(t, nil, "token", "list", "--data-dir", dir).wants(t, 0, "lab")
}
