package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
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

// Devices are asked for less of what is hardly looked at, viewers get far less
// of it, and every sample is there one by one or marked as merged: else the
// bench fails.
func TestBench_TilesBringLessThanEverythingAtHigh(t *testing.T) {
	t.Parallel() // it mostly waits
	report := runBench(t, "tiles", "--sensors", "6", "--watch", "6", "--viewers", "3", "--warmup", "100ms", "--duration", "2s")
	each, one, high := report.Results[0].Median, report.Results[1].Median, report.Results[2].Median
	if high.Merged != 0 || high.BatchesPerSec*1.1 < high.IngestPerSecond {
		t.Errorf("all at high %+v", high)
	}
	for _, levels := range []bench.Result{each, one} {
		if levels.Merged == 0 || levels.BytesPerMIn*2 > high.BytesPerMIn || levels.BatchesPerSec*1.2 > high.BatchesPerSec {
			t.Errorf("by level %+v; all at high %+v", levels, high)
		}
	}
	if one.BatchesPerSec*1.2 > each.BatchesPerSec {
		t.Errorf("all viewers at one sensor %+v, each at another %+v", one, each)
	}
}

// Acknowledged batches arrive in both encodings, beside batches that are not.
// There are so many sensors that none comes near the limit on frames.
func TestBench_AcknowledgedBatchesAreConfirmed(t *testing.T) {
	t.Parallel()
	report := runBench(t, "ingest-acked", "--sensors", "40", "--warmup", "100ms", "--duration", "500ms")
	for _, s := range report.Results {
		if r := s.Median; r.Ingested == 0 || r.Errors+r.Disconnects != 0 || r.Config.Acked != (r.Latency.Max > 0) {
			t.Errorf("%+v", r)
		}
	}
	if len(report.Results) != 3 || report.AckedRatio() <= 0 {
		t.Errorf("%d results, ratio %v", len(report.Results), report.AckedRatio())
	}
}

// The store's own bench finds everything again after it was closed and opened.
func TestBench_StoreFindsWhatWasConfirmed(t *testing.T) {
	t.Parallel()
	_, url := postgresServer(t)
	for name, args := range map[string]string{"SQLite": "", "PostgreSQL": " --signal float32 --database-url " + url} {
		r := runCLI(t, []string{"HOME=" + t.TempDir()}, strings.Fields("bench store --sensors 5 --warmup 100ms --duration 500ms --json"+args)...).wants(t, 0)
		var result bench.StoreResult
		if err := json.Unmarshal([]byte(r.stdout), &result); err != nil {
			t.Fatal(err)
		}
		if !result.OK() || result.Found != result.Put || result.Config.Database != name || result.Syncs == 0 {
			t.Errorf("%s: %+v", name, result)
		}
	}
	runCLI(t, []string{"HOME=" + t.TempDir()}, "bench", "store", "--duration", "100ms", "--database-url", url).wants(t, exitFailed, "give an empty database")
}

// A server that starts on a long journal takes devices before it has read all of
// it, and in the end everything is there.
func TestBench_RestartFindsWhatWasConfirmed(t *testing.T) {
	t.Parallel() // it mostly waits
	_, url := postgresServer(t)
	for name, database := range map[string]string{"SQLite": "", "PostgreSQL": " --database-url " + url} {
		args := "restart --journal 4MiB --sensors 10 --duration 200ms" + database
		var r bench.RestartResult
		if err := json.Unmarshal(benchJSON(t, strings.Fields(args)...), &r); err != nil {
			t.Fatal(err)
		}
		if !r.OK() || r.Found != r.Put || r.Journal < 4<<20 || r.Config.Database != name {
			t.Errorf("%s: %+v", name, r)
		}
		if r.Accepted <= 0 || r.Acknowledged < r.Accepted || r.Read <= 0 || r.Ready <= 0 || r.Whole < r.Ready || r.AckDuring.Max <= 0 || r.AckAfter.Max <= 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// Peers of many rooms join, and every description and candidate arrives.
func TestBench_CallsBringEverySignal(t *testing.T) {
	t.Parallel()
	var r bench.CallsResult
	if err := json.Unmarshal(benchJSON(t, "calls", "--rooms", "5", "--peers", "3", "--duration", "500ms"), &r); err != nil {
		t.Fatal(err)
	}
	const signals = 5 * 3 * 2 * 13 // rooms, pairs, both ways, a description and 12 candidates
	if !r.OK() || r.Received != signals || r.Joined != 15 || r.ServerCPU <= 0 || r.Join.Max <= 0 || r.Signal.Max <= 0 {
		t.Errorf("%+v", r)
	}
}

// runBench runs a scenario that devices and viewers play.
func runBench(t *testing.T, args ...string) (report bench.Report) {
	t.Helper()
	if err := json.Unmarshal(benchJSON(t, args...), &report); err != nil {
		t.Fatal(err)
	}
	return report
}

// benchJSON runs the program's bench. It starts itself as the server, so it has
// to be the program, and not this test.
func benchJSON(t *testing.T, args ...string) []byte {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sensocto")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(binary, append(append([]string{"bench"}, args...), "--json")...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, &stderr)
	}
	return out
}
