//go:build unix

package main

import (
	"context"
	"syscall"
	"testing"
	"time"
)

// An import that is killed again and again, at any moment, and then repeated
// has everything, once.
func TestImport_SurvivesKills(t *testing.T) {
	t.Parallel()
	dir, record := t.TempDir(), writeRecord(t, "rec-1", 300_000)
	kills := 0
	for after := 150 * time.Millisecond; ; after = after * 3 / 2 {
		if killedAfter(t, after, "import", record, "--start", startText, "--data-dir", dir) {
			kills++
			continue
		}
		break
	}
	t.Logf("killed %d times", kills)
	runCLI(t, nil, "import", record, "--start", startText, "--data-dir", dir).wants(t, 0, "0 samples stored", "299999 were there already")
	s := startServer(t, dir)
	if got, want := s.cli(t, "read", "rec-1", "ECG_lead_I").wants(t, 0).stdout, expected(t, record, 0, startMicros); got != want {
		t.Errorf("reads %d bytes, want %d", len(got), len(want))
	}
}

// killedAfter runs the program as a process and reports whether it had to be
// killed.
func killedAfter(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	cmd := program(args...)
	var said safeBuffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	killer.Stop()
	if err != nil && cmd.ProcessState.Exited() {
		t.Fatalf("%v\n%s", err, said.String())
	}
	return err != nil
}

// The same with the server being killed while it is sent the recording, and
// with whoever sends it being stopped.
func TestImport_ThroughAServerSurvivesKills(t *testing.T) {
	t.Parallel()
	dir, record := t.TempDir(), writeRecord(t, "rec-1", 250_000)
	for round, after := 0, 100*time.Millisecond; ; round, after = round+1, after*2 {
		s := startProcess(t, dir)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		end := time.AfterFunc(after, func() {
			if round%2 == 0 {
				_ = s.cmd.Process.Kill()
			} else {
				cancel()
			}
		})
		var stdout, stderr safeBuffer
		code := run(ctx, []string{"import", record, "--start", startText}, &stdout, &stderr, s.env)
		alive := end.Stop() || round%2 != 0 // a kill may come just behind the end of an import
		cancel()
		if code == 0 && alive {
			t.Logf("round %d: %s", round, stderr.String())
			s.cli(t, "import", record, "--start", startText).wants(t, 0, "0 samples stored")
			if got, want := s.cli(t, "read", "rec-1", "ECG_lead_I").wants(t, 0).stdout, expected(t, record, 0, startMicros); got != want {
				t.Errorf("reads %d bytes, want %d", len(got), len(want))
			}
			s.ends()
			return
		}
		s.signal(syscall.SIGKILL)
	}
}

func TestImport_StopsInOrderAndGoesOn(t *testing.T) {
	dir, record := t.TempDir(), writeRecord(t, "rec-1", 250_000)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	var stdout, stderr safeBuffer
	if code := run(ctx, []string{"import", record, "--start", startText, "--data-dir", dir}, &stdout, &stderr, nil); code != 0 {
		t.Logf("code %d: %s", code, stderr.String())
	}
	r := runCLI(t, nil, "import", record, "--start", startText, "--data-dir", dir).wants(t, 0)
	t.Log(r.stderr)
	runCLI(t, nil, "import", record, "--start", startText, "--data-dir", dir).wants(t, 0, "0 samples stored", "249999 were there already")
}
