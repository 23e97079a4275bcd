package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// CallsResult is what RunCalls came to, from the first join until every signal had
// arrived.
type CallsResult struct {
	Config CallsConfig `json:"config"`

	Seconds   float64 `json:"seconds"`
	ServerCPU float64 `json:"server_cpu_seconds"` // connections and joins included; 0 where its process is not known
	DriverCPU float64 `json:"driver_cpu_seconds"`
	RSSMiB    float64 `json:"rss_mib"`
	GrowthMiB float64 `json:"rss_growth_mib"`

	Joined   int64    `json:"joined"`
	Expected int64    `json:"expected"` // descriptions and candidates
	Received int64    `json:"received"`
	Join     Latency  `json:"join"`   // from before the connection to the reply
	Signal   Latency  `json:"signal"` // from one peer's write to the other's read
	Faulty   int      `json:"faulty"`
	Faults   []string `json:"faults,omitempty"` // the first few
}

// OK reports whether everybody was there and every signal arrived once.
func (r CallsResult) OK() bool {
	return r.Faulty == 0 && r.Joined == int64(r.Config.Rooms*r.Config.Peers) && r.Received == r.Expected
}

// WriteJSON writes the result as one JSON object.
func (r CallsResult) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteTable writes the result for people.
func (r CallsResult) WriteTable(out io.Writer) error {
	c := r.Config
	fmt.Fprintf(out, "calls: %d rooms, %d peers each joining within %v, descriptions of %d B and %d candidates from each to each\n",
		c.Rooms, c.Peers, c.Duration, c.SDPBytes, c.Candidates)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\t\n", name, fmt.Sprintf(format, args...))
	}
	if r.ServerCPU > 0 {
		line("server, of a core", "%.1f %%", 100*r.ServerCPU/r.Seconds)
		line("server CPU ms/peer", "%.2f", 1000*r.ServerCPU/float64(max(r.Joined, 1)))
		line("server RSS, growth MiB", "%.0f, %.0f", r.RSSMiB, r.GrowthMiB)
	}
	line("seconds", "%.1f", r.Seconds)
	line("peers joined", "%d of %d", r.Joined, c.Rooms*c.Peers)
	line("connect and join p50, p99, max ms", "%.1f, %.1f, %.1f", r.Join.P50, r.Join.P99, r.Join.Max)
	line("signals arrived", "%d of %d", r.Received, r.Expected)
	line("signal p50, p99, max ms", "%.1f, %.1f, %.1f", r.Signal.P50, r.Signal.P99, r.Signal.Max)
	line("faults", "%d", r.Faulty)
	line("driver, of a core", "%.1f %%", 100*r.DriverCPU/r.Seconds)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, text := range r.Faults {
		fmt.Fprintln(out, text)
	}
	return nil
}
