//go:build unix

package main

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto/sqlite"
)

// Bad input that a part's own tests cover is not repeated here: every refusal
// of a payload and an upgrade (package socket), frames (phx), damaged databases
// (sqlite). Here the whole program meets it, as a process.

// refused runs a server that is to end by itself.
func refused(t *testing.T, words []string, args ...string) {
	t.Helper()
	cmd := program(append([]string{"serve"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || stdout.Len() > 0 {
		t.Errorf("exit code %d, stdout %q", code, stdout.String())
	}
	for _, word := range words {
		if !strings.Contains(stderr.String(), word) {
			t.Errorf("nothing of %q in: %s", word, stderr.String())
		}
	}
}

func TestProcess_PortInUse(t *testing.T) {
	t.Parallel() // it mostly waits
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	refused(t, []string{"in use", "--listen", l.Addr().String()}, "--listen", l.Addr().String(), "--data-dir", t.TempDir())
}

func TestProcess_DataDirectoryInUse(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := startProcess(t, dir)
	refused(t, []string{"another server", dir}, "--listen", "127.0.0.1:0", "--data-dir", dir)
	d := p.device("s")
	if r, err := d.request("measurements_batch", numbered(0)); err != nil || r.Response.Accepted != batchSize {
		t.Errorf("the first server is disturbed: %+v %v", r, err)
	}
	p.ends()
	startProcess(t, dir).wantsCount("s", "n", batchSize)
}

func TestProcess_DataDirectoryOfANewerVersion(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := startProcess(t, dir)
	if r, err := p.device("s").request("measurements_batch", numbered(0)); err != nil || r.Status != "ok" {
		t.Fatalf("%+v %v", r, err)
	}
	p.ends()
	path := filepath.Join(dir, "sensocto.db")
	newer := sqlite.SchemaVersion() + 1
	statement(t, path, fmt.Sprintf("INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 1)", newer))
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, []string{"newer version", strconv.FormatInt(newer, 10), path}, "--listen", "127.0.0.1:0", "--data-dir", dir)
	runCLI(t, nil, "token", "list", "--data-dir", dir).wants(t, exitFailed, "newer version")
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database was changed: %v", err)
	}
	statement(t, path, fmt.Sprintf("DELETE FROM goose_db_version WHERE version_id = %d", newer))
	startProcess(t, dir).wantsCount("s", "n", batchSize)
}

// statement changes a database behind the program's back.
func statement(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}

// TestProcess_BadPeersHarmNobody lets every kind of bad peer come, while a good
// device sends: it notices nothing, and the server ends in order.
func TestProcess_BadPeersHarmNobody(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	p := startProcess(t, dir, "--limits-frames-per-second", "500", "--limits-text-frame", "256KiB")
	good := p.device("good")
	sent := 0
	check := func(t *testing.T) {
		t.Helper()
		if r, err := good.request("measurements_batch", numbered(sent)); err != nil || r.Response.Accepted != batchSize {
			t.Fatalf("the good device is disturbed: %+v %v", r, err)
		}
		sent++
	}
	t.Run("malformed frames", func(t *testing.T) { malformedFrames(t, p.in(t)); check(t) })
	t.Run("flood", func(t *testing.T) { flooding(t, p.in(t)); check(t) })
	t.Run("frames beyond the limit", func(t *testing.T) { largeFrames(t, p.in(t)); check(t) })
	t.Run("payloads of 64 KiB", func(t *testing.T) { largePayloads(t, p.in(t)); check(t) })
	t.Run("disconnects", func(t *testing.T) { disconnects(t, p.in(t)); check(t) })
	t.Run("clocks that jump", func(t *testing.T) { jumpingClock(t, p.in(t)); check(t) })
	p.wantsCount("good", "n", sent*batchSize)
	soundMetrics(t, p)
	p.ends()
	p = startProcess(t, dir)
	if got := p.wantsCount("good", "n", sent*batchSize); got != sent*batchSize {
		t.Errorf("%d samples, want %d", got, sent*batchSize)
	}
}

// malformedFrames sends every frame of testdata/malformed.json to the program.
func malformedFrames(t *testing.T, p *process) {
	var frames []struct {
		Name, VSN, Hex string
		Binary         bool
		Close          int
	}
	text, err := os.ReadFile("../../testdata/malformed.json")
	if err == nil {
		err = json.Unmarshal(text, &frames)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		frame, _ := hex.DecodeString(f.Hex)
		kind := websocket.TextMessage
		if f.Binary {
			kind = websocket.BinaryMessage
		}
		ws := p.dial(f.VSN)
		if err := ws.WriteMessage(kind, frame); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, f.Close) {
			t.Errorf("%s: %v, want %d", f.Name, err, f.Close)
		}
		ws.Close()
	}
}

// closeCode reads until the connection ends.
func closeCode(ws *websocket.Conn) (code int, reason string) {
	for {
		if _, _, err := ws.ReadMessage(); err != nil {
			if e, ok := err.(*websocket.CloseError); ok {
				return e.Code, e.Text
			}
			return 0, err.Error()
		}
	}
}

func flooding(t *testing.T, p *process) {
	ws := p.dial("2.0.0")
	go func() {
		for ws.WriteMessage(websocket.TextMessage, []byte(`[null,"1","phoenix","heartbeat",{}]`)) == nil {
		}
	}()
	if code, reason := closeCode(ws); code != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d %s, want 1008", code, reason)
	}
	ws.Close()
}

func largeFrames(t *testing.T, p *process) {
	for _, kind := range []int{websocket.TextMessage, websocket.BinaryMessage} {
		ws := p.dial("2.0.0")
		go func() { _ = ws.WriteMessage(kind, bytes.Repeat([]byte(" "), 10<<20)) }()
		if code, reason := closeCode(ws); code != websocket.CloseMessageTooBig {
			t.Errorf("10 MiB: closed with %d %s, want 1009", code, reason)
		}
		ws.Close()
	}
	// The limit of the configuration counts: 256 KiB are read, a byte more is not.
	for _, size := range []int{256 << 10, 256<<10 + 1} {
		ws := p.dial("2.0.0")
		frame := []byte(`[null,"1","phoenix","heartbeat",{}]`)
		frame = append(frame, bytes.Repeat([]byte(" "), size-len(frame))...)
		if err := ws.WriteMessage(websocket.TextMessage, frame); err != nil {
			t.Fatal(err)
		}
		_, _, err := ws.ReadMessage()
		if (err == nil) != (size == 256<<10) || err != nil && !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
			t.Errorf("%d bytes: %v", size, err)
		}
		ws.Close()
	}
}

// largePayloads wants that the largest document goes through everything and
// comes back as it was.
func largePayloads(t *testing.T, p *process) {
	d := p.device("documents")
	defer d.ws.Close()
	m := map[string]any{"attribute_id": "text", "payload": strings.Repeat("ü\n", 16<<10-1), "timestamp": 1_700_000_000_000}
	// ü is two bytes, the line feed two as \n: with the quotes a little below 64 KiB.
	m["payload"] = m["payload"].(string) + "ab"
	if encoded, _ := json.Marshal(m["payload"]); len(encoded) != 64<<10 {
		t.Fatalf("%d bytes", len(encoded))
	}
	if r, err := d.request("measurement", m); err != nil || r.Status != "ok" {
		t.Fatalf("64 KiB: %+v %v", r, err)
	}
	var page struct{ Measurements []struct{ Payload any } }
	out := p.cli(t, "read", "documents", "text", "--format", "json").wants(t, 0).stdout
	if err := json.Unmarshal([]byte(out), &page); err != nil || len(page.Measurements) != 1 || page.Measurements[0].Payload != m["payload"] {
		t.Errorf("read back %d documents: %v", len(page.Measurements), err)
	}
	m["payload"] = m["payload"].(string) + "c"
	if r, err := d.request("measurement", m); err != nil || r.Response.Reason != "payload_too_large" {
		t.Errorf("64 KiB and a byte: %+v %v", r, err)
	}
}

// disconnects ends connections in the middle of a frame, of a fragmented
// message, and behind batches whose answers nobody reads.
func disconnects(t *testing.T, p *process) {
	batch, _ := json.Marshal([]any{"1", "9", "sensocto:sensor:broken", "measurements_batch", numbered(1)})
	for name, cut := range map[string]func(d *rawDevice){
		"mid-frame": func(d *rawDevice) {
			d.ws.NetConn().Write(append([]byte{0x81, 0xFE, byte(len(batch) >> 8), byte(len(batch)), 0, 0, 0, 0}, batch[:len(batch)/2]...))
		},
		"mid-message": func(d *rawDevice) {
			d.ws.NetConn().Write(append([]byte{0x01, 0xFE, byte(len(batch) >> 8), byte(len(batch)), 0, 0, 0, 0}, batch...))
		},
		"unread": func(d *rawDevice) {
			for range 100 {
				_ = d.send("ping", struct{}{})
			}
		},
	} {
		id := "broken-" + name
		d := p.device(id)
		if r, err := d.request("measurements_batch", numbered(0)); err != nil || r.Status != "ok" {
			t.Fatalf("%s: %+v %v", name, r, err)
		}
		cut(d)
		d.ws.NetConn().Close()
		waitFor(t, func() bool { _, body := p.status("/api/v1/sensors/" + id); return strings.Contains(body, `"offline"`) })
		// It comes back, and nothing of the cut batch was taken.
		d = p.device(id)
		if r, err := d.request("measurements_batch", numbered(1)); err != nil || r.Status != "ok" {
			t.Errorf("%s: %+v %v", name, r, err)
		}
		if got := p.wantsCount(id, "n", 2*batchSize); got != 2*batchSize {
			t.Errorf("%s: %d samples", name, got)
		}
		d.ws.Close()
	}
}

// jumpingClock sends what a device with a broken clock sends.
func jumpingClock(t *testing.T, p *process) {
	d := p.device("clock")
	defer d.ws.Close()
	now := time.Now().UnixMilli()
	const y2000 = 946_684_800_000
	for _, m := range []struct {
		timestamp any
		reason    string
	}{
		{now, ""},
		{now + 59*60_000, ""},                               // ahead, within an hour
		{now + 70*60_000, "timestamp_in_future"},            // beyond
		{int64(1) << 53, "timestamp_in_future"},             // far beyond
		{now - 365*24*3600_000, ""},                         // late by a year
		{y2000, ""},                                         // the earliest
		{y2000 - 1, "timestamp_too_old"},                    // before
		{0, "timestamp_too_old"}, {-1, "timestamp_too_old"}, // a clock that was never set
		{now / 1000, "timestamp_too_old"}, // seconds
		{now - 1, ""},                     // back to normal
	} {
		r, err := d.request("measurement", map[string]any{"attribute_id": "a", "payload": 1, "timestamp": m.timestamp})
		if err != nil || r.Response.Reason != m.reason {
			t.Errorf("%v: %+v %v, want %q", m.timestamp, r, err, m.reason)
		}
	}
	if values := p.values("clock", "a"); len(values) != 5 {
		t.Errorf("%d samples kept, want 5", len(values))
	}
	var sensor struct {
		Rates struct {
			PerSecond *float64 `json:"measurements_per_second"`
		}
	}
	if _, body := p.status("/api/v1/sensors/clock"); json.Unmarshal([]byte(body), &sensor) != nil || sensor.Rates.PerSecond == nil || *sensor.Rates.PerSecond < 0 {
		t.Errorf("rates: %s", body)
	}
}

var unsound = regexp.MustCompile(`(?m)^[^#].* (NaN|-[0-9].*|[+-]?Inf)$`)

// soundMetrics wants no metric to be negative or no number, and the refusals of
// the tests before to be counted.
func soundMetrics(t *testing.T, p *process) {
	code, body := p.status("/metrics")
	if bad := unsound.FindAllString(body, -1); code != 200 || len(bad) > 0 {
		t.Errorf("status %d, %q", code, bad)
	}
	for _, want := range []string{
		`sensocto_socket_measurements_refused_total{reason="timestamp_in_future"} 2`,
		`sensocto_socket_measurements_refused_total{reason="timestamp_too_old"} 4`,
		`sensocto_socket_measurements_refused_total{reason="payload_too_large"} 1`,
		`sensocto_socket_closes_total{reason="malformed_frame"}`,
		`sensocto_socket_closes_total{reason="frame_too_large"} 3`,
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	for line := range strings.SplitSeq(body, "\n") {
		if strings.HasPrefix(line, "sensocto_socket_panics_total") && !strings.HasSuffix(line, " 0") {
			t.Error(line)
		}
	}
	if code, body := p.status("/readyz"); code != 200 {
		t.Errorf("not ready: %d %s", code, body)
	}
}
