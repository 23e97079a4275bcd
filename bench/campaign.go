package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// Contender is one kind of server that a campaign compares.
type Contender struct {
	Name string
	// Start starts it afresh for one run.
	Start func(ctx context.Context) (*Server, error)
	// Adjust changes the configuration for this contender; nil: it is left as it is.
	Adjust func(*Config)
}

// Campaign runs one configuration against several servers, round by round, so
// that whatever else the machine does meets all of them alike.
type Campaign struct {
	Config     Config
	Contenders []Contender // the first is the program, the others its floors
	Rounds     int
	// Pairs compares runs with and without stalled viewers, that many times.
	Pairs int
	// CPUProfile is a file for the first contender's profile during the
	// measured time of its first run, or nothing.
	CPUProfile string
	Log        func(format string, args ...any)
}

// Report is what a campaign came to.
type Report struct {
	Config  Config    `json:"config"`
	Results []Summary `json:"results"`
	Pairs   *Pairs    `json:"pairs,omitempty"`
}

// Summary is all runs of one contender.
type Summary struct {
	Median Result   `json:"median"`         // the run whose CPU time, or rate, is the median
	Runs   []Result `json:"runs,omitempty"` // in order
	// Multiple is the program's CPU time as a multiple of this contender's,
	// the median over the rounds; 0 for the program itself.
	Multiple float64 `json:"multiple,omitempty"`
}

// Pairs compares the p99 of the others with and without stalled viewers.
type Pairs struct {
	Without []float64 `json:"p99_without_ms"`
	With    []float64 `json:"p99_with_ms"`
	// Medians of both, in milliseconds.
	MedianWithout float64 `json:"median_without_ms"`
	MedianWith    float64 `json:"median_with_ms"`
}

// Held reports whether the others stayed within 20 % or 1 ms.
func (p Pairs) Held() bool {
	return p.MedianWith <= max(p.MedianWithout*1.2, p.MedianWithout+1)
}

// OK reports whether all runs of the program were clean.
func (r Report) OK() bool {
	if len(r.Results) == 0 || r.Pairs != nil && !r.Pairs.Held() {
		return false
	}
	return !slices.ContainsFunc(r.Results[0].Runs, func(run Result) bool { return !run.OK() })
}

// Run plays all rounds.
func (c Campaign) Run(ctx context.Context) (Report, error) {
	if c.Pairs > 0 {
		return c.runPairs(ctx)
	}
	report := Report{Config: c.Config, Results: make([]Summary, len(c.Contenders))}
	for round := range max(c.Rounds, 1) {
		for i, contender := range c.Contenders {
			if (c.Config.Idle || c.Config.Attention) && i > 0 {
				continue // the floor keeps nothing, and asks for nothing
			}
			profile := ""
			if round == 0 && i == 0 {
				profile = c.CPUProfile
			}
			c.Log("round %d of %d: %s", round+1, max(c.Rounds, 1), contender.Name)
			result, err := c.play(ctx, contender, c.Config, profile)
			if err != nil {
				return report, err
			}
			report.Results[i].Runs = append(report.Results[i].Runs, result)
		}
	}
	report.summarise()
	return report, nil
}

// play starts the contender, runs the configuration and ends it again.
func (c Campaign) play(ctx context.Context, contender Contender, cfg Config, profile string) (Result, error) {
	if contender.Adjust != nil {
		contender.Adjust(&cfg)
	}
	server, err := contender.Start(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", contender.Name, err)
	}
	var profiled chan error
	if profile != "" {
		profiled = make(chan error, 1)
		go func() { profiled <- server.saveProfile(ctx, cfg, profile) }()
	}
	result, err := Run(ctx, cfg, server.Target)
	result.Target = contender.Name
	if profiled != nil && err == nil {
		err = <-profiled
	}
	if closeErr := server.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return result, fmt.Errorf("%s: %w", contender.Name, err)
	}
	return result, nil
}

// saveProfile fetches the CPU profile of the time in which the run measures,
// roughly: connecting comes before.
func (t Target) saveProfile(ctx context.Context, cfg Config, file string) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(cfg.Warmup):
	}
	seconds := max(int(cfg.Duration.Seconds()), 1)
	body, err := t.get(ctx, fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", t.Profiles, seconds))
	if err != nil {
		return fmt.Errorf("fetch the profile: %w", err)
	}
	return os.WriteFile(file, body, 0o644)
}

// runPairs plays the configuration with and without its stalled viewers, in
// turns and each order as often as the other.
func (c Campaign) runPairs(ctx context.Context) (Report, error) {
	report := Report{Config: c.Config, Pairs: new(Pairs), Results: make([]Summary, 1)}
	calm := c.Config
	calm.Stalled = 0
	for pair := range c.Pairs {
		order := []Config{calm, c.Config}
		if pair%2 == 1 {
			slices.Reverse(order)
		}
		for _, cfg := range order {
			c.Log("pair %d of %d: %d stalled", pair+1, c.Pairs, cfg.Stalled)
			result, err := c.play(ctx, c.Contenders[0], cfg, "")
			if err != nil {
				return report, err
			}
			report.Results[0].Runs = append(report.Results[0].Runs, result)
			if p := report.Pairs; cfg.Stalled > 0 {
				p.With = append(p.With, result.Latency.P99)
			} else {
				p.Without = append(p.Without, result.Latency.P99)
			}
		}
	}
	report.Pairs.MedianWith, report.Pairs.MedianWithout = median(report.Pairs.With), median(report.Pairs.Without)
	report.summarise()
	return report, nil
}

// summarise chooses the median runs and sets the program against its floors.
func (r *Report) summarise() {
	r.Results = slices.DeleteFunc(r.Results, func(s Summary) bool { return len(s.Runs) == 0 })
	for i := range r.Results {
		s := &r.Results[i]
		byCost := slices.SortedFunc(slices.Values(s.Runs), func(a, b Result) int {
			return int(1e6 * (a.cost() - b.cost()))
		})
		s.Median = byCost[len(byCost)/2]
		if i == 0 {
			continue
		}
		var multiples []float64
		for round := range min(len(s.Runs), len(r.Results[0].Runs)) {
			if floor := s.Runs[round].cost(); floor > 0 {
				multiples = append(multiples, r.Results[0].Runs[round].cost()/floor)
			}
		}
		s.Multiple = median(multiples)
	}
}

// cost is the CPU time for a million samples, of the direction that the
// scenario is about.
func (r Result) cost() float64 {
	switch {
	case r.Server == nil:
		return 0
	case r.Config.aboutDelivery():
		return r.Server.CPUPerMOut
	default:
		return r.Server.CPUPerMIn
	}
}

// aboutDelivery: with many viewers for each sensor, it is they who cost.
func (c Config) aboutDelivery() bool { return c.Viewers*c.Watch >= 20*c.Sensors }

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[len(sorted)/2] + sorted[(len(sorted)-1)/2]) / 2
}
