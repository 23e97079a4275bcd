package socket_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket"
)

// refusals is a SecurityLog that remembers.
type refusals struct {
	mu              sync.Mutex
	list, elsewhere []string
}

func (l *refusals) Refused(r sensocto.Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if sensocto.HostOf(r.Address) != "127.0.0.1" {
		l.elsewhere = append(l.elsewhere, r.Address)
	}
	l.list = append(l.list, fmt.Sprintf("%s %s %q %q by %q", r.Event, r.Reason, r.Action, r.Target, r.Identity.ID))
}

func (l *refusals) has(line string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.list, line)
}

// What is refused on the way to a right, and in its use, is in the security log:
// who, what and why.
func TestSecurityLog_HasWhatIsRefused(t *testing.T) {
	log := &refusals{}
	w := newWorld(t, func(o *socket.Options) {
		o.Security, o.Limits.Topics, o.Limits.FramesPerSecond = log, 2, 50
	})
	logged := func(line string) {
		t.Helper()
		w.eventually(line, func() bool { return log.has(line) })
	}
	stranger := w.dial("vsn=2.0.0")
	stranger.send(`["1","1","data:strap","phx_join",{"bearer_token":"guessed"}]`)
	logged(`right_refused unauthorized "join data" "data:strap" by ""`)

	c := w.dial("vsn=2.0.0&token=view")
	c.send(`["1","1","sensocto:sensor:strap","phx_join",{"connector_id":"c","sensor_id":"strap"}]`)
	logged(`right_refused unauthorized "join sensor" "sensocto:sensor:strap" by "id-view"`)
	c.expectPrefix(`["1","1","sensocto:sensor:strap","phx_reply",{"status":"error"`)
	c.join("1", "viewer:x", "")
	c.join("2", "viewer:y", "")
	c.send(`["3","3","viewer:z","phx_join",{}]`)
	logged(`limit_reached too_many_topics "join viewer" "viewer:z" by "id-view"`)

	c = w.dial("vsn=2.0.0&token=view")
	c.send(`{`)
	logged(`malformed_input malformed_frame "websocket" "" by "id-view"`)
	c = w.dial("vsn=2.0.0&token=view")
	for range 60 {
		c.ws.WriteMessage(websocket.TextMessage, []byte(`[null,"1","phoenix","heartbeat",{}]`)) // the last ones may find it closed
	}
	logged(`limit_reached too_many_frames "websocket" "" by "id-view"`)

	const origin = "https://evil.example.com"
	if _, _, err := w.dialer.Dial(w.url("vsn=2.0.0"), http.Header{"Origin": {origin}}); err == nil {
		t.Error("the origin was let in")
	}
	logged(`cross_site_refused origin_not_allowed "websocket upgrade" "` + origin + `" by ""`)
	log.mu.Lock()
	defer log.mu.Unlock()
	if len(log.elsewhere) > 0 {
		t.Errorf("refusals of nobody's address: %q", log.elsewhere)
	}
}

func TestSecurityLog_HasCommandsThatAreRefused(t *testing.T) {
	log := &refusals{}
	w := newWorld(t, func(o *socket.Options) { o.Security = log })
	c := w.dial("vsn=2.0.0&token=view")
	c.join("1", "data:strap", "")
	c.send(`["1","2","data:strap","command",{"beep":true}]`)
	w.eventually("it is logged", func() bool {
		return log.has(`right_refused unauthorized "event command" "data:strap" by "id-view"`)
	})
}

// auditor remembers events.
type auditor struct{ events chan sensocto.AuditEvent }

func (a auditor) Record(_ context.Context, e sensocto.AuditEvent) { a.events <- e }

// A command over a channel is in the audit log of the sensor's owner, without what
// it says.
func TestCommand_IsAudited(t *testing.T) {
	log := auditor{make(chan sensocto.AuditEvent, 10)}
	w := newWorld(t, func(o *socket.Options) { o.Audit = log })
	w.auth.userID = "ada"
	d := w.dial("vsn=2.0.0&token=ingest")
	d.join("1", "sensocto:sensor:strap", `"connector_id":"c","sensor_id":"strap"`)
	c := w.dial("vsn=2.0.0&token=admin")
	c.join("1", "data:strap", "")
	c.send(`["1","2","data:strap","command",{"beep":true}]`)
	select {
	case e := <-log.events:
		if e.Action != sensocto.AuditCommanded || e.SensorID != "strap" || e.UserID != "ada" || e.ActorID != "ada" || e.CredentialID != "id-admin" || sensocto.HostOf(e.Address) != "127.0.0.1" || e.Detail != "" {
			t.Errorf("%+v", e)
		}
	case <-time.After(patience):
		t.Fatal("no event came")
	}
}
