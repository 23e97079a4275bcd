package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteJSON writes the report as one JSON object.
func (r Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteTable writes the report for people: a column for each contender.
func (r Report) WriteTable(out io.Writer) error {
	c := r.Config
	batch := fmt.Sprintf("batch %d", c.Batch)
	if c.Follow {
		batch = "batches as the server asks for"
	}
	fmt.Fprintf(out, "%s: %d sensors, %s, %d viewers × %d sensors, %s, %s", c.Scenario, c.Sensors, batch, c.Viewers, c.Watch, c.Encoding, c.Speed)
	if !c.saturated() {
		fmt.Fprintf(out, " at %g Hz", c.Rate)
	}
	fmt.Fprintf(out, ", %v\n", c.Duration)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row(w, "", r.Results, func(s Summary) string { return s.Median.Target })
	for _, line := range lines {
		if line.when(r) {
			row(w, line.name, r.Results, line.cell)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	r.writeNotes(out)
	return nil
}

func row(w io.Writer, name string, results []Summary, cell func(Summary) string) {
	fmt.Fprintf(w, "%s\t", name)
	for _, s := range results {
		fmt.Fprintf(w, "%s\t", cell(s))
	}
	fmt.Fprintln(w)
}

func (r Report) writeNotes(out io.Writer) {
	if p := r.Pairs; p != nil {
		fmt.Fprintf(out, "p99 of the others in ms: without a stalled viewer %v, median %.2f; with one %v, median %.2f: %s\n",
			p.Without, p.MedianWithout, p.With, p.MedianWith, map[bool]string{true: "held", false: "NOT HELD"}[p.Held()])
	}
	if ratio := r.AckedRatio(); ratio > 0 {
		fmt.Fprintf(out, "acknowledged: %.0f %% of what is reached without\n", 100*ratio)
	}
	for _, s := range r.Results {
		for _, run := range s.Runs {
			if st := run.Stalled; st != nil {
				fmt.Fprintf(out, "stalled viewer: of %d samples %d one by one, %d merged (%d said to be lagged), %d lost\n",
					st.Sent, st.Received, st.Merged, st.Lagged, st.Lost)
			}
			for _, text := range run.Faults {
				fmt.Fprintf(out, "%s: %s\n", run.Target, text)
			}
		}
	}
}

// line is one row of the table.
type line struct {
	name string
	when func(Report) bool
	cell func(Summary) string
}

func always(Report) bool { return true }

func watched(r Report) bool { return r.Config.Viewers > 0 && !r.Config.Idle }

func timed(r Report) bool {
	return watched(r) || r.Config.Idle || r.Config.Attention || r.Config.Acked
}

func sending(r Report) bool { return !r.Config.Idle }

func onPace(r Report) bool { return !r.Config.saturated() && !r.Config.Idle }

func measured(r Report) bool { return r.Results[0].Median.Server != nil }

func compared(r Report) bool { return len(r.Results) > 1 && measured(r) }

func idle(r Report) bool { return r.Config.Idle && measured(r) }

func tiles(r Report) bool { return r.Config.Tiles != "" }

func worst(r Report) bool { return r.Config.PerViewer && watched(r) }

func both(a, b func(Report) bool) func(Report) bool {
	return func(r Report) bool { return a(r) && b(r) }
}

var lines = []line{
	{"ingested/s", sending, func(s Summary) string { return fmt.Sprintf("%.0f", s.Median.IngestPerSecond) }},
	{"batches from devices/s", sending, func(s Summary) string { return fmt.Sprintf("%.0f", s.Median.BatchesPerSec) }},
	{"delivered/s", watched, func(s Summary) string { return fmt.Sprintf("%.0f", s.Median.DeliverPerSec) }},
	{"pace", onPace, func(s Summary) string { return fmt.Sprintf("%.1f %%", 100*s.Median.Pace) }},
	{"CPU-s/M ingested", both(sending, measured), func(s Summary) string { return fmt.Sprintf("%.3f", s.Median.Server.CPUPerMIn) }},
	{"CPU-s/M delivered", both(watched, measured), func(s Summary) string { return fmt.Sprintf("%.3f", s.Median.Server.CPUPerMOut) }},
	{"MB to viewers/M ingested", tiles, func(s Summary) string { return fmt.Sprintf("%.1f", s.Median.BytesPerMIn/1e6) }},
	{"program as multiple", compared, func(s Summary) string {
		if s.Multiple == 0 {
			return ""
		}
		return fmt.Sprintf("%.2f×", s.Multiple)
	}},
	{"server cores", measured, func(s Summary) string { return fmt.Sprintf("%.2f", s.Median.Server.CoresOccupied) }},
	{"server RSS MiB", measured, func(s Summary) string { return fmt.Sprintf("%.0f", s.Median.Server.RSSMiB) }},
	{"RSS per viewer KiB", idle, func(s Summary) string { return fmt.Sprintf("%.1f", s.Median.Idle.RSSKiB) }},
	{"heap, stack per viewer KiB", idle, func(s Summary) string {
		return fmt.Sprintf("%.1f, %.1f", s.Median.Idle.HeapKiB, s.Median.Idle.StackKiB)
	}},
	{"latency p50 ms", timed, func(s Summary) string { return fmt.Sprintf("%.2f", s.Median.Latency.P50) }},
	{"p90", timed, func(s Summary) string { return fmt.Sprintf("%.2f", s.Median.Latency.P90) }},
	{"p99", timed, func(s Summary) string { return fmt.Sprintf("%.2f", s.Median.Latency.P99) }},
	{"p99.9", timed, func(s Summary) string { return fmt.Sprintf("%.2f", s.Median.Latency.P999) }},
	{"max", timed, func(s Summary) string { return fmt.Sprintf("%.2f", s.Median.Latency.Max) }},
	{"worst viewer's p99", worst, func(s Summary) string { return fmt.Sprintf("%.2f", s.Median.WorstViewer) }},
	{"lost", always, total(func(r Result) int64 { return r.Lost })},
	{"refused", always, total(func(r Result) int64 { return r.Refused })},
	{"doubled, out of order", always, total(func(r Result) int64 { return r.Doubled + r.Reordered })},
	{"merged", always, total(func(r Result) int64 { return r.Merged })},
	{"errors", always, total(func(r Result) int64 { return int64(r.Errors) })},
	{"disconnects", always, total(func(r Result) int64 { return int64(r.Disconnects) })},
	{"driver cores", sending, func(s Summary) string { return fmt.Sprintf("%.2f", s.Median.DriverCPU/s.Median.Seconds) }},
	{"driver late p99 ms", onPace, func(s Summary) string { return fmt.Sprintf("%.2f", s.Median.DriverLate.P99) }},
}

// total adds a count up over all runs: what must not happen must happen in
// none of them.
func total(count func(Result) int64) func(Summary) string {
	return func(s Summary) string {
		var n int64
		for _, r := range s.Runs {
			n += count(r)
		}
		return fmt.Sprint(n)
	}
}
