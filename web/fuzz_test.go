package web_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/load"
	"github.com/sensocto/sensocto/web"
)

// What one input of FuzzRoutes may be, and what it may make the process
// allocate.
const (
	fuzzInputBytes  = 64 << 10
	fuzzAllocBudget = 16 << 20 // the dearest seeds take 2 MiB
	// fuzzHashBudget is for what may hash a password, which takes memory on purpose.
	fuzzHashBudget = 96 << 20
)

// FuzzRoutes calls the routes of the OpenAPI document, and those beside it,
// with foreign values: an answer is never 500, never a panic, and within the
// budget of memory.
func FuzzRoutes(f *testing.F) {
	w := newWorld(f, setup{web: fuzzParts})
	w.fuzzSensor(f)
	p := newPeopleWith(f, fuzzParts)
	eve := p.signUp("eve")
	eve.bring("s")
	operator := len(w.routes(f))
	routes := append(w.routes(f), p.world.routesAs(f, call{path: "/api/openapi.json", header: eve.header()})...)
	for i := range routes {
		for _, values := range hostileParameters {
			f.Add(byte(i), "s", values, "", `{"sensor_name":"x"}`)
			f.Add(byte(i), "s", values, "https://elsewhere.example", "")
		}
		for _, text := range hostileTexts {
			f.Add(byte(i), text, "", text, text)
			f.Add(byte(i), "s", text, "bytes=0-1", `{"sensor_name":"`+text+`"}`)
		}
	}
	f.Fuzz(func(t *testing.T, route byte, id, values, header, body string) {
		if len(id)+len(values)+len(header)+len(body) > fuzzInputBytes {
			t.Skip("larger than the budget is made for")
		}
		number := int(route) % len(routes)
		to, w, budget := routes[number], w, uint64(fuzzAllocBudget)
		r := to.request(id, values, header, body)
		if number < operator {
			r.Header.Set("Authorization", "Bearer "+w.admin)
		} else {
			w, budget = p.world, fuzzHashBudget
			r.Header.Set("Cookie", web.SessionCookie+"="+eve.cookie)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		before := allocated()
		answer := &discarded{header: http.Header{}}
		w.ServeHTTP(answer, r.WithContext(ctx))
		if cost := allocated() - before; cost > budget {
			t.Errorf("%s %s allocated %d bytes, more than %d", r.Method, r.URL, cost, budget)
		}
		if answer.code == http.StatusInternalServerError {
			t.Errorf("%s %s: 500 %s", r.Method, r.URL, answer.head)
		}
		if ctx.Err() != nil {
			t.Errorf("%s %s did not end", r.Method, r.URL)
		}
		if n := w.panics(); n != 0 {
			t.Fatalf("%s %s: %v panics", r.Method, r.URL, n)
		}
		if r.Method == http.MethodDelete && number < operator {
			w.fuzzSensor(t)
		}
		if number >= operator && answer.code < 300 && strings.HasPrefix(r.URL.Path, "/api/v1/session") { // it may have ended
			again := *p
			again.t = t
			eve = again.signInAs("eve")
		}
	})
}

// fuzzSensor brings the sensor "s" with some samples.
func (w *world) fuzzSensor(t testing.TB) {
	link, _ := w.connect(t, "s")
	push(t, link, "ecg", sensocto.Sample{Timestamp: 1_700_000_000_000_000, Value: 1}, sensocto.Sample{Timestamp: 1_700_000_001_000_000, Value: 2})
}

// hostileParameters are values for the parameters of a route, a line each and
// in the order of the document.
var hostileParameters = []string{
	"",
	"1\n2\n3\n4\n5\n6\n7\n8",
	"-9223372036854775808\n9223372036854775807\n1ns\n2000\nlttb\n5000\nx\ncsv",
	"0\n9007199254740991\nraw\n2000\nbuckets\n5000\n\njson",
	"csv\n\n-9007199254740991\n9007199254740991\n1e300",
	"edf\necg\n0\n9007199254740991\n1e-300",
	"1e300\n-1e300\n1e300\n-1\n\n-1",
	"NaN\nInfinity\nNaN\nNaN\nNaN\nNaN",
	"0001-01-01T00:00:00Z\n9999-12-31T23:59:59Z\n1ms\n2",
}

// hostileTexts stand for names, values and bodies.
var hostileTexts = []string{
	"", "\x00", "%00", "\xff\xfe", "../../etc/passwd", "a/b", ".", "..", "\u202e\x1b[2J", "NaN", "1e300", "-1", "99999999999999999999",
	strings.Repeat("x", 10_000), strings.Repeat("[", 10_000), strings.Repeat(`{"a":`, 5_000), `{` + strings.Repeat(`"a":1,`, 2_000) + `"a":1}`, "null", "[]", `{"sensor_name":1e300}`,
}

// fuzzParts has the parts that the program gives a server answer in few words,
// so that what is before them is reached.
func fuzzParts(o *web.Options) {
	o.Log = slog.New(slog.DiscardHandler)
	o.Attention, o.Load = attention.New(attention.Options{}), load.New(load.Options{})
	o.Backup = func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "archive"); return err }
	o.Retention = func(context.Context, time.Time) ([]sensocto.Aged, error) { return nil, nil }
	o.ApplyRetention = func(context.Context) ([]sensocto.Aged, error) { return nil, nil }
	o.Export = func(context.Context, web.ExportQuery) (web.ExportFile, error) { return emptyFile{}, nil }
	o.Import = func(_ context.Context, _ sensocto.Identity, _ string, body io.Reader) (sensocto.Imported, error) {
		_, err := io.Copy(io.Discard, body)
		return sensocto.Imported{}, err
	}
}

type emptyFile struct{}

func (emptyFile) Name() string                           { return "empty.csv" }
func (emptyFile) MediaType() string                      { return "text/csv" }
func (emptyFile) Notes() []string                        { return nil }
func (emptyFile) Write(context.Context, io.Writer) error { return nil }
func (emptyFile) Close() error                           { return nil }

// fuzzRoute is an operation of the OpenAPI document.
type fuzzRoute struct {
	method, path string
	media        string
	query        []string
}

func (w *world) routes(t testing.TB) []fuzzRoute {
	return w.routesAs(t, call{path: "/api/openapi.json", token: w.admin})
}

func (w *world) routesAs(t testing.TB, c call) []fuzzRoute {
	var document struct {
		Paths map[string]map[string]struct {
			Parameters  []struct{ Name, In string }
			RequestBody struct{ Content map[string]json.RawMessage }
		}
	}
	if err := json.Unmarshal(w.do(c).Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	var routes []fuzzRoute
	for path, methods := range document.Paths {
		for method, op := range methods {
			to := fuzzRoute{method: strings.ToUpper(method), path: path}
			for to.media = range op.RequestBody.Content {
			}
			for _, p := range op.Parameters {
				if p.In == "query" {
					to.query = append(to.query, p.Name)
				}
			}
			routes = append(routes, to)
		}
	}
	if len(routes) < 13 {
		t.Fatalf("only %d routes", len(routes))
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/openapi.json", "/", "/api/docs", "/static/{id}", "/{id}"} {
		routes = append(routes, fuzzRoute{method: http.MethodGet, path: path, query: []string{"x"}})
	}
	slices.SortFunc(routes, func(a, b fuzzRoute) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method)) })
	return routes
}

// request fills the route: the lines of values are those of its parameters, a
// line that is empty leaves one out, and what is over is a query of its own.
func (to fuzzRoute) request(id, values, header, body string) *http.Request {
	escaped := strings.NewReplacer("{id}", url.PathEscape(id), "{attribute}", url.PathEscape(cmp.Or(strings.TrimPrefix(id, "s"), "ecg"))).Replace(to.path)
	path, err := url.PathUnescape(escaped)
	if err != nil {
		panic(err) // it was escaped above
	}
	query := url.Values{}
	for i, v := range strings.Split(values, "\n") {
		if i < len(to.query) && v != "" {
			query.Set(to.query[i], v)
		}
	}
	r := &http.Request{
		Method: to.method, URL: &url.URL{Path: path, RawPath: escaped, RawQuery: query.Encode()}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Host: "sensors.example", RemoteAddr: "192.0.2.1:1234", RequestURI: escaped + "?" + query.Encode(),
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
	r.Header.Set("Content-Type", cmp.Or(to.media, "application/json"))
	header = strings.Map(func(c rune) rune { // what net/http lets through
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, header)
	if header == "" {
		return r
	}
	for _, name := range []string{"Accept", "Accept-Encoding", "Range", "If-None-Match", "Forwarded", "X-Forwarded-For"} {
		r.Header.Set(name, header)
	}
	if strings.Contains(header, "://") { // any origin but the server's own is refused before the route
		r.Header.Set("Origin", header)
	}
	return r
}

// panics returns how many panics the handler has contained.
func (w *world) panics() int {
	answer := w.do(call{path: "/metrics", token: w.admin})
	if !strings.Contains(answer.Body.String(), "\nsensocto_http_panics_total 0\n") {
		return 1
	}
	return 0
}

// discarded is an answer of which the beginning is kept.
type discarded struct {
	header http.Header
	code   int
	head   []byte
}

func (d *discarded) Header() http.Header { return d.header }
func (d *discarded) WriteHeader(code int) {
	if d.code == 0 && code >= 200 {
		d.code = code
	}
}

func (d *discarded) Write(b []byte) (int, error) {
	d.WriteHeader(http.StatusOK)
	d.head = append(d.head, b[:min(len(b), 512-len(d.head))]...)
	return len(b), nil
}

// allocated returns how many bytes the process has allocated so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
