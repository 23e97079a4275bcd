package web

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sensocto/sensocto"
)

const (
	metricPrefix = "sensocto_"
	// busiestSensors is how many sensors have metrics of their own, so that
	// the number of series does not grow with the number of sensors.
	busiestSensors = 20
	// maxSeries bounds the series of one metric, whatever a source emits.
	maxSeries = 256
)

// metricsHandler shows the sources' metrics to Prometheus.
func (s *server) metricsHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{
			sources: slices.Concat(s.Metrics, []sensocto.MetricSource{&s.requests, s.readers, busiest{s.Sensors}}),
			log:     s.Log,
		},
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog:      slog.NewLogLogger(s.Log.Handler(), slog.LevelError),
		ErrorHandling: promhttp.ContinueOnError,
	})
}

// collector turns the values that sources report at a scrape into Prometheus
// metrics. It describes none beforehand: sources decide at each scrape.
type collector struct {
	sources []sensocto.MetricSource
	log     *slog.Logger
	dropped atomic.Uint64
}

func (c *collector) Describe(chan<- *prometheus.Desc) {}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	scrape := scrape{series: map[string]int{}, seen: map[string]bool{}}
	for _, source := range c.sources {
		c.collect(source, &scrape, out)
	}
	dropped := sensocto.Metric{
		Name: "metrics_dropped_total", Help: "Values that could not be shown as metrics: malformed, doubled, or too many of one name.",
		Kind: sensocto.KindCounter, Value: float64(c.dropped.Load()),
	}
	if m, err := constMetric(dropped); err == nil {
		out <- m
	}
}

// collect shields the scrape from a source that panics: it runs on a goroutine
// of the Prometheus client, where a panic would end the program.
func (c *collector) collect(source sensocto.MetricSource, s *scrape, out chan<- prometheus.Metric) {
	defer func() {
		if p := recover(); p != nil {
			c.dropped.Add(1)
			c.log.Error("panic in a source of metrics", "source", fmt.Sprintf("%T", source), "err", p)
		}
	}()
	source.Metrics(func(m sensocto.Metric) {
		if !s.admit(m) {
			c.dropped.Add(1)
			return
		}
		pm, err := constMetric(m)
		if err != nil {
			c.dropped.Add(1)
			c.log.Debug("metric not shown", "metric", m.Name, "err", err)
			return
		}
		out <- pm
	})
}

// scrape keeps one bad source from spoiling the whole answer.
type scrape struct {
	series map[string]int  // by metric name
	seen   map[string]bool // by name and labels
}

func (s *scrape) admit(m sensocto.Metric) bool {
	key := m.Name + "\x00" + strings.Join(m.Labels, "\x00")
	if s.seen[key] || s.series[m.Name] >= maxSeries {
		return false
	}
	s.seen[key] = true
	s.series[m.Name]++
	return true
}

var metricName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func constMetric(m sensocto.Metric) (prometheus.Metric, error) {
	if !metricName.MatchString(m.Name) || len(m.Labels)%2 != 0 {
		return nil, fmt.Errorf("malformed metric %q", m.Name)
	}
	var names, values []string
	for pair := range slices.Chunk(m.Labels, 2) {
		if !metricName.MatchString(pair[0]) {
			return nil, fmt.Errorf("malformed label %q of metric %q", pair[0], m.Name)
		}
		names, values = append(names, pair[0]), append(values, strings.ToValidUTF8(pair[1], "\uFFFD"))
	}
	desc := prometheus.NewDesc(metricPrefix+m.Name, m.Help, names, nil)
	switch {
	case m.Kind == sensocto.KindHistogram && m.Histogram != nil:
		return prometheus.NewConstHistogram(desc, m.Histogram.Count, m.Histogram.Sum, m.Histogram.Buckets, values...)
	case m.Kind == sensocto.KindHistogram:
		return nil, fmt.Errorf("histogram %q has no values", m.Name)
	case m.Kind == sensocto.KindGauge:
		return prometheus.NewConstMetric(desc, prometheus.GaugeValue, m.Value, values...)
	}
	return prometheus.NewConstMetric(desc, prometheus.CounterValue, m.Value, values...)
}

// busiest reports the rates of the sensors that send most.
type busiest struct{ sensors sensocto.SensorRegistry }

func (b busiest) Metrics(emit func(sensocto.Metric)) {
	type sensorRates struct {
		id    string
		rates sensocto.Rates
	}
	var all []sensorRates
	for _, id := range b.sensors.Online() {
		all = append(all, sensorRates{id, b.sensors.Rates(id)})
	}
	slices.SortFunc(all, func(x, y sensorRates) int {
		return cmp.Or(cmp.Compare(y.rates.MeasurementsPerSecond, x.rates.MeasurementsPerSecond), strings.Compare(x.id, y.id))
	})
	for _, s := range all[:min(len(all), busiestSensors)] {
		gauge := func(name, help string, v float64) {
			emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Labels: []string{"sensor", s.id}, Value: v})
		}
		gauge("sensor_measurements_per_second", "Measurements per second of the busiest sensors.", s.rates.MeasurementsPerSecond)
		gauge("sensor_batches_per_second", "Batches per second of the busiest sensors.", s.rates.BatchesPerSecond)
	}
}

// requestMetrics counts what the HTTP API answers. The zero value is ready.
type requestMetrics struct {
	duration sensocto.Histogram
	panics   atomic.Uint64

	mu    sync.Mutex
	codes map[int]uint64 // guarded by mu; there are few statuses
}

func (m *requestMetrics) add(code int, took time.Duration) {
	m.duration.Observe(took)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.codes == nil {
		m.codes = map[int]uint64{}
	}
	m.codes[code]++
}

func (m *requestMetrics) Metrics(emit func(sensocto.Metric)) {
	emit(sensocto.Metric{Name: "http_request_duration_seconds", Help: "Time to answer HTTP requests, sockets not included.", Kind: sensocto.KindHistogram, Histogram: m.duration.Snapshot()})
	emit(sensocto.Metric{Name: "http_panics_total", Help: "Panics contained in HTTP requests.", Kind: sensocto.KindCounter, Value: float64(m.panics.Load())})
	m.mu.Lock()
	defer m.mu.Unlock()
	for code, n := range m.codes {
		emit(sensocto.Metric{Name: "http_requests_total", Help: "HTTP requests answered, by status.", Kind: sensocto.KindCounter, Labels: []string{"code", strconv.Itoa(code)}, Value: float64(n)})
	}
}
