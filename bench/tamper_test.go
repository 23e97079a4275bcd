package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/sensocto/sensocto/bench"
)

// tamperer is a slow and simple server for one sensor whose nth batch it
// treats as told.
type tamperer struct {
	// treat returns the frames that the viewers get for batch n, given the
	// one they should get.
	treat func(n int, frame string) []string
	// refuse answers batch n with an error.
	refuse func(n int) bool
	// confirm returns the numbers in the answers to the acknowledged batch n.
	confirm func(n int64) []int64

	refuses int // measurements that its metrics say it refuses

	mu      sync.Mutex // guards all below
	refused int
	viewers []*websocket.Conn
	batches int
	held    string
}

func (s *tamperer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/metrics" {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprintf(w, "# TYPE sensocto_sensor_measurements_refused_total counter\nsensocto_sensor_measurements_refused_total{reason=\"unavailable\"} %d\n", s.refused)
		fmt.Fprintf(w, "sensocto_sensor_measurements_refused_total{reason=\"other\"} 1e1\n")
		s.refused += s.refuses
		return
	}
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			return
		}
		s.frame(conn, frame)
	}
}

func (s *tamperer) frame(conn *websocket.Conn, frame []byte) {
	var parts [5]json.RawMessage
	var topic, event string
	if json.Unmarshal(frame, &parts) != nil || json.Unmarshal(parts[2], &topic) != nil || json.Unmarshal(parts[3], &event) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status := "ok"
	if id, ok := strings.CutPrefix(topic, "data:"); ok && id != "" {
		s.viewers = append(s.viewers, conn)
	}
	if event == "measurements_batch" {
		id := strings.TrimPrefix(topic, "sensocto:sensor:")
		for _, text := range s.treat(s.batches, fmt.Sprintf(`[null,null,"data:%s",%q,{"sensor_id":%q,"measurements":%s}]`, id, event, id, parts[4])) {
			for _, viewer := range s.viewers {
				_ = viewer.WriteMessage(websocket.TextMessage, []byte(text))
			}
		}
		s.batches++
		if s.refuse == nil || !s.refuse(s.batches) {
			return
		}
		status = "error"
	}
	if event == "measurements" {
		var batch struct{ Seq int64 }
		_ = json.Unmarshal(parts[4], &batch)
		for _, seq := range s.confirm(batch.Seq) {
			_ = conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `[%s,%s,%s,"phx_reply",{"status":"ok","response":{"seq":%d}}]`, parts[0], parts[1], parts[2], seq))
		}
		return
	}
	reply := fmt.Sprintf(`[%s,%s,%s,"phx_reply",{"status":%q,"response":{}}]`, parts[0], parts[1], parts[2], status)
	_ = conn.WriteMessage(websocket.TextMessage, []byte(reply))
}

// tampered runs one sensor with two viewers against the server.
func tampered(t *testing.T, server *tamperer) bench.Result {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the load driver needs Linux")
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	cfg := small(t, "lobby")
	cfg.Sensors, cfg.Viewers, cfg.Watch, cfg.Warmup = 1, 2, 1, 0
	result, err := bench.Run(t.Context(), cfg, bench.Target{URL: web.URL})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestRun_NoticesWhatAServerDoesWrong(t *testing.T) {
	same := func(frame string) []string { return []string{frame} }
	third := func(f func(frame string) []string) func(int, string) []string {
		return func(n int, frame string) []string {
			if n == 3 {
				return f(frame)
			}
			return same(frame)
		}
	}
	type counts struct{ Lost, Doubled, Reordered, Merged, Lagged int64 }
	cases := map[string]struct {
		treat func(int, string) []string
		want  counts
		fault string
	}{
		"nothing": {treat: third(same)},
		"a batch lost": {
			treat: third(func(string) []string { return nil }), want: counts{Lost: 10},
		},
		"a batch doubled": {
			treat: third(func(f string) []string { return []string{f, f} }), want: counts{Doubled: 10},
		},
		"half a batch lost": {
			treat: third(func(f string) []string { return []string{withoutFirst(f, 2)} }), want: counts{Lost: 4},
		},
		"a wrong time": {
			treat: third(func(f string) []string { return []string{strings.Replace(f, `"timestamp":1`, `"timestamp":2`, 1)} }),
			want:  counts{Lost: 10}, fault: "came with the time",
		},
		"a channel closed": {
			treat: third(func(f string) []string { return []string{f, `["j1","j1","data:x","phx_close",{}]`} }), fault: "phx_close",
		},
		"no JSON": {
			treat: third(func(f string) []string { return []string{f, `[null,`} }), fault: "unexpected end",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := tampered(t, &tamperer{treat: c.treat})
			if got := (counts{r.Lost, r.Doubled, r.Reordered, r.Merged, r.Lagged}); got != c.want {
				t.Errorf("counted %+v, want %+v", got, c.want)
			}
			if (r.Errors > 0) != (c.fault != "") || !strings.Contains(strings.Join(r.Faults, "\n"), c.fault) {
				t.Errorf("%d errors: %q, want one with %q", r.Errors, r.Faults, c.fault)
			}
			r.Pace = 1 // how busy the machine is says nothing of what came
			if clean := c.want == (counts{}) && c.fault == ""; r.OK() != clean {
				t.Errorf("OK() = %v", r.OK())
			}
		})
	}
}

// withoutFirst takes the first n measurements out of a frame.
func withoutFirst(frame string, n int) string {
	head, list, _ := strings.Cut(frame, `"measurements":[`)
	for range n {
		_, list, _ = strings.Cut(list, "},")
	}
	return head + `"measurements":[` + list
}

func TestRun_NoticesBatchesInTheWrongOrder(t *testing.T) {
	server := &tamperer{}
	server.treat = func(n int, frame string) []string {
		switch n {
		case 3:
			server.held = frame
			return nil
		case 4:
			return []string{frame, server.held}
		}
		return []string{frame}
	}
	if r := tampered(t, server); r.Reordered != 10 || r.Lost+r.Doubled != 0 {
		t.Errorf("%d out of order, %d lost, %d doubled; want 10, 0, 0", r.Reordered, r.Lost, r.Doubled)
	}
}

func TestRun_AcceptsBucketsAsMergedSamples(t *testing.T) {
	r := tampered(t, &tamperer{treat: func(n int, frame string) []string {
		if n != 3 {
			return []string{frame}
		}
		// Batch 3 is samples 15 to 19.
		bucket := `{"attribute_id":"ecg","min":10000.015,"max":10000.019,"mean":10000.017,"first":10000.015,"last":10000.019,"count":5,"from":1,"to":2}`
		head, _, _ := strings.Cut(frame, `"measurements":[`)
		return []string{head + `"lagged":5,"measurements":[` + bucket + `]}]`}
	}})
	if r.Merged != 10 || r.Lagged != 10 || r.Lost+r.Doubled != 0 || r.OK() {
		t.Errorf("%d merged, %d lagged, %d lost, %d doubled, OK %v", r.Merged, r.Lagged, r.Lost, r.Doubled, r.OK())
	}
}

func TestRun_NoticesErrorReplies(t *testing.T) {
	r := tampered(t, &tamperer{
		treat:  func(_ int, frame string) []string { return []string{frame} },
		refuse: func(n int) bool { return n == 4 },
	})
	if r.Errors != 1 || r.OK() {
		t.Errorf("%d errors, OK %v; want 1, false", r.Errors, r.OK())
	}
}

// A device waits for the answers, and every batch gets one, in order.
func TestRun_CountsWhatIsConfirmed(t *testing.T) {
	for name, c := range map[string]struct {
		confirm func(n int64) []int64
		fault   string
	}{
		"each": {func(n int64) []int64 { return []int64{n} }, ""},
		"one twice": {func(n int64) []int64 {
			if n == 3 {
				return []int64{3, 3}
			}
			return []int64{n}
		}, "batch 3 was confirmed after batch 3"},
		"one ahead": {func(n int64) []int64 { return []int64{n + n/5} }, "batch 6 was confirmed after batch 4"},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS != "linux" {
				t.Skip("the load driver needs Linux")
			}
			web := httptest.NewServer(&tamperer{confirm: c.confirm})
			t.Cleanup(web.Close)
			cfg := small(t, "ingest-acked")
			cfg.Sensors, cfg.Warmup = 1, 0
			r, err := bench.Run(t.Context(), cfg, bench.Target{URL: web.URL})
			if err != nil {
				t.Fatal(err)
			}
			if r.Ingested == 0 || r.Latency.Max <= 0 {
				t.Errorf("%d ingested, %+v", r.Ingested, r.Latency)
			}
			if r.OK() != (c.fault == "") || !strings.Contains(strings.Join(r.Faults, "\n"), c.fault) {
				t.Errorf("OK %v, faults %q; want one with %q", r.OK(), r.Faults, c.fault)
			}
		})
	}
}

func TestRun_NoticesWhatTheServerSaysThatItRefused(t *testing.T) {
	r := tampered(t, &tamperer{refuses: 7, treat: func(_ int, frame string) []string { return []string{frame} }})
	if r.Refused != 7 || r.OK() || !strings.Contains(strings.Join(r.Faults, "\n"), "did not take 7 samples") {
		t.Errorf("%d refused, OK %v, %q", r.Refused, r.OK(), r.Faults)
	}
}

func TestCampaign_ReportsAllContenders(t *testing.T) {
	target := startBare(t, 0)
	contender := func(name string) bench.Contender {
		return bench.Contender{Name: name, Start: func(context.Context) (*bench.Server, error) { return &bench.Server{Target: target}, nil }}
	}
	cfg := small(t, "fan-out")
	cfg.Duration = 100 * time.Millisecond
	campaign := bench.Campaign{Config: cfg, Rounds: 2, Log: t.Logf, Contenders: []bench.Contender{contender("program"), contender("floor")}}
	report, err := campaign.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// OK asks for the pace as well, which a busy machine does not keep.
	if len(report.Results) != 2 || len(report.Results[1].Runs) != 2 || report.Results[0].Median.Ingested == 0 || len(report.Results[0].Median.Faults) > 0 {
		t.Errorf("unexpected report: %+v", report)
	}
	var table, text bytes.Buffer
	if err := report.WriteTable(&table); err != nil || !strings.Contains(table.String(), "floor") {
		t.Errorf("table %q: %v", table.String(), err)
	}
	if err := report.WriteJSON(&text); err != nil || !json.Valid(text.Bytes()) {
		t.Errorf("JSON %q: %v", text.String(), err)
	}
}

func TestCampaign_PairsRunsWithAndWithoutStalledViewers(t *testing.T) {
	target := startBare(t, 0)
	cfg := small(t, "stalled")
	cfg.Rate, cfg.Duration = 50, 100*time.Millisecond
	report, err := bench.Campaign{Config: cfg, Pairs: 2, Log: t.Logf, Contenders: []bench.Contender{{
		Name: "bare", Start: func(context.Context) (*bench.Server, error) { return &bench.Server{Target: target}, nil },
	}}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p := report.Pairs; p == nil || len(p.With) != 2 || len(p.Without) != 2 {
		t.Errorf("pairs %+v", report.Pairs)
	}
	if s := report.Results[0].Runs[1].Stalled; s == nil || s.Lost != 0 || s.Received != s.Sent {
		t.Errorf("a stalled viewer of a patient server got %+v", s)
	}
}
