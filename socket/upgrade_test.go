package socket_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto/socket"
)

func TestUpgrade_Refusals(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) {
		o.AllowedOrigins = []string{"https://app.example.org", "https://*.example.net"}
		o.Limits.Connections = 1
	})
	for _, tt := range []struct {
		name, query, origin string
		status              int
		reason              string
	}{
		{"vsn", "vsn=3.0.0", "", 403, "unsupported_vsn"},
		{"vsn short", "vsn=2.0", "", 403, "unsupported_vsn"},
		{"origin", "", "https://evil.example.com", 403, "origin_not_allowed"},
		{"origin null", "", "null", 403, "origin_not_allowed"},
		{"origin scheme", "", "http://app.example.org", 403, "origin_not_allowed"},
		{"origin suffix", "", "https://evilexample.net", 403, "origin_not_allowed"},
		{"listed", "", "https://app.example.org", 101, ""},
		{"wildcard", "", "https://a.example.net", 101, ""},
		{"same host", "", w.http.URL, 101, ""},
		{"none", "vsn=1.0.0", "", 101, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			if tt.origin != "" {
				h.Set("Origin", tt.origin)
			}
			ws, r, err := websocket.DefaultDialer.Dial(w.url(tt.query), h)
			if r == nil {
				t.Fatal(err)
			}
			if r.StatusCode != tt.status {
				t.Fatalf("status %d, want %d", r.StatusCode, tt.status)
			}
			if ws != nil {
				w.eventually("open", func() bool { return w.metric("socket_connections") == 1 }) // it counts a moment after the answer
				ws.Close()
				w.eventually("closed", func() bool { return w.metric("socket_connections") == 0 })
				return
			}
			var problem struct{ Reason string }
			if json.NewDecoder(r.Body).Decode(&problem); problem.Reason != tt.reason {
				t.Errorf("reason %q, want %q", problem.Reason, tt.reason)
			}
		})
	}
	w.v2()
	w.eventually("it counts", func() bool { return w.metric("socket_connections") == 1 })
	if _, r, _ := websocket.DefaultDialer.Dial(w.url(""), nil); r.StatusCode != 503 {
		t.Errorf("beyond the limit: %d", r.StatusCode)
	}
}

// Whoever has no credential yet is judged at the join, also where others of the
// address were refused.
func TestJoin_OfARefusedAddress(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.Refusals = 5 })
	for range 8 {
		c := w.v2()
		c.send(`["1","1","viewer:x","phx_join",{"token":"wrong"}]`)
		c.expect(`["1","1","viewer:x","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`)
	}
	c := w.v2()
	c.send(`["1","1","viewer:x","phx_join",{"token":"wrong"}]`)
	c.expectClose(1008, "too_many_refusals")
	w.v2().join("1", "viewer:x", `"token":"view"`) // a valid credential does not pay for its neighbours
}

// Any page that somebody visits can try to connect from his address: that must
// not shut out the devices there.
func TestUpgrade_ForeignPagesShutNobodyOut(t *testing.T) {
	w := newWorld(t, func(o *socket.Options) { o.Limits.Refusals = 5 })
	for range 10 {
		_, r, err := websocket.DefaultDialer.Dial(w.url("vsn=2.0.0"), http.Header{"Origin": {"https://evil.example"}})
		if err == nil || r.StatusCode != http.StatusForbidden {
			t.Fatalf("a foreign page: %v %v", r, err)
		}
	}
	w.v2()
}

func TestUpgrade_NotAWebSocket(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]int{"/socket/websocket": 400, "/socket/longpoll": 404} {
		r, err := http.Get(w.http.URL + path)
		if err != nil || r.StatusCode != want {
			t.Errorf("%s: %v %v", path, r.StatusCode, err)
		}
		r.Body.Close()
	}
}

func TestUpgrade_Credentials(t *testing.T) {
	token := "view"
	w := newWorld(t)
	protocol := "base64url.bearer.phx." + base64.RawURLEncoding.EncodeToString([]byte(token))
	for _, tt := range []struct {
		name, query string
		header      http.Header
		protocol    string
	}{
		{"query", "vsn=2.0.0&token=view", nil, ""},
		{"bearer", "vsn=2.0.0", http.Header{"Authorization": {"Bearer view"}}, ""},
		{"cookie", "vsn=2.0.0", http.Header{"Cookie": {"sensocto_token=view"}}, ""},
		{"subprotocol", "vsn=2.0.0", http.Header{"Sec-Websocket-Protocol": {"phoenix, " + protocol}}, "phoenix"},
		{"the first valid one", "vsn=2.0.0&token=old", http.Header{"Cookie": {"sensocto_token=view"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := w.dialWith(tt.query, tt.header)
			if got := c.ws.Subprotocol(); got != tt.protocol {
				t.Errorf("subprotocol %q, want %q", got, tt.protocol)
			}
			c.join("1", "viewer:x", "")
			c.script(`
				> ["2","2","viewer:y","phx_join",{"token":"view2"}]
				< ["2","2","viewer:y","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]`)
		})
	}
}

func TestConn_ControlFrames(t *testing.T) {
	w := newWorld(t)
	c := w.v2()
	pong := make(chan string, 1)
	c.ws.SetPongHandler(func(text string) error { pong <- text; return nil })
	// A message in fragments, with a ping between them.
	raw := c.ws.NetConn()
	frame := func(b0 byte, text string) []byte {
		return append([]byte{b0, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
	}
	raw.Write(frame(0x01, `[null,"1","phoe`))
	raw.Write(frame(0x89, "hi"))
	raw.Write(frame(0x00, `nix","heartbeat"`))
	raw.Write(frame(0x80, `,{}]`))
	c.expect(`[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`)
	if got := <-pong; got != "hi" {
		t.Errorf("pong %q", got)
	}
	c.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "bye"))
	if _, _, err := c.ws.ReadMessage(); !websocket.IsCloseError(err, 1000) {
		t.Errorf("the answer to a close: %v", err)
	}
	w.eventually("the connection ends", func() bool { return w.metric("socket_connections") == 0 })
}

func TestConn_ProtocolErrors(t *testing.T) {
	for name, sent := range map[string][]byte{
		"unmasked":                   {0x81, 0x00},
		"reserved bit":               {0xC1, 0x80, 0, 0, 0, 0},
		"unknown opcode":             {0x83, 0x80, 0, 0, 0, 0},
		"lone continuation":          {0x80, 0x80, 0, 0, 0, 0},
		"fragmented ping":            {0x09, 0x80, 0, 0, 0, 0},
		"length of 5 in 16 bits":     {0x81, 0xFE, 0, 5, 0, 0, 0, 0, 'h', 'e', 'l', 'l', 'o'},
		"length of 126 in 64 bits":   append([]byte{0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 126, 0, 0, 0, 0}, make([]byte, 126)...),
		"close with one byte":        {0x88, 0x81, 0, 0, 0, 0, 3},
		"close with a reserved code": {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xED},
		"close with code 999":        {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE7},
		"close with code 5000":       {0x88, 0x82, 0, 0, 0, 0, 0x13, 0x88},
		"message in fragment":        {0x01, 0x80, 0, 0, 0, 0, 0x01, 0x80, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newWorld(t).v2()
			c.ws.NetConn().Write(sent)
			c.expectClose(1002, "protocol_error")
		})
	}
}

func TestConn_EmptyFragmentsAreNotTakenForEver(t *testing.T) {
	c := newWorld(t).v2()
	piece := []byte{0x00, 0x80, 0, 0, 0, 0}
	c.ws.NetConn().Write([]byte{0x01, 0x80, 0, 0, 0, 0})
	c.ws.NetConn().Write(bytes.Repeat(piece, 5000))
	c.expectClose(1008, "too_many_frames")
}
