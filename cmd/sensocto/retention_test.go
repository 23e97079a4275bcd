package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The records are replayed with timestamps of January 2026: any rule makes
// them old.
func TestRetention_DryRunSaysWhatGoes(t *testing.T) {
	s, want := replayed(t)
	admin := s.admin(t)
	runCLI(t, admin, "retention", "--dry-run").wants(t, 0, "would remove 0 samples")
	runCLI(t, s.env, "retention", "--dry-run").wants(t, exitFailed, "admin")
	s.stop()
	rules := []string{"SENSOCTO_RETENTION=[{sensor: rec-1, raw: 1d, rollups: 2y}]"}
	r := runCLI(t, rules, "retention", "--dry-run", "--data-dir", s.dir).wants(t, 0, "rec-1", "would remove 8999 samples", "1d", "2y")
	if strings.Contains(r.stdout, "rec-2") {
		t.Errorf("another sensor goes:\n%s", r.stdout)
	}
	runCLI(t, nil, "retention", "--dry-run", "--data-dir", s.dir).wants(t, 0, "kept for ever", "would remove 0 samples")
	s = startServer(t, s.dir, "--retention", "[{raw: 1d}]")
	runCLI(t, []string{"SENSOCTO_SERVER=" + s.url, admin[1]}, "retention", "--dry-run").wants(t, 0, "would remove 9098 samples")
	for id, text := range readAll(t, s, "rec-1", "rec-2") {
		if text != want[id] {
			t.Errorf("a dry run changed %s", id)
		}
	}
}

func TestCleanup_DeletesASensorHereAndOnAServer(t *testing.T) {
	s, want := replayed(t)
	admin := s.admin(t)
	runCLI(t, admin, "cleanup", "rec-2", "--dry-run").wants(t, 0, "would delete sensor rec-2", "1 attribute")
	runCLI(t, admin, "cleanup", "rec-2").wants(t, exitFailed, "--yes")
	runCLI(t, s.env, "cleanup", "rec-2", "--yes").wants(t, exitFailed, "scope")
	runCLI(t, admin, "cleanup", "rec-3", "--yes").wants(t, exitFailed, "no sensor rec-3")
	if got := readAll(t, s, "rec-2"); got["rec-2"] != want["rec-2"] {
		t.Error("it was changed")
	}
	runCLI(t, admin, "cleanup", "rec-2", "--yes").wants(t, 0, "deleted sensor rec-2: 99 samples of 1 attribute")
	s.cli(t, "read", "rec-2", "ECG_lead_I").wants(t, exitFailed, "no sensor")
	s.stop()
	runCLI(t, nil, "cleanup", "rec-1", "--data-dir", s.dir, "--dry-run").wants(t, 0, "would delete sensor rec-1 with 8999 samples")
	runCLI(t, nil, "cleanup", "rec-1", "--data-dir", s.dir, "-y").wants(t, 0, "deleted sensor rec-1: 8999 samples")
	runCLI(t, nil, "cleanup", "rec-1", "--data-dir", s.dir, "-y").wants(t, exitFailed, "no sensor rec-1")
}

// traces returns the files below a directory that hold some text.
func traces(t *testing.T, dir, text string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCleanup_LeavesNothing(t *testing.T) {
	s := startServer(t, t.TempDir())
	s.cli(t, "replay", writeRecord(t, "rec-unwanted", 9000), writeRecord(t, "rec-other", 9000), "--speed", "max", "--start", startText).wants(t, 0)
	runCLI(t, s.admin(t), "cleanup", "rec-unwanted", "--erase", "--yes").wants(t, exitFailed, "stop the server first")
	s.stop()
	if len(traces(t, s.dir, "rec-unwanted")) == 0 {
		t.Fatal("the test looks for the wrong thing")
	}
	if err := os.Mkdir(filepath.Join(s.dir, "replaced-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	runCLI(t, nil, "cleanup", "rec-unwanted", "--erase", "--dry-run", "--data-dir", s.dir).wants(t, 0, "would delete")
	runCLI(t, nil, "cleanup", "rec-unwanted", "--erase", "--yes", "--data-dir", s.dir).wants(t, 0, "rewritten", "replaced-1 may hold")
	for _, file := range traces(t, s.dir, "rec-unwanted") {
		if filepath.Base(filepath.Dir(file)) != "journal" { // it notes that the sensor was deleted
			t.Errorf("the sensor is still named in %v", file)
		}
	}
	runCLI(t, nil, "check", s.dir).wants(t, 0, "1 series, 8999 samples", "is sound")
}

func TestRetention_ApplyRemovesWhatIsHeld(t *testing.T) {
	s, _ := replayed(t)
	s.stop()
	s = startServer(t, s.dir, "--retention", "[{sensor: rec-1, raw: 1d}]")
	admin := s.admin(t)
	runCLI(t, s.env, "retention", "--apply").wants(t, exitFailed, "scope")
	runCLI(t, admin, "retention", "--apply").wants(t, 0, "rec-1", "removed 8999 samples")
	runCLI(t, admin, "retention", "--dry-run").wants(t, 0, "would remove 0 samples")
	s.stop()
	rules := []string{"SENSOCTO_RETENTION=[{raw: 1d}]"}
	runCLI(t, rules, "retention", "--apply", "--data-dir", s.dir).wants(t, 0, "rec-2", "removed 99 samples")
	runCLI(t, rules, "retention", "--dry-run", "--data-dir", s.dir).wants(t, 0, "would remove 0 samples")
}
