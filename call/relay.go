package call

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"github.com/sensocto/sensocto"
)

// credentialLife is how long a peer may make allocations with what it was given. A
// call may be longer: the allocations that it has then can be refreshed and used.
const credentialLife = 12 * time.Hour

// RelayOptions say where the TURN server of this program is.
type RelayOptions struct {
	// Listen is the address for UDP and TCP, "0.0.0.0:3478".
	Listen string
	// Public is the address at which others reach Listen. Relayed media come from it.
	Public netip.Addr
	// MinPort and MaxPort bound the UDP ports of relayed media; by default 49152 to
	// 65535.
	MinPort, MaxPort uint16
	// Private lets media go to loopback and private addresses as well: for a server
	// of one's own network.
	Private bool
	// BytesPerSecond is what one peer may have relayed, both ways together; by default
	// 2 MB. What is above is dropped, as a slow link would.
	BytesPerSecond float64
	// Allocations is how many one peer may have at a time; by default 64: a link has four (UDP
	// and TCP, from two addresses), a call of eight seven links, and a restart as many again.
	Allocations int
	// OfPerson is how many one person may have at a time, in all calls and with all devices;
	// by default 256.
	OfPerson int
	// InAll is how many there may be at a time; by default 4,096. Each takes a file
	// descriptor.
	InAll int
	// Connections is how many TCP connections there are in all; by default 4,096. One
	// address has at most half of them, and 256.
	Connections int
	Log         *slog.Logger
}

// Relay is a TURN server (RFC 8656) for peers of calls, and nobody else: it relays
// from a peer to other peers of the same call alone. It does not relay TCP (RFC 6062).
type Relay struct {
	options RelayOptions
	calls   *Calls
	secret  []byte // of the credentials; new with each start, like the calls
	log     *slog.Logger
	count   *relayCounters
	udp     net.PacketConn
	tcp     *listener
}

const realm = "sensocto"

// NewRelay opens the sockets of a TURN server for peers of the calls, which name it
// to their peers from then on. It must be called before the first join. Run serves.
func NewRelay(c *Calls, o RelayOptions) (*Relay, error) {
	o.MinPort, o.MaxPort = cmp.Or(o.MinPort, 49152), cmp.Or(o.MaxPort, 65535)
	o.BytesPerSecond, o.Allocations = cmp.Or(o.BytesPerSecond, 2e6), cmp.Or(o.Allocations, 64)
	o.OfPerson, o.InAll, o.Connections = cmp.Or(o.OfPerson, 256), cmp.Or(o.InAll, 4096), cmp.Or(o.Connections, 4096)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if !o.Public.IsValid() || o.Public.IsUnspecified() {
		return nil, errors.New("the TURN server needs the address at which others reach it")
	}
	if !o.Private && !routable(o.Public) {
		return nil, fmt.Errorf("%s is no public address: peers elsewhere cannot reach it; switch private addresses on for calls in one's own network", o.Public)
	}
	if o.MinPort > o.MaxPort {
		return nil, fmt.Errorf("the first port of relayed media, %d, is behind the last, %d", o.MinPort, o.MaxPort)
	}
	r := &Relay{options: o, calls: c, count: &c.relayed, secret: make([]byte, 32), log: o.Log}
	_, _ = rand.Read(r.secret) // never fails
	udp, tcp, err := listenBoth(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("open the TURN server: %w", err)
	}
	r.udp = udp
	r.tcp = newListener(tcp, o.Connections, r.count, r.log)
	c.relay = r
	return r, nil
}

// listenBoth listens at the same port for UDP and TCP. Where any port will do, one that
// is free for UDP may be taken for TCP: then another is tried.
func listenBoth(address string) (udp net.PacketConn, tcp net.Listener, err error) {
	_, port, _ := net.SplitHostPort(address)
	for range attempts {
		if udp, err = net.ListenPacket("udp", address); err != nil {
			return nil, nil, err
		}
		if tcp, err = net.Listen("tcp", udp.LocalAddr().String()); err == nil {
			return udp, tcp, nil
		}
		udp.Close()
		if port != "0" {
			break
		}
	}
	return nil, nil, err
}

// Run serves until ctx ends.
func (r *Relay) Run(ctx context.Context) error {
	server, err := turn.NewServer(turn.ServerConfig{
		Realm:         realm,
		AuthHandler:   r.authenticate,
		QuotaHandler:  r.mayAllocate,
		EventHandler:  r.events(),
		LoggerFactory: pionLog{r.log},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn: r.udp, RelayAddressGenerator: generator{r}, PermissionHandler: r.mayReach,
		}},
		ListenerConfigs: []turn.ListenerConfig{{
			Listener: r.tcp, RelayAddressGenerator: generator{r}, PermissionHandler: r.mayReach,
		}},
	})
	if err != nil {
		return errors.Join(fmt.Errorf("start the TURN server: %w", err), r.udp.Close(), r.tcp.Close())
	}
	<-ctx.Done()
	if err := server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop the TURN server: %w", err)
	}
	return nil
}

// events tells the listener which of its connections have an allocation, and counts
// wrong passwords: authenticate does not see them.
func (r *Relay) events() turn.EventHandler {
	return turn.EventHandler{
		OnAuth: func(_, _ net.Addr, _, _, _, _ string, ok bool) {
			if !ok {
				r.count.refused.Add(1)
			}
		},
		OnAllocationCreated: func(from, to net.Addr, _, _, _ string, _ net.Addr, _ int) { r.tcp.use(from, to, 1) },
		OnAllocationDeleted: func(from, to net.Addr, _, _, _ string) { r.tcp.use(from, to, -1) },
	}
}

// Addr returns where the server listens.
func (r *Relay) Addr() net.Addr { return r.udp.LocalAddr() }

// server returns the server as a peer is told of it, with a credential of its own.
func (r *Relay) server(peerID string) sensocto.ICEServer {
	port := strconv.Itoa(r.udp.LocalAddr().(*net.UDPAddr).Port)
	at := net.JoinHostPort(r.options.Public.String(), port)
	s := sensocto.ICEServer{URLs: []string{"stun:" + at, "turn:" + at + "?transport=udp", "turn:" + at + "?transport=tcp"}}
	s.Username, s.Credential = Credential(r.secret, peerID, r.calls.options.Now())
	return s
}

// Credential returns what lets a peer make allocations at a TURN server that knows
// the secret, for 12 hours (draft-uberti-behave-turn-rest-00).
func Credential(secret []byte, peerID string, now time.Time) (username, password string) {
	username = strconv.FormatInt(now.Add(credentialLife).Unix(), 10) + ":" + peerID
	return username, passwordOf(secret, username)
}

func passwordOf(secret []byte, username string) string {
	mac := hmac.New(sha1.New, secret) // what the draft says
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// authenticate returns the key of a credential that was given to a peer which is
// still in its call. New allocations need one that has not expired.
func (r *Relay) authenticate(a *turn.RequestAttributes) (peerID string, key []byte, ok bool) {
	until, peerID, _ := strings.Cut(a.Username, ":")
	seconds, err := strconv.ParseInt(until, 10, 64)
	expired := a.Method == stun.MethodAllocate && r.calls.options.Now().Unix() > seconds
	if err != nil || expired || !r.calls.present(peerID) {
		r.count.refused.Add(1)
		return "", nil, false
	}
	return peerID, turn.GenerateAuthKey(a.Username, a.Realm, passwordOf(r.secret, a.Username)), true
}

// mayReach is asked when a peer names another: whom media really go to is decided
// for each packet (see relayed). No peer is at an address of this machine but the
// relays, whatever it claims: there are the machine's services.
func (r *Relay) mayReach(_ net.Addr, ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	a = a.Unmap()
	if ok && (r.options.Private || routable(a)) && (a == r.options.Public || !ofThisMachine(a)) {
		return true
	}
	r.count.refused.Add(1)
	return false
}

func ofThisMachine(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	own, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(own, func(o net.Addr) bool {
		n, ok := o.(*net.IPNet)
		return ok && n.IP.Equal(a.AsSlice())
	})
}

func (r *Relay) mayAllocate(peerID, _ string, _ net.Addr) bool {
	if r.calls.mayAllocate(peerID, &r.options) {
		return true
	}
	r.count.refused.Add(1)
	return false
}

// routable reports whether an address is one of the Internet.
func routable(a netip.Addr) bool {
	special := func(p netip.Prefix) bool { return p.Contains(a) }
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(specialPurpose, special)
}

// specialPurpose are addresses that look like others of the Internet and lead elsewhere
// (IANA's registries of special-purpose addresses): to neighbours, to tests, or through a
// gateway to addresses of IPv4 that are private. Those for documentation reach nobody.
var specialPurpose = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // what carriers give their customers (RFC 6598)
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), // NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/32"), // Teredo
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("fec0::/10"),
}
