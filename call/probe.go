package call

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/pion/turn/v5"

	"github.com/sensocto/sensocto"
)

// Probe asks one STUN or TURN server as a peer would. It returns the address at which
// STUN servers see the peer, or that of an allocation, which ends with it.
func Probe(ctx context.Context, s sensocto.ICEServer, url string) (net.Addr, error) {
	p, err := openProbe(ctx, s, url)
	if err != nil {
		return nil, err
	}
	defer p.close()
	if !isTURNURL(url) {
		return p.client.SendBindingRequest()
	}
	relay, err := p.client.Allocate()
	if err != nil {
		return nil, err
	}
	defer relay.Close()
	return relay.LocalAddr(), nil
}

// ProbeRelayed sends a packet from one peer of a call to another one, both over
// TURN, and returns how long it took. Each server is one that its peer was told of.
func ProbeRelayed(ctx context.Context, from, to sensocto.ICEServer, url string) (time.Duration, error) {
	relays := [2]net.PacketConn{}
	for i, s := range []sensocto.ICEServer{from, to} {
		p, err := openProbe(ctx, s, url)
		if err != nil {
			return 0, err
		}
		defer p.close()
		if relays[i], err = p.client.Allocate(); err != nil {
			return 0, err
		}
		defer relays[i].Close()
	}
	a, b := relays[0], relays[1]
	if _, err := b.WriteTo([]byte("in"), a.LocalAddr()); err != nil { // lets the other in
		return 0, err
	}
	began := time.Now()
	buffer := make([]byte, 100)
	for ctx.Err() == nil {
		if _, err := a.WriteTo([]byte("packet"), b.LocalAddr()); err != nil {
			return 0, err
		}
		if err := b.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			return 0, err
		}
		if n, _, err := b.ReadFrom(buffer); err == nil && string(buffer[:n]) == "packet" {
			return time.Since(began), nil
		}
	}
	return 0, errors.New("no packet came from one relay to the other: may relays reach each other, and is turn.private set where they have private addresses?")
}

func isTURNURL(url string) bool { return strings.HasPrefix(url, "turn") }

// probe is a client of one server.
type probe struct {
	client *turn.Client
	conn   net.PacketConn
}

func (p *probe) close() {
	p.client.Close()
	p.conn.Close()
}

func openProbe(ctx context.Context, s sensocto.ICEServer, url string) (*probe, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	address, query, _ := strings.Cut(rest, "?")
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(address, map[bool]string{true: "5349", false: "3478"}[strings.HasSuffix(scheme, "s")])
	}
	conn, err := dialProbe(ctx, scheme, address, strings.Contains(query, "transport=tcp"))
	if err != nil {
		return nil, err
	}
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: address, TURNServerAddr: address, Conn: conn, Username: s.Username, Password: s.Credential,
		LoggerFactory: pionLog{slog.New(slog.DiscardHandler)},
	})
	if err == nil {
		err = client.Listen()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("ask %s: %w", address, err)
	}
	return &probe{client, conn}, nil
}

func dialProbe(ctx context.Context, scheme, address string, tcp bool) (net.PacketConn, error) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	var conn net.Conn
	var err error
	switch {
	case strings.HasSuffix(scheme, "s"):
		conn, err = (&tls.Dialer{NetDialer: dialer}).DialContext(ctx, "tcp", address)
	case tcp:
		conn, err = dialer.DialContext(ctx, "tcp", address)
	default:
		return listenProbe(ctx, address)
	}
	if err != nil {
		return nil, err
	}
	return turn.NewSTUNConn(conn), nil
}

// listenProbe listens in the family of the server: that is the one in which the relay
// is asked for.
func listenProbe(ctx context.Context, address string) (net.PacketConn, error) {
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	network := "udp6"
	if to.IP.To4() != nil {
		network = "udp4"
	}
	return (&net.ListenConfig{}).ListenPacket(ctx, network, ":0")
}
