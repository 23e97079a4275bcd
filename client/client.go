package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Client is a connection to a server that mends itself. It is safe for
// concurrent use.
type Client struct {
	url string
	o   Options
	log *slog.Logger

	ctx    context.Context // ends when the client is closed
	cancel context.CancelFunc
	wg     sync.WaitGroup // run, and the pumps of devices and streams

	stats counters

	// mu guards the fields below. It is never held over I/O or a callback.
	mu       sync.Mutex
	closed   bool
	conn     *conn      // nil while disconnected
	channels []*Channel // in order of creation: the order of rejoins
	byTopic  map[string]*Channel
	pending  map[uint64]*pending
	lastRef  uint64
}

// Dial connects to a server: serverURL is http(s)://host[:port][/path] or
// ws(s)://…, with or without the path /socket/websocket. ctx bounds the first
// connect, whose failure is returned; later ones are repeated until Close. Only a
// server without a place for another connection (see [HandshakeError.Full]) is
// asked again before that, until ctx ends.
func Dial(ctx context.Context, serverURL string, o Options) (*Client, error) {
	o = o.withDefaults()
	endpoint, err := socketURL(serverURL, o)
	if err != nil {
		return nil, err
	}
	c := &Client{url: endpoint, o: o, log: o.Log, pending: make(map[uint64]*pending), byTopic: make(map[string]*Channel)}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	ws, err := c.dialFirst(ctx)
	if err != nil {
		c.cancel()
		return nil, err
	}
	c.wg.Go(func() { c.run(ws) })
	return c, nil
}

// Close leaves the server and waits until all goroutines of the client have
// ended. Calls that wait return ErrClosed. It must not be called by a handler.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	cn, channels := c.conn, c.channels
	c.channels = nil
	c.mu.Unlock()
	if cn != nil {
		cn.goodbye()
	}
	c.cancel()
	for _, ch := range channels {
		ch.end(ErrClosed)
	}
	c.wg.Wait()
	return nil
}

func (c *Client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Connected reports whether there is a connection now.
func (c *Client) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn != nil
}

// socketURL completes the URL that a user gave.
func socketURL(raw string, o Options) (string, error) {
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("server URL: %w", err)
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "ws"
	case "https", "wss":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("server URL %q: the scheme must be http, https, ws or wss", raw)
	}
	if u.Host == "" {
		return "", fmt.Errorf("server URL %q has no host", raw)
	}
	if !strings.HasSuffix(u.Path, "/websocket") {
		u.Path = path.Join("/", u.Path, "socket/websocket")
	}
	q := u.Query()
	for k, v := range o.Params {
		q[k] = v
	}
	q.Set("vsn", vsn(o.Version))
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// dialFirst waits for a place where the server has none.
func (c *Client) dialFirst(ctx context.Context) (*websocket.Conn, error) {
	for attempt := 0; ; {
		ws, err := c.dial(ctx)
		if refused, ok := errors.AsType[*HandshakeError](err); !ok || !refused.Full() {
			return ws, err
		}
		attempt = c.pause(ctx, attempt, err)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

// dial opens one WebSocket.
func (c *Client) dial(ctx context.Context) (*websocket.Conn, error) {
	header := c.o.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if c.o.Token != "" && c.o.TokenAsSubprotocol {
		header.Set("Sec-WebSocket-Protocol", "phoenix, base64url.bearer.phx."+base64.RawURLEncoding.EncodeToString([]byte(c.o.Token)))
	} else if c.o.Token != "" {
		header.Set("Authorization", "Bearer "+c.o.Token)
	}
	ws, resp, err := c.o.Dialer.DialContext(ctx, c.url, header)
	if err == nil {
		return ws, nil
	}
	if resp != nil && errors.Is(err, websocket.ErrBadHandshake) {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		return nil, newHandshakeError(c.plainURL(), resp.StatusCode, body)
	}
	return nil, fmt.Errorf("connect to %s: %w", c.plainURL(), err)
}

// plainURL is the URL without its query, for messages.
func (c *Client) plainURL() string {
	plain, _, _ := strings.Cut(c.url, "?")
	return plain
}

// run serves connection after connection until the client is closed.
func (c *Client) run(ws *websocket.Conn) {
	attempt := 0
	for {
		if ws != nil {
			began := time.Now()
			err := c.serve(ws)
			if time.Since(began) > steadyAfter {
				attempt = 0
			}
			ws = nil
			attempt = c.pause(c.ctx, attempt, err)
		}
		if c.isClosed() {
			return
		}
		next, err := c.dial(c.ctx)
		if err != nil {
			attempt = c.pause(c.ctx, attempt, err)
			continue
		}
		ws = next
	}
}

// steadyAfter is how long a connection must live to count as a success: a
// server that accepts and closes at once must not be asked without pause.
const steadyAfter = 5 * time.Second

// pause waits before the next attempt, or until ctx ends, and returns its number.
func (c *Client) pause(ctx context.Context, attempt int, err error) int {
	if c.isClosed() {
		return attempt
	}
	wait := c.o.Backoff(attempt, closeCode(err))
	c.stats.reconnects.Add(1)
	c.log.Info("disconnected", "err", err, "retry_in", wait.Round(time.Millisecond))
	if c.o.OnDown != nil {
		c.o.OnDown(err, wait)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return attempt + 1
}

// serve joins all channels on a fresh WebSocket and reads until it ends.
func (c *Client) serve(ws *websocket.Conn) error {
	cn := newConn(ws, c.o.QueueBytes)
	if !c.adopt(cn) {
		cn.close()
		return ErrClosed
	}
	var writer sync.WaitGroup
	writer.Go(func() { cn.write(c.o.Heartbeat, c.heartbeat) })
	if c.o.OnUp != nil {
		c.o.OnUp()
	}
	c.rejoin(cn)
	err := cn.read(c.o.MaxFrame, c.receive)
	writer.Wait()
	c.abandon()
	return err
}

// adopt makes cn the connection, unless the client was closed meanwhile.
func (c *Client) adopt(cn *conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.conn = cn
	return true
}

// abandon forgets the connection and fails all that waited for its answers.
func (c *Client) abandon() {
	c.mu.Lock()
	c.conn = nil
	lost := c.pending
	c.pending = make(map[uint64]*pending)
	channels := c.channels
	for _, ch := range channels {
		ch.joinRef, ch.joined = 0, false
	}
	c.mu.Unlock()
	for _, p := range lost {
		p.done(nil, ErrDisconnected)
	}
}
