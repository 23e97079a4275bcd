package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/call"
)

// checkCalls returns what is wrong with how calls find their way.
func (c Config) checkCalls(bad func(key, format string, args ...any)) {
	for _, u := range c.CallICEServers {
		if scheme, rest, _ := strings.Cut(u, ":"); rest == "" || !slices.Contains([]string{"stun", "stuns", "turn", "turns"}, scheme) {
			bad("call.ice_servers", "%q is no STUN or TURN server, such as stun:stun.example.org:3478 or turn:turn.example.org:3478", u)
		}
	}
	if c.CallTURNSecretFile != "" && !slices.ContainsFunc(c.CallICEServers, isTURN) {
		bad("call.turn_secret_file", "there is a secret, and no TURN server in call.ice_servers that shares it")
	}
	if c.TURNListen == "" {
		if c.TURNPublic != "" {
			bad("turn.public", "the TURN server is off: set turn.listen, such as 0.0.0.0:3478")
		}
		return
	}
	if _, _, ok := splitPort(c.TURNListen); !ok {
		bad("turn.listen", "%q is not host:port, such as 0.0.0.0:3478", c.TURNListen)
	}
	if _, err := netip.ParseAddr(c.TURNPublic); err != nil {
		bad("turn.public", "%q is not the IP address at which others reach the TURN server", c.TURNPublic)
	}
	if c.TURNMinPort > c.TURNMaxPort || c.TURNMaxPort > 65535 {
		bad("turn.max_port", "ports go from turn.min_port up to turn.max_port, at most 65535")
	}
}

func isTURN(u string) bool { return strings.HasPrefix(u, "turn") }

// newCalls returns the calls of rooms, with the servers that are elsewhere.
func newCalls(c Config) (*call.Calls, error) {
	secret := ""
	if c.CallTURNSecretFile != "" {
		text, err := os.ReadFile(c.CallTURNSecretFile)
		if err != nil {
			return nil, fmt.Errorf("call.turn_secret_file: %w", err)
		}
		secret = strings.TrimSpace(string(text))
	}
	return call.New(call.Options{Limit: c.CallLimit, ICEServers: func(peerID string) []sensocto.ICEServer {
		return elsewhere(c.CallICEServers, secret, peerID, time.Now())
	}}), nil
}

// elsewhere returns servers as a peer is told of them. Those that share a secret get
// a credential of the peer's.
func elsewhere(urls []string, secret, peerID string, now time.Time) (servers []sensocto.ICEServer) {
	for _, u := range urls {
		s := sensocto.ICEServer{URLs: []string{u}}
		if secret != "" && isTURN(u) {
			s.Username, s.Credential = call.Credential([]byte(secret), peerID, now)
		}
		servers = append(servers, s)
	}
	return servers
}

// newRelay opens the TURN server of this program, nil where it is off.
func newRelay(c Config, calls *call.Calls, log *slog.Logger) (*call.Relay, error) {
	if c.TURNListen == "" {
		return nil, nil
	}
	public, err := netip.ParseAddr(c.TURNPublic)
	if err != nil {
		return nil, fmt.Errorf("turn.public: %w", err)
	}
	return call.NewRelay(calls, call.RelayOptions{
		Listen: c.TURNListen, Public: public, Private: c.TURNPrivate, MinPort: uint16(c.TURNMinPort), MaxPort: uint16(c.TURNMaxPort),
		BytesPerSecond: float64(c.TURNRate), InAll: c.turnSockets(), Connections: c.turnSockets(), Log: log,
	})
}
