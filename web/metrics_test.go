package web_test

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/web"
)

// source emits what it is given.
type source func(emit func(sensocto.Metric))

func (s source) Metrics(emit func(sensocto.Metric)) { s(emit) }

func scrape(t *testing.T, sources ...sensocto.MetricSource) (*world, string) {
	w := newWorld(t, setup{web: func(o *web.Options) { o.Metrics = sources }})
	link, _ := w.connect(t, "s1")
	push(t, link, "ecg", sensocto.Sample{Timestamp: sensocto.MinTimestamp, Value: 1})
	w.get(t, "/healthz")
	return w, w.get(t, "/metrics").Body.String()
}

func TestMetrics_NamesGolden(t *testing.T) {
	_, text := scrape(t)
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (sensocto_\w+ \w+)$`).FindAllStringSubmatch(text, -1) {
		names[m[1]] = true
	}
	golden(t, "metrics.txt", []byte(strings.Join(slices.Sorted(maps.Keys(names)), "\n")+"\n"))
	for _, want := range []string{"go_goroutines ", "process_cpu_seconds_total ", `sensocto_sensor_measurements_per_second{sensor="s1"} `, `sensocto_http_requests_total{code="200"} 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestMetrics_Kinds(t *testing.T) {
	var h sensocto.Histogram
	h.Observe(3 * time.Millisecond)
	_, text := scrape(t, source(func(emit func(sensocto.Metric)) {
		emit(sensocto.Metric{Name: "a_total", Help: "A.", Kind: sensocto.KindCounter, Labels: []string{"reason", `odd "one"` + "\n\xff"}, Value: 3})
		emit(sensocto.Metric{Name: "b", Help: "B.", Kind: sensocto.KindGauge, Value: math.Inf(1)})
		emit(sensocto.Metric{Name: "c_seconds", Help: "C.", Kind: sensocto.KindHistogram, Histogram: h.Snapshot()})
	}))
	for _, want := range []string{
		"# TYPE sensocto_a_total counter", `sensocto_a_total{reason="odd \"one\"\n` + "\uFFFD" + `"} 3`, "# TYPE sensocto_b gauge", "sensocto_b +Inf",
		"# TYPE sensocto_c_seconds histogram", `sensocto_c_seconds_bucket{le="0.005"} 1`, "sensocto_c_seconds_count 1", "sensocto_c_seconds_sum 0.003", "sensocto_metrics_dropped_total 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestMetrics_ABadSourceSpoilsNothing(t *testing.T) {
	good := func(emit func(sensocto.Metric)) {
		emit(sensocto.Metric{Name: "good", Help: "Good.", Kind: sensocto.KindGauge, Value: 1})
	}
	_, text := scrape(t,
		source(func(emit func(sensocto.Metric)) { panic("no metrics today") }),
		source(func(emit func(sensocto.Metric)) {
			emit(sensocto.Metric{Name: "Bad name"})
			emit(sensocto.Metric{Name: "odd_labels", Labels: []string{"a"}})
			emit(sensocto.Metric{Name: "bad_label", Labels: []string{"a b", "c"}})
			emit(sensocto.Metric{Name: "no_histogram", Kind: sensocto.KindHistogram})
		}),
		source(good), source(good),
		source(func(emit func(sensocto.Metric)) {
			for i := range 1000 {
				emit(sensocto.Metric{Name: "many", Kind: sensocto.KindGauge, Labels: []string{"i", fmt.Sprint(i)}})
			}
		}))
	if !strings.Contains(text, "sensocto_good 1\n") || !strings.Contains(text, "sensocto_metrics_dropped_total 750\n") {
		t.Error(regexp.MustCompile(`(?m)^sensocto_(good|metrics).*$`).FindAllString(text, -1))
	}
	if n := strings.Count(text, "sensocto_many{"); n != 256 {
		t.Errorf("%d of many", n)
	}
}

// paced gives each sensor the rate that its id says.
type paced struct{ sensocto.SensorRegistry }

func (paced) Rates(id string) sensocto.Rates {
	n, _ := strconv.ParseFloat(strings.TrimPrefix(id, "s"), 64)
	return sensocto.Rates{MeasurementsPerSecond: n, BatchesPerSecond: n / 10}
}

func TestMetrics_OnlyTheBusiestSensors(t *testing.T) {
	w := newWorld(t, setup{web: func(o *web.Options) { o.Sensors = paced{o.Sensors} }})
	for i := range 30 {
		w.connect(t, fmt.Sprint("s", i))
	}
	text := w.get(t, "/metrics").Body.String()
	for i := range 30 {
		shown := strings.Contains(text, fmt.Sprintf("sensocto_sensor_measurements_per_second{sensor=\"s%d\"} %d\n", i, i))
		if shown != (i >= 10) {
			t.Errorf("s%d: %t", i, shown)
		}
	}
	if n := strings.Count(text, "sensocto_sensor_measurements_per_second{"); n != 20 {
		t.Errorf("%d sensors", n)
	}
}
