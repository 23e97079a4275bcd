package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// What the server may use in the hostile test, and what it must stay below.
const (
	hostileMemory = 1 << 30
	hostilePeak   = 600 << 20
	attackTime    = 1500 * time.Millisecond // each is repeated for that long
)

// TestE2E_HostileClients runs the program under a limit on memory and all the
// attacks of docs/security.md against it, one after the other, while a device
// with a token streams 512 samples a second, acknowledged, and a viewer watches.
// Nothing of the device is lost, the viewer stays connected, and the peak of the
// resident memory stays below 600 MiB.
//
// The test reports how long acknowledgements took. On a machine that does nothing
// else, which SENSOCTO_TEST_IDLE=1 says (make hostile), 99 of 100 must come within
// 200 ms. The program is built without the race detector, which would multiply
// its memory.
func TestE2E_HostileClients(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute")
	}
	t.Setenv("GOMEMLIMIT", strconv.Itoa(hostileMemory*3/4))
	p := launchBuilt(t, "--guests", "view,ingest", "--registration", "open", "--load-memory", "1GiB")
	good := startGoodDevice(t, p)
	h := &hostile{t: t, p: p, session: accountOf(t, p)}
	for _, attack := range hostileAttacks {
		if !t.Run(attack.name, func(t *testing.T) {
			before, began, rounds := residentPeak(t, p), time.Now(), 0
			for ; rounds == 0 || time.Since(began) < attackTime; rounds++ {
				(&hostile{t: t, p: p, session: h.session}).run(attack.do)
			}
			t.Logf("%d times, peak %d MiB (before: %d MiB)", rounds, residentPeak(t, p)>>20, before>>20)
		}) {
			break
		}
	}
	alone := good.count()
	h.run(func(h *hostile) { // all at once
		var all sync.WaitGroup
		for _, attack := range hostileAttacks {
			all.Go(func() { (&hostile{t: t, p: p, crowd: true, session: h.session}).run(attack.do) })
		}
		all.Wait()
	})
	n, times := good.end()
	if peak := residentPeak(t, p); peak > hostilePeak {
		t.Errorf("the peak of the resident memory was %d MiB", peak>>20)
	} else {
		t.Logf("peak %d MiB", peak>>20)
	}
	together := times[alone:]
	times = times[:alone]
	median, late := quantile(times, 0.5), quantile(times, 0.99)
	t.Logf("one attack after the other: %d batches acknowledged, median %v, 99th percentile %v; all at once: %d, slowest %v",
		len(times), median, late, len(together), quantile(together, 1))
	if os.Getenv("SENSOCTO_TEST_IDLE") != "" && late > 200*time.Millisecond {
		t.Errorf("acknowledgements took %v", late)
	}
	p.wantsCount("good", "ecg", n)
	p.ends()
}

// launchBuilt builds the program as it is released, and starts a server.
func launchBuilt(t *testing.T, flags ...string) *process {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sensocto")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := launchWith(t, t.TempDir(), func(args ...string) *exec.Cmd {
		cmd := exec.Command(binary, args...)
		cmd.Env = os.Environ()
		return cmd
	}, "127.0.0.1:0", flags...)
	if err := p.awaitURL(); err != nil {
		t.Fatal(err)
	}
	p.createToken(nil)
	return p
}

// residentPeak returns the most memory that the process has had, in bytes.
func residentPeak(t *testing.T, p *process) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatalf("the server has ended: %v\n%s", err, p.stderr)
	}
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(text, &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return math.MaxInt64
	}
	slices.Sort(times)
	return times[int(q*float64(len(times)-1))]
}

// goodDevice streams, and knows what was acknowledged.
type goodDevice struct {
	t       *testing.T
	stop    chan struct{}
	done    sync.WaitGroup
	samples int
	mu      sync.Mutex // guards times
	times   []time.Duration
	viewed  atomic.Int64 // samples that came singly; on a busy machine others are merged

	viewerEnd atomic.Pointer[error]
}

func startGoodDevice(t *testing.T, p *process) *goodDevice {
	t.Helper()
	g := &goodDevice{t: t, stop: make(chan struct{})}
	d := p.device("good")
	viewer := p.dial("2.0.0")
	_ = viewer.SetReadDeadline(time.Time{})
	_ = d.ws.SetReadDeadline(time.Time{})
	if err := viewer.WriteJSON([]any{"1", "1", "data:good", "phx_join", map[string]any{}}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			_, frame, err := viewer.ReadMessage()
			if err != nil {
				g.viewerEnd.Store(&err)
				return
			}
			g.viewed.Add(int64(bytes.Count(frame, []byte(`"payload"`))))
		}
	}()
	const batch = 51 // at 512 Hz, ten a second
	g.done.Go(func() {
		tick := time.NewTicker(time.Second / 10)
		defer tick.Stop()
		for seq := 1; ; seq++ {
			select {
			case <-g.stop:
				return
			case <-tick.C:
			}
			if seq%100 == 0 { // what says nothing for a minute is closed
				if err := viewer.WriteJSON([]any{nil, "h", "phoenix", "heartbeat", map[string]any{}}); err != nil {
					t.Errorf("the viewer: %v", err)
				}
			}
			items := make([]map[string]any, batch)
			for i := range items {
				items[i] = map[string]any{"attribute_id": "ecg", "payload": g.samples + i, "timestamp": 1767225600000 + g.samples + i}
			}
			began := time.Now()
			r, err := d.request("measurements", map[string]any{"stream": "0198c0de-0000-7000-8000-00000000600d", "seq": seq, "measurements": items})
			if err != nil || r.Status != "ok" {
				t.Errorf("batch %d: %+v %v", seq, r, err)
				return
			}
			g.mu.Lock()
			g.times = append(g.times, time.Since(began))
			g.mu.Unlock()
			g.samples += batch
		}
	})
	return g
}

// count returns how many batches were acknowledged so far.
func (g *goodDevice) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.times)
}

// end returns how many samples were acknowledged, and how long each batch took.
func (g *goodDevice) end() (int, []time.Duration) {
	close(g.stop)
	g.done.Wait()
	if err := g.viewerEnd.Load(); err != nil {
		g.t.Errorf("the viewer was disconnected: %v", *err)
	}
	if n := g.viewed.Load(); n == 0 {
		g.t.Error("the viewer saw nothing")
	} else {
		g.t.Logf("the viewer saw %d of %d samples singly", n, g.samples)
	}
	return g.samples, g.times
}

// accountOf makes an account, as anybody may, and returns the cookie of its session.
func accountOf(t *testing.T, p *process) (session string) {
	t.Helper()
	b := &browser{t: t, url: p.url}
	b.asks(http.StatusCreated, http.MethodPost, "/users", `{"email":"mallory@example.org","name":"Mallory","password":"`+goodPassword+`"}`)
	return b.cookie
}

// hostile is somebody without a credential, in a test, or with an account's session.
type hostile struct {
	t       *testing.T
	p       *process
	session string
	crowd   bool          // others attack at the same time
	stays   time.Duration // how long it waits for answers over HTTP; default patience
	conns   []*websocket.Conn
	mu      sync.Mutex // guards conns
}

// run attacks, and leaves.
func (h *hostile) run(attack func(*hostile)) {
	defer func() {
		for _, c := range h.conns {
			c.Close()
		}
	}()
	attack(h)
}

// dial returns a connection, nil where there is none to be had.
func (h *hostile) dial() *websocket.Conn {
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(h.p.url, "http")+"/socket/websocket?vsn=2.0.0", nil)
	if err != nil {
		return nil
	}
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	_ = ws.SetWriteDeadline(time.Now().Add(patience))
	h.mu.Lock()
	h.conns = append(h.conns, ws)
	h.mu.Unlock()
	return ws
}

// guest returns a connection that has joined something: it is not anonymous.
func (h *hostile) guest() *websocket.Conn {
	ws := h.dial()
	if ws != nil {
		h.ask(ws, `["1","1","viewer:x","phx_join",{}]`)
	}
	return ws
}

// impatient bounds what is written and read from now on: the server reads no
// further while answers wait that nobody reads.
func (h *hostile) impatient(ws *websocket.Conn) {
	if ws != nil {
		_ = ws.SetWriteDeadline(time.Now().Add(attackTime))
		_ = ws.SetReadDeadline(time.Now().Add(attackTime))
	}
}

// send sends a frame, and says whether there was a connection for it.
func (h *hostile) send(ws *websocket.Conn, frame string) bool {
	return ws != nil && ws.WriteMessage(websocket.TextMessage, []byte(frame)) == nil
}

// ask sends a frame and returns the reply, "" where the connection ends.
func (h *hostile) ask(ws *websocket.Conn, frame string) string {
	if !h.send(ws, frame) {
		return ""
	}
	for {
		_, text, err := ws.ReadMessage()
		if err != nil {
			return ""
		}
		if bytes.Contains(text, []byte(`"phx_reply"`)) {
			return string(text)
		}
	}
}

// join joins a sensor and returns the reply.
func (h *hostile) join(ws *websocket.Conn, id, params string) string {
	return h.ask(ws, fmt.Sprintf(`["9","9","sensocto:sensor:%s","phx_join",{"sensor_name":"S","sensor_type":"x"%s}]`, id, params))
}

func (h *hostile) get(path string, header ...string) (status int, body string) {
	return h.call(http.MethodGet, path, "", header...)
}

func (h *hostile) call(method, path, content string, header ...string) (status int, body string) {
	r, err := http.NewRequest(method, h.p.url+path, strings.NewReader(content))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: cmp.Or(h.stays, patience)}
	resp, err := client.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	return resp.StatusCode, string(text)
}

// endings are the operations that end the session with which they are asked.
var endings = []string{"DELETE /api/v1/session", "DELETE /api/v1/sessions", "DELETE /api/v1/users/me"}

// everyOperation asks all operations at once, with long and many values where the
// API has members and parameters for them.
func (h *hostile) everyOperation(header ...string) {
	long, parameter := strings.Repeat("x", 60_000), regexp.MustCompile(`\{[^}]*\}`)
	// Bodies stay below 256 KiB: on longer ones that it refuses unread, the server
	// closes the connection, and the answer may be lost.
	queries, bodies := questionsOfTheAPI(h.t, long[:20_000])
	header = append(header, "Content-Type", "application/json")
	var asked, answered, admitted atomic.Int64
	var all sync.WaitGroup
	places := make(chan struct{}, 200) // as many at once
	for _, operation := range operationsOfTheAPI(h.t) {
		method, path, _ := strings.Cut(operation, " ")
		if slices.Contains(endings, operation) {
			continue
		}
		for _, value := range []string{"many", long[:4000]} {
			for _, query := range queries[operation] {
				places <- struct{}{}
				all.Go(func() {
					defer func() { <-places }()
					status, body := h.call(method, parameter.ReplaceAllString(path, value)+query, bodies[operation], header...)
					tooLong := len(body) > 8<<20 && !strings.HasSuffix(path, "/export") // which is written as it is read
					if status >= 500 && status != http.StatusServiceUnavailable || tooLong {
						h.t.Errorf("%s: %d, %d bytes: %.200s", operation, status, len(body), body)
					}
					asked.Add(1)
					if status != 0 {
						answered.Add(1)
					}
					if status != http.StatusUnauthorized && status != 0 {
						admitted.Add(1)
					}
				})
			}
		}
	}
	all.Wait()
	if !h.crowd && answered.Load() < asked.Load()*9/10 { // of others, the connection was closed, or it took too long
		h.t.Errorf("only %d of %d were answered", answered.Load(), asked.Load())
	}
	if len(header) > 2 && !h.crowd && admitted.Load() < answered.Load()/5 { // some end the session that asks
		h.t.Errorf("only %d of %d were asked with a credential that counts", admitted.Load(), answered.Load())
	}
}

// questionsOfTheAPI returns the queries with which an operation is asked, none and
// each of its parameters alone, so that one that is refused hides no other, and its
// body, with all members that it may have.
func questionsOfTheAPI(t *testing.T, long string) (queries map[string][]string, bodies map[string]string) {
	t.Helper()
	text, err := os.ReadFile("../../web/testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ Name, In string }
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Type any }
			}
		}
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"limit": "1000000", "width": "0.001", "field": long[:64]}
	queries, bodies = make(map[string][]string), make(map[string]string)
	for path, methods := range document.Paths {
		for method, operation := range methods {
			key := strings.ToUpper(method) + " " + path
			queries[key] = []string{""}
			for _, p := range operation.Parameters {
				if p.In == "query" {
					queries[key] = append(queries[key], "?"+p.Name+"="+cmp.Or(values[p.Name], long[:4000]))
				}
			}
			_, schema, _ := strings.Cut(operation.RequestBody.Content["application/json"].Schema.Ref, "#/components/schemas/")
			var members []string
			for name, property := range document.Components.Schemas[schema].Properties {
				if !strings.HasPrefix(name, "$") {
					members = append(members, strconv.Quote(name)+":"+manyOf(property.Type, long))
				}
			}
			if schema != "" {
				bodies[key] = "{" + strings.Join(members, ",") + "}"
			}
		}
	}
	return queries, bodies
}

// manyOf returns much JSON of a type of JSON Schema, which may be a list of types.
func manyOf(kind any, long string) string {
	if kinds, ok := kind.([]any); ok && len(kinds) > 0 {
		kind = kinds[0]
	}
	switch kind {
	case "array":
		return "[" + list(1000, "u%d") + "]"
	case "integer", "number":
		return "1000000"
	case "boolean":
		return "true"
	case "object":
		return `{"` + long + `":` + strconv.Quote(long) + "}"
	}
	return strconv.Quote(long)
}

// list returns n JSON strings that format makes of their numbers.
func list(n int, format string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(fmt.Sprintf(format, i)))
	}
	return b.String()
}

// hostileAttacks are those of docs/security.md.
var hostileAttacks = []struct {
	name string
	do   func(*hostile)
}{
	{"one id many times", func(h *hostile) {
		ids := strings.TrimSuffix(strings.Repeat(`"s",`, 200_000), ",")
		for range 5 {
			ws := h.guest()
			for range 3 {
				h.ask(ws, `["1","2","viewer:x","watch",{"sensor_ids":[`+ids+`]}]`)
			}
		}
	}},
	{"unfinished frames", func(h *hostile) {
		piece := append([]byte{0x82, 0xFF, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0}, make([]byte, 3<<20)...)
		var all sync.WaitGroup
		for range 400 {
			all.Go(func() {
				if ws := h.dial(); ws != nil {
					_, _ = ws.NetConn().Write(piece) // refused before it has come
				}
			})
		}
		all.Wait()
	}},
	{"unfinished frames of guests", func(h *hostile) {
		piece := append([]byte{0x82, 0xFF, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0}, make([]byte, 3<<20)...)
		for range 60 {
			if ws := h.guest(); ws != nil {
				_, _ = ws.NetConn().Write(piece)
			}
		}
	}},
	{"a join with 130,000 attributes", func(h *hostile) {
		for i := range 3 {
			h.join(h.guest(), fmt.Sprint("wide", i), `,"attributes":[`+list(130_000, "a%d")+`]`)
		}
	}},
	{"names of 1 MB", func(h *hostile) {
		for i, name := range []string{strings.Repeat("x", 900<<10), "a\\u0000b", "a\\u001b[2J"} {
			ws := h.guest()
			if reply := h.join(ws, fmt.Sprint("named", i), `,"connector_name":"`+name+`","attributes":[]`); reply != "" && !strings.Contains(reply, `"error"`) {
				h.t.Errorf("a name of %d bytes was taken: %.200s", len(name), reply)
			}
		}
	}},
	{"history of many attributes", func(h *hostile) {
		ws := h.guest()
		h.join(ws, "many", `,"attributes":[]`)
		for a := range 400 {
			var items []string
			for i := range 100 {
				items = append(items, fmt.Sprintf(`{"attribute_id":"a%d","payload":%d,"timestamp":%d}`, a, i, 1767225600000+i))
			}
			h.send(ws, `["9",null,"sensocto:sensor:many","measurements_batch",[`+strings.Join(items, ",")+`]]`)
		}
		h.ask(ws, `["9","10","sensocto:sensor:many","ping",{}]`)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { h.ask(h.dial(), `["1","1","data:many","phx_join",{"history":10000}]`) })
		}
		all.Wait()
	}},
	{"an export without end", func(h *hostile) {
		h.stays = attackTime // what is allowed takes longer, and ends with its client
		for _, rate := range []string{"1e300", "1e6"} {
			for _, format := range []string{"edf", "wfdb"} {
				if status, body := h.get("/api/v1/sensors/many/export?resample=" + rate + "&format=" + format); status == http.StatusOK && rate == "1e300" {
					h.t.Errorf("it was begun: %.200s", body)
				}
			}
		}
		if status, body := h.get("/api/v1/sensors/many/export", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "image"); status != http.StatusForbidden {
			h.t.Errorf("for a page of another site: %d %.200s", status, body)
		}
	}},
	{"documents", func(h *hostile) {
		ws := h.guest()
		h.join(ws, "papers", `,"attributes":[]`)
		text, _ := json.Marshal(strings.Repeat("x", 60_000))
		for round := range 8 {
			for a := range 100 {
				frame := fmt.Sprintf(`["9",null,"sensocto:sensor:papers","measurement",{"attribute_id":"p%d","payload":%s,"timestamp":%d}]`, a, text, 1767225600000+round)
				if !h.send(ws, frame) {
					return
				}
			}
		}
		h.ask(ws, `["9","10","sensocto:sensor:papers","ping",{}]`)
	}},
	{"documents beside viewers of the list", func(h *hostile) {
		viewer := h.dial()
		if h.ask(viewer, `["1","1","sensors:all","phx_join",{}]`) == "" {
			return // others have taken the places
		}
		ws := h.guest()
		h.join(ws, "papers", `,"attributes":[]`)
		for i := range 50 {
			h.ask(ws, fmt.Sprintf(`["9","10","sensocto:sensor:papers","update_attributes",{"action":"update","attribute_id":"p%d","metadata":{"unit":"u%d"}}]`, i, i))
		}
		if h.ask(viewer, `[null,"2","phoenix","heartbeat",{}]`) == "" && !h.crowd {
			h.t.Error("the viewer of the list was closed")
		}
	}},
	{"many sensors and series", func(h *hostile) {
		ws := h.guest()
		for i := range 30 {
			h.ask(ws, fmt.Sprintf(`["s%d","s%d","sensocto:sensor:crowd%d","phx_join",{"sensor_name":"S","sensor_type":"x","attributes":[%s]}]`, i, i, i, list(1000, "a%d")))
		}
	}},
	{"many topics that watch many sensors", func(h *hostile) {
		ws := h.dial()
		ids := list(1000, "w%d")
		for i := range 100 {
			topic := fmt.Sprint("viewer:", i)
			h.ask(ws, fmt.Sprintf(`["t%d","t%d","%s","phx_join",{}]`, i, i, topic))
			h.ask(ws, fmt.Sprintf(`["t%d","u","%s","watch",{"sensor_ids":[%s]}]`, i, topic, ids))
		}
		if status, body := h.get("/api/v1/attention"); status != http.StatusOK || len(body) > 2<<20 {
			h.t.Errorf("attention answers %d with %d bytes", status, len(body))
		}
	}},
	{"sensors that are hidden and shown without end", func(h *hostile) {
		ws := h.guest()
		h.ask(ws, `["1","2","viewer:x","watch",{"sensor_ids":[`+list(1000, "v%d")+`]}]`)
		h.impatient(ws)
		for i := range 20_000 {
			if !h.send(ws, fmt.Sprintf(`["1","3","viewer:x","visibility_changed",{"visible":%v}]`, i%2 == 1)) {
				return
			}
		}
	}},
	{"join refs and pings of 1 MiB", func(h *hostile) {
		long := strings.Repeat("x", 900<<10)
		for i := range 5 {
			h.ask(h.guest(), fmt.Sprintf(`["%s","1","viewer:%d","phx_join",{}]`, long, i))
		}
		ws := h.guest()
		h.join(ws, "pinged", `,"attributes":[]`)
		h.impatient(ws)
		for range 64 {
			if !h.send(ws, `["9","2","sensocto:sensor:pinged","ping",{"x":"`+long+`"}]`) {
				return
			}
		}
		h.ask(ws, `["9","10","sensocto:sensor:pinged","ping",{}]`)
	}},
	{"every operation of the API", func(h *hostile) { h.everyOperation() }},
	{"every operation of the API, with a token", func(h *hostile) { h.everyOperation("Authorization", "Bearer "+h.p.token()) }},
	{"every operation of the API, in a session", func(h *hostile) { h.everyOperation("Cookie", "sensocto_token="+h.session) }},
	{"every message", func(h *hostile) {
		payload := `{"sensor_ids":[` + list(20_000, "s%d") + `],"levels":{"s":"high"},"visible":true,"level":0.5,"charging":false,"attribute_id":"a0",` +
			`"payload":[` + strings.TrimSuffix(strings.Repeat("[1],", 50_000), ",") + `],"timestamp":1767225600000,"limit":1000000,"metadata":{"unit":"x"},"action":"add"}`
		for _, topic := range []string{"viewer:e", "data:many", "sensors:all", "sensocto:sensor:many", "sensocto:connector:c", "room:r", "user:u", "phoenix"} {
			ws := h.guest()
			h.send(ws, fmt.Sprintf(`["7","7",%q,"phx_join",{"sensor_name":"S","sensor_type":"x","connector_name":"C"}]`, topic))
			h.impatient(ws)
			for _, event := range clientEvents(h.t) {
				if !h.send(ws, fmt.Sprintf(`["7","8",%q,%q,%s]`, topic, event, payload)) {
					break
				}
			}
			h.ask(ws, `[null,"9","phoenix","heartbeat",{}]`)
		}
	}},
	{"idle connections", func(h *hostile) {
		for range 300 {
			h.dial()
		}
	}},
}
