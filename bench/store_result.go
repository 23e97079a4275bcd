package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/sensocto/sensocto"
)

// StoreResult is what a run of RunStore came to. Rates, latencies and processor
// time belong to the measured time; what was put and found to the whole run.
type StoreResult struct {
	Config    StoreConfig `json:"config"`
	Seconds   float64     `json:"seconds"`
	PerSecond float64     `json:"confirmed_per_second"`
	Ack       Latency     `json:"acknowledgement"` // from before Put until it was confirmed
	Refused   int64       `json:"refused_batches"` // which were put again

	CPUPerM         float64 `json:"cpu_seconds_per_million"` // of this process: writers and store
	DatabaseCPUPerM float64 `json:"database_cpu_seconds_per_million,omitempty"`
	RSSMiB          float64 `json:"rss_mib"`
	PeakRSSMiB      float64 `json:"peak_rss_mib"`

	Lag     Course `json:"unflushed_mib"` // what waits for the cold tier, 16 bytes a sample
	Journal Course `json:"journal_mib"`
	// JournalBytes is what a sample takes in the journal.
	JournalBytes float64 `json:"journal_bytes_per_sample"`
	SyncMS       float64 `json:"sync_mean_ms"`
	Syncs        uint64  `json:"syncs"`
	FlushMS      float64 `json:"flush_mean_ms"`
	Flushes      uint64  `json:"flushes"`
	// Amplification is how many encoded bytes were written to the cold tier for
	// each that it grew by.
	Amplification float64 `json:"write_amplification"`
	ColdBytes     float64 `json:"cold_bytes_per_sample"`

	Put           int64    `json:"put"`
	Confirmed     int64    `json:"confirmed"`
	Found         int64    `json:"found"` // by reading everything, after the store was opened again
	CloseSeconds  float64  `json:"close_seconds"`
	VerifySeconds float64  `json:"verify_seconds"`
	Faults        []string `json:"faults,omitempty"`
}

// Course is the highest value in the first, the middle and the last tenth of
// the measured time, and in all of it.
type Course struct{ Start, Middle, End, Max float64 }

func (c *Course) watch(part, value float64) {
	for _, tenth := range []struct {
		from  float64
		value *float64
	}{{0, &c.Start}, {0.45, &c.Middle}, {0.9, &c.End}} {
		if part >= tenth.from && part <= tenth.from+0.1 {
			*tenth.value = max(*tenth.value, value)
		}
	}
	c.Max = max(c.Max, value)
}

// OK reports whether everything that was confirmed was found, and nothing went wrong.
func (r StoreResult) OK() bool {
	return len(r.Faults) == 0 && r.Confirmed > 0 && r.Found >= r.Confirmed && r.Found <= r.Put
}

func (r *StoreResult) fault(format string, args ...any) {
	if len(r.Faults) < 5 {
		r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
	}
}

// watch takes in gauges at a part of the measured time.
func (r *StoreResult) watch(part float64, gauges map[string]sensocto.Metric) {
	const mib = 1 << 20
	r.Lag.watch(part, gauges["store_unflushed_bytes"].Value/mib)
	r.Journal.watch(part, gauges["journal_bytes"].Value/mib)
}

// storeMark is where all counters stand at one time.
type storeMark struct {
	at        time.Time
	confirmed int64
	refused   int64
	own       usage
	cpu       time.Duration
	database  time.Duration
	gauges    map[string]sensocto.Metric
}

func (l *storeLoad) mark() (m storeMark, err error) {
	m = storeMark{at: time.Now(), confirmed: l.confirmed.Load(), refused: l.refused.Load(), cpu: ownCPU(), gauges: l.gauges()}
	if m.own, err = processUsage(os.Getpid()); err == nil && l.cfg.DatabasePID != 0 {
		m.database, err = familyCPU(l.cfg.DatabasePID)
	}
	return m, err
}

// between fills in what happened between two marks.
func (r *StoreResult) between(before, after storeMark) {
	const mib = 1 << 20
	n := after.confirmed - before.confirmed
	r.Seconds = after.at.Sub(before.at).Seconds()
	r.PerSecond = perSecond(n, r.Seconds)
	r.Refused = after.refused - before.refused
	r.CPUPerM = perMillion((after.cpu - before.cpu).Seconds(), n)
	r.DatabaseCPUPerM = perMillion((after.database - before.database).Seconds(), n)
	r.RSSMiB, r.PeakRSSMiB = float64(after.own.rss)/mib, float64(after.own.peak)/mib
	grown := func(name string) float64 { return after.gauges[name].Value - before.gauges[name].Value }
	if taken := grown("store_samples_total"); taken > 0 {
		r.JournalBytes = grown("journal_written_bytes_total") / taken
	}
	if cold := grown("store_bytes cold"); cold > 0 {
		r.Amplification = grown("store_chunk_bytes_written_total") / cold
		r.ColdBytes = cold / grown("store_samples cold")
	}
	r.SyncMS, r.Syncs = meanMS(before.gauges["journal_sync_seconds"], after.gauges["journal_sync_seconds"])
	r.FlushMS, r.Flushes = meanMS(before.gauges["store_flush_seconds"], after.gauges["store_flush_seconds"])
}

// meanMS is the mean, in milliseconds, of what a histogram counted meanwhile.
func meanMS(before, after sensocto.Metric) (mean float64, count uint64) {
	a, b := after.Histogram, before.Histogram
	if a == nil || b == nil || a.Count == b.Count {
		return 0, 0
	}
	count = a.Count - b.Count
	return (a.Sum - b.Sum) / float64(count) * 1000, count
}

// WriteJSON writes the result as one JSON object.
func (r StoreResult) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteTable writes the result for people.
func (r StoreResult) WriteTable(out io.Writer) error {
	c := r.Config
	fmt.Fprintf(out, "store: %s, %d sensors, batch %d, %d batches of each not on disk at most, %s, %v\n",
		c.Database, c.Sensors, c.Batch, c.Window, c.Signal, c.Duration)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\t\n", name, fmt.Sprintf(format, args...))
	}
	line("confirmed/s", "%.0f", r.PerSecond)
	line("CPU-s/M, writers and store", "%.3f", r.CPUPerM)
	if c.DatabasePID != 0 {
		line("CPU-s/M, database server", "%.3f", r.DatabaseCPUPerM)
	}
	line("acknowledged p50, p99, max ms", "%.1f, %.1f, %.1f", r.Ack.P50, r.Ack.P99, r.Ack.Max)
	line("refused and put again", "%d batches", r.Refused)
	line("unflushed MiB start, middle, end, max", "%.1f, %.1f, %.1f, %.1f", r.Lag.Start, r.Lag.Middle, r.Lag.End, r.Lag.Max)
	line("journal MiB start, middle, end, max", "%.0f, %.0f, %.0f, %.0f", r.Journal.Start, r.Journal.Middle, r.Journal.End, r.Journal.Max)
	line("journal B/sample", "%.1f", r.JournalBytes)
	line("syncs; mean ms", "%d; %.1f", r.Syncs, r.SyncMS)
	line("flushes; mean ms", "%d; %.0f", r.Flushes, r.FlushMS)
	line("cold B/sample; written for each", "%.2f; %.2f", r.ColdBytes, r.Amplification)
	line("RSS, peak MiB", "%.0f, %.0f", r.RSSMiB, r.PeakRSSMiB)
	line("put, confirmed, found", "%d, %d, %d", r.Put, r.Confirmed, r.Found)
	line("last flush and close; reading all s", "%.1f; %.1f", r.CloseSeconds, r.VerifySeconds)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, text := range r.Faults {
		fmt.Fprintln(out, text)
	}
	return nil
}
