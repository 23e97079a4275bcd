package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/web"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares with a file of testdata, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs; 'go test ./web -update' rewrites it (-want +got):\n%s", path, diff)
	}
}

func TestOpenAPI_Golden(t *testing.T) {
	p := newPeopleWith(t, func(o *web.Options) {
		o.Alerts, o.AuditLog = struct{ web.Alerts }{}, struct{ web.AuditLog }{} // nobody asks them here
	})
	answer := p.do(call{path: "/api/openapi.json", header: p.signUp("ada").header()})
	if ct := answer.Header().Get("Content-Type"); ct != "application/openapi+json" {
		t.Error(ct)
	}
	pretty, err := json.MarshalIndent(decode[any](t, answer.Body), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "openapi.json", append(pretty, '\n'))
}

func TestSensors_ListAndLook(t *testing.T) {
	w := newWorld(t, setup{})
	if got := w.get(t, "/api/v1/sensors").Body.String(); got != "{\"sensors\":[],\"next\":\"\"}\n" {
		t.Errorf("empty: %s", got)
	}
	b, _ := w.connect(t, "b")
	w.connect(t, "a:1.x-y_z")
	push(t, b, "ecg", sensocto.Sample{Timestamp: 1_700_000_000_000_500, Value: 0.1})
	push(t, b, "events", sensocto.Sample{Timestamp: 1_700_000_000_001_000, Document: []byte(`{"a":[1.50]}`)})
	type sensorT struct {
		ID         string `json:"sensor_id"`
		Name       string `json:"sensor_name"`
		Activity   string `json:"activity_status"`
		Attributes []struct {
			ID, Unit string
			Last     json.RawMessage `json:"last_value"`
		}
		Rates map[string]any
	}
	list := decode[struct{ Sensors []sensorT }](t, w.get(t, "/api/v1/sensors").Body).Sensors
	if len(list) != 2 || list[0].ID != "a:1.x-y_z" || list[1].ID != "b" {
		t.Fatalf("%+v", list)
	}
	for query, want := range map[string]string{"?limit=1": "a:1.x-y_z a:1.x-y_z", "?after=a:1.x-y_z&limit=1": "b ", "?after=b": " "} {
		page := decode[struct {
			Sensors []sensorT
			Next    string
		}](t, w.get(t, "/api/v1/sensors"+query).Body)
		got := ""
		for _, s := range page.Sensors {
			got += s.ID
		}
		if got += " " + page.Next; got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	one := decode[sensorT](t, w.get(t, "/api/v1/sensors/b").Body)
	if one.Name != "Sensor b" || one.Activity != "online" || len(one.Attributes) != 2 || one.Rates["last_seen"] == nil {
		t.Fatalf("%+v", one)
	}
	for i, want := range []string{`{"timestamp":1700000000000.5,"payload":0.1}`, `{"timestamp":1700000000001,"payload":{"a":[1.50]}}`} {
		if got := string(one.Attributes[i].Last); got != want {
			t.Errorf("last value %s, want %s", got, want)
		}
	}
	idle := w.get(t, "/api/v1/sensors/a:1.x-y_z").Body.String()
	if !strings.Contains(idle, `"last_value":null`) || !strings.Contains(idle, `"last_seen":null`) {
		t.Error(idle)
	}
}

func TestSensor_RenameAndDelete(t *testing.T) {
	w := newWorld(t, setup{})
	link, _ := w.connect(t, "s1")
	push(t, link, "ecg", sensocto.Sample{Timestamp: sensocto.MinTimestamp, Value: 1}, sensocto.Sample{Timestamp: sensocto.MinTimestamp, Value: 2})
	answer := w.do(call{method: "PATCH", path: "/api/v1/sensors/s1", token: w.admin, body: `{"sensor_name":"Änderung <b>"}`})
	if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), `"sensor_name":"Änderung <b>"`) {
		t.Errorf("rename: %d %s", answer.Code, answer.Body)
	}
	for _, body := range []string{``, `{}`, `{"sensor_name":""}`, `{"sensor_name":7}`, `[]`, `{"sensor_name":"x","extra":1}`, `{"sensor_name":"` + strings.Repeat("x", 129) + `"}`, `junk`, strings.Repeat("x", 1<<20)} {
		answer := w.do(call{method: "PATCH", path: "/api/v1/sensors/s1", token: w.admin, body: body})
		if answer.Code < 400 || answer.Code >= 500 {
			t.Errorf("%.30q: %d", body, answer.Code)
		}
		checkProblem(t, answer, answer.Code)
	}
	answer = w.do(call{method: "DELETE", path: "/api/v1/sensors/s1", token: w.admin})
	if answer.Code != http.StatusOK || answer.Body.String() != "{\"attributes\":1,\"measurements\":2}\n" {
		t.Errorf("delete: %d %s", answer.Code, answer.Body)
	}
	for _, c := range []call{{path: "/api/v1/sensors/s1"}, {method: "DELETE", path: "/api/v1/sensors/s1"}, {path: "/api/v1/sensors/s1/attributes/ecg/measurements"}} {
		c.token = w.admin
		checkProblem(t, w.do(c), http.StatusNotFound)
	}
}

func TestSensor_Command(t *testing.T) {
	w := newWorld(t, setup{})
	link, d := w.connect(t, "s1")
	post := func(body string) int {
		answer := w.do(call{method: "POST", path: "/api/v1/sensors/s1/command", token: w.admin, body: body})
		if answer.Code >= 400 {
			checkProblem(t, answer, answer.Code)
		}
		return answer.Code
	}
	if code := post("{\n \"rate\": 512.0, \"a\": 1e2 }"); code != http.StatusAccepted {
		t.Errorf("%d", code)
	}
	d.mu.Lock()
	if len(d.commands) != 1 || d.commands[0] != `{"rate":512.0,"a":1e2}` {
		t.Errorf("%q", d.commands)
	}
	d.mu.Unlock()
	for _, body := range []string{``, `[]`, `"x"`, `null`, `{`, "{\"a\":\"\xff\"}", `{"a":NaN}`, `{}{}`, `{"a":"` + strings.Repeat("x", 1<<17) + `"}`} {
		if code := post(body); code < 400 || code >= 500 {
			t.Errorf("%.30q: %d", body, code)
		}
	}
	link.Close()
	if code := post(`{}`); code != http.StatusConflict {
		t.Errorf("without a device: %d", code)
	}
}

func TestProblems_Everywhere(t *testing.T) {
	w := newWorld(t, setup{web: func(o *web.Options) {
		o.Socket = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	}})
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/nothing", 404},
		{"GET", "/socket/longpoll", 404},
		{"POST", "/socket/longpoll?vsn=2.0.0", 404},
		{"GET", "/socket", 404},
		{"GET", "/api", 404},
		{"GET", "/api/v1", 404},
		{"GET", "/api/v1/sensors/", 404},
		{"GET", "/api/v2/sensors", 404},
		{"GET", "/static/", 404},
		{"GET", "/static/none.js", 404},
		{"POST", "/", 405},
		{"PUT", "/api/v1/sensors", 405},
		{"PUT", "/api/v1/sensors/s1", 405},
		{"POST", "/healthz", 405},
		{"DELETE", "/api/v1/sensors/s1/attributes/ecg/measurements", 405},
		{"GET", "/api/v1/sensors/" + strings.Repeat("x", 129), 422},
		{"GET", "/api/v1/sensors/a%20b", 422},
		{"GET", "/api/v1/sensors/a%2Fb", 422},
		{"GET", "/api/v1/sensors/%00", 422},
		{"GET", "/api/v1/sensors/a%2Fb/attributes/ecg/measurements", 422},
		{"GET", "/api/v1/sensors/s1/attributes/-x/measurements", 422},
		{"GET", "/api/v1/sensors/s1/attributes/ecg/measurements", 404},
		{"GET", "/api/v1/sensors/s1", 404},
	} {
		answer := w.do(call{method: tt.method, path: tt.path, token: w.admin})
		checkProblem(t, answer, tt.status)
		if tt.status == 405 && answer.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", tt.method, tt.path)
		}
	}
	if answer := w.do(call{path: "/socket/websocket?vsn=2.0.0"}); answer.Code != http.StatusTeapot {
		t.Errorf("socket: %d", answer.Code)
	}
}

func TestHeaders_OnEveryAnswer(t *testing.T) {
	w := newWorld(t, setup{})
	for _, path := range []string{"/", "/api/docs", "/static/docs.js", "/api/v1/sensors", "/nothing", "/api/openapi.json"} {
		h := w.do(call{path: path, token: w.viewer}).Header()
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %q", path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Content-Type") == "" {
			t.Errorf("%s: %v", path, h)
		}
		if strings.HasPrefix(path, "/api/v1") && h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be cached", path)
		}
	}
}

// Pages work without internet and under the policy: nothing inline, nothing
// from elsewhere, and all that they name is there.
func TestPages_AreSelfContained(t *testing.T) {
	w := newWorld(t, setup{})
	for _, page := range []string{"/", "/api/docs"} {
		answer := w.do(call{path: page})
		html := answer.Body.String()
		if answer.Code != http.StatusOK || !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/html") {
			t.Fatalf("%s: %d %v", page, answer.Code, answer.Header())
		}
		for _, banned := range []string{"://", "<style", "style=", "onclick=", "<script>"} {
			if strings.Contains(html, banned) {
				t.Errorf("%s has %s", page, banned)
			}
		}
		for part := range strings.SplitSeq(html, `"/static/`) {
			name, _, ok := strings.Cut(part, `"`)
			if ok && !strings.Contains(name, "<") && w.do(call{path: "/static/" + name}).Code != http.StatusOK {
				t.Errorf("%s names %s", page, name)
			}
		}
		etag := answer.Header().Get("Etag")
		if again := w.do(call{path: page, header: map[string]string{"If-None-Match": etag}}); again.Code != http.StatusNotModified {
			t.Errorf("%s again: %d", page, again.Code)
		}
	}
	if ct := w.do(call{path: "/static/docs.js"}).Header().Get("Content-Type"); !strings.HasPrefix(ct, "text/javascript") {
		t.Error(ct)
	}
}

func TestReady_SaysWhatIsStillUnderWay(t *testing.T) {
	w := newWorld(t, setup{web: func(o *web.Options) { o.Progress = func() string { return "half of it" } }})
	if got := w.get(t, "/readyz").Body.String(); got != "{\"status\":\"ready\",\"progress\":\"half of it\"}\n" {
		t.Error(got)
	}
}

func TestReady_SaysWhyNot(t *testing.T) {
	var why error
	w := newWorld(t, setup{web: func(o *web.Options) { o.Ready = func() error { return why } }})
	if got := w.get(t, "/readyz").Body.String(); got != "{\"status\":\"ready\"}\n" {
		t.Error(got)
	}
	why = errors.New("the disk is full")
	answer := w.do(call{path: "/readyz", token: w.viewer})
	checkProblem(t, answer, http.StatusServiceUnavailable)
	if !strings.Contains(answer.Body.String(), "the disk is full") {
		t.Error(answer.Body)
	}
	w.get(t, "/healthz")
}

// faulty is a store that fails as it is told.
type faulty struct {
	sensocto.Store
	read func() error
}

func (f faulty) Read(context.Context, string, string, sensocto.Query) (sensocto.Page, error) {
	return sensocto.Page{}, f.read()
}

func TestFaults_BecomeProblems(t *testing.T) {
	var fault func() error
	w := newWorld(t, setup{web: func(o *web.Options) { o.Store = faulty{o.Store, func() error { return fault() }} }})
	w.connect(t, "s1")
	for name, tt := range map[string]struct {
		fault  func() error
		status int
	}{
		"secret detail": {func() error { return errors.New("open /secret/path") }, 500},
		"unavailable":   {func() error { return sensocto.ErrUnavailable }, 503},
		"too slow":      {func() error { return context.DeadlineExceeded }, 503},
		"panic":         {func() error { panic("/secret/path") }, 500},
	} {
		fault = tt.fault
		answer := w.do(call{path: "/api/v1/sensors/s1/attributes/ecg/measurements", token: w.viewer})
		checkProblem(t, answer, tt.status)
		if strings.Contains(answer.Body.String(), "secret") {
			t.Errorf("%s: %s", name, answer.Body)
		}
	}
	if n := strings.Count(w.log.String(), "/secret/path"); n < 2 {
		t.Errorf("logged %d times", n)
	}
}

func TestServer_OverARealConnection(t *testing.T) {
	w := newWorld(t, setup{})
	server := httptest.NewServer(w)
	defer server.Close()
	answer, err := server.Client().Get(server.URL + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%d", answer.StatusCode)
	}
	server.Client().CloseIdleConnections()
}
