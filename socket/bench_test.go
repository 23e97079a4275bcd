package socket_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto/socket"
)

// viewers joins n viewers to a topic; what they get is read and dropped.
func (w *world) viewers(b *testing.B, n int, topic string) {
	for range n {
		c := w.dial("vsn=2.0.0&token=view")
		c.join("1", topic, "")
		if topic == "viewer:x" {
			c.send(`["1","2","viewer:x","watch",{"sensor_ids":["s"]}]`)
			c.expectPrefix(`["1","2"`)
		}
		go io.Copy(io.Discard, c.ws.NetConn())
	}
}

// drained waits until nothing waits, so that the benchmark is not about
// overflow.
func (w *world) drained() {
	w.eventually("queues drain", func() bool { return w.metric("socket_queue_bytes") == 0 })
}

// BenchmarkFanOut is one batch of 20 to n viewers, over loopback and read at
// the other end: frames that wait together leave together.
func BenchmarkFanOut(b *testing.B) {
	for _, topic := range []string{"data:s", "viewer:x"} {
		for _, n := range []int{1, 100, 500, 1000} {
			b.Run(fmt.Sprintf("%s/%d", topic, n), func(b *testing.B) {
				w := newWorld(b)
				w.viewers(b, n, topic)
				w.publish(0, 20)
				b.ReportAllocs()
				i := 20
				for b.Loop() {
					w.publish(i, 20)
					if i += 20; i%1280 == 0 {
						w.drained()
					}
				}
				w.drained()
				b.StopTimer()
				sent := w.metric("socket_frames_sent_total")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/frame")
				b.ReportMetric(sent/max(1, w.metric("socket_writes_total")), "frames/write")
				b.ReportMetric(w.metric("measurements_merged_total"), "merged")
			})
		}
	}
}

// pipeListener accepts connections of net.Pipe: they cost no descriptors and
// take no part in the kernel.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// BenchmarkIdleViewer is the memory of one idle joined viewer: heap and stack
// that 10,000 of them add over pipes, 2,000 over loopback. The clients' ends are
// counted too.
func BenchmarkIdleViewer(b *testing.B) {
	b.Run("pipe", func(b *testing.B) {
		l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		benchmarkIdle(b, 10_000, l, func(string, string) (net.Conn, error) {
			near, far := net.Pipe()
			l.conns <- far
			return near, nil
		})
	})
	b.Run("loopback", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		benchmarkIdle(b, 2_000, l, func(string, string) (net.Conn, error) {
			return net.Dial("tcp", l.Addr().String())
		})
	})
}

func benchmarkIdle(b *testing.B, n int, l net.Listener, dial func(string, string) (net.Conn, error)) {
	w := newWorld(b)
	srv := &http.Server{Handler: w.socket}
	go srv.Serve(l)
	defer srv.Close()
	for b.Loop() {
		heap, stack := inUse()
		clients := make([]net.Conn, n)
		for i := range clients {
			clients[i] = joinIdle(b, i, dial)
		}
		heapAfter, stackAfter := inUse()
		b.ReportMetric(float64(heapAfter-heap)/float64(n), "heapB/viewer")
		b.ReportMetric(float64(stackAfter-stack)/float64(n), "stackB/viewer")
		for _, c := range clients {
			c.Close()
		}
		w.eventually("all end", func() bool { return w.metric("socket_connections") == 0 })
	}
}

func joinIdle(b *testing.B, i int, dial func(string, string) (net.Conn, error)) net.Conn {
	d := websocket.Dialer{ReadBufferSize: 128, WriteBufferSize: 128, NetDial: dial}
	ws, _, err := d.Dial("ws://host/socket/websocket?vsn=2.0.0&token=view", nil)
	if err != nil {
		b.Fatal(err)
	}
	// Beside the read: a pipe has no buffer.
	go ws.WriteMessage(1, fmt.Appendf(nil, `["1","1","data:sensor-%d","phx_join",{"bearer_token":"view"}]`, i%100))
	if _, _, err := ws.ReadMessage(); err != nil {
		b.Fatal(err)
	}
	return ws.NetConn()
}

func inUse() (heap, stack int64) {
	for range 5 { // each lets stacks shrink by a half
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.StackInuse)
}

// BenchmarkIngest is one frame of 20 measurements from a device, to the store.
func BenchmarkIngest(b *testing.B) {
	w := newWorld(b, func(o *socket.Options) { o.Limits.FramesPerSecond = 1 << 30 })
	d := w.device("s", "")
	frame := []byte(`["1",null,"sensocto:sensor:s","measurements_batch",[`)
	for i := range 20 {
		if i > 0 {
			frame = append(frame, ',')
		}
		frame = fmt.Appendf(frame, `{"attribute_id":"ecg","payload":%g,"timestamp":%d}`, float64(i)*0.125, 1700000000000+i)
	}
	frame = append(frame, "]]"...)
	masked := maskedFrame(frame)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.ws.NetConn().Write(masked); err != nil {
			b.Fatal(err)
		}
	}
	d.sync("sensocto:sensor:s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*20), "ns/sample")
}

func maskedFrame(payload []byte) []byte {
	n := len(payload)
	return append([]byte{0x81, 0x80 | 126, byte(n >> 8), byte(n), 0, 0, 0, 0}, payload...)
}
