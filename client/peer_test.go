package client_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto/client"
)

// peer is a server that says what a test makes it say.
type peer struct {
	t        *testing.T
	server   *httptest.Server
	auto     bool // answer every push with ok, unless byHand
	byHand   atomic.Bool
	response string // of joins
	silent   atomic.Bool
	frames   chan []byte // received

	mu sync.Mutex // guards ws and writing to it
	ws *websocket.Conn
}

func newPeer(t *testing.T) *peer {
	p := &peer{t: t, auto: true, response: "{}", frames: make(chan []byte, 1000)}
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.server.Close)
	return p
}

func (p *peer) dial(o client.Options) *client.Client {
	p.t.Helper()
	if o.Backoff == nil {
		o.Backoff = func(int, int) time.Duration { return time.Millisecond }
	}
	c, err := client.Dial(p.t.Context(), p.server.URL, o)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	return c
}

func (p *peer) serve(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{Subprotocols: []string{"phoenix"}}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	p.mu.Lock()
	p.ws = ws
	p.mu.Unlock()
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			return
		}
		if p.silent.Load() {
			continue
		}
		if p.auto && !p.byHand.Load() {
			p.reply(frame, "ok", p.response)
		}
		select {
		case p.frames <- frame:
		default: // a test that looks at few of many
		}
	}
}

func (p *peer) send(frame string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ws.WriteMessage(websocket.TextMessage, []byte(frame))
}

func (p *peer) reply(frame []byte, status, response string) {
	var parts [5]json.RawMessage
	if err := json.Unmarshal(frame, &parts); err != nil {
		p.t.Errorf("the client sent %q: %v", frame, err)
		return
	}
	p.send(`[` + string(parts[0]) + `,` + string(parts[1]) + `,` + string(parts[2]) + `,"phx_reply",{"status":"` + status + `","response":` + response + `}]`)
}

func (p *peer) closeWith(code int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if code != websocket.CloseAbnormalClosure {
		p.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, "test"), time.Now().Add(time.Second))
	}
	p.ws.Close()
	for len(p.frames) > 0 {
		<-p.frames
	}
}

// read returns the next frame.
func (p *peer) read() []byte {
	p.t.Helper()
	select {
	case f := <-p.frames:
		return f
	case <-time.After(10 * time.Second):
		p.t.Fatal("no frame came")
		return nil
	}
}

// next returns the next frame of an event.
func (p *peer) next(event string) []byte {
	p.t.Helper()
	for {
		f := p.read()
		var parts [5]json.RawMessage
		if json.Unmarshal(f, &parts) == nil && string(parts[3]) == `"`+event+`"` {
			return f
		}
	}
}

// acceptJoins answers the next n frames with ok.
func (p *peer) acceptJoins(n int) {
	for range n {
		p.reply(p.read(), "ok", "{}")
	}
}
