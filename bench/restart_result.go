package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// RestartResult is what RunRestart came to. Times are seconds since the server
// was started.
type RestartResult struct {
	Config RestartConfig `json:"config"`

	Journal   int64 `json:"journal_bytes"`
	Put       int64 `json:"put"`
	Confirmed int64 `json:"confirmed"`
	Found     int64 `json:"found"` // in the end

	Accepted     float64 `json:"accepted_seconds"`     // a device's join was answered
	Acknowledged float64 `json:"acknowledged_seconds"` // its first batch was
	Read         float64 `json:"read_seconds"`         // a reader got what only the journal had
	Ready        float64 `json:"ready_seconds"`        // the server says that everything can be read
	Whole        float64 `json:"whole_seconds"`        // and the newest samples are in its memory
	Progress     int     `json:"progress"`             // different things that readiness said before

	AckDuring  Latency  `json:"acknowledgement_during"`
	AckAfter   Latency  `json:"acknowledgement_after"`
	PeakRSSMiB float64  `json:"peak_rss_mib"`
	Faults     []string `json:"faults,omitempty"`
}

// OK reports whether everything that was confirmed was found.
func (r RestartResult) OK() bool {
	return len(r.Faults) == 0 && r.Confirmed > 0 && r.Found >= r.Confirmed && r.Found <= r.Put
}

// WriteJSON writes the result as one JSON object.
func (r RestartResult) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteTable writes the result for people.
func (r RestartResult) WriteTable(out io.Writer) error {
	c := r.Config
	fmt.Fprintf(out, "restart: %s, %d sensors, batch %d, %s; a journal of %d MiB with %.1f million samples that the database lacks\n",
		c.Database, c.Sensors, c.Batch, c.Signal, r.Journal>>20, float64(r.Put)/1e6)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\t\n", name, fmt.Sprintf(format, args...))
	}
	line("a device is accepted after s", "%.2f", r.Accepted)
	line("and acknowledged after s", "%.2f", r.Acknowledged)
	line("a read is answered after s", "%.2f", r.Read)
	line("everything can be read after s", "%.2f", r.Ready)
	line("the newest samples are in memory after s", "%.2f", r.Whole)
	line("steps that readiness told", "%d", r.Progress)
	line("acknowledged meanwhile p50, p99, max ms", "%.1f, %.1f, %.1f", r.AckDuring.P50, r.AckDuring.P99, r.AckDuring.Max)
	line("acknowledged afterwards p50, p99, max ms", "%.1f, %.1f, %.1f", r.AckAfter.P50, r.AckAfter.P99, r.AckAfter.Max)
	line("peak RSS MiB", "%.0f", r.PeakRSSMiB)
	line("put, confirmed, found", "%d, %d, %d", r.Put, r.Confirmed, r.Found)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, text := range r.Faults {
		fmt.Fprintln(out, text)
	}
	return nil
}
