package main

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
)

// A page whose name resolves to this machine does not read profiles.
func TestPprof_AnswersUnderNamesOfThisMachineAlone(t *testing.T) {
	handler := newPprof(slog.New(slog.DiscardHandler)).Handler
	for host, want := range map[string]int{
		"localhost:6060": 200, "127.0.0.1:6060": 200, "[::1]:6060": 200, "127.0.0.1": 200,
		"evil.example": 403, "evil.example:6060": 403, "localhost.evil.example": 403, "192.0.2.1:6060": 403, "": 403,
	} {
		r := httptest.NewRequest("GET", "/debug/pprof/cmdline", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != want {
			t.Errorf("under the name %q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestServe_WarnsWhereTokensTravelInClearText(t *testing.T) {
	proxied := []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
	for _, test := range []struct {
		listen    string
		encrypted bool
		proxies   []netip.Prefix
		metrics   string
		want      string
	}{
		{listen: "127.0.0.1:4000"},
		{listen: "localhost:4000", metrics: "127.0.0.1:9000"},
		{listen: "0.0.0.0:4000", want: "tokens and measurements travel in clear text"},
		{listen: ":4000", want: "tokens and measurements travel in clear text"},
		{listen: "0.0.0.0:4000", encrypted: true},
		{listen: "0.0.0.0:4000", proxies: proxied},
		{listen: "127.0.0.1:4000", metrics: ":9000", want: "metrics, with the ids of sensors"},
	} {
		var log bytes.Buffer
		Config{Listen: test.listen, TrustedProxies: test.proxies, MetricsListen: test.metrics}.warnClearText(test.encrypted, slog.New(slog.NewTextHandler(&log, nil)))
		if got := log.String(); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

// A system service has no HOME: where its data goes does not depend on the
// directory that it is started in.
func TestConfig_DataWithoutHome(t *testing.T) {
	if dir := defaultDataDir(environment{}); dir != "" && !filepath.IsAbs(dir) {
		t.Errorf("the data is in %q", dir)
	}
	if dir := defaultDataDir(environment{"HOME": "relative"}); dir != "" {
		t.Errorf("the data is in %q", dir)
	}
	c := defaults(environment{"HOME": "relative"})
	problems := c.check()
	if len(problems) != 1 || problems[0].key != "data_dir" {
		t.Errorf("a server without a place for its data: %+v", problems)
	}
}
