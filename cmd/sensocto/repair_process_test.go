//go:build unix

package main

import (
	"path/filepath"
	"syscall"
	"testing"
)

// What a killed server had acknowledged and not yet written to the database is
// in the journal: a repair of the database leaves it there, and a restore takes
// it aside, because a backup is of another time.
func TestRepair_KeepsTheJournal(t *testing.T) {
	dir, file := stopped(t), filepath.Join(t.TempDir(), "all.backup")
	runCLI(t, nil, "backup", file, "--data-dir", dir).wants(t, 0)
	pages := chunkPages(t, dir)
	p := startProcess(t, dir)
	p.cli(t, "replay", writeRecord(t, "rec-late", 500), "--speed", "max", "--start", startText).wants(t, 0)
	p.signal(syscall.SIGKILL)
	scribble(t, dir, pages[len(pages)/2])
	runCLI(t, nil, "check", dir).wants(t, exitFailed, "database: ")
	runCLI(t, nil, "repair", dir, "--yes").wants(t, 0, "saved: ", "is sound")
	runCLI(t, nil, "export", "rec-late", "-o", "-", "--format", "csv", "--data-dir", dir).wants(t, 0, startText[:10])
	s := startServer(t, dir)
	late := s.cli(t, "read", "rec-late", "ECG_lead_I").wants(t, 0).stdout
	if len(late) < 5000 {
		t.Errorf("%d bytes are left of what was acknowledged", len(late))
	}
	s.stop()

	runCLI(t, nil, "restore", file, "--data-dir", dir, "--replace").wants(t, 0, "replaced-")
	s = startServer(t, dir)
	s.cli(t, "read", "rec-late", "ECG_lead_I").wants(t, exitFailed, "404")
	s.cli(t, "read", "rec-1", "ECG_lead_I", "--limit", "1").wants(t, 0)
}
