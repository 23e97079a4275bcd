package call_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/call"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// phone is a peer that remembers what it hears.
type phone struct {
	sensocto.CallSeat
	heard []string // "event payload"
	ended bool
}

func (p *phone) End() { p.ended = true }

func (p *phone) Send(event string, payload []byte) {
	p.heard = append(p.heard, event+" "+string(payload))
}

// take returns what was heard since the last call.
func (p *phone) take() []string {
	heard := p.heard
	p.heard = nil
	return heard
}

func (p *phone) id() string { return p.Reply().PeerID }

func join(t *testing.T, c *call.Calls, roomID, name string) *phone {
	t.Helper()
	p := &phone{}
	seat, err := c.Join(roomID, sensocto.Identity{ID: "s-" + name, UserID: name, Name: strings.ToUpper(name)}, p)
	if err != nil {
		t.Fatal(err)
	}
	p.CallSeat = seat
	return p
}

func wantReason(t *testing.T, err error, reason string) {
	t.Helper()
	if err == nil || sensocto.ErrorReason(err) != reason {
		t.Errorf("%v, want %s", err, reason)
	}
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

func TestCalls_PeersHearOfEachOther(t *testing.T) {
	c := call.New(call.Options{ICEServers: func(peerID string) []sensocto.ICEServer {
		return []sensocto.ICEServer{{URLs: []string{"turn:192.0.2.1"}, Username: peerID}}
	}})
	ada := join(t, c, "r1", "ada")
	if r := ada.Reply(); len(r.Peers) != 0 || r.Peers == nil || len(r.ICEServers) != 1 || r.ICEServers[0].Username != r.PeerID {
		t.Errorf("%+v", r)
	}
	if err := ada.SetMedia(sensocto.Media{Audio: true}); err != nil {
		t.Fatal(err)
	}
	bob := join(t, c, "r1", "bob")
	want(t, ada.take(), `peer_joined {"peer_id":"`+bob.id()+`","user_id":"bob","name":"BOB","media":{"audio":false,"video":false,"screen":false}}`)
	if peers := bob.Reply().Peers; len(peers) != 1 || peers[0] != (sensocto.Peer{ID: ada.id(), UserID: "ada", Name: "ADA", Media: sensocto.Media{Audio: true}}) {
		t.Errorf("%+v", peers)
	}

	for _, err := range []error{
		bob.Describe(ada.id(), sensocto.SessionDescription{Type: "offer", SDP: "v=0"}),
		ada.Describe(bob.id(), sensocto.SessionDescription{Type: "answer", SDP: "v=1"}),
		ada.Candidate(bob.id(), json.RawMessage(`{"candidate":"c"}`)),
		ada.Candidate(bob.id(), json.RawMessage(`null`)),
		bob.SetMedia(sensocto.Media{Video: true, Screen: true}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want(t, ada.take(), `offer {"from":"`+bob.id()+`","description":{"type":"offer","sdp":"v=0"}}`,
		`media_state {"peer_id":"`+bob.id()+`","audio":false,"video":true,"screen":true}`)
	want(t, bob.take(), `answer {"from":"`+ada.id()+`","description":{"type":"answer","sdp":"v=1"}}`,
		`ice_candidate {"from":"`+ada.id()+`","candidate":{"candidate":"c"}}`, `ice_candidate {"from":"`+ada.id()+`","candidate":null}`)

	again := join(t, c, "r1", "ada") // a second device is a second peer
	again.Leave()
	again.Leave()
	want(t, bob.take(), `peer_joined {"peer_id":"`+again.id()+`","user_id":"ada","name":"ADA","media":{"audio":false,"video":false,"screen":false}}`,
		`peer_left {"peer_id":"`+again.id()+`"}`)
}

// Nothing reaches a peer of another call, one that has left, or oneself, and nobody
// who has left speaks.
func TestCalls_NothingGoesElsewhere(t *testing.T) {
	c := call.New(call.Options{})
	ada, bob, eve := join(t, c, "r1", "ada"), join(t, c, "r1", "bob"), join(t, c, "r2", "eve")
	ada.take()
	offer := sensocto.SessionDescription{Type: "offer", SDP: "v=0"}
	for _, to := range []string{ada.id(), bob.id(), eve.id(), "", "nobody"} {
		wantReason(t, eve.Describe(to, offer), "unknown_peer")
		wantReason(t, eve.Candidate(to, json.RawMessage("null")), "unknown_peer")
	}
	if err := eve.SetMedia(sensocto.Media{Audio: true}); err != nil {
		t.Error(err)
	}
	bob.Leave()
	ada.take()
	wantReason(t, ada.Describe(bob.id(), offer), "unknown_peer")
	wantReason(t, bob.Describe(ada.id(), offer), "unknown_peer")
	if err := bob.SetMedia(sensocto.Media{Audio: true}); err != nil {
		t.Error(err)
	}
	for name, p := range map[string]*phone{"ada": ada, "bob": bob, "eve": eve} {
		if heard := p.take(); len(heard) > 0 {
			t.Errorf("%s heard %q", name, heard)
		}
	}
}

func TestCalls_Bounds(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := call.New(call.Options{Limit: 2, Now: func() time.Time { return at }})
	ada, bob := join(t, c, "r1", "ada"), join(t, c, "r1", "bob")
	_, err := c.Join("r1", sensocto.Identity{UserID: "eve"}, &phone{})
	full, ok := errors.AsType[*sensocto.CallFullError](err)
	if wantReason(t, err, "call_full"); !ok || full.Limit != 2 {
		t.Errorf("%v", err)
	}
	describe := func(kind, sdp string) error {
		return ada.Describe(bob.id(), sensocto.SessionDescription{Type: kind, SDP: sdp})
	}
	if err := describe("offer", strings.Repeat("x", call.MaxSDP)); err != nil {
		t.Error(err)
	}
	wantReason(t, describe("offer", strings.Repeat("x", call.MaxSDP+1)), "description_too_large")
	wantReason(t, describe("offer", ""), "invalid_description")
	wantReason(t, describe("rollback", "v=0"), "invalid_description")
	for _, bad := range []string{``, `"text"`, `7`, `[]`, `{"candidate":`, `{} {}`} {
		wantReason(t, ada.Candidate(bob.id(), json.RawMessage(bad)), "invalid_candidate")
	}
	wantReason(t, ada.Candidate(bob.id(), json.RawMessage(`{"candidate":"`+strings.Repeat("x", call.MaxCandidate)+`"}`)), "candidate_too_large")

	refused := 0
	bob.take()
	for range 1000 {
		if err := ada.Candidate(bob.id(), json.RawMessage("null")); err != nil {
			wantReason(t, err, "too_many_signals")
			refused++
		}
	}
	if heard := len(bob.take()); refused == 0 || heard+refused != 1000 {
		t.Errorf("%d refused, %d heard", refused, heard)
	}
	wantReason(t, ada.Candidate(bob.id(), json.RawMessage("null")), "too_many_signals")
	if err := bob.Candidate(ada.id(), json.RawMessage("null")); err != nil {
		t.Errorf("somebody else pays for it: %v", err)
	}
	at = at.Add(time.Second)
	if err := ada.Candidate(bob.id(), json.RawMessage("null")); err != nil {
		t.Errorf("a second later: %v", err)
	}

	got := map[string]float64{}
	c.Metrics(func(m sensocto.Metric) { got[strings.Join(append([]string{m.Name}, m.Labels...), " ")] += m.Value })
	if got["calls"] != 1 || got["call_peers"] != 2 || got["call_peers_joined_total"] != 2 || got["call_refusals_total reason call_full"] != 1 || got["call_refusals_total reason too_many_signals"] != float64(refused)+1 {
		t.Errorf("%v", got)
	}
	ada.Leave()
	bob.Leave()
	c.Metrics(func(m sensocto.Metric) {
		if m.Name == "calls" && m.Value != 0 {
			t.Errorf("%v calls are left", m.Value)
		}
	})
}

// Nobody takes the places of others: of a person's peers the newest two count, and in a
// full call the newest.
func TestCalls_PlacesOfAPerson(t *testing.T) {
	c := call.New(call.Options{Limit: 3})
	ada, first, second := join(t, c, "r1", "ada"), join(t, c, "r1", "bob"), join(t, c, "r1", "bob")
	elsewhere := join(t, c, "r2", "bob")
	ada.take()
	third := join(t, c, "r1", "bob")
	if !first.ended || second.ended || elsewhere.ended {
		t.Errorf("ended: %v %v %v", first.ended, second.ended, elsewhere.ended)
	}
	want(t, first.take()[1:], "replaced {}")
	want(t, ada.take(), `peer_left {"peer_id":"`+first.id()+`"}`,
		`peer_joined {"peer_id":"`+third.id()+`","user_id":"bob","name":"BOB","media":{"audio":false,"video":false,"screen":false}}`)
	wantReason(t, first.Candidate(ada.id(), json.RawMessage("null")), "unknown_peer")
	first.Leave()
	want(t, ada.take())

	again := join(t, c, "r1", "ada") // the call is full, also of what a broken connection left
	if !ada.ended || len(again.Reply().Peers) != 2 {
		t.Errorf("%v %+v", ada.ended, again.Reply().Peers)
	}
	_, err := c.Join("r1", sensocto.Identity{UserID: "eve"}, &phone{})
	wantReason(t, err, "call_full")
}

func TestCalls_Reports(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := call.New(call.Options{Now: func() time.Time { return at }})
	join(t, c, "r1", "ada")
	at = at.Add(time.Minute)
	report := func(text string) error {
		t.Helper()
		var r sensocto.CallReport
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		bob := join(t, c, "r1", "bob")
		defer bob.Leave()
		at = at.Add(time.Minute)
		err := bob.Report(r)
		wantReason(t, bob.Report(r), "invalid_report") // one is enough
		return err
	}
	for _, bad := range []string{`{"join_ms":-1}`, `{"join_ms":1e9}`, `{"seconds":{"good":1e6}}`, `{"seconds":{"poor":-1}}`, `{"links":{"failed":-1}}`, `{"interruptions":1000000}`} {
		wantReason(t, report(bad), "invalid_report")
	}
	if err := report(`{"join_ms":500,"seconds":{"good":50,"fair":4,"poor":3,"interrupted":2},"links":{"direct":1,"relayed":2,"failed":3},"interruptions":1}`); err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	c.Metrics(func(m sensocto.Metric) { got[strings.Join(append([]string{m.Name}, m.Labels...), " ")] = m.Value })
	for name, want := range map[string]float64{
		"call_reports_total": 1, "call_report_joins_total": 1, "call_report_join_seconds_total": 0.5,
		"call_report_seconds_total quality good": 50, "call_report_seconds_total quality interrupted": 2,
		"call_report_links_total way relayed": 2, "call_report_links_total way failed": 3, "call_report_interruptions_total": 1,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
}

// What is refused for its rate or its receiver is not read before: it would cost more
// than it may.
func TestCalls_RefusesBeforeReading(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := call.New(call.Options{Now: func() time.Time { return at }})
	ada, bob := join(t, c, "r1", "ada"), join(t, c, "r1", "bob")
	offer := sensocto.SessionDescription{Type: "offer", SDP: strings.Repeat("a=candidate:1 1 udp 1 192.0.2.1 9 typ host\n", 1000)}
	var err error
	for err == nil {
		err = ada.Describe(bob.id(), offer)
	}
	wantReason(t, err, "too_many_signals")
	for to, reason := range map[string]string{bob.id(): "too_many_signals", "nobody": "unknown_peer"} {
		if n := testing.AllocsPerRun(10, func() { err = ada.Describe(to, offer) }); n > 10 {
			t.Errorf("%s took %v allocations", reason, n)
		}
		wantReason(t, err, reason)
	}
}
