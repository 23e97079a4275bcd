package call

import (
	"sync"

	"github.com/sensocto/sensocto"
)

var errReport = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_report", Message: "a report has numbers of 0 and more, and no more seconds than the call had; a peer sends one"}

// maxReported bounds numbers of connections and interruptions in one report.
const maxReported = 10_000

// reportCounters sum up what peers report.
type reportCounters struct {
	mu            sync.Mutex // guards what follows
	reports       uint64
	joins         uint64 // of them with a connection
	joinSeconds   float64
	seconds       [4]float64 // see emit
	links         [3]int
	interruptions int
}

// Report implements sensocto.CallSeat.
func (s *seat) Report(r sensocto.CallReport) error {
	c := s.calls
	c.mu.Lock()
	age := c.options.Now().Sub(s.joined).Seconds()
	again := s.reported || s.left
	s.reported = true
	c.mu.Unlock()
	if again || !plausible(r, age, c.options.Limit) {
		return s.refuse(errReport)
	}
	c.count.reports.add(r)
	return nil
}

// plausible reports whether a peer can have seen this in a call of so many seconds.
func plausible(r sensocto.CallReport, age float64, limit int) bool {
	sum := 0.0
	for _, n := range []float64{r.Seconds.Good, r.Seconds.Fair, r.Seconds.Poor, r.Seconds.Interrupted} {
		if !(n >= 0) {
			return false
		}
		sum += n
	}
	for _, n := range []int{r.Links.Direct, r.Links.Relayed, r.Links.Failed, r.Interruptions} {
		if n < 0 || n > maxReported {
			return false
		}
	}
	const slack = 10 // the peer's clock is another
	return sum <= (age+slack)*float64(limit) && r.JoinMS >= 0 && r.JoinMS <= (age+slack)*1000
}

func (c *reportCounters) add(r sensocto.CallReport) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports++
	if r.JoinMS > 0 {
		c.joins++
		c.joinSeconds += r.JoinMS / 1000
	}
	for i, n := range []float64{r.Seconds.Good, r.Seconds.Fair, r.Seconds.Poor, r.Seconds.Interrupted} {
		c.seconds[i] += n
	}
	for i, n := range []int{r.Links.Direct, r.Links.Relayed, r.Links.Failed} {
		c.links[i] += n
	}
	c.interruptions += r.Interruptions
}

func (c *reportCounters) emit(emit func(sensocto.Metric)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	counter := func(name, help string, n float64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Labels: labels, Value: n})
	}
	counter("call_reports_total", "Reports of peers that left a call.", float64(c.reports))
	counter("call_report_joins_total", "Reports of peers who joined others and reached one.", float64(c.joins))
	counter("call_report_join_seconds_total", "Seconds from joining to the first connection, in reports of peers.", c.joinSeconds)
	for i, quality := range []string{"good", "fair", "poor", "interrupted"} {
		counter("call_report_seconds_total", "Seconds of connections between peers in their reports, by how media arrived.", c.seconds[i], "quality", quality)
	}
	for i, way := range []string{"direct", "relayed", "failed"} {
		counter("call_report_links_total", "Connections between peers in their reports, by their way; failed ones never came about.", float64(c.links[i]), "way", way)
	}
	counter("call_report_interruptions_total", "Interruptions of connections between peers in their reports.", float64(c.interruptions))
}
