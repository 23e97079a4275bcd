package call_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/call"
)

// openRelay runs a TURN server on loopback.
func openRelay(t testing.TB, c *call.Calls, change ...func(*call.RelayOptions)) *call.Relay {
	t.Helper()
	o := call.RelayOptions{Listen: "127.0.0.1:0", Public: netip.MustParseAddr("127.0.0.1"), Private: true}
	for _, f := range change {
		f(&o)
	}
	r, err := call.NewRelay(c, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); work.Wait() })
	return r
}

// turnServer returns what a peer was told of the relay.
func turnServer(t testing.TB, p *phone) sensocto.ICEServer {
	t.Helper()
	servers := p.Reply().ICEServers
	if len(servers) != 1 {
		t.Fatalf("%+v", servers)
	}
	return servers[0]
}

// allocate makes an allocation with a credential.
func allocate(t testing.TB, s sensocto.ICEServer) (net.PacketConn, error) {
	t.Helper()
	return turnClient(t, s).Allocate()
}

func turnClient(t testing.TB, s sensocto.ICEServer) *turn.Client {
	t.Helper()
	address, _, _ := strings.Cut(strings.TrimPrefix(s.URLs[1], "turn:"), "?")
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: address, TURNServerAddr: address, Conn: conn, Username: s.Username, Password: s.Credential, RTO: time.Second,
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: t.Output()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); conn.Close() })
	return client
}

func mustAllocate(t testing.TB, s sensocto.ICEServer) net.PacketConn {
	t.Helper()
	relay, err := allocate(t, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { relay.Close() })
	return relay
}

// hears reports whether a packet that from sends to an address arrives at conn.
func hears(conn, from net.PacketConn, to net.Addr, text string) bool {
	buffer := make([]byte, 100)
	for range 3 { // the first packet makes the permission
		if _, err := from.WriteTo([]byte(text), to); err != nil {
			return false
		}
		conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		if n, _, err := conn.ReadFrom(buffer); err == nil {
			return string(buffer[:n]) == text
		}
	}
	return false
}

func TestRelay_BetweenPeersOfACall(t *testing.T) {
	c := call.New(call.Options{})
	openRelay(t, c)
	ada, bob, eve := join(t, c, "r1", "ada"), join(t, c, "r1", "bob"), join(t, c, "r2", "eve")
	a, b, e := mustAllocate(t, turnServer(t, ada)), mustAllocate(t, turnServer(t, bob)), mustAllocate(t, turnServer(t, eve))
	for _, conn := range []net.PacketConn{a, b, e} { // each lets the address of the relay in
		for _, to := range []net.PacketConn{a, b, e} {
			if _, err := conn.WriteTo([]byte("hello"), to.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !hears(a, b, a.LocalAddr(), "from bob") && !hears(a, b, a.LocalAddr(), "from bob") {
		t.Error("ada does not hear bob")
	}
	drain(a)
	if hears(a, e, a.LocalAddr(), "from eve") {
		t.Error("a peer of another call is relayed")
	}

	// A service of the server's own machine.
	service, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	if hears(service, a, service.LocalAddr(), "let me in") {
		t.Error("the relay is a way to the services of its machine")
	}
	claim := fmt.Sprintf(`{"candidate":"candidate:1 1 udp 1 %s 9 typ host"}`, "127.0.0.1")
	if err := bob.Candidate(ada.id(), []byte(claim)); err != nil {
		t.Fatal(err)
	}
	if hears(service, a, service.LocalAddr(), "let me in") {
		t.Error("a peer that claims to be the server's machine opens its services")
	}

	// Whoever leaves is not relayed any more.
	bob.Leave()
	drain(a)
	if hears(a, b, a.LocalAddr(), "still here") {
		t.Error("bob has left, and is heard")
	}
	if _, err := allocate(t, turnServer(t, bob)); err == nil {
		t.Error("bob has left, and makes an allocation")
	}
	metrics := map[string]float64{}
	c.Metrics(func(m sensocto.Metric) { metrics[strings.Join(append([]string{m.Name}, m.Labels...), " ")] += m.Value })
	if metrics["turn_allocations"] != 2 || metrics["turn_bytes_total"] == 0 || metrics["turn_dropped_total reason foreign"] == 0 || metrics["turn_refused_total"] == 0 {
		t.Errorf("%v", metrics)
	}
}

func drain(conn net.PacketConn) {
	buffer := make([]byte, 100)
	for {
		conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, _, err := conn.ReadFrom(buffer); err != nil {
			return
		}
	}
}

// Two members of a call who work together reach nothing of the server's machine, and
// without Private nothing of its network.
func TestRelay_RefusesAddresses(t *testing.T) {
	refused := map[string]bool{"127.0.0.1": true, "127.0.0.9": true, "::1": true, "0.0.0.0": true, "::ffff:127.0.0.1": true}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		refused[i.(*net.IPNet).IP.String()] = true
	}
	for _, private := range []bool{false, true} {
		rows := maps.Clone(refused)
		for _, inNetwork := range []string{"10.255.0.1", "192.168.255.1", "100.64.255.1", "169.254.255.1", "fc00::1", "fe80::1", "fec0::1",
			"0.1.2.3", "192.0.0.8", "198.19.255.1", "240.0.0.1", "255.255.255.255", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:a00:1::1", "2001::1", "100::1"} {
			rows[inNetwork] = rows[inNetwork] || !private
		}
		rows["198.51.100.7"], rows["2001:db8::7"] = false, false
		c := call.New(call.Options{})
		relay := openRelay(t, c, func(o *call.RelayOptions) { o.Public, o.Private = netip.MustParseAddr("192.0.2.1"), private })
		for address, want := range rows {
			if got := !relay.MayReach(net.ParseIP(address)); got != want {
				t.Errorf("private %t: %s is refused: %t, want %t", private, address, got, want)
			}
		}
	}
}

// Nor does a packet arrive where a peer claims to be at such an address.
func TestRelay_IsNoWayToLoopback(t *testing.T) {
	c := call.New(call.Options{})
	relay := openRelay(t, c, func(o *call.RelayOptions) { o.Public = netip.MustParseAddr("192.0.2.1") })
	ada, bob := join(t, c, "r1", "ada"), join(t, c, "r1", "bob")
	server := turnServer(t, ada)
	server.URLs[1] = "turn:" + relay.Addr().String() + "?transport=udp"
	a := mustAllocate(t, server)
	service, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	if err := bob.Candidate(ada.id(), []byte(`{"candidate":"candidate:1 1 udp 1 127.0.0.1 9 typ host"}`)); err != nil {
		t.Fatal(err)
	}
	if hears(service, a, service.LocalAddr(), "let me in") {
		t.Error("the relay is a way to the services of its machine")
	}
}

func TestRelay_Credentials(t *testing.T) {
	var mu sync.Mutex
	at := time.Now()
	c := call.New(call.Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return at
	}})
	openRelay(t, c, func(o *call.RelayOptions) { o.Allocations = 1 })
	ada, bob := join(t, c, "r1", "ada"), join(t, c, "r1", "bob")
	own, other := turnServer(t, ada), turnServer(t, bob)
	for name, s := range map[string]sensocto.ICEServer{
		"no credential":          {URLs: own.URLs},
		"a wrong one":            {URLs: own.URLs, Username: own.Username, Credential: "x"},
		"somebody else's":        {URLs: own.URLs, Username: own.Username, Credential: other.Credential},
		"one that lives on":      {URLs: own.URLs, Username: "9" + own.Username, Credential: own.Credential},
		"one of no peer":         {URLs: own.URLs, Username: strings.Replace(own.Username, ":", ":x", 1), Credential: own.Credential},
		"without an expiry date": {URLs: own.URLs, Username: ada.id(), Credential: own.Credential},
	} {
		before := metric(c, "turn_refused_total")
		if _, err := allocate(t, s); err == nil {
			t.Errorf("%s is enough", name)
		}
		if counted := metric(c, "turn_refused_total") - before; counted == 0 && name != "no credential" {
			t.Errorf("%s is not counted", name)
		}
	}
	mustAllocate(t, own)
	if _, err := allocate(t, own); err == nil {
		t.Error("one allocation too many")
	}
	mu.Lock()
	at = at.Add(13 * time.Hour)
	mu.Unlock()
	if _, err := allocate(t, other); err == nil {
		t.Error("an expired credential is enough")
	}
}

// Of a peer, a person and the server there are so many allocations and no more, also where
// many are asked for at the same moment over TCP.
func TestRelay_BoundsAllocations(t *testing.T) {
	for name, change := range map[string]func(*call.RelayOptions){
		"a peer":     func(o *call.RelayOptions) { o.Allocations = 3 },
		"a person":   func(o *call.RelayOptions) { o.OfPerson = 3 },
		"the server": func(o *call.RelayOptions) { o.InAll = 3 },
	} {
		c := call.New(call.Options{})
		relay := openRelay(t, c, change)
		first, other := join(t, c, "r1", "ada"), join(t, c, "r2", "ada")
		servers := []sensocto.ICEServer{turnServer(t, first)}
		if name != "a peer" {
			servers = append(servers, turnServer(t, other))
		}
		var made, refused atomic.Int32
		var work sync.WaitGroup
		for i := range 20 {
			client := turnClientTCP(t, relay, servers[i%len(servers)])
			work.Go(func() {
				if relayed, err := client.Allocate(); err != nil {
					refused.Add(1)
				} else {
					t.Cleanup(func() { relayed.Close() })
					made.Add(1)
				}
			})
		}
		work.Wait()
		if made.Load() != 3 || refused.Load() != 17 || metric(c, "turn_allocations") != 3 || metric(c, "turn_refused_total") != 17 {
			t.Errorf("%s: %d made, %d refused, %v there, %v counted", name, made.Load(), refused.Load(), metric(c, "turn_allocations"), metric(c, "turn_refused_total"))
		}
		first.Leave()
		other.Leave()
		awaitMetric(t, c, "turn_allocations", 0)
		again := turnServer(t, join(t, c, "r1", "ada"))
		for range 3 {
			relayed, err := turnClientTCP(t, relay, again).Allocate()
			if err != nil {
				t.Fatalf("%s: what ended still counts: %v", name, err)
			}
			t.Cleanup(func() { relayed.Close() })
		}
	}
}

// A call that is longer than the life of a credential goes on over the allocations that
// it has, and only over them.
func TestRelay_AllocationsOutliveTheirCredential(t *testing.T) {
	var hours atomic.Int64
	start := time.Now()
	c := call.New(call.Options{Now: func() time.Time { return start.Add(time.Duration(hours.Load()) * time.Hour) }})
	openRelay(t, c)
	ada, bob := join(t, c, "r1", "ada"), join(t, c, "r1", "bob")
	server := turnServer(t, ada)
	client := turnClient(t, server)
	a, err := client.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	b := mustAllocate(t, turnServer(t, bob))
	hours.Store(13)
	if got := refresh(t, client, server); got != stun.ClassSuccessResponse {
		t.Errorf("a refresh got %v", got)
	}
	if _, err := b.WriteTo([]byte("hello"), a.LocalAddr()); err != nil { // lets ada's relay in
		t.Fatal(err)
	}
	if !hears(b, a, b.LocalAddr(), "from ada") {
		t.Error("bob does not hear ada")
	}
	if _, err := allocate(t, server); err == nil {
		t.Error("an expired credential makes an allocation")
	}
	ada.Leave()
	if got := refresh(t, client, server); got != stun.ClassErrorResponse {
		t.Errorf("a refresh of a peer that left got %v", got)
	}
}

// refresh refreshes a client's allocation.
func refresh(t *testing.T, client *turn.Client, s sensocto.ICEServer) stun.MessageClass {
	t.Helper()
	to := client.TURNServerAddr()
	kind := stun.NewType(stun.MethodRefresh, stun.ClassRequest)
	challenge, err := client.PerformTransaction(stun.MustBuild(stun.TransactionID, kind), to, false)
	if err != nil {
		t.Fatal(err)
	}
	var nonce stun.Nonce
	var realm stun.Realm
	if err := challenge.Msg.Parse(&nonce, &realm); err != nil {
		t.Fatal(err)
	}
	key := stun.NewLongTermIntegrity(s.Username, realm.String(), s.Credential)
	answer, err := client.PerformTransaction(stun.MustBuild(stun.TransactionID, kind, stun.NewUsername(s.Username), realm, nonce, key, stun.Fingerprint), to, false)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Msg.Type.Class
}

// What one peer may have relayed is bounded, and what is above is counted.
func TestRelay_Rate(t *testing.T) {
	c := call.New(call.Options{})
	openRelay(t, c, func(o *call.RelayOptions) { o.BytesPerSecond = 1000 })
	ada, bob := join(t, c, "r1", "ada"), join(t, c, "r1", "bob")
	a, b := mustAllocate(t, turnServer(t, ada)), mustAllocate(t, turnServer(t, bob))
	for range 100 {
		if _, err := a.WriteTo(make([]byte, 500), b.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		dropped, relayed := 0.0, 0.0
		c.Metrics(func(m sensocto.Metric) {
			switch {
			case m.Name == "turn_bytes_total":
				relayed = m.Value
			case m.Name == "turn_dropped_total" && m.Labels[1] == "rate":
				dropped = m.Value
			}
		})
		if dropped > 0 && relayed > 0 {
			return
		}
	}
	t.Error("nothing was dropped")
}

func TestNewRelay_RefusesWhatCannotWork(t *testing.T) {
	for name, o := range map[string]call.RelayOptions{
		"no address":         {Listen: "127.0.0.1:0"},
		"a private address":  {Listen: "127.0.0.1:0", Public: netip.MustParseAddr("192.168.1.2")},
		"ports upside down":  {Listen: "127.0.0.1:0", Public: netip.MustParseAddr("192.0.2.1"), MinPort: 6000, MaxPort: 5000},
		"an unknown network": {Listen: "nowhere", Public: netip.MustParseAddr("192.0.2.1")},
	} {
		if _, err := call.NewRelay(call.New(call.Options{}), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The servers answer whoever asks as a browser would, and say so where they cannot.
func TestProbe(t *testing.T) {
	c := call.New(call.Options{})
	openRelay(t, c)
	ada, bob := turnServer(t, join(t, c, "r1", "ada")), turnServer(t, join(t, c, "r1", "bob"))
	for _, url := range ada.URLs {
		if at, err := call.Probe(t.Context(), ada, url); err != nil || !strings.HasPrefix(at.String(), "127.0.0.1:") {
			t.Errorf("%s: %v %v", url, at, err)
		}
		if strings.HasPrefix(url, "turn:") {
			if took, err := call.ProbeRelayed(t.Context(), ada, bob, url); err != nil || took <= 0 {
				t.Errorf("%s: %v %v", url, took, err)
			}
		}
	}
	if _, err := call.Probe(t.Context(), sensocto.ICEServer{Username: "x", Credential: "y"}, ada.URLs[1]); err == nil {
		t.Error("a wrong credential is enough")
	}
}
