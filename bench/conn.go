package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// conn is one WebSocket of the driver: a file descriptor and what is half
// done on it. It costs no goroutine and, while silent, no buffer.
type conn struct {
	fd   int
	name string // for messages to people
	rest []byte // the beginning of a frame whose end has not arrived
	out  []byte // what the kernel has not taken yet; bounded by one burst

	received int64 // bytes

	joins   int  // replies to joins that are missing
	eager   bool // told whenever it can be written to
	writing bool // the poller waits for room to write
	closed  bool

	onWritable func()
	onText     func(p []byte, now time.Duration)
	onBinary   func(p []byte, now time.Duration)
}

// Target is a server to drive.
type Target struct {
	URL   string // http:// or ws://, host and port
	Token string
	PID   int // of the server, 0 where its CPU and memory are not to be read
	// Profiles is where the server's profiles are, http:// and host and port,
	// or nothing.
	Profiles string
}

// socketURL returns host and request path of the target's WebSocket.
func (t Target) socketURL() (host, path string, err error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return "", "", fmt.Errorf("server URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "ws" {
		return "", "", fmt.Errorf("server URL %q: the driver speaks http:// and ws:// only", t.URL)
	}
	query := url.Values{"vsn": {"2.0.0"}, "token": {t.Token}}
	base := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/socket/websocket")
	return u.Host, base + "/socket/websocket?" + query.Encode(), nil
}

// addressSpread is how many connections leave from one source address: fewer
// than there are ephemeral ports.
const addressSpread = 20_000

// dial opens the nth connection of a run as a WebSocket and returns its file
// descriptor, which belongs to no poller yet.
func (t Target) dial(ctx context.Context, nth int, small bool) (int, error) {
	host, path, err := t.socketURL()
	if err != nil {
		return -1, err
	}
	dialer := net.Dialer{Timeout: 20 * time.Second}
	if small {
		dialer.Control = func(network, address string, raw syscall.RawConn) error {
			return smallBuffers(network, address, raw)
		}
	}
	if strings.HasPrefix(host, "127.") && nth >= addressSpread {
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+nth/addressSpread))}
	}
	tcp, err := dialer.DialContext(ctx, "tcp", host)
	if err != nil {
		return -1, fmt.Errorf("dial: %w", err)
	}
	if err := upgrade(tcp, host, path); err != nil {
		tcp.Close()
		return -1, err
	}
	return takeFD(tcp.(*net.TCPConn))
}

// upgrade turns the connection into a WebSocket. The server says nothing
// before the first join, so nothing is lost in the reader's buffer.
func upgrade(tcp net.Conn, host, path string) error {
	_ = tcp.SetDeadline(time.Now().Add(20 * time.Second))
	_, err := fmt.Fprintf(tcp, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2Vuc29jdG8tYmVuY2gtMQ==\r\n\r\n", path, host)
	if err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(tcp, 1024), nil)
	if err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("upgrade refused: %s", response.Status)
	}
	return tcp.SetDeadline(time.Time{})
}

// dialAll opens n connections, several at a time.
func (t Target) dialAll(ctx context.Context, n int, small bool) ([]int, error) {
	const parallel = 16
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fds, errs := make([]int, n), make(chan error, parallel)
	for worker := range parallel {
		go func() {
			var err error
			for i := worker; i < n; i += parallel {
				fds[i] = -1
				if err == nil {
					fds[i], err = t.dial(ctx, i, small)
				}
			}
			if err != nil {
				cancel()
			}
			errs <- err
		}()
	}
	var err error
	for range parallel {
		if e := <-errs; err == nil || errors.Is(err, context.Canceled) && e != nil {
			err = e
		}
	}
	if err != nil {
		closeAll(fds)
		return nil, err
	}
	return fds, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		if fd >= 0 {
			closeFD(fd)
		}
	}
}
