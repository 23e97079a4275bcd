package call_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/call"
)

func dialTCP(t *testing.T, r *call.Relay) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", r.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// turnClientTCP returns a client that reaches the relay over TCP.
func turnClientTCP(t *testing.T, r *call.Relay, s sensocto.ICEServer) *turn.Client {
	t.Helper()
	conn := dialTCP(t, r)
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: r.Addr().String(), Conn: turn.NewSTUNConn(conn), Username: s.Username, Password: s.Credential,
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); conn.Close() })
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	return client
}

// closedWithin reports whether the server closes a connection within a time.
func closedWithin(conn net.Conn, d time.Duration) bool {
	conn.SetReadDeadline(time.Now().Add(d))
	_, err := conn.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

func metric(c *call.Calls, name string) (sum float64) {
	c.Metrics(func(m sensocto.Metric) {
		if strings.Join(append([]string{m.Name}, m.Labels...), " ") == name {
			sum += m.Value
		}
	})
	return sum
}

// awaitMetric waits until a metric has a value.
func awaitMetric(t *testing.T, c *call.Calls, name string, want float64) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); metric(c, name) != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s is %v, want %v", name, metric(c, name), want)
		}
	}
}

// Whoever opens connections and says nothing takes neither the others' places nor any
// for long.
func TestRelay_Flood(t *testing.T) {
	c := call.New(call.Options{})
	relay := openRelay(t, c, func(o *call.RelayOptions) { o.Connections = 8 })
	ada := join(t, c, "r1", "ada")
	var idle []net.Conn
	for range 100 {
		idle = append(idle, dialTCP(t, relay))
	}
	awaitMetric(t, c, "turn_connections_refused_total reason address", 96)
	if open := metric(c, "turn_connections"); open != 4 {
		t.Errorf("one address has %v of 8 connections", open)
	}
	if !closedWithin(idle[99], 10*time.Second) {
		t.Error("a refused connection stays open")
	}
	mustAllocate(t, turnServer(t, ada)) // UDP is as before
	idle[0].Close()
	awaitMetric(t, c, "turn_connections", 3)
	dialTCP(t, relay)
	awaitMetric(t, c, "turn_connections", 4)
}

func TestRelay_ClosesUnusedConnections(t *testing.T) {
	c := call.New(call.Options{})
	relay := openRelay(t, c)
	relay.SetUnusedTimeout(300 * time.Millisecond)
	if !closedWithin(dialTCP(t, relay), 10*time.Second) {
		t.Error("a connection without an allocation stays open")
	}
	client := turnClientTCP(t, relay, turnServer(t, join(t, c, "r1", "ada")))
	relayed, err := client.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(600 * time.Millisecond)
	if open := metric(c, "turn_connections"); open != 1 {
		t.Error("a connection with an allocation was closed")
	}
	relayed.Close()
	awaitMetric(t, c, "turn_connections", 0)
	awaitMetric(t, c, "turn_connections_unused_total", 2)
}

// lacking is a listener that lacks file descriptors at first.
type lacking struct {
	net.Listener
	errors atomic.Int32
}

func (l *lacking) Accept() (net.Conn, error) {
	if l.errors.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

func TestListener_AcceptsAgainAfterErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inner := &lacking{Listener: l}
	inner.errors.Store(3)
	bounded := call.Bounded(inner)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := bounded.Accept(); err != nil {
		t.Fatal(err)
	}
	inner.errors.Store(1 << 20)
	time.AfterFunc(50*time.Millisecond, func() { bounded.Close() })
	if _, err := bounded.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if !closedWithin(conn, 10*time.Second) {
		t.Error("Close leaves a connection open")
	}
}
