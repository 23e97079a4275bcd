package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/client"
	"github.com/sensocto/sensocto/recording"
	"github.com/sensocto/sensocto/wire"
)

// writeRecord writes a WFDB record of one 16-bit signal with a gap, and returns
// the path of its header.
func writeRecord(t *testing.T, name string, samples int) string {
	t.Helper()
	dir := t.TempDir()
	data := make([]byte, 0, 2*samples)
	for i := range samples {
		v := int16(1000 * math.Sin(float64(i)/7))
		if i == 5 {
			v = -32768 // an invalid sample
		}
		data = append(data, byte(v), byte(v>>8))
	}
	header := fmt.Sprintf("%s 1 360 %d\n%s.dat 16 200(12)/mV 16 0 0 0 0 ECG lead I\n", name, samples, name)
	for file, content := range map[string][]byte{name + ".hea": []byte(header), name + ".dat": data} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, name+".hea")
}

// expected returns the CSV that read gives of a signal, computed from the file.
func expected(t *testing.T, path string, signal int, start int64) string {
	t.Helper()
	r, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := []byte("timestamp,payload\n")
	for {
		block, err := r.Next()
		if err == io.EOF {
			return string(out)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range block.Runs {
			run := &block.Runs[i]
			if run.Signal != signal {
				continue
			}
			for k, v := range run.Values {
				out = sensocto.AppendTimestamp(out, start+run.Offset(k))
				out = append(sensocto.AppendNumber(append(out, ','), v), '\n')
			}
		}
	}
}

const startText, startMicros = "2026-01-01T00:00:00Z", 1767225600000000

func TestReplay_ReadsBackBitEqualAlsoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir)
	record := writeRecord(t, "rec-1", 5000)
	table := filepath.Join(t.TempDir(), "table.csv")
	if err := os.WriteFile(table, []byte("time,temp [C]\n0,36.6\n0.5,36.65\n0.75,\n1.0000004,-1e-7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cli(t, "replay", record, table, "--speed", "max", "--start", startText).wants(t, 0, "rec-1", "table")
	r, err := recording.Open(record)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	attribute := r.Signals[0].AttributeID
	want := expected(t, record, 0, startMicros)
	if n := strings.Count(want, "\n"); n != 5000 { // a header, and a gap
		t.Fatalf("%d lines", n)
	}
	check := func(s *running) {
		t.Helper()
		if got := s.cli(t, "read", "rec-1", attribute).wants(t, 0).stdout; got != want {
			t.Errorf("read back %d bytes, want %d", len(got), len(want))
		}
		lines := strings.SplitAfter(want, "\n")
		if got := s.cli(t, "read", "rec-1", attribute, "--limit", "2", "--order", "desc").wants(t, 0).stdout; got != lines[0]+lines[len(lines)-2]+lines[len(lines)-3] {
			t.Errorf("the last two: %s", got)
		}
		if got := s.cli(t, "read", "rec-1", attribute, "--from", startText, "--to", "1767225600002.778").wants(t, 0).stdout; got != lines[0]+lines[1] {
			t.Errorf("from and to: %s", got)
		}
	}
	check(s)
	if code := s.stop(); code != 0 {
		t.Fatalf("exit code %d: %s", code, s.stderr)
	}
	s = startServer(t, dir)
	check(s)
	s.cli(t, "watch").wants(t, 0, "rec-1", "table", attribute)
}

func TestRead_JSONHasTheShapeOfTheAPI(t *testing.T) {
	s := startServer(t, t.TempDir())
	record := writeRecord(t, "rec-1", 10)
	s.cli(t, "replay", record, "--speed", "max", "--sensor-id", "other", "--start", startText).wants(t, 0)
	attribute := attributeOf(t, record)
	var page struct {
		Measurements []struct{ Timestamp, Payload float64 }
		Next         any
	}
	out := s.cli(t, "read", "other", attribute, "--format", "json").wants(t, 0).stdout
	if err := json.Unmarshal([]byte(out), &page); err != nil || len(page.Measurements) != 9 || page.Next != nil {
		t.Errorf("%v: %s", err, out)
	}
	out = s.cli(t, "read", "other", attribute, "--format", "json", "--to", "1").wants(t, 0).stdout
	if err := json.Unmarshal([]byte(out), &page); err != nil || len(page.Measurements) != 0 {
		t.Errorf("%v: %s", err, out)
	}
	s.cli(t, "read", "nobody", attribute).wants(t, exitFailed, "404", "sensocto watch")
}

func TestRead_Resolution(t *testing.T) {
	s := startServer(t, t.TempDir())
	record := writeRecord(t, "rec-1", 2000)
	s.cli(t, "replay", record, "--speed", "max", "--start", startText).wants(t, 0)
	attribute := attributeOf(t, record)
	lines := strings.Split(s.cli(t, "read", "rec-1", attribute, "--resolution", "1s").wants(t, 0).stdout, "\n")
	if len(lines) < 7 || len(lines) > 9 || lines[0] != "start,count,min,max,mean,first,last,from,to" || !strings.HasPrefix(lines[1], "1767225600000,359,") {
		t.Errorf("%q", lines)
	}
	points := s.cli(t, "read", "rec-1", attribute, "--resolution", "auto", "--method", "lttb", "--max-buckets", "100").wants(t, 0).stdout
	if n := strings.Count(points, "\n"); n != 101 {
		t.Errorf("%d lines", n)
	}
	var answer struct{ Width, Documents float64 }
	out := s.cli(t, "read", "rec-1", attribute, "--resolution", "2s", "--format", "json").wants(t, 0).stdout
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.Width != 2000 {
		t.Errorf("%v: %s", err, out)
	}
	s.cli(t, "read", "rec-1", attribute, "--resolution", "fine").wants(t, exitUsage, "--resolution", "10s")
	s.cli(t, "read", "rec-1", attribute, "--max-buckets", "5").wants(t, exitUsage, "--resolution")
	s.cli(t, "read", "rec-1", attribute, "--resolution", "1s", "--limit", "5").wants(t, exitUsage, "--limit")
	s.cli(t, "read", "nobody", attribute, "--resolution", "1s").wants(t, exitFailed, "404")
}

func attributeOf(t *testing.T, record string) string {
	t.Helper()
	r, err := recording.Open(record)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return r.Signals[0].AttributeID
}

func TestReplay_ManySensorsAtARate(t *testing.T) {
	s := startServer(t, t.TempDir())
	record := writeRecord(t, "rec", 360)
	before := time.Now().UnixMicro()
	s.cli(t, "replay", record, "--speed", "20", "--sensors", "3").wants(t, 0, "1077 samples stored")
	for i := range 3 {
		out := s.cli(t, "read", "rec-"+strconv.Itoa(i+1), attributeOf(t, record)).wants(t, 0).stdout
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if len(lines) != 360 {
			t.Errorf("sensor %d has %d lines", i+1, len(lines))
		}
		// The last sample is when the replay began.
		ms, _ := strconv.ParseFloat(strings.Split(lines[len(lines)-1], ",")[0], 64)
		if last := int64(ms * 1000); last < before-1000 || last > time.Now().UnixMicro() {
			t.Errorf("the last sample is at %d, before %d", last, before)
		}
	}
}

func TestReplay_StoppedSaysWhatWasSent(t *testing.T) {
	s := startServer(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	var out safeBuffer
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"replay", writeRecord(t, "long", 36000)}, io.Discard, &out, s.env) }()
	waitFor(t, func() bool { return strings.Contains(out.String(), "long:") && online(t, s, "long") })
	cancel()
	if code := <-ended; code != exitFailed || !strings.Contains(out.String(), "stopped:") {
		t.Errorf("exit code %d: %s", code, out.String())
	}
}

func online(t *testing.T, s *running, id string) bool {
	return strings.Contains(s.cli(t, "watch").stdout, id+" ")
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("it did not happen within %v", patience)
		}
	}
}

func TestWatch_JSONLinesWhileASimulationRuns(t *testing.T) {
	s := startServer(t, t.TempDir())
	watched := make(chan result, 1)
	go func() { watched <- s.cli(t, "watch", "sim-1", "--json", "--count", "50", "-a", "ecg") }()
	s.cli(t, "simulate", "--duration", "1500ms", "--seed", "7").wants(t, 0, "measurements sent", "0 refused")
	r := <-watched
	r.wants(t, 0)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if len(lines) != 50 {
		t.Fatalf("%d lines", len(lines))
	}
	previous := 0.0
	for _, line := range lines {
		var sample struct {
			SensorID    string `json:"sensor_id"`
			AttributeID string `json:"attribute_id"`
			Payload     float64
			Timestamp   float64
		}
		if err := json.Unmarshal([]byte(line), &sample); err != nil || sample.SensorID != "sim-1" || sample.AttributeID != "ecg" || sample.Timestamp <= previous {
			t.Fatalf("%s: %v", line, err)
		}
		previous = sample.Timestamp
	}
}

// Who looks less closely gets buckets, and is told of how many samples.
func TestWatch_LessCloselyBringsBucketsThatSaySo(t *testing.T) {
	s := startServer(t, t.TempDir())
	watched, drawn := make(chan result, 1), make(chan result, 1)
	go func() { watched <- s.cli(t, "watch", "sim-1", "--level", "low", "--json", "--count", "8", "-a", "ecg") }()
	go func() { drawn <- s.cli(t, "watch", "sim-1", "--level", "medium", "--count", "20", "-a", "ecg") }()
	waitFor(t, func() bool { return joined(t, s, "data") })
	s.cli(t, "simulate", "--duration", "4s").wants(t, 0, "attention medium", "0 refused")
	r := <-watched
	r.wants(t, 0, `"count":`, `"lagged":`)
	(<-drawn).wants(t, 0, "…", "samples came merged: so it is at level medium")
	merged, lagged := 0.0, 0.0
	for line := range strings.Lines(r.stdout) {
		var item struct{ Count, Lagged float64 }
		if err := json.Unmarshal([]byte(line), &item); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		merged, lagged = merged+item.Count, lagged+item.Lagged
	}
	if merged == 0 || merged > lagged { // the last frame is shown in part, and said of in whole
		t.Errorf("%v samples in buckets, %v said to be merged", merged, lagged)
	}
}

func TestWatch_DrawsATable(t *testing.T) {
	s := startServer(t, t.TempDir())
	record := writeRecord(t, "rec-1", 10)
	s.cli(t, "replay", record, "--speed", "max").wants(t, 0)
	s.cli(t, "watch", "rec-1", "--history", "5", "--count", "5").wants(t, 0, "SENSOR", "rec-1", " mV", "⠀")
	s.cli(t, "watch", "rec-1", "--history", "5", "--count", "5", "--binary", "--json").wants(t, 0, `"attribute_id"`)
}

func TestToken_RevokedEndsAViewAndTheAPI(t *testing.T) {
	s := startServer(t, t.TempDir())
	list := runCLI(t, nil, "token", "list", "--data-dir", s.dir).wants(t, 0, "admin", "ingest,view")
	var name string
	for _, line := range strings.Split(list.stdout, "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "ingest,view" {
			name = f[1]
		}
	}
	ended := make(chan result, 1)
	go func() { ended <- s.cli(t, "watch", "sim-1", "--json") }()
	waitFor(t, func() bool { return joined(t, s, "data") })
	runCLI(t, nil, "token", "revoke", name, "--data-dir", s.dir).wants(t, 0)
	(<-ended).wants(t, exitFailed, "data:sim-1")
	s.cli(t, "watch").wants(t, exitFailed, "401", "sensocto token")
	runCLI(t, nil, "token", "revoke", "nobody", "--data-dir", s.dir).wants(t, exitFailed, "sensocto token list")
}

func get(t *testing.T, s *running, path string) string {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// joined reports whether the metrics count a join of a topic family.
func joined(t *testing.T, s *running, family string) bool {
	for line := range strings.SplitSeq(get(t, s, "/metrics"), "\n") {
		if strings.HasPrefix(line, "sensocto_socket_joins_total") && strings.Contains(line, `"`+family+`"`) && !strings.HasSuffix(line, " 0") {
			return true
		}
	}
	return false
}

func TestServe_FirstStartShowsTheAdminTokenOnce(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir)
	if !strings.Contains(s.stderr.String(), "Admin token") || !strings.Contains(get(t, s, "/readyz"), "ready") {
		t.Errorf("stderr: %s", s.stderr)
	}
	s.stop()
	if s = startServer(t, dir); strings.Contains(s.stderr.String(), "Admin token") {
		t.Error("the second start shows a token")
	}
}

func TestServe_RefusesWithWordsThatHelp(t *testing.T) {
	s := startServer(t, t.TempDir())
	taken := strings.TrimPrefix(s.url, "http://")
	runCLI(t, nil, "serve", "--listen", taken, "--data-dir", t.TempDir()).wants(t, exitFailed, "--listen", taken)
	runCLI(t, nil, "serve", "--listen", "127.0.0.1:0", "--data-dir", s.dir).wants(t, exitFailed, "another server")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	runCLI(t, nil, "serve", "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(file, "sub")).wants(t, exitFailed, "--data-dir")
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "sensocto.db"), bytes.Repeat([]byte("not a database"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	runCLI(t, nil, "serve", "--listen", "127.0.0.1:0", "--data-dir", other).wants(t, exitFailed, "not a database")
	runCLI(t, nil, "serve", "--listen", "0.0.0.0:0", "--guests", "view", "--data-dir", other).wants(t, exitUsage, "allow_remote_guests")
}

func TestServe_StopsWithDevicesAndViewersConnected(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir, "--guests", "view,ingest")
	down := make(chan error, 10)
	c, err := client.Dial(t.Context(), s.url, client.Options{OnDown: func(err error, _ time.Duration) {
		select {
		case down <- err:
		default:
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d, err := c.Device(t.Context(), client.DeviceOptions{Registration: sensocto.Registration{SensorID: "s1"}})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := d.Stream(client.StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendColumns(t.Context(), wire.Column{AttributeID: "x", Origin: startMicros, Rate: 10, Float64: []float64{1, 2, 3}}); err != nil {
		t.Fatal(err)
	}
	if err := stream.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit code %d: %s", code, s.stderr)
	}
	if err := <-down; !strings.Contains(err.Error(), "1001") {
		t.Errorf("closed with %v, want 1001", err)
	}
	s = startServer(t, dir)
	if got := s.cli(t, "read", "s1", "x").wants(t, 0).stdout; strings.Count(got, "\n") != 4 {
		t.Errorf("after the restart: %s", got)
	}
}

func TestServe_Pprof(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	s := startServer(t, t.TempDir(), "--pprof", address)
	if got := get(t, s, "/debug/pprof/"); !strings.Contains(got, "404") {
		t.Errorf("the public address serves profiles: %.200s", got)
	}
	s.url = "http://" + address
	if got := get(t, s, "/debug/pprof/cmdline"); got == "" {
		t.Error("no profile")
	}
}
