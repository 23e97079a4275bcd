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
	// The bench starts itself as the server, so it has to be the program, and
	// not this test.
	binary := filepath.Join(t.TempDir(), "sensocto")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(binary, "bench", "attention", "--sensors", "10", "--warmup", "100ms", "--duration", "2s", "--json").Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var report bench.Report
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	run := report.Results[0].Median
	if run.Latency.Max <= 0 || run.Ingested == 0 || run.Errors+run.Disconnects != 0 {
		t.Errorf("%+v", run)
	}
}
