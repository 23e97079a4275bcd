//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention/attentiontest"
	"github.com/sensocto/sensocto/client"
)

// asked is a device that notes what the server asks for.
type asked struct {
	*client.Device
	mu   sync.Mutex
	list []askedFor // guarded by mu
}

type askedFor struct {
	at time.Time
	sensocto.Backpressure
}

func (d *asked) all() []askedFor {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.list)
}

// wants waits for a configuration to be the last.
func (d *asked) wants(t *testing.T, what string, is func(sensocto.Backpressure) bool) {
	t.Helper()
	deadline := time.After(patience)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		list := d.all()
		if len(list) > 0 && is(list[len(list)-1].Backpressure) {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("%s: was asked for %+v", what, list)
		}
	}
}

func (d *asked) wantsLevel(t *testing.T, what string, level sensocto.AttentionLevel) {
	t.Helper()
	d.wants(t, what, func(b sensocto.Backpressure) bool {
		return b == sensocto.BackpressureFor(level).Under(sensocto.Load{}, false)
	})
}

// client connects to the server, heartbeats included.
func (p *process) client(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), url, client.Options{Token: p.token(), Heartbeat: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func bring(t *testing.T, c *client.Client, sensor string) *asked {
	t.Helper()
	d := &asked{}
	var err error
	d.Device, err = c.Device(t.Context(), client.DeviceOptions{
		Registration: sensocto.Registration{SensorID: sensor, ConnectorID: "c"},
		OnBackpressure: func(b sensocto.Backpressure) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.list = append(d.list, askedFor{time.Now(), b})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The rules of docs/attention.md, row by row, with the Go client on both sides.
func TestAttention_RulesOfTheDocument(t *testing.T) {
	t.Parallel() // it mostly waits
	p := startProcess(t, t.TempDir(), "--attention-hold", "20ms", "--load-cores", "1000", "--load-memory", "1000GiB")
	d := bring(t, p.client(t, p.url), "s")
	for _, rule := range attentiontest.Rules(t, "../../docs/attention.md") {
		viewer := p.client(t, p.url)
		follow(t, viewer, rule)
		d.wantsLevel(t, rule.String(), rule.Level)
		viewer.Close()
		d.wantsLevel(t, rule.String()+", and the viewer gone", sensocto.AttentionNone)
	}
}

// follow does what a viewer does.
func follow(t *testing.T, c *client.Client, rule attentiontest.Rule) {
	t.Helper()
	var ch *client.Channel
	for _, s := range rule.Steps {
		var err error
		switch s.Event {
		case "phx_join":
			ch, err = c.Join(t.Context(), rule.Topic, client.ChannelOptions{Params: json.RawMessage(s.Payload)})
		case "phx_leave":
			err = ch.Leave(t.Context())
		default:
			_, err = ch.Push(t.Context(), s.Event, json.RawMessage(s.Payload))
		}
		if err != nil {
			t.Fatalf("%s: %s: %v", rule, s.Event, err)
		}
	}
}

func TestAttention_FlappingDoesNotReachTheDevice(t *testing.T) {
	t.Parallel() // it mostly waits
	p := startProcess(t, t.TempDir(), "--attention-hold", "1s", "--load-cores", "1000", "--load-memory", "1000GiB")
	d := bring(t, p.client(t, p.url), "s")
	d.wantsLevel(t, "at first", sensocto.AttentionNone)
	view, err := p.client(t, p.url).View(t.Context(), "s", client.ViewOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 { // a page is scrolled up and down
		if _, err := view.Push(t.Context(), "visibility_changed", map[string]bool{"visible": i%2 == 1}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := view.Push(t.Context(), "visibility_changed", map[string]bool{"visible": false}); err != nil {
		t.Fatal(err)
	}
	d.wantsLevel(t, "hidden", sensocto.AttentionNone)
	if list := d.all(); len(list) > 5 { // three, and more where this machine stood still for a second
		t.Errorf("the device was asked %d times: %+v", len(list), list)
	}
}

// 500 devices and a load spike: all hear of it, spread over time; who nobody
// looks at pauses, who is looked at does not.
func TestAttention_ALoadSpikeReaches500Devices(t *testing.T) {
	t.Parallel() // it mostly waits
	p := startProcess(t, t.TempDir(), "--load-cores", "0.25", "--load-calm", "100ms", "--load-memory", "1000GiB")
	devices := make([]*asked, 500)
	for i := range 10 {
		c := p.client(t, p.url)
		for k := range 50 {
			devices[i*50+k] = bring(t, c, fmt.Sprintf("s%d-%d", i, k))
		}
	}
	if _, err := p.client(t, p.url).View(t.Context(), "s0-0", client.ViewOptions{}); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var flood sync.WaitGroup
	for range 2 {
		c := p.client(t, p.url)
		flood.Go(func() { // whoever asks much makes load
			ch, err := c.Join(t.Context(), "viewer:x", client.ChannelOptions{})
			for err == nil || errors.Is(err, client.ErrDisconnected) { // a machine this busy loses heartbeats, too
				select {
				case <-done:
					return
				default:
					_, err = ch.Push(t.Context(), "watch", map[string]any{"sensor_ids": manyIDs()})
				}
			}
			t.Error(err)
		})
	}
	for i, d := range devices {
		d.wants(t, fmt.Sprint("device ", i, " in the spike"), func(b sensocto.Backpressure) bool { return b.LoadLevel == sensocto.LoadCritical })
	}
	first, last := time.Now(), time.Time{}
	for _, d := range devices {
		list := d.all()
		b := list[len(list)-1]
		first, last = earlier(first, b.at), later(last, b.at)
		if want := sensocto.BackpressureFor(b.AttentionLevel).BatchWindowMS * 5; b.BatchWindowMS != want || b.Paused {
			t.Errorf("asked for %+v", b)
		}
	}
	if spread := last.Sub(first); spread < 500*time.Millisecond {
		t.Errorf("500 devices were told within %v", spread)
	}
	close(done)
	flood.Wait()
	for i, d := range devices {
		d.wants(t, fmt.Sprint("device ", i, " after the spike"), func(b sensocto.Backpressure) bool { return b.LoadLevel == sensocto.LoadNormal })
	}
}

func manyIDs() []string {
	ids := make([]string, 500)
	for i := range ids {
		ids[i] = fmt.Sprint("nobody-", i)
	}
	return ids
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestAttention_CriticalMemoryPausesWhoNobodyLooksAt(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	known := writeFiles(t, "s.csv", "time,x\n2026-01-01T00:00:00Z,1\n") // what is new would be refused
	runCLI(t, nil, "import", "--data-dir", dir, known[0]).wants(t, exitOK)
	p := startProcess(t, dir, "--load-memory", "16MiB", "--load-cores", "1000", "--attention-hold", "50ms")
	c := p.client(t, p.url)
	d := bring(t, c, "s")
	d.wants(t, "unwatched", func(b sensocto.Backpressure) bool { return b.Paused && b.LoadLevel == sensocto.LoadCritical })
	m := sensocto.Measurement{AttributeID: "x", Sample: sensocto.Sample{Timestamp: time.Now().UnixMicro(), Value: 1}}
	if err := d.Add(m); err != nil {
		t.Fatal(err)
	}
	view, err := p.client(t, p.url).View(t.Context(), "s", client.ViewOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d.wants(t, "watched", func(b sensocto.Backpressure) bool { return !b.Paused && b.AttentionLevel == sensocto.AttentionHigh })
	if err := d.Sync(t.Context()); err != nil { // what waited came as soon as somebody looked
		t.Fatal(err)
	}
	if err := view.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.wants(t, "unwatched again", func(b sensocto.Backpressure) bool { return b.Paused })
}

// A viewer whose network is gone says nothing more, not even goodbye: a proxy
// that passes nothing on any more is such a network. TestAttention_ACableIsCut
// does the same with a network of its own.
func TestAttention_ANetworkThatIsGoneEndsTheLook(t *testing.T) {
	t.Parallel() // it mostly waits
	p := startProcess(t, t.TempDir(), "--limits-idle-timeout", "2s", "--attention-hold", "50ms", "--load-cores", "1000", "--load-memory", "1000GiB")
	d := bring(t, p.client(t, p.url), "s")
	d.wantsLevel(t, "at first", sensocto.AttentionNone)
	hole := newHole(t, strings.TrimPrefix(p.url, "http://"))
	if _, err := p.client(t, "http://"+hole.listener.Addr().String()).View(t.Context(), "s", client.ViewOptions{}); err != nil {
		t.Fatal(err)
	}
	d.wantsLevel(t, "watched", sensocto.AttentionHigh)
	hole.swallow()
	d.wantsLevel(t, "the network is gone", sensocto.AttentionNone)
}

// hole is a proxy that can stop to pass anything on, without closing anything.
type hole struct {
	listener net.Listener
	target   string
	gone     chan struct{} // closed when nothing passes any more
	over     chan struct{} // closed at the end of the test
	running  sync.WaitGroup
}

func newHole(t *testing.T, target string) *hole {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{listener: l, target: target, gone: make(chan struct{}), over: make(chan struct{})}
	h.running.Go(h.accept)
	t.Cleanup(func() { close(h.over); l.Close(); h.running.Wait() })
	return h
}

func (h *hole) swallow() { close(h.gone) }

func (h *hole) accept() {
	for {
		near, err := h.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", h.target)
		if err != nil {
			near.Close()
			continue
		}
		h.running.Go(func() { h.pass(near, far) })
		h.running.Go(func() { h.pass(far, near) })
		h.running.Go(func() { <-h.over; near.Close(); far.Close() })
	}
}

func (h *hole) pass(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		select {
		case <-h.gone:
			if err != nil {
				return // the other side must not see it
			}
			continue
		default:
		}
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
