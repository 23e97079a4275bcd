package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sensocto/sensocto/bench"
)

// A bare server asks devices for nothing, so the scenario is played with the
// program itself.
func TestBench_AttentionReachesEveryDevice(t *testing.T) {
	t.Parallel() // it mostly waits
	report := runBench(t, "attention", "--sensors", "10", "--warmup", "100ms", "--duration", "2s")
	run := report.Results[0].Median
	if run.Latency.Max <= 0 || run.Ingested == 0 || run.Errors+run.Disconnects != 0 {
		t.Errorf("%+v", run)
	}
}

// Viewers get far less of what they hardly look at, and every sample of it is
// there one by one or marked as merged: else the bench fails.
func TestBench_TilesBringLessThanEverythingAtHigh(t *testing.T) {
	t.Parallel() // it mostly waits
	report := runBench(t, "tiles", "--sensors", "6", "--watch", "6", "--viewers", "3", "--warmup", "100ms", "--duration", "2s")
	levels, high := report.Results[0].Median, report.Results[1].Median
	if levels.Merged == 0 || high.Merged != 0 || levels.BytesPerMIn*2 > high.BytesPerMIn {
		t.Errorf("by level %+v; all at high %+v", levels, high)
	}
}

// runBench runs the program's bench. It starts itself as the server, so it has
// to be the program, and not this test.
func runBench(t *testing.T, args ...string) (report bench.Report) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sensocto")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(binary, append(append([]string{"bench"}, args...), "--json")...).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	return report
}
