package client_test

import (
	"context"
	"log/slog"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/client"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/socket"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

// world is a whole server without its HTTP API.
type world struct {
	t        *testing.T
	url      string
	http     *httptest.Server
	sockets  *socket.Server
	store    *store.Store
	sensors  *sensor.Registry
	accounts *account.Accounts
	looks    *attention.Tracker
	proxy    *cutter
}

// newWorld starts a server with guests, or without where tokens is true.
func newWorld(t *testing.T, guests ...sensocto.Scope) *world {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	db, err := sqlite.Open(ctx, t.TempDir()+"/test.db", sqlite.Options{Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t}
	if w.store, err = store.Open(ctx, db, store.Options{}); err != nil {
		t.Fatal(err)
	}
	hub := pubsub.New()
	w.accounts = account.New(account.Options{Store: peopledb.New(db), GuestScopes: guests})
	w.sensors = sensor.NewRegistry(sensor.Options{Store: w.store, PubSub: hub, Catalog: db, Log: slog.New(slog.DiscardHandler)})
	w.looks = attention.New(attention.Options{Spread: -1})
	w.sockets = socket.New(socket.Options{
		Auth: w.accounts, Sensors: w.sensors, Store: w.store, PubSub: hub, Attention: w.looks,
	})
	w.http = httptest.NewServer(w.sockets)
	w.proxy = newCutter(t, w.http.Listener.Addr().String())
	w.url = "http://" + w.proxy.listener.Addr().String()
	var storing, parts sync.WaitGroup
	storeCtx, stopStore := context.WithCancel(context.Background())
	storing.Go(func() { w.store.Run(storeCtx) })
	for _, run := range []func(context.Context) error{w.accounts.Run, w.sensors.Run, w.sockets.Run} {
		parts.Go(func() { run(ctx) })
	}
	t.Cleanup(func() {
		w.proxy.close()
		w.sockets.Shutdown(context.Background())
		w.http.Close()
		cancel()
		parts.Wait()
		stopStore()
		storing.Wait()
		db.Close()
	})
	return w
}

// dial connects with short pauses.
func (w *world) dial(o client.Options) *client.Client {
	w.t.Helper()
	if o.Backoff == nil {
		o.Backoff = func(int, int) time.Duration { return time.Millisecond }
	}
	c, err := client.Dial(w.t.Context(), w.url, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// read returns what is stored now.
func (w *world) read(sensorID, attributeID string) []sensocto.Sample {
	w.t.Helper()
	page, err := w.store.Read(context.Background(), sensorID, attributeID, sensocto.Query{})
	if err != nil && sensocto.ErrorReason(err) != "not_found" {
		w.t.Fatal(err)
	}
	return page.Samples
}

// stored waits until n samples can be read, and returns them.
func (w *world) stored(sensorID, attributeID string, n int) []sensocto.Sample {
	w.t.Helper()
	var page sensocto.Page
	eventually(w.t, func() bool {
		var err error
		page, err = w.store.Read(context.Background(), sensorID, attributeID, sensocto.Query{})
		return err == nil && len(page.Samples) >= n
	})
	return page.Samples
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("it did not happen within 10 s")
		}
	}
}

// cutter is a proxy for TCP that can cut all connections.
type cutter struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

func newCutter(t *testing.T, target string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &cutter{listener: l, target: target, conns: make(map[net.Conn]struct{})}
	p.running.Go(p.accept)
	return p
}

func (p *cutter) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.conns[near], p.conns[far] = struct{}{}, struct{}{}
		p.mu.Unlock()
		p.running.Go(func() { p.copy(near, far) })
		p.running.Go(func() { p.copy(far, near) })
	}
}

func (p *cutter) copy(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	to.Close()
	from.Close()
}

// cut ends all connections without a goodbye.
func (p *cutter) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
		delete(p.conns, c)
	}
}

func (p *cutter) close() {
	p.listener.Close()
	p.cut()
	p.running.Wait()
}
