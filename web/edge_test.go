package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/web"
)

// serve runs the handler on loopback as the program does.
func (w *world) serve(t testing.TB, conns *web.Conns) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: w.Handler}
	conns.Attach(server)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(web.Heads(conns.Listener(l))) }()
	t.Cleanup(func() { server.Close(); <-done })
	return l.Addr().String()
}

// raw sends bytes on a connection of its own and returns the answer.
func raw(t testing.TB, address, text string) *http.Response {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(c, strings.ReplaceAll(text, "\n", "\r\n"))
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%v after %q", err, text)
	}
	t.Cleanup(func() { r.Body.Close() })
	return r
}

func TestFraming_IsReadInOneWay(t *testing.T) {
	w := newWorld(t, setup{})
	w.connect(t, "s1")
	address := w.serve(t, web.NewConns(100))
	const head = "POST /api/v1/sensors/s1/command HTTP/1.1\nHost: localhost\nContent-Type: application/json\nAuthorization: Bearer "
	for name, test := range map[string]struct {
		text string
		want int
	}{
		"length":                               {head + w.admin + "\nContent-Length: 2\n\n{}", 202},
		"chunks":                               {head + w.admin + "\nTransfer-Encoding: chunked\n\n2\n{}\n0\n\n", 202},
		"both":                                 {head + w.admin + "\nContent-Length: 2\nTransfer-Encoding: chunked\n\n2\n{}\n0\n\n", 400},
		"both, the other way":                  {head + w.admin + "\nTransfer-Encoding: chunked\ncontent-length: 2\n\n2\n{}\n0\n\n", 400},
		"both, and the line again in the body": {head + w.admin + "\nContent-Length: 4\nTransfer-Encoding: chunked\n\n30\n" + `{"x":"POST /api/v1/sensors/s1/command HTTP/1.1"}` + "\n0\n\n", 400},
		"both, and the line again in a header": {head + w.admin + "\nContent-Length: 2\nTransfer-Encoding: chunked\nX: POST /api/v1/sensors/s1/command HTTP/1.1\n\n2\n{}\n0\n\n", 400},
		"two lengths":                          {head + w.admin + "\nContent-Length: 2\nContent-Length: 3\n\n{}", 400},
		"a chunk of no size":                   {head + w.admin + "\nTransfer-Encoding: chunked\n\nxyz\n{}\n0\n\n", 400},
		"a chunk too long":                     {head + w.admin + "\nTransfer-Encoding: chunked\n\n2\n{}junk\n0\n\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			if r := raw(t, address, test.text); r.StatusCode != test.want {
				body, _ := io.ReadAll(r.Body)
				t.Errorf("%d %s", r.StatusCode, body)
			}
		})
	}
	// On a connection that is used again.
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(c)
	for i, want := range []int{200, 202, 200, 400} {
		text := "GET /healthz HTTP/1.1\nHost: localhost\n\n"
		switch i {
		case 1:
			text = head + w.admin + "\nTransfer-Encoding: chunked\n\n2\n{}\n0\n\n"
		case 3:
			text = head + w.admin + "\nContent-Length: 2\nTransfer-Encoding: chunked\n\n2\n{}\n0\n\n"
		}
		fmt.Fprint(c, strings.ReplaceAll(text, "\n", "\r\n"))
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("request %d: %d", i, r.StatusCode)
		}
	}
}

// Idle connections make room for whoever has something to ask.
func TestConns_IdleOnesMakeRoom(t *testing.T) {
	w := newWorld(t, setup{})
	conns := web.NewConns(8)
	address := w.serve(t, conns)
	for range 30 { // some say nothing, some begin a request and do not get on
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHo")
	}
	for range 20 {
		if r := raw(t, address, "GET /healthz HTTP/1.1\nHost: localhost\n\n"); r.StatusCode != http.StatusOK {
			t.Fatalf("%d", r.StatusCode)
		}
	}
	got := map[string]float64{}
	conns.Metrics(func(m sensocto.Metric) { got[m.Name] = m.Value })
	if got["connections"] > 8 || got["connections_max"] != 8 || got["connections_evicted_total"] < 30 || got["connections_refused_total"] != 0 {
		t.Errorf("%v", got)
	}
}

// A request in progress is never the one that goes.
func TestConns_RequestsInProgressStay(t *testing.T) {
	w := newWorld(t, setup{})
	begun, end := make(chan struct{}), make(chan struct{})
	w.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(begun)
			<-end
		}
	})
	address := w.serve(t, web.NewConns(2))
	slow := make(chan int, 1)
	go func() {
		r, err := http.Get("http://" + address + "/slow")
		if err != nil {
			slow <- 0
			return
		}
		r.Body.Close()
		slow <- r.StatusCode
	}()
	<-begun
	for range 10 {
		raw(t, address, "GET / HTTP/1.1\nHost: localhost\n\n")
	}
	close(end)
	if status := <-slow; status != http.StatusOK {
		t.Errorf("the slow request got %d", status)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestTrustedProxies(t *testing.T) {
	var seen string
	socket := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr })
	w := newWorld(t, setup{web: func(o *web.Options) {
		o.Socket = socket
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")}
	}})
	for name, test := range map[string]struct{ peer, forwarded, want string }{
		"through one":                {"10.1.1.1:5", "192.0.2.1", "192.0.2.1:0"},
		"through two":                {"10.1.1.1:5", "192.0.2.1, 10.9.9.9", "192.0.2.1:0"},
		"the client pretends":        {"10.1.1.1:5", "127.0.0.1, 198.51.100.7", "198.51.100.7:0"},
		"IPv6":                       {"10.1.1.1:5", "[2001:db8::1]:99", "[2001:db8::1]:0"},
		"nobody is named":            {"10.1.1.1:5", "", "10.1.1.1:5"},
		"nonsense":                   {"10.1.1.1:5", "unknown", "10.1.1.1:5"},
		"nonsense before the client": {"10.1.1.1:5", "junk, 192.0.2.1", "192.0.2.1:0"},
		"not a trusted one":          {"192.0.2.9:5", "203.0.113.1", "192.0.2.9:5"},
		"IPv4 in IPv6":               {"[::ffff:10.1.1.1]:5", "192.0.2.1", "192.0.2.1:0"},
	} {
		header := map[string]string{"X-Forwarded-For": test.forwarded}
		if test.forwarded == "" {
			header = nil
		}
		w.do(call{path: "/socket/websocket", peer: test.peer, header: header})
		if seen != test.want {
			t.Errorf("%s: %s, want %s", name, seen, test.want)
		}
	}
	// Behind a proxy on this machine, being local proves nothing.
	for _, header := range []map[string]string{nil, {"X-Forwarded-For": "127.0.0.1"}} {
		checkProblem(t, w.do(call{path: "/metrics", peer: "127.0.0.1:5", host: "localhost", header: header}), http.StatusUnauthorized)
	}
	w.get(t, "/metrics")
}

func TestMetrics_OfTheirOwnAddress(t *testing.T) {
	w := newWorld(t, setup{web: func(o *web.Options) { o.MetricsElsewhere = true }})
	checkProblem(t, w.do(call{path: "/metrics", peer: "127.0.0.1:5", host: "localhost"}), http.StatusUnauthorized)
	own := *w
	own.Handler = w.Handler.(*web.Handler).Metrics
	if answer := own.do(call{path: "/metrics", peer: "192.0.2.1:5"}); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "sensocto_") {
		t.Errorf("%d", answer.Code)
	}
	if answer := own.do(call{path: "/api/v1/sensors", token: w.admin}); answer.Code != http.StatusNotFound {
		t.Errorf("more than metrics: %d", answer.Code)
	}
}

// A socket's path may end in a slash, as Phoenix takes it.
func TestSocket_PathWithASlash(t *testing.T) {
	socket := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	w := newWorld(t, setup{web: func(o *web.Options) { o.Socket = socket }})
	for path, want := range map[string]int{"/socket/websocket": 418, "/socket/websocket/": 418, "/socket/websocket/x": 404} {
		if answer := w.do(call{path: path + "?vsn=2.0.0"}); answer.Code != want {
			t.Errorf("%s: %d", path, answer.Code)
		}
	}
}

func TestParameters_UnknownOnesAreRefused(t *testing.T) {
	w := recorded(t)
	for _, path := range []string{
		measurementsPath + "?form=csv", measurementsPath + "?limit=1&Limit=2", "/api/v1/sensors?pages=1", "/api/v1/attention?page=2",
		strings.Replace(measurementsPath, "measurements", "history", 1) + "?width=1s", "/api/v1/sensors/s1/export?fmt=edf", "/api/v1/retention?now=1",
	} {
		answer := w.do(call{path: path, token: w.admin})
		checkProblem(t, answer, http.StatusUnprocessableEntity)
		if !strings.Contains(answer.Body.String(), "no such parameter") {
			t.Errorf("%s: %s", path, answer.Body)
		}
	}
	w.get(t, measurementsPath+"?limit=1&token=x") // protocol section 2: the header goes before it
}

func TestParameters_TimesInRFC3339(t *testing.T) {
	w := recorded(t) // from 2023-11-14T22:13:20Z on
	for query, want := range map[string]int{
		"from=2023-11-14T22:13:20Z": 100, "from=2023-11-14T22:13:20.003Z": 98, "from=2023-11-14T23:13:20.003%2B01:00": 98, "from=2023-11-14T23:13:20.003+01:00": 98,
		"to=2023-11-14T22:13:20.003Z": 2, "from=2030-01-01T00:00:00Z": 0,
	} {
		if n := len(w.page(t, query).Measurements); n != want {
			t.Errorf("%q: %d, want %d", query, n, want)
		}
	}
}

// A credential that ends, ends the downloads and uploads that it began.
func TestLongRequests_EndWithTheirCredential(t *testing.T) {
	for name, test := range map[string]struct {
		path, method, token string
		set                 func(o *web.Options, running func(ctx context.Context, body io.Reader) error)
	}{
		"backup": {"/api/v1/backup", "GET", "admin", func(o *web.Options, running func(context.Context, io.Reader) error) {
			o.Backup = func(ctx context.Context, _ io.Writer) error { return running(ctx, nil) }
		}},
		"export": {"/api/v1/sensors/s1/export", "GET", "view", func(o *web.Options, running func(context.Context, io.Reader) error) {
			o.Export = func(ctx context.Context, _ web.ExportQuery) (web.ExportFile, error) { return nil, running(ctx, nil) }
		}},
		"import": {"/api/v1/sensors/s1/import", "POST", "ingest", func(o *web.Options, running func(context.Context, io.Reader) error) {
			o.Import = func(ctx context.Context, _ sensocto.Identity, _ string, body io.Reader) (sensocto.Imported, error) {
				return sensocto.Imported{}, running(ctx, body)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			begun, ended := make(chan struct{}), make(chan error, 1)
			w := newWorld(t, setup{web: func(o *web.Options) {
				test.set(o, func(ctx context.Context, body io.Reader) error {
					close(begun)
					if body != nil {
						_, err := io.Copy(io.Discard, body)
						ended <- err
						return err
					}
					<-ctx.Done()
					ended <- context.Cause(ctx)
					return context.Cause(ctx)
				})
			}})
			w.connect(t, "s1")
			token := map[string]string{"admin": w.admin, "view": w.viewer, "ingest": w.ingester}[test.token]
			address := w.serve(t, web.NewConns(100))
			body, endless := io.Pipe()
			defer endless.Close()
			r, err := http.NewRequestWithContext(t.Context(), test.method, "http://"+address+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.method == "POST" {
				r.Body = body
				r.Header.Set("Content-Type", "application/vnd.sensocto.import")
			}
			r.Header.Set("Authorization", "Bearer "+token)
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				if resp, err := http.DefaultClient.Do(r); err == nil {
					resp.Body.Close()
				}
			}()
			select {
			case <-begun:
			case <-answered:
				t.Fatal("it did not begin")
			}
			if err := w.accounts.Revoke(t.Context(), test.token); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err == nil {
				t.Error("it went on")
			}
			endless.Close()
			<-answered
			http.DefaultClient.CloseIdleConnections()
		})
	}
}

// Clients that do not read their answers keep nobody else waiting, and there
// are not any number of them.
func TestReaders_WhoDoesNotReadKeepsNobodyWaiting(t *testing.T) {
	w := newWorld(t, setup{})
	link, _ := w.connect(t, "s1")
	document := []byte(`{"a":"` + strings.Repeat("x", 60000) + `"}`)
	for i := range 40 {
		var batch []sensocto.Sample
		for j := range 10 {
			batch = append(batch, sensocto.Sample{Timestamp: time.Now().UnixMicro() - 1e9 + int64(i*10+j)*1000, Document: document})
		}
		push(t, link, "ecg", batch...)
	}
	address := w.serve(t, web.NewConns(100))
	const path = "/api/v1/sensors/s1/attributes/ecg/measurements?limit="
	for range 20 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %s50000 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", path, w.viewer)
		// The answer has begun: from now on it waits for this client, or was cut.
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Logf("cut: %v", err)
		}
	}
	if r := raw(t, address, "GET "+path+"1 HTTP/1.1\nHost: localhost\nAuthorization: Bearer "+w.viewer+"\n\n"); r.StatusCode != http.StatusOK {
		t.Errorf("another client: %s", r.Status)
	}
	deadline := time.After(20 * time.Second)
	for strings.Contains(w.do(call{path: "/metrics", token: w.admin}).Body.String(), "\nsensocto_http_slow_answers_cut_total 0\n") {
		select {
		case <-deadline:
			t.Fatal("20 clients of one address that do not read: none was cut")
		case <-time.After(10 * time.Millisecond):
		}
	}
}
