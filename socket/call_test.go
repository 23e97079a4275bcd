package socket_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

// inCall joins the call and returns the peer's id, and how many others there were.
func (c *client) inCall(topic string) (peerID string, others int) {
	c.t.Helper()
	c.send(fmt.Sprintf(`["%s","j","%s","phx_join",{}]`, topic, topic))
	var r struct {
		Status   string
		Response sensocto.CallReply
	}
	if err := json.Unmarshal(c.await(topic, "phx_reply"), &r); err != nil || r.Status != "ok" {
		c.t.Fatalf("%v %+v", err, r)
	}
	return r.Response.PeerID, len(r.Response.Peers)
}

func TestCall_MembersTalk(t *testing.T) {
	p := newPeopleWorld(t)
	ada, bob, eve := p.person("ada", false), p.person("bob", false), p.person("eve", false)
	r, err := p.rooms.Create(t.Context(), ada.id, sensocto.RoomDraft{Name: "Room"})
	p.must(err)
	_, err = p.rooms.JoinByCode(t.Context(), bob.id, r.JoinCode, "192.0.2.1")
	p.must(err)
	topic := "room:" + r.ID + ":call"
	for name, who := range map[string]*somebody{"stranger": eve, "nobody": nil} {
		if ok, reason := who.dial(p).tryJoin(topic, "{}"); ok || reason != "unauthorized" {
			t.Errorf("%s joins: %v %s", name, ok, reason)
		}
	}
	counted := func(reason string) (n float64) {
		p.calls.Metrics(func(m sensocto.Metric) {
			if m.Name == "call_refusals_total" && m.Labels[1] == reason {
				n = m.Value
			}
		})
		return n
	}
	if n := counted("unauthorized"); n != 2 {
		t.Errorf("%v of 2 refused joins are counted", n)
	}
	a, b := ada.dial(p), bob.dial(p)
	adaID, _ := a.inCall(topic)
	bobID, others := b.inCall(topic)
	if others != 1 || !strings.Contains(string(a.await(topic, "peer_joined")), `"peer_id":"`+bobID+`","user_id":"`+bob.id.UserID+`"`) {
		t.Errorf("bob met %d", others)
	}

	// Whatever from says, it is who sent.
	if ok, reason := b.push(topic, "offer", `{"to":"`+adaID+`","from":"`+adaID+`","description":{"type":"offer","sdp":"v=0"}}`); !ok {
		t.Fatal(reason)
	}
	if got := string(a.await(topic, "offer")); got != `{"from":"`+bobID+`","description":{"type":"offer","sdp":"v=0"}}` {
		t.Error(got)
	}
	if ok, reason := a.push(topic, "ice_candidate", `{"to":"`+bobID+`","candidate":null}`); !ok {
		t.Fatal(reason)
	}
	b.await(topic, "ice_candidate")
	if ok, reason := a.push(topic, "media_state", `{"audio":true,"video":false}`); !ok {
		t.Fatal(reason)
	}
	if got := string(b.await(topic, "media_state")); got != `{"peer_id":"`+adaID+`","audio":true,"video":false,"screen":false}` {
		t.Error(got)
	}
	for _, bad := range []struct{ event, payload, reason string }{
		{"offer", `{"to":"` + bobID + `","description":{"type":"answer","sdp":"v=0"}}`, "invalid_description"},
		{"offer", `{"to":"` + bobID + `"}`, "invalid_description"},
		{"offer", `{"to":"` + bobID + `","description":"v=0"}`, "invalid_description"},
		{"answer", `{"to":"nobody","description":{"type":"answer","sdp":"v=0"}}`, "unknown_peer"},
		{"ice_candidate", `{"to":"` + bobID + `"}`, "invalid_candidate"},
		{"media_state", `{"audio":1}`, "invalid_payload"},
		{"offer", `7`, "invalid_payload"},
		{"shout", `{}`, "unknown event"},
	} {
		if ok, reason := a.push(topic, bad.event, bad.payload); ok || reason != bad.reason {
			t.Errorf("%s %s: %v %s, want %s", bad.event, bad.payload, ok, reason, bad.reason)
		}
	}
	for reason, want := range map[string]float64{"invalid_payload": 2, "unknown_event": 1, "invalid_description": 3} {
		if n := counted(reason); n != want {
			t.Errorf("%v of %v refusals for %s are counted", n, want, reason)
		}
	}

	bob.dial(p).inCall(topic)
	_, err = p.rooms.JoinByCode(t.Context(), eve.id, r.JoinCode, "192.0.2.1")
	p.must(err)
	c := eve.dial(p)
	c.send(fmt.Sprintf(`["j","j","%s","phx_join",{}]`, topic))
	if got := string(c.await(topic, "phx_reply")); got != `{"status":"error","response":{"reason":"call_full","limit":3}}` {
		t.Error(got)
	}

	// Of a person's devices the newest two count.
	b3 := bob.dial(p)
	b3.inCall(topic)
	b.await(topic, "replaced")
	b.await(topic, "phx_close")
	if ok, reason := b3.push(topic, "report", `{"seconds":{"good":1}}`); !ok {
		t.Error(reason)
	}
	if ok, reason := b3.push(topic, "report", `{"seconds":7}`); ok || reason != "invalid_payload" {
		t.Errorf("%v %s", ok, reason)
	}
	a.await(topic, "peer_left")

	// Whoever loses the right is out of the call at once, and the others hear of it.
	p.must(p.rooms.Remove(t.Context(), ada.id, r.ID, bob.id.UserID, false))
	b3.await(topic, "phx_close")
	for range 2 {
		a.await(topic, "peer_left")
	}
}

// The server's clock is between what a client reads of its own before and after.
func TestClock(t *testing.T) {
	p := newPeopleWorld(t)
	c := (*somebody)(nil).dial(p)
	before := float64(time.Now().UnixMicro()) / 1000
	c.send(`[null,"7","phoenix","clock",{}]`)
	var r struct {
		Status   string
		Response struct {
			ReceivedAt float64 `json:"received_at"`
			SentAt     float64 `json:"sent_at"`
		}
	}
	if err := json.Unmarshal(c.await("phoenix", "phx_reply"), &r); err != nil {
		t.Fatal(err)
	}
	after := float64(time.Now().UnixMicro()) / 1000
	if r.Status != "ok" || before > r.Response.ReceivedAt || r.Response.ReceivedAt > r.Response.SentAt || r.Response.SentAt > after {
		t.Errorf("%f %+v %f", before, r, after)
	}
}

// A connection that breaks is a peer that has left.
func TestCall_ABrokenConnectionLeaves(t *testing.T) {
	p := newPeopleWorld(t)
	ada := p.person("ada", false)
	r, err := p.rooms.Create(t.Context(), ada.id, sensocto.RoomDraft{Name: "Room"})
	p.must(err)
	topic := "room:" + r.ID + ":call"
	a, b := ada.dial(p), ada.dial(p)
	a.inCall(topic)
	id, _ := b.inCall(topic)
	b.ws.Close()
	if got := string(a.await(topic, "peer_left")); got != `{"peer_id":"`+id+`"}` {
		t.Error(got)
	}
	p.must(p.rooms.Delete(t.Context(), ada.id, r.ID))
	a.await(topic, "phx_close")
}

// What is too large or too much is refused, and the rest of the call goes on.
func TestCall_TooMuchIsRefused(t *testing.T) {
	p := newPeopleWorld(t)
	ada, bob := p.person("ada", false), p.person("bob", false)
	r, err := p.rooms.Create(t.Context(), ada.id, sensocto.RoomDraft{Name: "Room"})
	p.must(err)
	_, err = p.rooms.JoinByCode(t.Context(), bob.id, r.JoinCode, "192.0.2.1")
	p.must(err)
	topic := "room:" + r.ID + ":call"
	a, b := ada.dial(p), bob.dial(p)
	adaID, _ := a.inCall(topic)
	bobID, _ := b.inCall(topic)

	offer := func(to string, bytes int) string {
		return `{"to":"` + to + `","description":{"type":"offer","sdp":"` + strings.Repeat("a", bytes) + `"}}`
	}
	if ok, reason := b.push(topic, "offer", offer(adaID, 64<<10+1)); ok || reason != "description_too_large" {
		t.Errorf("an SDP of more than 64 KiB: %v %s", ok, reason)
	}
	candidate := `{"to":"` + adaID + `","candidate":{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host"}}`
	refused := 0
	for range 1000 {
		if ok, reason := b.push(topic, "ice_candidate", candidate); !ok {
			if refused++; reason != "too_many_signals" {
				t.Fatalf("a candidate too many: %s", reason)
			}
		}
	}
	if refused == 0 {
		t.Error("1,000 candidates at once were all passed on")
	}
	if ok, reason := a.push(topic, "offer", offer(bobID, 1000)); !ok {
		t.Errorf("ada cannot call bob behind the flood: %s", reason)
	}
	b.await(topic, "offer")

	b.send(fmt.Sprintf(`["%s","1","%s","offer",%s]`, topic, topic, offer(adaID, 10<<20)))
	b.expectClose(1009, "frame_too_large")
	a.await(topic, "peer_left")
}
