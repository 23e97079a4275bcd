package bench

import (
	"math"
	"time"
)

// Result is what one run came to. Rates, CPU time and latencies belong to the
// measured time; loss, doubles and faults to the whole run.
type Result struct {
	Target string `json:"target"`
	Config Config `json:"config"`

	Seconds         float64 `json:"seconds"`
	Ingested        int64   `json:"ingested"`
	Delivered       int64   `json:"delivered"`
	IngestPerSecond float64 `json:"ingest_per_second"`
	DeliverPerSec   float64 `json:"deliver_per_second"`
	BatchesPerSec   float64 `json:"batches_per_second"` // from devices
	BytesPerMIn     float64 `json:"bytes_to_viewers_per_million_ingested,omitempty"`
	// Pace is the part of what was due that was sent: 1 where the server
	// keeps up. It is 0 at full speed.
	Pace float64 `json:"pace,omitempty"`

	Expected    int64    `json:"expected"` // samples that the viewers should have got, whole run
	Lost        int64    `json:"lost"`     // in no form
	Merged      int64    `json:"merged"`   // in buckets
	Lagged      int64    `json:"lagged"`   // what the server said of them
	Doubled     int64    `json:"doubled"`
	Reordered   int64    `json:"reordered"`
	Refused     int64    `json:"refused"` // by the server, which only its metrics say
	Errors      int      `json:"errors"`
	Disconnects int      `json:"disconnects"`
	Faults      []string `json:"faults,omitempty"`

	Latency     Latency  `json:"latency"`
	WorstViewer float64  `json:"worst_viewer_p99_ms,omitempty"`
	DriverLate  Latency  `json:"driver_late"` // how late the driver itself sent
	Server      *Process `json:"server,omitempty"`
	DriverCPU   float64  `json:"driver_cpu_seconds"`

	Idle    *IdleResult    `json:"idle,omitempty"`
	Stalled *StalledResult `json:"stalled,omitempty"`
}

// Latency is percentiles in milliseconds.
type Latency struct {
	P50  float64 `json:"p50_ms"`
	P90  float64 `json:"p90_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p99_9_ms"`
	Max  float64 `json:"max_ms"`
}

// Process is what the server's process used.
type Process struct {
	CPUSeconds    float64 `json:"cpu_seconds"`
	CPUPerMIn     float64 `json:"cpu_seconds_per_million_ingested"`
	CPUPerMOut    float64 `json:"cpu_seconds_per_million_delivered"`
	RSSMiB        float64 `json:"rss_mib"`
	PeakRSSMiB    float64 `json:"peak_rss_mib"`
	RSSGrowthMiB  float64 `json:"rss_growth_mib"`
	CoresOccupied float64 `json:"cores"`
}

// IdleResult is what one idle joined viewer costs the server, in KiB.
type IdleResult struct {
	RSSKiB   float64 `json:"rss_kib"`
	HeapKiB  float64 `json:"heap_kib,omitempty"`  // in use, by the server's own metrics
	StackKiB float64 `json:"stack_kib,omitempty"` // in use, by the server's own metrics
}

// StalledResult is what viewers got that stopped reading and later went on.
type StalledResult struct {
	Sent     int64 `json:"sent"`
	Received int64 `json:"received"`
	Merged   int64 `json:"merged"`
	Lagged   int64 `json:"lagged"`
	Lost     int64 `json:"lost"`
}

// OK reports whether nothing was lost, refused, doubled, merged or reordered, no error
// reply came, nobody was disconnected, and the pace was held. Viewers of tiles
// may get samples merged, where as many are marked.
func (r Result) OK() bool {
	bad := r.Lost + r.Doubled + r.Reordered + r.Refused
	if r.Config.Tiles != "" {
		bad += max(r.Merged-r.Lagged, r.Lagged-r.Merged)
	} else {
		bad += r.Merged + r.Lagged
	}
	return bad == 0 && r.Errors == 0 && r.Disconnects == 0 && r.paceHeld()
}

// paceHeld allows for the batches at the edges of the measured time.
func (r Result) paceHeld() bool { return r.Pace == 0 || r.Pace > 0.98 }

func (d *driver) result(before, after mark) Result {
	r := Result{
		Config:      d.cfg,
		Seconds:     (after.at - before.at).Seconds(),
		Ingested:    after.ingested - before.ingested,
		Delivered:   after.delivered - before.delivered,
		Errors:      d.faults.errors,
		Disconnects: d.faults.disconnects,
		Latency:     latencyOf(&d.latency),
		DriverLate:  latencyOf(&d.lateness),
		DriverCPU:   (after.driver - before.driver).Seconds(),
	}
	r.IngestPerSecond = perSecond(r.Ingested, r.Seconds)
	r.DeliverPerSec = perSecond(r.Delivered, r.Seconds)
	r.BatchesPerSec = perSecond(after.batches-before.batches, r.Seconds)
	r.BytesPerMIn = perMillion(float64(after.bytes-before.bytes), r.Ingested)
	if !d.cfg.saturated() && !d.cfg.Idle {
		due := r.Seconds * d.cfg.Rate * float64(d.cfg.Sensors)
		edge := float64(d.cfg.Sensors * d.cfg.largestBatch())
		r.Pace = min(1, (float64(r.Ingested)+edge)/due)
	}
	if d.target.PID != 0 {
		r.Server = r.process(before.server, after.server)
	}
	d.account(&r)
	r.Faults = d.faults.texts
	return r
}

func (r Result) process(before, after usage) *Process {
	cpu := (after.cpu - before.cpu).Seconds()
	const mib = 1 << 20
	return &Process{
		CPUSeconds: cpu, CPUPerMIn: perMillion(cpu, r.Ingested), CPUPerMOut: perMillion(cpu, r.Delivered),
		RSSMiB: float64(after.rss) / mib, PeakRSSMiB: float64(after.peak) / mib,
		RSSGrowthMiB:  float64(after.rss-before.rss) / mib,
		CoresOccupied: cpu / r.Seconds,
	}
}

// account adds up what each viewer got of each sensor.
func (d *driver) account(r *Result) {
	for _, v := range d.viewers {
		for i, t := range v.tracks {
			if t == nil {
				continue
			}
			r.Expected += d.sensors[i].sent
			r.Lost += t.lost(d.sensors[i].sent)
			r.Merged += t.merged
			r.Lagged += t.lagged
			r.Doubled += t.doubled
			r.Reordered += t.late
		}
		if v.latency != nil {
			r.WorstViewer = max(r.WorstViewer, milliseconds(v.latency.Quantile(0.99)))
		}
	}
	for _, dev := range d.devices {
		// What was sent and never confirmed is lost as well.
		if dev.pings != dev.ponged && !dev.conn.closed {
			r.Errors++
			d.faults.note("%s: %d pings without a reply", dev.conn.name, dev.pings-dev.ponged)
		}
		if n := dev.unacked(); n > 0 && !dev.conn.closed {
			r.Errors++
			d.faults.note("%s: %d batches were not acknowledged", dev.conn.name, n)
		}
	}
	if len(d.stalled) > 0 {
		r.Stalled = d.accountStalled(r)
	}
}

// accountStalled adds up what the stalled viewers got. They may be thinned,
// but never lose a sample without being told.
func (d *driver) accountStalled(r *Result) *StalledResult {
	s := new(StalledResult)
	for _, v := range d.stalled {
		for i, t := range v.tracks {
			s.Sent += d.sensors[i].sent
			s.Received += t.received
			s.Merged += t.merged
			s.Lagged += t.lagged
			s.Lost += t.lost(d.sensors[i].sent)
			r.Doubled += t.doubled
		}
	}
	if s.Lost > 0 || s.Merged != s.Lagged {
		r.Errors++
		d.faults.note("stalled viewers: %d samples lost, %d merged, %d said to be lagged", s.Lost, s.Merged, s.Lagged)
	}
	return s
}

func latencyOf(h *Histogram) Latency {
	return Latency{
		P50: milliseconds(h.Quantile(0.5)), P90: milliseconds(h.Quantile(0.9)), P99: milliseconds(h.Quantile(0.99)),
		P999: milliseconds(h.Quantile(0.999)), Max: milliseconds(h.Max()),
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func perSecond(n int64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return math.Round(float64(n) / seconds)
}

func perMillion(cpu float64, n int64) float64 {
	if n == 0 {
		return 0
	}
	return cpu / float64(n) * 1e6
}
