package ws_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sensocto/sensocto/socket/ws"
)

// overTCP returns a Reader and its client.
func overTCP(t *testing.T) (*ws.Reader, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	server.SetDeadline(time.Now().Add(10 * time.Second)) // a test that waits for ever says where
	return &ws.Reader{Conn: server, MaxText: maxText, MaxBinary: maxBinary, Heard: new(atomic.Int64), Now: func() time.Duration { return time.Second }}, client
}

// wakesAt is how many bytes have to come until somebody is woken.
func wakesAt(t *testing.T, r *ws.Reader) (bytes int) {
	t.Helper()
	raw, err := r.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { bytes, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT) })
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func pollUntil(t *testing.T, r *ws.Reader) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !r.Poll(); {
		if time.Now().After(deadline) {
			t.Fatal("Poll never found what had been sent")
		}
	}
}

func next(t *testing.T, r *ws.Reader, want string) {
	t.Helper()
	if _, payload, err := r.Next(); err != nil || string(payload) != want {
		t.Fatalf("Next returned %.20q (%v), want %.20q", payload, err, want)
	}
}

func TestReader_QuietFindsWhatHasComeAndMissesNothing(t *testing.T) {
	r, client := overTCP(t)
	if !r.Quiet() || wakesAt(t, r) < 2 {
		t.Fatalf("a socket that is to be quiet wakes somebody at %d bytes", wakesAt(t, r))
	}
	if r.Poll() || !r.Empty() {
		t.Fatal("Poll found something, and nothing was sent")
	}
	whole := frame(true, ws.OpText, 7, []byte("whole"))
	client.Write(whole)
	pollUntil(t, r)
	next(t, r, "whole")
	if !r.Empty() || wakesAt(t, r) < 2 {
		t.Errorf("after a message that Poll found it wakes somebody at %d bytes", wakesAt(t, r))
	}

	// A message of which a part has come: Next waits for the rest, however short.
	client.Write(whole[:4])
	pollUntil(t, r)
	go func() {
		time.Sleep(10 * time.Millisecond) // Next waits by now, most likely
		client.Write(whole[4:])
	}()
	next(t, r, "whole")
	if n := wakesAt(t, r); n != 1 {
		t.Errorf("Next had to wait, and somebody is woken at %d bytes", n)
	}

	// What came while it was quiet and was not looked for.
	r.Quiet()
	client.Write(whole)
	next(t, r, "whole")
}

func TestReader_QuietHearsOfTheEnd(t *testing.T) {
	r, client := overTCP(t)
	r.Quiet()
	client.Close()
	pollUntil(t, r)
	if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("Next returned %v, want EOF", err)
	}

	r, _ = overTCP(t)
	r.Quiet()
	r.Conn.Close()
	if !r.Poll() {
		t.Error("Poll found nothing of a connection that was closed here")
	}
	if _, _, err := r.Next(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Next returned %v, want %v", err, net.ErrClosed)
	}
}

// What a large message has reserved is given back also where Poll finds all that follows.
func TestReader_PollGivesBackTheBudget(t *testing.T) {
	r, client := overTCP(t)
	b := &budget{max: 4 << 20}
	r.Budget = b
	large := strings.Repeat("x", 90_000)
	go client.Write(frame(true, ws.OpText, 7, []byte(large)))
	next(t, r, large)
	if b.used == 0 {
		t.Fatal("a large message has reserved nothing")
	}
	for range 20 {
		r.Quiet()
		client.Write(frame(true, ws.OpText, 7, []byte("a")))
		pollUntil(t, r)
		next(t, r, "a")
	}
	if b.used != 0 {
		t.Errorf("%d bytes are reserved", b.used)
	}
}

func TestReader_PollAllocatesNothing(t *testing.T) {
	r, _ := overTCP(t)
	r.Quiet()
	if n := testing.AllocsPerRun(100, func() { r.Poll() }); n > 0 {
		t.Errorf("Poll allocates %v times", n)
	}
}

// A connection that is no socket cannot be quiet, and is read as ever.
func TestReader_NotQuietWhereThereIsNoSocket(t *testing.T) {
	r := newReader(&wire{bytes: frame(true, ws.OpText, 7, []byte("a")), chunk: 100})
	if r.Quiet() || r.Poll() {
		t.Error("it is said to be quiet")
	}
	next(t, r, "a")
}
