//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// killedUnderLoad is the directory of a server that was killed, with the number
// of samples it had answered for and the last file of its journal.
func killedUnderLoad(t *testing.T) (dir string, acked int, segment string) {
	t.Helper()
	dir = t.TempDir()
	p := startProcess(t, dir)
	d, done := p.device("s"), make(chan int, 1)
	go func() { log, _ := d.flood(d.acknowledged); done <- len(log) }()
	time.Sleep(500 * time.Millisecond)
	p.signal(syscall.SIGKILL)
	batches := <-done
	names, err := filepath.Glob(filepath.Join(dir, "journal", "journal-*.seg"))
	if err != nil || len(names) == 0 || batches == 0 {
		t.Fatalf("%d files of the journal, %d batches answered, %v", len(names), batches, err)
	}
	return dir, batches * batchSize, names[len(names)-1]
}

// change rewrites a file.
func change(t *testing.T, file string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, f(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What a crash tore was never confirmed: it is left off, and that is told.
func TestProcess_TornJournal(t *testing.T) {
	dir, acked, segment := killedUnderLoad(t)
	change(t, segment, func(b []byte) []byte { return append(b, "\xf6SJG and then the power went"...) })
	runCLI(t, nil, "check", dir).wants(t, 0, "torn by a crash", "is sound")
	p := startProcess(t, dir)
	p.wantsLog("torn by a crash")
	if _, text := p.status("/metrics"); !strings.Contains(text, "journal_torn_bytes_total") || strings.Contains(text, "journal_torn_bytes_total 0\n") {
		t.Error("the torn bytes are not counted")
	}
	p.wantsCount("s", "n", acked)
	p.ends()
}

// A journal that is damaged is not run over: the server says what to do, and a
// repair keeps all records that are whole.
func TestProcess_DamagedJournal(t *testing.T) {
	dir, acked, segment := killedUnderLoad(t)
	change(t, segment, func(b []byte) []byte { b[len(b)/2] ^= 0x10; return b })
	refused, err := program("serve", "--listen", "127.0.0.1:0", "--data-dir", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(refused), "the journal is damaged") || !strings.Contains(string(refused), "sensocto repair") {
		t.Fatalf("%v\n%s", err, refused)
	}
	runCLI(t, nil, "check", dir).wants(t, exitFailed, "journal: "+filepath.Base(segment))
	var report findings
	if err := json.Unmarshal([]byte(runCLI(t, nil, "check", "--json", dir).wants(t, exitFailed).stdout), &report); err != nil {
		t.Fatal(err)
	}
	if report.Sound || len(report.Journal.Damage) != 1 || report.Journal.Lost == 0 {
		t.Fatalf("%+v", report.Journal)
	}
	runCLI(t, nil, "repair", dir, "--yes").wants(t, 0, "was made again", "is sound")
	if _, err := os.Stat(segment + ".damaged"); err != nil {
		t.Error(err)
	}
	p := startProcess(t, dir)
	seen := make(map[float64]bool)
	last := -1.0
	for _, v := range p.values("s", "n") {
		if v <= last {
			t.Fatalf("%v comes after %v", v, last)
		}
		seen[v], last = true, v
	}
	if lost := acked - len(seen); lost > int(report.Journal.Lost)*batchSize {
		t.Errorf("%d of %d samples are lost, but only %d records", lost, acked, report.Journal.Lost)
	}
	p.ends()
}
