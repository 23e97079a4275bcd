//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// patience is for slow machines; nothing is measured with it.
const patience = 30 * time.Second

// process is a server in a process of its own, which can be killed.
type process struct {
	running
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
}

// program returns the command that runs the program as a process.
func program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	// The race detector would sleep a second at the end.
	cmd.Env = append(os.Environ(), "SENSOCTO_TEST_MAIN=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// startProcess starts a server on a free port, waits for its URL, and makes a token.
func startProcess(t *testing.T, dir string, flags ...string) *process {
	t.Helper()
	p := launchProcess(t, dir, "127.0.0.1:0", flags...)
	if err := p.awaitURL(); err != nil {
		t.Fatal(err)
	}
	p.createToken(flags)
	return p
}

// launchProcess starts a server and does not wait for anything.
func launchProcess(t *testing.T, dir, listen string, flags ...string) *process {
	t.Helper()
	return launchWith(t, dir, program, listen, flags...)
}

// launchWith starts a server with a command made by program, or one like it.
func launchWith(t *testing.T, dir string, program func(args ...string) *exec.Cmd, listen string, flags ...string) *process {
	t.Helper()
	p := &process{t: t, running: running{dir: dir, stderr: &safeBuffer{}}}
	p.cmd = program(append([]string{"serve", "--listen", listen, "--data-dir", dir}, flags...)...)
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.stdout = bufio.NewReader(stdout)
	p.stop = sync.OnceValue(func() int { _ = p.cmd.Wait(); return p.cmd.ProcessState.ExitCode() })
	t.Cleanup(func() { p.signal(syscall.SIGKILL) })
	return p
}

// awaitURL waits until the server says where it is.
func (p *process) awaitURL() error {
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		if errors.Is(err, io.EOF) {
			p.stop() // its last lines are in stderr only after this
		}
		return fmt.Errorf("no URL came: %w\n%s", err, p.stderr)
	}
	p.url = strings.TrimSpace(line)
	return nil
}

// wantsLog waits until the log of the process has a text. The log comes through a pipe,
// which is read later than it is written.
func (p *process) wantsLog(text string) {
	p.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(p.stderr.String(), text); <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("the log does not say %q:\n%s", text, p.stderr)
		}
	}
}

// createToken makes a token in the data directory, or in the database that the flags name.
func (p *process) createToken(flags []string) {
	p.t.Helper()
	name := "test-" + time.Now().Format("150405.000000000")
	create := []string{"token", "create", "--name", name, "--scope", "ingest,view", "--data-dir", p.dir}
	if i := slices.Index(flags, "--database-url"); i >= 0 {
		create = append(create, flags[i:i+2]...)
	}
	token := runCLI(p.t, nil, create...).wants(p.t, 0)
	p.use(strings.TrimSpace(token.stdout))
}

// use makes commands use a token.
func (p *process) use(token string) {
	p.env = []string{"SENSOCTO_SERVER=" + p.url, "SENSOCTO_TOKEN=" + token}
}

// in returns the process for a subtest.
func (p *process) in(t *testing.T) *process {
	sub := *p
	sub.t = t
	return &sub
}

// signal ends the process and returns its exit code, −1 for a kill.
func (p *process) signal(s syscall.Signal) int {
	_ = p.cmd.Process.Signal(s) // fails if it has ended
	return p.stop()
}

// ends asks the process to end and wants that it does so in order.
func (p *process) ends() {
	p.t.Helper()
	if code := p.signal(syscall.SIGTERM); code != 0 {
		p.t.Fatalf("exit code %d after SIGTERM\n%s", code, p.stderr)
	}
}

func (p *process) token() string { return strings.TrimPrefix(p.env[1], "SENSOCTO_TOKEN=") }

// values returns all values of an attribute, in order, as the API reads them.
func (p *process) values(sensor, attribute string) []float64 {
	p.t.Helper()
	out := p.cli(p.t, "read", sensor, attribute).wants(p.t, 0).stdout
	lines := strings.Split(strings.TrimSpace(out), "\n")[1:]
	values := make([]float64, len(lines))
	for i, line := range lines {
		_, text, _ := strings.Cut(line, ",")
		var err error
		if values[i], err = strconv.ParseFloat(text, 64); err != nil {
			p.t.Fatal(err)
		}
	}
	return values
}

// wantsCount wants 0, 1, 2 … up to at least n−1, each once and in order.
func (p *process) wantsCount(sensor, attribute string, n int) (got int) {
	p.t.Helper()
	values := p.values(sensor, attribute)
	for i, v := range values {
		if v != float64(i) {
			p.t.Fatalf("%s %s: value %d is %v: lost, doubled or out of order", sensor, attribute, i, v)
		}
	}
	if len(values) < n {
		p.t.Errorf("%s %s: %d samples, but %d were acknowledged", sensor, attribute, len(values), n)
	}
	return len(values)
}

// status returns the HTTP status and the body of a path.
func (p *process) status(path string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequest(http.MethodGet, p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.token())
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// dial opens a bare WebSocket.
func (p *process) dial(vsn string) *websocket.Conn {
	p.t.Helper()
	ws, err := dialRaw(p.url, p.token(), vsn)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { ws.Close() })
	return ws
}

// dialRaw opens a bare WebSocket to any server.
func dialRaw(url, token, vsn string) (*websocket.Conn, error) {
	url = fmt.Sprintf("ws%s/socket/websocket?vsn=%s&token=%s", strings.TrimPrefix(url, "http"), vsn, token)
	ws, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err == nil {
		_ = ws.SetReadDeadline(time.Now().Add(patience))
	}
	return ws, err
}

// rawDevice is a device without a library: what it sends and what it has been
// told is known exactly. Its methods are for one goroutine.
type rawDevice struct {
	t     *testing.T
	ws    *websocket.Conn
	id    string
	topic string
	ref   int
}

// device joins a sensor with acknowledgements.
func (p *process) device(id string) *rawDevice {
	p.t.Helper()
	d := newRawDevice(p.dial("2.0.0"), id)
	d.t = p.t
	if r, err := d.join(); err != nil || r.Status != "ok" {
		p.t.Fatalf("join: %+v %v", r, err)
	}
	return d
}

func newRawDevice(ws *websocket.Conn, id string) *rawDevice {
	return &rawDevice{ws: ws, id: id, topic: "sensocto:sensor:" + id}
}

func (d *rawDevice) join() (replyPayload, error) {
	return d.request("phx_join", map[string]any{
		"connector_id": "c", "sensor_id": d.id, "sensor_type": "ecg", "attributes": []string{}, "ack": true,
	})
}

type replyPayload struct {
	Status   string
	Response struct {
		Reason      string
		Seq         int
		Expected    int
		Accepted    int
		FailedCount int `json:"failed_count"`
		Errors      []struct{ Reason string }
	}
}

// send pushes and does not wait.
func (d *rawDevice) send(event string, payload any) error {
	d.ref++
	return d.ws.WriteJSON([]any{"1", strconv.Itoa(d.ref), d.topic, event, payload})
}

// receive returns the next reply and its ref.
func (d *rawDevice) receive() (ref int, r replyPayload, err error) {
	for {
		var frame [5]json.RawMessage
		if err := d.ws.ReadJSON(&frame); err != nil {
			return 0, r, err
		}
		if string(frame[3]) != `"phx_reply"` {
			continue
		}
		ref, _ = strconv.Atoi(strings.Trim(string(frame[1]), `"`))
		return ref, r, json.Unmarshal(frame[4], &r)
	}
}

// request pushes and waits for the reply.
func (d *rawDevice) request(event string, payload any) (r replyPayload, err error) {
	if err := d.send(event, payload); err != nil {
		return r, err
	}
	ref, r, err := d.receive()
	if err == nil && ref != d.ref {
		err = fmt.Errorf("reply %d to request %d", ref, d.ref)
	}
	return r, err
}

const batchSize = 20

// numbered returns the batch i of a series that counts from 0.
func numbered(i int) []map[string]any {
	batch := make([]map[string]any, batchSize)
	for k := range batch {
		n := i*batchSize + k
		batch[k] = map[string]any{"attribute_id": "n", "payload": n, "timestamp": 1_700_000_000_000 + n}
	}
	return batch
}

// answered is a batch that the server said ok to.
type answered struct {
	batches int // so many, from the first
	at      time.Time
}

// flood sends numbered batches, with up to 16 unanswered, until the connection
// ends, and returns when which were answered ok.
func (d *rawDevice) flood(push func(i int) error) (log []answered, err error) {
	slots := make(chan struct{}, 16) // batches that are not answered
	sent := make(chan error, 1)      // why sending ended
	go func() {
		for i := 0; ; i++ {
			slots <- struct{}{}
			if err := push(i); err != nil {
				sent <- err
				return
			}
		}
	}()
	for n := 1; ; n++ {
		_, r, e := d.receive()
		if e != nil {
			err = e
			break
		}
		if r.Status != "ok" {
			err = errors.Join(err, fmt.Errorf("batch %d: %+v", n, r))
			break
		}
		log = append(log, answered{n, time.Now()})
		<-slots
	}
	_ = d.ws.Close()
	for {
		select {
		case <-slots:
		case <-sent:
			return log, err
		}
	}
}

// acknowledged pushes a batch that is answered when it is on disk.
func (d *rawDevice) acknowledged(i int) error {
	return d.send("measurements", map[string]any{"stream": "01234567-89ab-4def-8123-456789abcdef", "seq": i + 1, "measurements": numbered(i)})
}

// taken pushes a batch that is answered when it is in memory.
func (d *rawDevice) taken(i int) error { return d.send("measurements_batch", numbered(i)) }

// Where as many connections wait for their first join as the server allows, devices ask
// again until they do not.
func TestSimulate_WaitsForPlacesOnTheServer(t *testing.T) {
	s := startServer(t, t.TempDir(), "--limits-anonymous-of-one", "2", "--guests", "view,ingest")
	for range 2 { // they join nothing, and go
		ws, err := dialRaw(s.url, "", "2.0.0")
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { ws.Close() })
	}
	guest := []string{"SENSOCTO_SERVER=" + s.url}
	r := runCLI(t, guest, "simulate", "--sensors", "20", "--duration", "6s")
	r.wants(t, 0, "too_many_anonymous", "trying again until there is a place")
	if n := strings.Count(r.stderr, "too_many_anonymous"); n != 1 {
		t.Errorf("said %d times:\n%s", n, r.stderr)
	}
	for i := range 20 {
		runCLI(t, guest, "read", fmt.Sprintf("sim-%d", i+1), "ecg", "--limit", "1").wants(t, 0)
	}
}
