package socket_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/sensocto/sensocto/socket"
)

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// However often clients do something wrong, a kind of event has a line a second.
func TestLog_HasALineForAKindOfEvent(t *testing.T) {
	synctest.Test(t, testALineForAKindOfEvent)
}

func testALineForAKindOfEvent(t *testing.T) {
	var log lockedBuffer
	w := newPipeWorld(t, func(o *socket.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	const connections = 60
	for range connections {
		c := w.v2()
		c.send("{")
		c.expectClose(1007, "malformed_frame")
	}
	w.eventually("all are closed", func() bool { return w.metric("socket_connections") == 0 })
	if n := strings.Count(log.String(), "malformed_frame"); n == 0 || n > 2 {
		t.Errorf("%d lines about %d connections", n, connections)
	}
	if n := w.metric("socket_closes_total", "reason", "malformed_frame"); n != connections {
		t.Errorf("%v were counted", n)
	}
}

// A connection keeps the refs and the connectors of its channels: neither may be
// as long as a frame.
func TestJoin_KeepsNothingLong(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	for name, text := range map[string]string{
		"join ref": fmt.Sprintf(`[%q,"1","viewer:x","phx_join",{}]`, long),
		"ref":      fmt.Sprintf(`["1",%q,"viewer:x","phx_join",{}]`, long),
		"a number": fmt.Sprintf(`["1",%s,"viewer:x","phx_join",{}]`, strings.Repeat("1", 100<<10)),
		"escaped":  fmt.Sprintf(`["%s","1","viewer:x","phx_join",{}]`, strings.Repeat(`\u0001`, 1000)),
	} {
		t.Run(name, func(t *testing.T) {
			c := newWorld(t).dial("vsn=2.0.0&token=view")
			c.send(text)
			c.expectClose(1003, "malformed_frame")
		})
	}
	w := newWorld(t)
	c := w.dial("vsn=2.0.0&token=view")
	ref := `"` + strings.Repeat(`\u0001`, 255) + `"` // what a binary frame can carry
	c.script(`
		> [` + ref + `,` + ref + `,"viewer:x","phx_join",{}]
		< [` + ref + `,` + ref + `,"viewer:x","phx_reply",{"status":"ok","response":{}}]`)
}

// One upgrade brings few credentials: each is a look-up.
func TestUpgrade_ChecksFewCredentials(t *testing.T) {
	w := newWorld(t)
	before := w.auth.checks.Load()
	header := http.Header{"Sec-Websocket-Protocol": {"phoenix" + strings.Repeat(", base64url.bearer.phx.eA", 500)}}
	c := w.dialWith("vsn=2.0.0", header)
	c.send(`[null,"1","phoenix","heartbeat",{}]`)
	c.expectPrefix(`[null,"1","phoenix","phx_reply"`)
	if n := w.auth.checks.Load() - before; n > 4 {
		t.Errorf("%d look-ups", n)
	}
}

// Strangers cannot take the last places: those are for valid credentials.
func TestUpgrade_KeepsPlacesForCredentials(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.Connections = 8 })
	for range 7 {
		w.v2()
	}
	w.eventually("all are counted", func() bool { return w.metric("socket_connections") == 7 })
	if _, r, err := w.dialer.Dial(w.url("vsn=2.0.0"), nil); err == nil || r.StatusCode != 503 {
		t.Errorf("a stranger took the last place: %v, %v", r, err)
	}
	w.dial("vsn=2.0.0&token=view").join("1", "viewer:x", "")
}
