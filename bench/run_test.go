package bench_test

import (
	"context"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/sensocto/sensocto/bench"
)

// startBare serves a bare server in this process until the test ends.
func startBare(t *testing.T, gather time.Duration) bench.Target {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the load driver needs Linux")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- (&bench.Bare{Gather: gather}).Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return bench.Target{URL: "http://" + listener.Addr().String(), Token: "none", PID: os.Getpid()}
}

// small returns a scenario cut down to what a test has time for.
func small(t *testing.T, name string) bench.Config {
	t.Helper()
	cfg, err := bench.Scenario(name)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Sensors = min(cfg.Sensors, 6)
	cfg.Viewers = min(cfg.Viewers, 5)
	cfg.Watch = min(cfg.Watch, 3)
	cfg.Warmup, cfg.Duration = 50*time.Millisecond, 150*time.Millisecond
	return cfg
}

func TestRun_EveryScenarioReachesEveryViewer(t *testing.T) {
	for _, name := range bench.ScenarioNames() {
		for gather, encoding := range map[time.Duration]string{0: bench.EncodingJSON, 4 * time.Millisecond: bench.EncodingBinary} {
			if name == "attention" || name == "tiles" || name == "ingest-acked" {
				continue // a bare server knows no levels and has no disk: the program's own tests play them
			}
			t.Run(name+"/"+encoding+"/"+gather.String(), func(t *testing.T) {
				cfg := small(t, name)
				cfg.Encoding = encoding
				cfg.Stalled = 0
				if name == "stalled" {
					cfg.Viewers, cfg.Watch, cfg.PerViewer = 3, 6, true
				}
				result, err := bench.Run(t.Context(), cfg, startBare(t, gather))
				if err != nil {
					t.Fatal(err)
				}
				if result.Lost+result.Doubled+result.Reordered+result.Merged != 0 || result.Errors+result.Disconnects != 0 {
					t.Errorf("not clean: %+v", result)
				}
				if cfg.Viewers > 0 && result.Expected == 0 {
					t.Error("the viewers were not sent anything")
				}
				if name == "ingest" && result.Ingested == 0 {
					t.Error("nothing was ingested")
				}
			})
		}
	}
}

func TestRun_RefusesWhatMakesNoSense(t *testing.T) {
	cases := map[string]func(*bench.Config){
		"sensors":  func(c *bench.Config) { c.Sensors = 0 },
		"batch":    func(c *bench.Config) { c.Batch = 0 },
		"watch":    func(c *bench.Config) { c.Watch = c.Sensors + 1 },
		"rate":     func(c *bench.Config) { c.Rate = -1 },
		"duration": func(c *bench.Config) { c.Duration = 0 },
		"encoding": func(c *bench.Config) { c.Encoding = "xml" },
		"speed":    func(c *bench.Config) { c.Speed = "warp" },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := small(t, "lobby")
			spoil(&cfg)
			if _, err := bench.Run(t.Context(), cfg, bench.Target{URL: "http://127.0.0.1:1"}); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestRun_ReportsAServerThatIsNotThere(t *testing.T) {
	if _, err := bench.Run(t.Context(), small(t, "lobby"), bench.Target{URL: "http://127.0.0.1:1"}); err == nil {
		t.Error("no error")
	}
}

func TestRun_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	cfg := small(t, "lobby")
	cfg.Duration = time.Hour
	if _, err := bench.Run(ctx, cfg, startBare(t, 0)); err == nil {
		t.Error("no error")
	}
}

func TestScenario_UnknownName(t *testing.T) {
	if _, err := bench.Scenario("nonsense"); err == nil {
		t.Error("no error")
	}
}
