package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Bare is the floor: a server that reads WebSocket frames from devices and
// writes frames of the same size to the viewers of each, and does nothing
// else. It checks nothing, decodes nothing, stores nothing, and thins nobody.
// What a real server needs beyond it is the price of what it does.
type Bare struct {
	// Gather collects the frames for a connection and writes them that often;
	// 0 writes every frame on its own.
	Gather time.Duration

	mu      sync.Mutex // guards the maps below
	sensors map[string]*bareSensor
	conns   map[*bareConn]struct{}
}

// bareSensor is the viewers of one sensor, replaced as a whole.
type bareSensor struct {
	viewers atomic.Pointer[[]*bareConn]
}

// bareConn is one connection, of a device or of a viewer.
type bareConn struct {
	server *Bare
	tcp    net.Conn
	buf    []byte

	// Of a device: what its frames begin with and what they become.
	sensor   *bareSensor
	forwards []forward
	out      []byte

	mu      sync.Mutex // guards pending
	pending []byte     // at most pendingLimit, then the device's goroutine writes it
}

// forward turns a device's frame into a viewer's by replacing both ends.
type forward struct {
	op         byte
	cut        []byte // what the device's frame begins with
	tailLen    int    // how many bytes are cut from its end
	head, tail []byte // what takes their places
}

// pendingLimit bounds what is gathered for one connection.
const pendingLimit = 1 << 20

// Serve accepts connections until ctx ends and returns when all are closed.
func (b *Bare) Serve(ctx context.Context, listener net.Listener) error {
	raiseFileLimit()
	b.sensors, b.conns = map[string]*bareSensor{}, map[*bareConn]struct{}{}
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running.Go(func() { b.closeAfter(ctx, listener) })
	if b.Gather > 0 {
		running.Go(func() { b.flushAll(ctx) })
	}
	for {
		tcp, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		c := &bareConn{server: b, tcp: tcp}
		b.mu.Lock()
		b.conns[c] = struct{}{}
		b.mu.Unlock()
		running.Go(c.serve)
	}
}

func (b *Bare) closeAfter(ctx context.Context, listener net.Listener) {
	<-ctx.Done()
	listener.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		c.tcp.Close()
	}
}

// flushAll writes what has gathered, connection after connection.
func (b *Bare) flushAll(ctx context.Context) {
	ticker := time.NewTicker(b.Gather)
	defer ticker.Stop()
	var conns []*bareConn
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		b.mu.Lock()
		conns = conns[:0]
		for c := range b.conns {
			conns = append(conns, c)
		}
		b.mu.Unlock()
		for _, c := range conns {
			c.flush()
		}
	}
}

// flush writes what is pending. The lock is held meanwhile: the floor has no
// queue, a slow viewer simply slows it.
func (c *bareConn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) > 0 {
		_, _ = c.tcp.Write(c.pending)
		c.pending = c.pending[:0]
	}
}

// write sends a frame now, or gathers it.
func (c *bareConn) write(frame []byte) {
	if c.server.Gather == 0 {
		_, _ = c.tcp.Write(frame)
		return
	}
	c.mu.Lock()
	c.pending = append(c.pending, frame...)
	full := len(c.pending) >= pendingLimit
	c.mu.Unlock()
	if full {
		c.flush()
	}
}

func (c *bareConn) serve() {
	defer func() {
		c.server.mu.Lock()
		delete(c.server.conns, c)
		c.server.mu.Unlock()
		c.tcp.Close()
	}()
	if c.accept() == nil {
		c.readAll()
	}
}

var errNoUpgrade = errors.New("not a WebSocket")

// accept answers the upgrade.
func (c *bareConn) accept() error {
	request, err := http.ReadRequest(bufio.NewReaderSize(c.tcp, 1024))
	if err != nil {
		return err
	}
	if request.Header.Get("Upgrade") == "" {
		fmt.Fprint(c.tcp, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return errNoUpgrade
	}
	sum := sha1.Sum([]byte(request.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err = fmt.Fprintf(c.tcp, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	return err
}

func (c *bareConn) readAll() {
	c.buf = make([]byte, 2<<10)
	kept := 0
	for {
		n, err := c.tcp.Read(c.buf[kept:])
		if err != nil {
			return
		}
		data := c.buf[:kept+n]
		need := 0
		for {
			f, size, ok := cutFrame(data)
			if !ok {
				need = size
				break
			}
			c.frame(f)
			data = data[f.size:]
		}
		if need > len(c.buf) || c.sensor != nil && len(c.buf) < 64<<10 {
			c.buf = append(make([]byte, 0, max(need, 64<<10)), data...)
			c.buf = c.buf[:cap(c.buf)]
			kept = len(data)
			continue
		}
		kept = copy(c.buf, data)
	}
}

// frame forwards what begins as the device's frames do, and answers the rest.
func (c *bareConn) frame(f wsFrame) {
	for i := range c.forwards {
		w := &c.forwards[i]
		if f.op == w.op && bytes.HasPrefix(f.payload, w.cut) {
			c.forward(w, f.payload[len(w.cut):len(f.payload)-w.tailLen])
			return
		}
	}
	if f.op == 0x80|opText {
		c.answer(f.payload)
	}
}

func (c *bareConn) forward(w *forward, body []byte) {
	viewers := *c.sensor.viewers.Load()
	if len(viewers) == 0 {
		return
	}
	c.out = appendServerHeader(c.out[:0], w.op&0x0f, len(w.head)+len(body)+len(w.tail))
	c.out = append(append(append(c.out, w.head...), body...), w.tail...)
	for _, v := range viewers {
		v.write(c.out)
	}
}

// answer says ok to everything that has a ref.
func (c *bareConn) answer(text []byte) {
	var parts [5]json.RawMessage
	if json.Unmarshal(text, &parts) != nil {
		return
	}
	var topic, event string
	_ = errors.Join(json.Unmarshal(parts[2], &topic), json.Unmarshal(parts[3], &event))
	if event == "phx_join" {
		c.join(topic, parts[0], parts[4])
	}
	reply := fmt.Sprintf(`[%s,%s,%s,"phx_reply",{"status":"ok","response":{}}]`, parts[0], parts[1], parts[2])
	// Not gathered: order does not matter and a join should not wait.
	_, _ = c.tcp.Write(append(appendServerHeader(nil, opText, len(reply)), reply...))
}

func (c *bareConn) join(topic string, joinRef, params json.RawMessage) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if id, ok := bytes.CutPrefix([]byte(topic), []byte("sensocto:sensor:")); ok {
		c.sensor = c.server.sensor(string(id))
		c.forwards = forwards(string(id), string(joinRef))
	}
	if id, ok := bytes.CutPrefix([]byte(topic), []byte("data:")); ok {
		s := c.server.sensor(string(id))
		viewers := append([]*bareConn{c}, *s.viewers.Load()...)
		s.viewers.Store(&viewers)
	}
}

func (b *Bare) sensor(id string) *bareSensor {
	s := b.sensors[id]
	if s == nil {
		s = new(bareSensor)
		s.viewers.Store(new([]*bareConn))
		b.sensors[id] = s
	}
	return s
}

// forwards lists what the frames of a sensor's device become.
func forwards(id, joinRef string) []forward {
	text := func(event, open, head, end, tail string) forward {
		return forward{
			op:      0x80 | opText,
			cut:     []byte(`[` + joinRef + `,"m","sensocto:sensor:` + id + `","` + event + `",` + open),
			head:    []byte(`[null,null,"data:` + id + `","` + event + `",{"sensor_id":"` + id + `",` + head),
			tailLen: len(end), tail: []byte(tail),
		}
	}
	topic, event := "sensocto:sensor:"+id, "measurements"
	ref := joinRef[1 : len(joinRef)-1]
	push := append([]byte{0, byte(len(ref)), 1, byte(len(topic)), byte(len(event))}, ref+"m"+topic+event...)
	data := "data:" + id
	broadcast := append([]byte{2, byte(len(data)), byte(len(event))}, data+event...)
	return []forward{
		text("measurements_batch", "", `"measurements":`, "]", "}]"),
		text("measurement", "{", "", "", ""),
		{op: 0x80 | opBinary, cut: push, head: broadcast},
	}
}
