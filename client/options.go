package client

import (
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto/phx"
)

// Options says how to connect. The zero value works.
type Options struct {
	// Token is the credential. It travels in the Authorization header, or as
	// the official client sends it, and never in the URL, which ends up in logs.
	Token string
	// TokenAsSubprotocol sends the token as the official client does with its
	// option authToken, for proxies that drop the header.
	TokenAsSubprotocol bool
	// Version is the serializer's version, V2 where it is zero.
	Version phx.Version
	// Params are further parameters of the query.
	Params url.Values
	// Header is sent with every upgrade.
	Header http.Header

	// Heartbeat is the time between heartbeats, 30 s where it is zero. The
	// connection is given up when nothing was received for two of them.
	Heartbeat time.Duration
	// QueueBytes bounds the frames that wait to be written, 1 MiB where it is
	// zero. Who sends more waits.
	QueueBytes int
	// MaxFrame bounds the frames that are read, 16 MiB where it is zero.
	MaxFrame int64
	// Backoff is how long to wait before the next attempt to connect, after
	// attempt (from 0) failed ones; closeCode is why the server ended the last
	// connection, 0 where it did not say. A stream asks it, too, after what the
	// server refused for the time being. See [Backoff].
	Backoff func(attempt, closeCode int) time.Duration

	// OnUp is called after each connect, and OnDown with the reason after each
	// disconnect or failed attempt. They must not block.
	OnUp   func()
	OnDown func(err error, retryIn time.Duration)

	// Dialer opens the WebSocket; nil is one with a handshake timeout of 10 s.
	Dialer *websocket.Dialer
	// Log receives what the client does by itself; nil is silence.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Version == 0 {
		o.Version = phx.V2
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 30 * time.Second
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = 1 << 20
	}
	if o.MaxFrame <= 0 {
		o.MaxFrame = 16 << 20
	}
	if o.Backoff == nil {
		o.Backoff = Backoff
	}
	if o.Dialer == nil {
		o.Dialer = &websocket.Dialer{
			Proxy:            http.ProxyFromEnvironment,
			HandshakeTimeout: 10 * time.Second,
			ReadBufferSize:   16 << 10,
			WriteBufferSize:  1 << 10, // only for control frames
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Backoff is the default wait before an attempt to connect: 100 ms that double
// up to 30 s, each between a half and the whole of it at random, so that the
// clients of a restarted server do not all come at once. After "not allowed"
// (1008) it begins at 10 s: a server limits the rate of those it refuses.
func Backoff(attempt, closeCode int) time.Duration {
	const top = 30 * time.Second
	wait := 100 * time.Millisecond << min(attempt, 10)
	if closeCode == websocket.ClosePolicyViolation {
		wait = 10 * time.Second << min(attempt, 3)
	}
	wait = min(wait, top)
	return wait/2 + rand.N(wait/2+1)
}
